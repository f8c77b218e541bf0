"""Looking after the database: copy it, check it, prune it, bring it up to date."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from checkwire.cli.administration.opening import find_place, importing, with_store
from checkwire.cli.keeping import retention_of
from checkwire.cli.reporters.console import Console
from checkwire.cli.reporters.figures import counted, size
from checkwire.cli.reporters.json import format_document
from checkwire.cli.reporters.marks import MARKS
from checkwire.cli.reporters.output import Output
from checkwire.cli.reporters.paint import Text, wrap
from checkwire.model.errors import UsageError

if TYPE_CHECKING:
    from checkwire.store.database import Store
    from checkwire.store.maintenance import Pruned

__all__ = ["back_up", "check_database", "migrate_database", "prune_database"]

_PAGE = 100


def back_up(file: Path, data: Path | None, database: str | None, *, as_json: bool) -> None:
    """Copy the database to a file.

    Raises:
        CheckwireError: there is no database, or it is PostgreSQL's; or the file is there already,
            or cannot be written.
    """
    place = find_place(data, database)
    place.require()
    target = file.absolute()
    with importing():
        from checkwire.store.address import parse_address
        from checkwire.store.maintenance import backup
    try:
        address = parse_address(place.url)
    except ValueError as error:
        raise UsageError(str(error)) from None
    asyncio.run(backup(address, target))
    taken = target.stat().st_size
    if as_json:
        _document({"file": str(target), "size": taken})
        return
    click.echo(f"{target}, {size(taken)}, is a copy of the database.")
    if place.key.exists():
        click.echo(f"The key to the secrets, {place.key}, is not in it: keep that elsewhere.")


def check_database(data: Path | None, database: str | None, *, as_json: bool) -> int:
    """Say whether the database is whole; returns the exit status."""

    async def work(store: Store) -> tuple[str, list[str]]:
        from checkwire.store.maintenance import check

        return str(store.address), await check(store)

    address, problems = with_store(find_place(data, database), work)
    if as_json:
        _document({"database": address, "problems": problems})
    else:
        console = Console(Output())
        console.lines(_verdict(address, problems, min(console.width, _PAGE)))
    return 1 if problems else 0


def prune_database(
    keep: tuple[tuple[str, int], ...], data: Path | None, database: str | None, *, as_json: bool
) -> None:
    """Remove what is older than it is to be kept."""
    place = find_place(data, database)

    async def work(store: Store) -> Pruned:
        from checkwire.store.retention import prune, read_retention

        async with store.reading() as tx:
            kept = await read_retention(tx)
        return await prune(store, retention_of(keep, kept), time.time_ns())

    pruned = with_store(place, work)
    if as_json:
        _document({"pruned": pruned._asdict()})
        return
    nouns = {
        "transcripts": "transcript",
        "runs": "run",
        "hours": "hour of statistics",
        "days": "day of statistics",
        "incidents": "incident",
    }
    told = [_some(getattr(pruned, name), noun) for name, noun in nouns.items()]
    removed = ", ".join(part for part in told if part)
    # What is a little too old may still be there: a day's runs go together, once it is rolled up.
    nothing = (
        "There is nothing to remove: runs go by whole days (UTC) that are rolled up, and the "
        "latest of each check stays."
    )
    click.echo(f"Removed {removed}." if removed else nothing)


def migrate_database(data: Path | None, database: str | None, *, as_json: bool) -> None:
    """Bring the tables to the form of this version.

    Raises:
        CheckwireError: there is no database, or it is a newer version's.
    """
    place = find_place(data, database)
    place.require()
    with importing():
        from checkwire.store.inspection import revision_at
        from checkwire.store.schema import HEAD
    before = revision_at(place.url)

    async def work(store: Store) -> str:
        return str(store.address)

    address = with_store(place, work)
    if as_json:
        _document({"database": address, "from": before, "to": HEAD})
    elif before == HEAD:
        click.echo(f"{address} is up to date, at revision {HEAD}.")
    else:
        click.echo(f"{address} is now at revision {HEAD}, and was at {before or 'none'}.")


def _verdict(address: str, problems: list[str], page: int) -> Iterator[Text]:
    good, bad = MARKS["passed"], MARKS["failed"]
    mark = bad if problems else good
    for told in problems or [f"{address} is whole"]:
        first, *rest = wrap(told, page - 4)
        yield Text("  ").add(mark.shape, mark.style).add(" ").add(first)
        for line in rest:
            yield Text("    ").add(line)
    if problems:
        yield Text("    → ", "dim").add("Restore a backup; or move it away to start anew", "dim")


def _some(count: int, noun: str) -> str:
    if not count:
        return ""
    first, space, rest = noun.partition(" ")
    return f"{counted(count, first)}{space}{rest}"


def _document(document: dict[str, Any]) -> None:
    click.echo(format_document(document), nl=False)
