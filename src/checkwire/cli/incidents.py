"""``checkwire incidents``: when checks were down."""

from __future__ import annotations

from typing import Any

import click

from checkwire.cli.client.access import server_options
from checkwire.cli.help import ExampleCommand

__all__ = ["command"]


@click.command(
    cls=ExampleCommand,
    examples=(
        ("checkwire incidents", "the latest ones"),
        ("checkwire incidents --open", "what is down now"),
        ("checkwire incidents --check order_updates --limit 100", "of one check"),
    ),
)
@click.option("--check", metavar="CHECK", help="Only of this check: its name, id or uid.")
@click.option("--open", "only_open", is_flag=True, help="Only those that are open.")
@click.option("--limit", type=click.IntRange(1, 100_000), default=20, show_default=True,
              metavar="N", help="How many at most.")  # fmt: skip
@server_options
def command(**options: Any) -> None:
    """List incidents, the latest first, and who was told.

    `checkwire show RUN` shows all that is known of the run that opened one.
    """
    from checkwire.cli.client.incidents import show_incidents

    show_incidents(**options)
