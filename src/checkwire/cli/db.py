"""``checkwire db``: the database of a server."""

from __future__ import annotations

from pathlib import Path

import click

from checkwire.cli.help import ExampleCommand, ExampleGroup
from checkwire.cli.keeping import keep_option
from checkwire.cli.places import data_options

__all__ = ["command"]

_json = click.option("--json", "as_json", is_flag=True, help="Write one JSON document.")


@click.group(
    cls=ExampleGroup,
    examples=(
        ("checkwire db backup /backup/checkwire.db", "while the server runs"),
        ("checkwire db check", "is it whole?"),
        ("checkwire db prune", "remove what is older than it need be"),
    ),
)
def command() -> None:
    """Back up, check, prune and migrate the database of a server.

    On the server's machine, whether it runs or not.
    """


@command.command(
    cls=ExampleCommand,
    examples=(("checkwire db backup /backup/checkwire-$(date +%F).db", "one for each day"),),
)
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@data_options
@_json
def backup(file: Path, data: Path | None, database: str | None, as_json: bool) -> None:
    """Write a copy of the database to FILE.

    It is as the database was at one moment. FILE must not exist. The key to the secrets is not in
    it: keep that, too, elsewhere.
    """
    from checkwire.cli.administration.upkeep import back_up

    back_up(file, data, database, as_json=as_json)


@command.command(
    cls=ExampleCommand, examples=(("checkwire db check", "exit 1 if it is not whole"),)
)
@data_options
@_json
def check(data: Path | None, database: str | None, as_json: bool) -> int:
    """Look whether the database is whole.

    Exit status: 0 if it is, 1 if something is wrong with it.
    """
    from checkwire.cli.administration.upkeep import check_database

    return check_database(data, database, as_json=as_json)


@command.command(
    cls=ExampleCommand,
    examples=(
        ("checkwire db prune", "now, not within the hour"),
        ("checkwire db prune --keep transcripts=7d", "and let go of more"),
    ),
)
@keep_option
@data_options
@_json
def prune(
    keep: tuple[tuple[str, int], ...], data: Path | None, database: str | None, as_json: bool
) -> None:
    """Remove what is older than it is to be kept.

    A running server does so by itself, a little at a time.
    """
    from checkwire.cli.administration.upkeep import prune_database

    prune_database(keep, data, database, as_json=as_json)


@command.command(
    cls=ExampleCommand, examples=(("checkwire db migrate", "after an update of Checkwire"),)
)
@data_options
@_json
def migrate(data: Path | None, database: str | None, as_json: bool) -> None:
    """Bring the tables to this version's form.

    checkwire serve does so when it starts.
    """
    from checkwire.cli.administration.upkeep import migrate_database

    migrate_database(data, database, as_json=as_json)
