"""Rolling up: rows for hours that have ended, from raw rows; days from hours, weeks from days.

Nothing is added to what is there: an hour is computed as a whole, from all its runs, and computed
anew when a run comes late. So it does not matter how often, or in what order, runs come.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Row, Table, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from checkwire.store.database import Store
from checkwire.store.marks import read_mark, roll_ups_changed, write_mark
from checkwire.store.records import STATUSES
from checkwire.store.registry import lock_checks
from checkwire.store.rollups.dirty import Dirty, Place, clean, mark, take
from checkwire.store.rollups.hours import DAY, HOUR, floor_to
from checkwire.store.rollups.levels import DAYS, HOURS, WEEKS, Level
from checkwire.store.rollups.sketches import merged, pack, sketch_of
from checkwire.store.rollups.spoken import runs_before
from checkwire.store.rollups.time_in_state import Spoken, time_in_state
from checkwire.store.tables import PHASES, check_states, runs
from checkwire.store.upsert import insert_into

__all__ = ["RolledUp", "roll_up"]

_BITE = 250
_COUNTS = ("runs", "passed", "degraded", "failed", "errors", "missed", "flaky")
_TIMES = ("up_ns", "degraded_ns", "down_ns")
_SPOKEN = (runs.c.check_id, runs.c.location_id, runs.c.due_ns, runs.c.holds_ns, runs.c.status)
_PHASES = tuple(runs.c[f"{phase}_ns"] for phase in PHASES)
_FIRST_PHASE = len(_SPOKEN) + 2
_PASSED, _DEGRADED, _FAILED, _ERROR = (
    STATUSES.index(status) for status in ("passed", "degraded", "failed", "error")
)
_NAMES = {_PASSED: "passed", _DEGRADED: "degraded", _FAILED: "failed", _ERROR: "errors"}


class RolledUp(NamedTuple):
    """How many rows were computed."""

    hours: int
    days: int
    weeks: int


async def roll_up(store: Store, now_ns: int, *, bite: int = _BITE) -> RolledUp:
    """Compute what is missing or has changed, of all hours, days and weeks that have ended.

    Args:
        store: the database.
        now_ns: the time.
        bite: rows for one transaction: others write in between.

    Raises:
        DatabaseError: the database cannot be used. What was done is done.
    """
    hours = days = weeks = 0
    while done := await _bite_of_hours(store, floor_to(HOUR, now_ns), bite):
        hours += done
        await asyncio.sleep(0)
    while done := await _bite(store, DAYS, HOURS, bite, above=WEEKS):
        days += done
        await asyncio.sleep(0)
    while done := await _bite(store, WEEKS, DAYS, bite):
        weeks += done
        await asyncio.sleep(0)
    return RolledUp(hours, days, weeks)


async def _bite_of_hours(store: Store, ended_ns: int, bite: int) -> int:
    async with store.writing() as tx:
        # Hours before the mark are read from here even if the clock has been set back since.
        ended_ns = max(ended_ns, await read_mark(tx, "hours"))
        dirty = await take(tx, HOURS.dirty, ended_ns, HOUR, bite)
        if not dirty:
            await write_mark(tx, "hours", ended_ns)
            return 0
        await lock_checks(tx, {entry.check_id for entry in dirty})
        # Where runs may have been forgotten, what was computed of them is the truth.
        since_ns = await read_mark(tx, "pruned")
        whole = [entry for entry in dirty if not since_ns or entry.start_ns >= since_ns + DAY]
        if whole:
            await _compute_hours(tx, whole)
            await _mark_above(tx, DAYS, whole)
        await clean(tx, HOURS.dirty, dirty)
        return len(dirty)


async def _bite(
    store: Store, level: Level, below: Level, bite: int, *, above: Level | None = None
) -> int:
    async with store.writing() as tx:
        ended_ns = floor_to(level.span_ns, await read_mark(tx, below.name))
        dirty = await take(tx, level.dirty, ended_ns, level.span_ns, bite)
        if not dirty:
            await write_mark(tx, level.name, max(ended_ns, await read_mark(tx, level.name)))
            return 0
        await lock_checks(tx, {entry.check_id for entry in dirty})
        await _compute(tx, level, below, dirty)
        if above is not None:
            await _mark_above(tx, above, dirty)
        await clean(tx, level.dirty, dirty)
        return len(dirty)


async def _mark_above(tx: AsyncConnection, level: Level, changed: Iterable[Dirty]) -> None:
    starts = (entry._replace(start_ns=floor_to(level.span_ns, entry.start_ns)) for entry in changed)
    await mark(tx, level.dirty, starts)


async def _compute_hours(tx: AsyncConnection, dirty: Sequence[Dirty]) -> None:
    found = await _runs_of(tx, dirty)
    before = await _runs_before(tx, dirty)
    spoken = {
        place: [
            *([before[place]] if place in before else []),
            *(Spoken(row.due_ns, row.holds_ns, row.status) for row in found.get(place, ())),
        ]
        for place in {entry.place for entry in dirty}
    }
    rows, sketches = [], []
    for entry in dirty:
        start_ns, end_ns = entry.start_ns, entry.start_ns + HOUR
        told = spoken[entry.place]
        first, last = (bisect_left(told, (at_ns,)) for at_ns in (start_ns, end_ns))
        times = time_in_state(told[max(0, first - 1) : last], start_ns, end_ns)
        if first == last and not any(times):
            continue
        # Without the run before, if there is one.
        offset = len(told) - len(found.get(entry.place, ()))
        within = found.get(entry.place, [])[max(0, first - offset) : last - offset]
        rows.append({**entry._asdict(), **_counts(within), **times._asdict()})
        measured = _measured(within)
        if measured:
            sketches.append({**entry._asdict(), "data": pack(measured)})
    await _write(tx, HOURS, dirty, rows, sketches)


async def _runs_of(tx: AsyncConnection, dirty: Sequence[Dirty]) -> dict[Place, list[Row[Any]]]:
    """From the first of the hours to the last, in the order in which they were due."""
    query = (
        select(*_SPOKEN, runs.c.attempts, runs.c.missed, *_PHASES)
        .where(
            runs.c.check_id.in_(sorted({entry.check_id for entry in dirty})),
            runs.c.due_ns >= dirty[0].start_ns,
            runs.c.due_ns < dirty[-1].start_ns + HOUR,
        )
        .order_by(runs.c.check_id, runs.c.due_ns, runs.c.location_id)
    )
    found: defaultdict[Place, list[Row[Any]]] = defaultdict(list)
    for row in await tx.execute(query):
        found[row.check_id, row.location_id].append(row)
    return found


async def _runs_before(tx: AsyncConnection, dirty: Sequence[Dirty]) -> dict[Place, Spoken]:
    at = check_states.c.check_id.in_(sorted({entry.check_id for entry in dirty}))
    rows = await tx.execute(runs_before(_SPOKEN, dirty[0].start_ns, at))
    return {
        (row.check_id, row.location_id): Spoken(row.due_ns, row.holds_ns, row.status)
        for row in rows
    }


def _counts(rows: Iterable[Row[Any]]) -> dict[str, int]:
    counts = dict.fromkeys(_COUNTS, 0)
    for row in rows:
        counts["missed"] += row.missed
        if name := _NAMES.get(row.status):
            counts["runs"] += 1
            counts[name] += 1
            counts["flaky"] += row.status in (_PASSED, _DEGRADED) and row.attempts > 1
    return counts


def _measured(rows: Iterable[Row[Any]]) -> dict[str, Any]:
    """The sketch of each phase that was measured."""
    times = zip(*(row[_FIRST_PHASE:] for row in rows), strict=True)
    return {
        phase: sketch_of(values)
        for phase, column in zip(PHASES, times, strict=False)
        if (values := [time for time in column if time is not None])
    }


async def _compute(tx: AsyncConnection, level: Level, below: Level, dirty: Sequence[Dirty]) -> None:
    """Days from hours, weeks from days."""

    def within(table: Table) -> tuple[ColumnElement[bool], ...]:
        return (
            table.c.check_id.in_(sorted({entry.check_id for entry in dirty})),
            # Named so that the index leads straight to the span.
            table.c.location_id.in_(sorted({entry.location_id for entry in dirty})),
            table.c.start_ns >= dirty[0].start_ns,
            table.c.start_ns < dirty[-1].start_ns + level.span_ns,
        )

    wanted = set(dirty)
    names = (*_COUNTS, *_TIMES)
    part = below.rollups.c
    key = (part.start_ns - part.start_ns % level.span_ns, part.check_id, part.location_id)
    sums = (func.sum(part[name]) for name in names)
    query = select(*key, *sums).where(*within(below.rollups)).group_by(*key)
    rows = []
    for row in await tx.execute(query):
        entry = Dirty(*row[:3])
        if entry in wanted:
            counted = zip(names, map(int, row[3:]), strict=True)
            rows.append({**entry._asdict(), **dict(counted)})
    packed: defaultdict[Dirty, list[bytes]] = defaultdict(list)
    for row in await tx.execute(select(below.sketches).where(*within(below.sketches))):
        start_ns = floor_to(level.span_ns, row.start_ns)
        packed[Dirty(start_ns, row.check_id, row.location_id)].append(row.data)
    sketches = [
        {**entry._asdict(), "data": pack(merged(packed[entry]))}
        for entry in dirty
        if entry in packed
    ]
    await _write(tx, level, dirty, rows, sketches)


async def _write(
    tx: AsyncConnection,
    level: Level,
    dirty: Sequence[Dirty],
    rows: Sequence[dict[str, Any]],
    sketches: Sequence[dict[str, Any]],
) -> None:
    """Let a level have just these of what was dirty, and whoever has read of it know."""
    await _replace(tx, level.rollups, dirty, rows)
    await _replace(tx, level.sketches, dirty, sketches)
    await roll_ups_changed(tx)


async def _replace(
    tx: AsyncConnection, table: Table, dirty: Sequence[Dirty], rows: Sequence[dict[str, Any]]
) -> None:
    if rows:
        statement = insert_into(tx, table)
        values = {
            column.name: statement.excluded[column.name]
            for column in table.columns
            if not column.primary_key
        }
        key = list(table.primary_key.columns)
        await tx.execute(statement.on_conflict_do_update(index_elements=key, set_=values), rows)
    there = {Dirty(row["start_ns"], row["check_id"], row["location_id"]) for row in rows}
    await clean(tx, table, (entry for entry in dirty if entry not in there))
