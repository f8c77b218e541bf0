"""``checkwire import checkly``: from a folder to a file and a report."""

from __future__ import annotations

import os
from pathlib import Path

import click

from checkwire.cli.migrating.report import report_as_json, write_report
from checkwire.importers.checkly.alerting import Mail
from checkwire.importers.checkly.evaluating import evaluate
from checkwire.importers.checkly.translating import translate
from checkwire.model.errors import CheckwireError, UsageError

__all__ = ["import_checkly"]


def import_checkly(
    folder: Path,
    *,
    output: Path | None,
    force: bool,
    strict: bool,
    as_json: bool,
    mail_server: str | None,
    mail_from: str | None,
) -> int:
    """Import a project; see the command's help. Returns the exit status.

    Raises:
        UsageError: options that do not go together, or a folder that is no Checkly project.
        CheckwireError: there is no Node, or the file cannot be written.
    """
    if (mail_server is None) != (mail_from is None):
        raise UsageError("--mail-server and --mail-from go together: give both")
    mail = None if mail_server is None or mail_from is None else Mail(mail_server, mail_from)
    prefix = "" if output is None else _prefix(folder, output)
    if output is not None and output.exists() and not force:
        raise CheckwireError(f"{output} is there already: name another file, or add --force")
    imported = translate(evaluate(folder, os.environ), prefix=prefix, mail=mail)
    wrote = imported.checks > 0
    if wrote and output is not None:
        _write(output, imported.text)
    if as_json:
        click.echo(report_as_json(imported, output if wrote else None))
    else:
        if wrote and output is None:
            click.echo(imported.text, nl=False)
        write_report(imported, folder, output)
    return 0 if wrote and not (strict and imported.gaps) else 1


def _prefix(folder: Path, output: Path) -> str:
    """The way from the file's folder to the project: scripts are named from there."""
    root, home = folder.resolve(), output.absolute().parent.resolve()
    if not root.is_relative_to(home):
        raise UsageError(
            f"{output} is not in {folder} or above it, and scripts are left where they are: "
            f"write {folder / 'checkwire.toml'}"
        )
    prefix = root.relative_to(home).as_posix()
    return "" if prefix == "." else prefix


def _write(output: Path, text: str) -> None:
    """All of it, or nothing."""
    new = output.with_name(f".{output.name}.new")
    try:
        new.write_text(text, "utf-8")
        new.replace(output)
    except OSError as error:
        new.unlink(missing_ok=True)
        raise CheckwireError(f"cannot write {output}: {error.strerror}") from None
