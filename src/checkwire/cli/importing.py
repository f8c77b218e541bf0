"""``checkwire import``: what other products' users have, as a project of Checkwire's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from checkwire.cli.help import ExampleCommand, ExampleGroup

__all__ = ["command"]


@click.group(
    cls=ExampleGroup,
    examples=(("checkwire import checkly .", "what the Checkly project here would become"),),
)
def command() -> None:
    """Read another product's project, and write its checkwire.toml."""


@command.command(
    "checkly",
    cls=ExampleCommand,
    examples=(
        ("checkwire import checkly .", "print it, and what has no equal"),
        ("checkwire import checkly . -o checkwire.toml", "write it; then: checkwire test"),
        ("checkwire import checkly . --json > import.json", "for a script"),
        ("checkwire import checkly . --strict >/dev/null", "whether all of it has an equal"),
    ),
)
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("-o", "--output", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
              help="Write to this file, in DIR or above it, that is not there yet.")  # fmt: skip
@click.option("--force", is_flag=True, help="Write it even if it is there.")
@click.option("--strict", is_flag=True, help="Exit with 1 if anything has no equal.")
@click.option("--json", "as_json", is_flag=True,
              help="Print the report as JSON, with the text unless --output has it.")  # fmt: skip
@click.option("--mail-server", metavar="URL",
              help="For e-mail channels: smtp+starttls://HOST, say.")  # fmt: skip
@click.option("--mail-from", metavar="ADDRESS", help="For e-mail channels: who the sender is.")
def checkly(**options: Any) -> int:
    """Read a Checkly CLI project, and write the equal checkwire.toml.

    DIR holds checkly.config.ts (or .js). Its code runs under Node, as with npx checkly test, with
    constructs that only note what they are given; nothing is sent anywhere, and no account is
    needed. Variables come from this environment and from DIR/.env.

    The text goes to standard output, the report to standard error: what was taken over, and what
    has no equal, with file, line and what to do. Values of secrets are never written, only names.

    Exit status: 0 if checks were taken over, 1 if none were, or if --strict and something has no
    equal, 2 if DIR cannot be read.
    """
    from checkwire.cli.migrating.checkly import import_checkly

    return import_checkly(**options)
