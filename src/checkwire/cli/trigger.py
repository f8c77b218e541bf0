"""``checkwire trigger``: have a server run checks now."""

from __future__ import annotations

from typing import Any

import click

from checkwire.cli.client.access import server_options
from checkwire.cli.help import ExampleCommand

__all__ = ["command"]


@click.command(
    cls=ExampleCommand,
    examples=(
        ("checkwire trigger order_updates", "from all its locations"),
        ("checkwire trigger order_updates login --wait", "and say what happened"),
        ("checkwire trigger order_updates --location eu-west", "from one of them"),
    ),
)
@click.argument("checks", nargs=-1, required=True, metavar="CHECK...")
@click.option("-w", "--wait", is_flag=True, help="Watch the runs, and end as checkwire test does.")
@click.option("--location", "locations", multiple=True, metavar="NAME",
              help="Only from there. Repeat for several.")  # fmt: skip
@click.option("-v", "--verbose", "verbosity", count=True,
              help="With --wait: show transcripts; -vv with headers and payloads.")  # fmt: skip
@server_options
def command(**options: Any) -> int:
    """Have the server run checks now, beside their schedule.

    A CHECK is a name, an id or a uid; PROJECT/NAME where two projects have it.

    Exit status with --wait: 0 if all passed or are degraded, 1 if some failed, 2 if a check, the
    command line or the server is not right. Without: 0 if they will run, 2 if not.
    """
    from checkwire.cli.client.trigger import trigger

    return trigger(**options)
