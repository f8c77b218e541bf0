"""``checkwire runs``: the latest runs of a server."""

from __future__ import annotations

from typing import Any

import click

from checkwire.cli.client.access import server_options
from checkwire.cli.help import ExampleCommand

__all__ = ["command"]

STATUSES = ("passed", "degraded", "failed", "error", "skipped", "missed")


def _statuses(
    ctx: click.Context, param: click.Parameter, values: tuple[str, ...]
) -> tuple[str, ...]:
    known = click.Choice(STATUSES)
    return tuple(
        known.convert(part.strip(), param, ctx) for text in values for part in text.split(",")
    )


@click.command(
    cls=ExampleCommand,
    examples=(
        ("checkwire runs", "the latest ones"),
        ("checkwire runs --check order_updates --since 2h", "of one check"),
        ("checkwire runs --status failed,error", "those that did not pass"),
        ("checkwire runs --code tls --since 7d --limit 500", "all that TLS is to blame for"),
    ),
)
@click.option("--check", metavar="CHECK", help="Only of this check: its name, id or uid.")
@click.option("--status", "statuses", multiple=True, callback=_statuses, metavar="STATUS[,STATUS]",
              help="Only those that passed, degraded, failed, error, skipped, or missed; "
              "several with commas.")  # fmt: skip
@click.option("--code", metavar="CODE",
              help="Only with this failure: tls.certificate_expired; tls for all.")  # fmt: skip
@click.option("--location", metavar="NAME", help="Only from there.")
@click.option("--tag", metavar="TAG", help="Only of checks with this tag.")
@click.option("--project", metavar="ID", help="Only of this project.")
@click.option("--since", metavar="WHEN",
              help="Only those due since then: 2h, 30m, 7d, or 2026-11-23T14:00Z.")  # fmt: skip
@click.option("--limit", type=click.IntRange(1, 100_000), default=20, show_default=True,
              metavar="N", help="How many at most.")  # fmt: skip
@server_options
def command(**options: Any) -> None:
    """List runs, the latest first.

    `checkwire show RUN` shows all that is known of one.
    """
    from checkwire.cli.client.runs import show_runs

    show_runs(**options)
