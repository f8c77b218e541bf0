"""Forgetting, level by level: transcripts first, runs later, hours and days last."""

from __future__ import annotations

import asyncio
from typing import NamedTuple

import msgspec
from sqlalchemy import ColumnElement, Table, and_, delete, exists, select
from sqlalchemy.ext.asyncio import AsyncConnection

from checkwire.store.database import Store
from checkwire.store.deleting import delete_keys
from checkwire.store.marks import read_mark, roll_ups_changed, write_mark
from checkwire.store.rollups.hours import DAY, WEEK, floor_to
from checkwire.store.rollups.levels import DAYS, HOURS, WEEKS, Level
from checkwire.store.tables import (
    check_states,
    checks,
    incidents,
    outbox,
    runs,
    sessions,
    settings,
    transcripts,
)
from checkwire.store.upsert import insert_into

__all__ = ["Pruned", "Retention", "prune", "read_retention", "write_retention"]

_BITE = 500
_NAME = "retention"


class Retention(msgspec.Struct, frozen=True, kw_only=True):
    """For how long things are kept, in nanoseconds.

    Attributes:
        passed_transcripts: of runs that simply passed.
        transcripts: of all others.
        runs: rows of runs. What is younger is not forgotten before it is rolled up.
        hours, days: roll-ups, weeks with days; each at least as long as runs.
        incidents: that are closed, with their notices.
    """

    passed_transcripts: int = 7 * DAY
    transcripts: int = 30 * DAY
    runs: int = 90 * DAY
    hours: int = 400 * DAY
    days: int = 5 * 366 * DAY
    incidents: int = 5 * 366 * DAY


async def write_retention(tx: AsyncConnection, retention: Retention) -> None:
    """Note for how long the server keeps things, for whoever prunes beside it."""
    value = msgspec.json.encode(retention)
    statement = insert_into(tx, settings).values(name=_NAME, value=value)
    await tx.execute(
        statement.on_conflict_do_update(index_elements=["name"], set_={"value": value})
    )


async def read_retention(tx: AsyncConnection) -> Retention:
    """For how long the server that ran last keeps things; the defaults if none has run."""
    value = (await tx.execute(select(settings.c.value).where(settings.c.name == _NAME))).scalar()
    return Retention() if value is None else msgspec.json.decode(value, type=Retention)


class Pruned(NamedTuple):
    """How many rows were deleted."""

    transcripts: int
    runs: int
    hours: int
    days: int
    incidents: int


async def prune(store: Store, retention: Retention, now_ns: int, *, bite: int = _BITE) -> Pruned:
    """Delete what is older than it is to be kept, a little at a time: others write in between.

    The latest run of each check and location stays, however old it is.

    Args:
        store: the database.
        retention: for how long things are kept.
        now_ns: the time.
        bite: rows for one transaction.
    """
    async with store.writing() as tx:
        await tx.execute(delete(sessions).where(sessions.c.expires_ns <= now_ns))
        # Not before it is rolled up, and by whole days: a day is computed from all of its hours.
        rolled_ns = await read_mark(tx, "days")
        runs_ns = max(0, floor_to(DAY, min(now_ns - retention.runs, rolled_ns - DAY)))
        await write_mark(tx, "pruned", max(runs_ns, await read_mark(tx, "pruned")))
    passed = and_(
        transcripts.c.keep == 0, transcripts.c.due_ns < now_ns - retention.passed_transcripts
    )
    kept = transcripts.c.due_ns < max(now_ns - retention.transcripts, runs_ns)
    latest = exists().where(
        check_states.c.check_id == runs.c.check_id,
        check_states.c.location_id == runs.c.location_id,
        check_states.c.due_ns == runs.c.due_ns,
    )
    hours_ns = floor_to(DAY, now_ns - max(retention.hours, retention.runs + 2 * DAY))
    days_ns = floor_to(WEEK, now_ns - max(retention.days, retention.runs + 2 * WEEK))

    async def older(table: Table, condition: ColumnElement[bool]) -> int:
        return await _delete(store, table, condition, bite)

    async def rolled(level: Level, before_ns: int) -> int:
        tables = (level.sketches, level.rollups)
        deleted = sum([await older(table, table.c.start_ns < before_ns) for table in tables])
        if deleted:
            async with store.writing() as tx:
                await roll_ups_changed(tx)
        return deleted

    return Pruned(
        transcripts=await older(transcripts, passed) + await older(transcripts, kept),
        runs=await older(runs, and_(runs.c.due_ns < runs_ns, ~latest)),
        hours=await rolled(HOURS, hours_ns),
        days=await rolled(DAYS, days_ns) + await rolled(WEEKS, days_ns),
        incidents=await _prune_incidents(store, now_ns - retention.incidents, bite),
    )


async def _delete(store: Store, table: Table, condition: ColumnElement[bool], bite: int) -> int:
    """Check by check, for so the rows lie; only those checks that have any."""
    some = exists().where(table.c.check_id == checks.c.id, condition)
    async with store.reading() as tx:
        check_ids = list((await tx.execute(select(checks.c.id).where(some))).scalars())
    return sum(
        [
            await _delete_of(store, table, and_(table.c.check_id == check_id, condition), bite)
            for check_id in check_ids
        ]
    )


async def _delete_of(store: Store, table: Table, condition: ColumnElement[bool], bite: int) -> int:
    keys = list(table.primary_key.columns)
    deleted = 0
    while True:
        async with store.reading() as tx:
            found = await tx.execute(select(*keys).where(condition).order_by(*keys).limit(bite))
            doomed = [tuple(row) for row in found]
        if doomed:
            async with store.writing() as tx:
                await delete_keys(tx, table, doomed)
            deleted += len(doomed)
        if len(doomed) < bite:
            return deleted
        await asyncio.sleep(0)


async def _prune_incidents(store: Store, before_ns: int, bite: int) -> int:
    deleted = 0
    while True:
        async with store.writing() as tx:
            doomed = await _old_incidents(tx, before_ns, bite)
            if not doomed:
                return deleted
            await tx.execute(delete(outbox).where(outbox.c.incident_id.in_(doomed)))
            await tx.execute(delete(incidents).where(incidents.c.id.in_(doomed)))
        deleted += len(doomed)
        await asyncio.sleep(0)


async def _old_incidents(tx: AsyncConnection, before_ns: int, limit: int) -> list[str]:
    query = select(incidents.c.id).where(incidents.c.closed_ns < before_ns)
    return list((await tx.execute(query.order_by(incidents.c.id).limit(limit))).scalars())
