"""``checkwire secret``: the secrets that a server gives to checks."""

from __future__ import annotations

from pathlib import Path

import click

from checkwire.cli.help import ExampleCommand, ExampleGroup
from checkwire.cli.places import data_options

__all__ = ["command"]

_project = click.option("--project", metavar="ID",
                       help="Of another project than this folder's.")  # fmt: skip


@click.group(
    cls=ExampleGroup,
    examples=(
        ("checkwire secret set API_KEY", "asks for the value"),
        ("checkwire secret set API_KEY < key.txt", "the value from a file"),
        ("checkwire secret list", "names only"),
    ),
)
def command() -> None:
    """Set, list and remove the secrets that a server gives to checks.

    On the server's machine, whether it runs or not: this works on its database, where they are
    encrypted. No command and no page ever shows a value.
    """


@command.command(
    "set",
    cls=ExampleCommand,
    examples=(
        ("checkwire secret set API_KEY", "asks for the value"),
        ("pass show orders/api | checkwire secret set API_KEY", "from a password store"),
    ),
)
@click.argument("name")
@_project
@data_options
def set_(name: str, project: str | None, data: Path | None, database: str | None) -> None:
    """Set what secret("NAME") gives to checks.

    The value is asked for without showing it, or read from standard input, but for the end of its
    last line. It is never an argument: others can read those.
    """
    from checkwire.cli.administration.secrets import set_secret

    set_secret(name, project, data, database)


@command.command(
    "list",
    cls=ExampleCommand,
    examples=(("checkwire secret list", "names, and when they were set"),),
)
@_project
@data_options
@click.option("--json", "as_json", is_flag=True, help="Write one JSON document.")
def list_(project: str | None, data: Path | None, database: str | None, as_json: bool) -> None:
    """List the names of the secrets."""
    from checkwire.cli.administration.secrets import list_secrets

    list_secrets(project, data, database, as_json=as_json)


@command.command(
    "rm", cls=ExampleCommand, examples=(("checkwire secret rm API_KEY", "checks lack it then"),)
)
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@_project
@data_options
def remove(
    names: tuple[str, ...], project: str | None, data: Path | None, database: str | None
) -> None:
    """Remove secrets.

    Checks that read one of them fail, and say that it has no value.
    """
    from checkwire.cli.administration.secrets import remove_secrets

    remove_secrets(names, project, data, database)
