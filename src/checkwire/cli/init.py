"""``checkwire init``: a small project that works."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

import click

from checkwire.cli.help import ExampleCommand
from checkwire.model.errors import CheckwireError

__all__ = ["command"]


@click.command(
    cls=ExampleCommand,
    examples=(
        ("checkwire init", "here"),
        ("checkwire init monitoring && cd monitoring && checkwire test", "in a new folder; run it"),
    ),
)
@click.argument("directory", type=click.Path(path_type=Path), default=".", metavar="[DIR]")
@click.option("--force", is_flag=True, help="Overwrite files that are there already.")
def command(directory: Path, force: bool) -> None:
    """Make a small project with commented example checks.

    They pass as they are: `checkwire test` starts a local echo server for them.
    """
    if directory.exists() and not directory.is_dir():
        raise CheckwireError(f"{directory} is a file: name a folder")
    root = directory.resolve()
    if not (text := str(root)).isascii():
        from checkwire.project.discovery import require_text

        require_text(text)
    template = files("checkwire.cli") / "template"
    names = sorted(_walk(template))
    present = [name for name in names if (directory / name).exists()]
    if present and not force:
        raise CheckwireError(
            f"{', '.join(present)} {'is' if len(present) == 1 else 'are'} there already: "
            "name another folder, or overwrite with --force"
        )
    name = root.name or "checks"
    identifier = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "checks"
    try:
        for path in names:
            text = (template / path).read_text("utf-8")
            if path == "checkwire.toml":
                text = text.format(id=identifier, name=json.dumps(name, ensure_ascii=False)[1:-1])
            target = directory / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, "utf-8")
    except OSError as error:
        raise CheckwireError(f"cannot write {error.filename}: {error.strerror}") from None
    for path in names:
        click.echo(f"  {click.style('+', fg='green')} {directory / path}")
    here = root == Path.cwd()
    click.echo("\nNow run:\n")
    click.echo(f"  {'' if here else f'cd {shlex.quote(str(directory))} && '}checkwire test")


def _walk(folder: Traversable, prefix: str = "") -> Iterator[str]:
    for entry in folder.iterdir():
        if entry.is_dir():
            if entry.name != "__pycache__":
                yield from _walk(entry, f"{prefix}{entry.name}/")
        elif not entry.name.endswith(".pyc"):
            yield prefix + entry.name
