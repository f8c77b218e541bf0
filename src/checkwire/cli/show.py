"""``checkwire show``: all that is known of one run."""

from __future__ import annotations

from typing import Any

import click

from checkwire.cli.client.access import server_options
from checkwire.cli.help import ExampleCommand

__all__ = ["command"]


@click.command(
    cls=ExampleCommand,
    examples=(
        ("checkwire show 01KAYF0M7Z4QJ9T3V8X2B6N0PD", "a run, as checkwire runs names it"),
        ("checkwire show order_updates", "the latest run of a check"),
        ("checkwire show order_updates --failed -v", "the latest that failed, with every header"),
    ),
)
@click.argument("run", metavar="RUN|CHECK")
@click.option("--failed", is_flag=True, help="Of a check: the latest run that did not pass.")
@click.option("-v", "--verbose", is_flag=True, help="Show headers and whole payloads too.")
@server_options
def command(**options: Any) -> None:
    """Show a run: what failed, its phases, its transcript.

    As `checkwire test -v` shows it; with -v, as `checkwire test -vv` does. For a check, by its
    name, id or uid, it is the latest run that is over.
    """
    from checkwire.cli.client.show import show_run

    show_run(**options)
