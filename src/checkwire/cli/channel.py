"""``checkwire channel``: where alerts go."""

from __future__ import annotations

from typing import Any

import click

from checkwire.cli.client.access import server_options
from checkwire.cli.help import ExampleCommand, ExampleGroup

__all__ = ["command"]


@click.group(
    cls=ExampleGroup,
    examples=(("checkwire channel test ops-hook", "whether it takes what it is told"),),
)
def command() -> None:
    """Try the channels that a server tells of incidents."""


@command.command(
    "test",
    cls=ExampleCommand,
    examples=(
        ("checkwire channel test ops-hook", "of the server's only project"),
        ("checkwire channel test ops-mail --project shop", "of one of several"),
    ),
)
@click.argument("name")
@click.option("--project", metavar="ID", help="Whose channel it is, if there are several projects.")
@server_options
def test(**options: Any) -> int:
    """Have the server send a test notice, and say what came back.

    It is marked as a test, and goes where the channel NAME of the project leads: by webhook or by
    e-mail. Needs a token with the scope admin.

    Exit status: 0 if it was taken, 1 if not, 2 if the server cannot be asked, or knows no such
    channel.
    """
    from checkwire.cli.client.channels import try_channel

    return try_channel(**options)
