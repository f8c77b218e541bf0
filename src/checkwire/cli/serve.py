"""``checkwire serve``: watch projects around the clock."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Literal

import click

from checkwire.cli.administration.opening import importing
from checkwire.cli.help import ExampleCommand
from checkwire.cli.keeping import keep_option, retention_of
from checkwire.cli.places import data_options

__all__ = ["command"]

PORT = 8733
_LONGEST_PATIENCE = 3600.0


def _seconds(_: click.Context, __: click.Parameter, value: float) -> float:
    if not 0 <= value <= _LONGEST_PATIENCE:  # nor is NaN
        raise click.BadParameter(f"{value:g} is not from 0 to {_LONGEST_PATIENCE:g}")
    return value


def _base_url(_: click.Context, __: click.Parameter, value: str | None) -> str | None:
    if value is None:
        return None
    from checkwire.project.server import parse_server

    try:
        return parse_server(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


def _names(_: click.Context, __: click.Parameter, value: tuple[str, ...]) -> tuple[str, ...]:
    for name in value:
        if not re.fullmatch(r"[A-Za-z0-9_.-]+|\[?[0-9a-fA-F:.]+\]?", name):
            raise click.BadParameter(f'"{name}" is not a host\'s name: no scheme, port or path')
    return value


@click.command(
    cls=ExampleCommand,
    examples=(
        ("checkwire serve", "the project of this folder, at http://127.0.0.1:8733"),
        ("checkwire serve monitoring --port 9000", "another one, elsewhere"),
        ("checkwire serve --host 0.0.0.0", "for other machines; the first start prints a token"),
        ("checkwire serve --keep runs=360d", "history of a year, instead of 90 days"),
        ("checkwire serve --database postgresql://checkwire@db/checkwire", "with PostgreSQL"),
    ),
)
@click.argument("projects", nargs=-1, metavar="[PROJECT]...", type=click.Path(path_type=Path))
@data_options
@click.option(
    "--host", default="127.0.0.1", metavar="HOST", show_default=True, help="Address to listen on."
)
@click.option(
    "-p",
    "--port",
    type=click.IntRange(0, 65535),
    default=PORT,
    metavar="PORT",
    show_default=True,
    help="Port to listen on; 0 for any free one.",
)
@click.option(
    "-n",
    "--workers",
    type=click.IntRange(min=1),
    metavar="N",
    help="Attempts under way at a time, ten in shared processes counting as one; by default 16 for "
    "each CPU, and at least 32. One check takes a quarter of them at most.",
)
@click.option(
    "--patience",
    type=float,
    default=10.0,
    metavar="SECONDS",
    show_default=True,
    callback=_seconds,
    help="For runs under way when it is stopped; a second Ctrl-C or SIGTERM gives them none.",
)
@keep_option
@click.option(
    "--url",
    "base_url",
    metavar="URL",
    callback=_base_url,
    help="Where people reach this server, for links in alerts.",
)
@click.option(
    "--allow-host",
    "allowed_hosts",
    multiple=True,
    metavar="NAME",
    callback=_names,
    help="A name by which this server may be asked for. Can be given several times.",
)
@click.option(
    "--auth/--no-auth",
    default=None,
    help="Whether to ask for a token; by default of all who are not on this machine.",
)
@click.option("--no-services", is_flag=True, help="Do not start the project's [[service]]s.")
@click.option(
    "--log-format",
    type=click.Choice(("auto", "text", "json")),
    default="auto",
    show_default=True,
    help="auto: text on a terminal, else one JSON object a line.",
)
@click.option(
    "--log-level",
    type=click.Choice(("debug", "info", "warning", "error")),
    default="info",
    show_default=True,
)
def command(
    projects: tuple[Path, ...],
    data: Path | None,
    database: str | None,
    host: str,
    port: int,
    workers: int | None,
    patience: float,
    keep: tuple[tuple[str, int], ...],
    base_url: str | None,
    allowed_hosts: tuple[str, ...],
    auth: bool | None,
    no_services: bool,
    log_format: Literal["auto", "text", "json"],
    log_level: str,
) -> int:
    """Run checks around the clock, and serve what became of them.

    Checks run when their every= or cron= says. What became of them is kept in a database, and
    shown on pages and by an API. The project is loaded again when its files change, or at a
    SIGHUP; if they cannot be loaded, the version before goes on.

    SIGTERM and Ctrl-C end it: runs under way get some time, and what they found is stored.
    """
    with importing():
        from checkwire.cli.serving import Serving

    serving = Serving(
        folders=projects or (Path(),),
        data=data,
        database=database,
        host=host,
        port=port,
        workers=workers,
        patience=patience,
        retention=retention_of(keep),
        base_url=base_url,
        allowed_hosts=allowed_hosts,
        auth=auth,
        services=not no_services,
        log_format=log_format,
        log_level=log_level,
    )
    return asyncio.run(serving.run())
