"""Looking after a database: backup, check, prune."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, Table, and_, exists, func, or_, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from checkwire.store.address import Address
from checkwire.store.database import Store
from checkwire.store.errors import DatabaseError
from checkwire.store.marks import read_mark
from checkwire.store.records import STATUSES
from checkwire.store.retention import Pruned, Retention, prune
from checkwire.store.rollups.hours import HOUR
from checkwire.store.rollups.levels import LEVELS
from checkwire.store.tables import (
    check_states,
    dirty_hours,
    incidents,
    outbox,
    rollups_hour,
    runs,
    transcripts,
)
from checkwire.store.transcripts import Transcript, decode

__all__ = ["Pruned", "Retention", "backup", "check", "prune"]

_MOST = 20
"""Problems of a kind that are told one by one."""


async def backup(address: Address, target: Path) -> None:
    """Copy the database to a new file while it is in use: as it is at one point in time.

    Args:
        address: the database; it may be an older version's, and stays so.
        target: the file; its folder is there, and it is not.

    Raises:
        DatabaseError: it is PostgreSQL's, or the file is there, or cannot be written.
    """
    if address.path is None:
        raise DatabaseError(
            "PostgreSQL's own tools back it up: pg_dump --format=custom --file=checkwire.dump "
            f"'{address}'"
        )
    if not address.path.is_file():
        raise DatabaseError(f"there is no database {address.path}")
    # The copy goes to another name first, so that what has the right name is whole.
    part = target.with_name(f".{target.name}.part")
    try:
        await asyncio.to_thread(_copy, address.path, part, target)
        os.link(part, target)
    except FileExistsError:
        raise DatabaseError(f"{target} is there already: name a file that is not") from None
    except (OSError, sqlite3.Error) as error:
        said = error.strerror if isinstance(error, OSError) else error
        raise DatabaseError(
            f"the backup {target} cannot be written ({said}): see that its folder is there, and "
            "has room for it"
        ) from error
    finally:
        part.unlink(missing_ok=True)


def _copy(source: Path, target: Path, final: Path) -> None:
    if final.exists():
        raise FileExistsError
    target.unlink(missing_ok=True)
    os.close(os.open(target, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    with (
        closing(sqlite3.connect(f"{source.as_uri()}?mode=ro", uri=True)) as live,
        closing(sqlite3.connect(target)) as copy,
    ):
        # In one step: it sees one point in time, and holds nobody up, for writers append to the
        # log. In several it would begin anew whenever somebody writes.
        live.backup(copy, pages=-1)
        (verdict,) = copy.execute("PRAGMA quick_check(1)").fetchone()
        if verdict != "ok":
            raise sqlite3.DatabaseError(verdict)
        copy.execute("PRAGMA journal_mode=DELETE")
    descriptor = os.open(target, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


async def check(store: Store) -> list[str]:
    """What is wrong with a database, in sentences; none if it is sound.

    That its pages are, that what belongs together is there together, and that what was computed
    is what would be computed now. Every row is read, so it takes its time.

    Raises:
        DatabaseError: the database cannot be used for now.
    """
    try:
        async with store.reading() as tx:
            if store.sqlite:
                damage = [problem async for problem in _sqlite_problems(tx)]
                if damage:
                    return damage  # What is read from damaged pages proves nothing.
            return [problem async for problem in _broken_invariants(tx)]
    except DatabaseError as error:
        if error.passing:
            raise
        return [str(error)]


async def _sqlite_problems(tx: AsyncConnection) -> AsyncIterator[str]:
    for (verdict,) in await tx.execute(text(f"PRAGMA integrity_check({_MOST})")):
        if verdict != "ok":
            yield f"SQLite finds its file damaged: {verdict}"
    counted: dict[tuple[str, str], int] = {}
    for table, _, parent, _ in await tx.execute(text("PRAGMA foreign_key_check")):
        counted[table, parent] = counted.get((table, parent), 0) + 1
    for (table, parent), count in counted.items():
        yield f"{count} rows of {table} name a row of {parent} that is not there"


async def _broken_invariants(tx: AsyncConnection) -> AsyncIterator[str]:
    async for problem in _counted(tx):
        yield problem
    async for problem in _wrong_hours(tx):
        yield problem
    async for problem in _unreadable(tx):
        yield problem


async def _counted(tx: AsyncConnection) -> AsyncIterator[str]:
    async def count(table: Table, condition: ColumnElement[bool]) -> int:
        query = select(func.count()).select_from(table).where(condition)
        return (await tx.execute(query)).scalar_one()

    ours = _same(runs, transcripts, "check_id", "due_ns", "location_id")
    if found := await count(transcripts, ~exists().where(ours)):
        yield f"{found} transcripts are of runs that are not there"
    newer = and_(
        _same(runs, check_states, "check_id", "location_id"), runs.c.due_ns > check_states.c.due_ns
    )
    if found := await count(check_states, exists().where(newer)):
        yield f"{found} states of checks are not those of their latest runs"
    if found := await count(runs, ~runs.c.status.in_(range(len(STATUSES)))):
        yield f"{found} runs have a status that this version does not know"
    if found := await count(incidents, incidents.c.closed_ns < incidents.c.opened_ns):
        yield f"{found} incidents were closed before they were opened"
    undecided = and_(outbox.c.delivered_ns.is_not(None), outbox.c.next_try_ns.is_not(None))
    if found := await count(outbox, undecided):
        yield f"{found} notices are delivered, and are to be delivered again"
    for name, span_ns, table, *_ in LEVELS:
        known = table.c.up_ns + table.c.down_ns
        wrong = or_(
            known > span_ns,
            table.c.degraded_ns > table.c.up_ns,
            table.c.down_ns < 0,
            table.c.degraded_ns < 0,
            table.c.start_ns % span_ns != 0,
        )
        if found := await count(table, wrong):
            yield f"{found} roll-ups of {name} have times that cannot be"


async def _wrong_hours(tx: AsyncConnection) -> AsyncIterator[str]:
    """Each hour that is rolled up has as many runs as there are rows, unless they are forgotten."""
    until_ns = await read_mark(tx, "hours")
    since_ns = await read_mark(tx, "pruned")
    hour = (runs.c.due_ns - runs.c.due_ns % HOUR).label("start_ns")
    key = (runs.c.check_id, runs.c.location_id, hour)
    raw = (
        select(*key, func.count().label("runs"))
        .where(
            runs.c.due_ns >= since_ns,
            runs.c.due_ns < until_ns,
            runs.c.status <= STATUSES.index("error"),
        )
        .group_by(*key)
        .subquery()
    )
    rolled = rollups_hour.alias()
    names = ("check_id", "location_id", "start_ns")
    query = (
        select(func.count())
        .select_from(raw)
        .outerjoin(rolled, and_(*(raw.c[name] == rolled.c[name] for name in names)))
        .where(
            func.coalesce(rolled.c.runs, 0) != raw.c.runs,
            ~exists().where(*(raw.c[name] == dirty_hours.c[name] for name in names)),
        )
    )
    if found := (await tx.execute(query)).scalar_one():
        yield f"{found} roll-ups of hours do not have the runs that there are"


async def _unreadable(tx: AsyncConnection) -> AsyncIterator[str]:
    columns = (transcripts.c.codec, transcripts.c.size, transcripts.c.data)
    broken = 0
    rows = await tx.stream(select(*columns).execution_options(yield_per=500))
    async for row in rows:
        try:
            decode(Transcript(*row))
        except DatabaseError:
            broken += 1
    if broken:
        yield f"{broken} transcripts cannot be read"


def _same(one: Table, other: Table, *names: str) -> Any:
    return and_(*(one.c[name] == other.c[name] for name in names))
