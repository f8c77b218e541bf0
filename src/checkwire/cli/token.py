"""``checkwire token``: the tokens that open a server."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from checkwire.cli.help import ExampleCommand, ExampleGroup
from checkwire.cli.places import data_options

__all__ = ["command"]

SCOPES = ("read", "trigger", "admin")
"""As ``checkwire.server.auth`` has them, which takes long to import."""


@click.group(
    cls=ExampleGroup,
    examples=(
        ("checkwire token create ci --scope trigger", "for a pipeline"),
        ("checkwire token list", "who has which"),
        ("checkwire token revoke 01KAYF0M7Z", "from now on it opens nothing"),
    ),
)
def command() -> None:
    """Make, list and revoke the tokens of a server.

    On the server's machine, whether it runs or not: this works on its database.
    """


def _duration(ctx: click.Context, param: click.Parameter, value: str | None) -> float | None:
    from checkwire.model.durations import parse_duration

    try:
        seconds = None if value is None else parse_duration(value)
    except ValueError as error:
        # What a duration may be in general, as 500ms, makes no sense here.
        why = str(error).partition(": write")
        hint = ": write 12h, 30d or 365d" if why[1] else ""
        raise click.BadParameter(why[0] + hint) from None
    if seconds == 0:
        raise click.BadParameter("such a token would open nothing at all.")
    return seconds


@command.command(
    cls=ExampleCommand,
    examples=(
        ("checkwire token create ci --scope trigger --expires 90d", "for a pipeline"),
        ("checkwire token create ops --scope admin", "for everything"),
    ),
)
@click.argument("name")
@click.option("--scope", "scopes", multiple=True, type=click.Choice(SCOPES), metavar="SCOPE",
              help="read (the default): see all but secrets; trigger: ask for runs, too; admin: "
              "everything. Each includes those before it.")  # fmt: skip
@click.option("--expires", metavar="DURATION", callback=_duration,
              help="How long it is good: 12h, 30d. By default for ever.")  # fmt: skip
@data_options
@click.option("--json", "as_json", is_flag=True, help="Write one JSON document.")
def create(**options: Any) -> None:
    """Make a token, and write it.

    It is shown this once: only a hash of it is kept. NAME says whose it is; what is done with the
    token is told with that name.
    """
    from checkwire.cli.administration.tokens import create_token

    create_token(**options)


@command.command(
    "list",
    cls=ExampleCommand,
    examples=(
        ("checkwire token list", "those that open something"),
        ("checkwire token list --all", "revoked and expired ones, too"),
    ),
)
@click.option("--all", "everything", is_flag=True, help="Revoked and expired ones, too.")
@data_options
@click.option("--json", "as_json", is_flag=True, help="Write one JSON document.")
def list_(everything: bool, data: Path | None, database: str | None, as_json: bool) -> None:
    """List what is known of the tokens.

    Whose they are, what they may do, when they were used; the tokens themselves are not kept.
    """
    from checkwire.cli.administration.tokens import list_tokens

    list_tokens(data, database, everything=everything, as_json=as_json)


@command.command(
    cls=ExampleCommand,
    examples=(
        ("checkwire token revoke 01KAYF0M7Z", "the ID that checkwire token list tells"),
        ("checkwire token revoke ci", "the only one of that name"),
    ),
)
@click.argument("ids", nargs=-1, required=True, metavar="ID|NAME...")
@data_options
def revoke(ids: tuple[str, ...], data: Path | None, database: str | None) -> None:
    """Make tokens open nothing any more.

    Sessions that began with them are over, too. The beginning of an ID will do, if no other begins
    so, or the name of a token, if no other has it.
    """
    from checkwire.cli.administration.tokens import revoke_tokens

    revoke_tokens(ids, data, database)
