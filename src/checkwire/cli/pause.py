"""``checkwire pause`` and ``checkwire resume``: take checks out of the schedule, and back."""

from __future__ import annotations

import click

from checkwire.cli.client.access import server_options
from checkwire.cli.help import ExampleCommand

__all__ = ["command", "resume"]


@click.command(
    cls=ExampleCommand,
    examples=(
        ("checkwire pause order_updates", "until checkwire resume"),
        ("checkwire pause orders/login chat/login", "of two projects"),
    ),
)
@click.argument("checks", nargs=-1, required=True, metavar="CHECK...")
@server_options
def command(checks: tuple[str, ...], server: str | None, token: str | None, as_json: bool) -> None:
    """Plan no more runs of checks.

    A CHECK is a name, an id or a uid; PROJECT/NAME where two projects have it. A paused check can
    still be triggered. This needs a token with the scope admin.
    """
    from checkwire.cli.client.pause import set_paused

    set_paused(checks, True, server, token, as_json)


@click.command(
    cls=ExampleCommand,
    examples=(("checkwire resume order_updates", "as before checkwire pause"),),
)
@click.argument("checks", nargs=-1, required=True, metavar="CHECK...")
@server_options
def resume(checks: tuple[str, ...], server: str | None, token: str | None, as_json: bool) -> None:
    """Plan runs of paused checks again."""
    from checkwire.cli.client.pause import set_paused

    set_paused(checks, False, server, token, as_json)
