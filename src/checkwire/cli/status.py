"""``checkwire status``: how all checks stand."""

from __future__ import annotations

from typing import Any

import click

from checkwire.cli.client.access import server_options
from checkwire.cli.help import ExampleCommand

__all__ = ["command"]


@click.command(
    cls=ExampleCommand,
    examples=(
        ("checkwire status", "all checks, the worst first"),
        ("checkwire status --tag orders", "those with this tag"),
        ("checkwire status --server https://monitor.example.org", "of another server"),
        ("checkwire status --json", "for programs"),
    ),
)
@click.option("--project", metavar="ID", help="Only checks of this project.")
@click.option("--tag", metavar="TAG", help="Only checks with this tag.")
@server_options
def command(**options: Any) -> int:
    """Say how all checks stand, the worst first.

    Exit status: 0 if none is down, 1 if one is, 2 if the server cannot be asked, or knows no such
    project or tag.
    """
    from checkwire.cli.client.status import show_status

    return show_status(**options)
