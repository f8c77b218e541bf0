"""Rolling up: rows for hours that have ended, from raw rows; rows for days, from those of hours.

Nothing is added to what is there: an hour is computed as a whole, from all its runs, and computed
anew when a run comes late. So it does not matter how often, or in what order, runs come.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Row, Table, and_, delete, func, insert, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from checkwire.store.database import Store
from checkwire.store.marks import read_mark, write_mark
from checkwire.store.records import STATUSES
from checkwire.store.registry import lock_checks
from checkwire.store.rollups.hours import DAY, HOUR, floor_to
from checkwire.store.rollups.sketches import merged, pack, sketch_of
from checkwire.store.rollups.time_in_state import Spoken, time_in_state
from checkwire.store.tables import (
    PHASES,
    dirty_days,
    dirty_hours,
    rollups_day,
    rollups_hour,
    runs,
    sketches_day,
    sketches_hour,
)
from checkwire.store.upsert import insert_into

__all__ = ["RolledUp", "roll_up"]

_BITE = 250
_COUNTS = ("runs", "passed", "degraded", "failed", "errors", "missed", "flaky")
_TIMES = ("up_ns", "degraded_ns", "down_ns")
_SPOKEN = (runs.c.check_id, runs.c.location_id, runs.c.due_ns, runs.c.holds_ns, runs.c.status)
_PHASES = tuple(runs.c[f"{phase}_ns"] for phase in PHASES)
_PASSED, _DEGRADED, _FAILED, _ERROR = (
    STATUSES.index(status) for status in ("passed", "degraded", "failed", "error")
)

Place = tuple[int, int]
"""A check and a location."""


class RolledUp(NamedTuple):
    """How many rows were computed."""

    hours: int
    days: int


async def roll_up(store: Store, now_ns: int, *, bite: int = _BITE) -> RolledUp:
    """Compute what is missing or has changed, of all hours and days that have ended.

    Args:
        store: the database.
        now_ns: the time.
        bite: rows for one transaction: others write in between.
    """
    hours = days = 0
    while (done := await _bite_of_hours(store, floor_to(HOUR, now_ns), bite)) is not None:
        hours += done
        await asyncio.sleep(0)
    while (done := await _bite_of_days(store, bite)) is not None:
        days += done
        await asyncio.sleep(0)
    return RolledUp(hours, days)


async def _bite_of_hours(store: Store, closed_ns: int, bite: int) -> int | None:
    """``None`` if there was nothing left to do."""
    async with store.writing() as tx:
        start_ns = await _oldest(tx, dirty_hours, closed_ns)
        if start_ns is None:
            await write_mark(tx, "hours", max(closed_ns, await read_mark(tx, "hours")))
            return None
        places = await _places(tx, dirty_hours, start_ns, bite)
        await lock_checks(tx, {check_id for check_id, _ in places})
        # Where raw rows may be gone, what was computed of them is the truth.
        if start_ns >= await read_mark(tx, "pruned") + DAY or not await read_mark(tx, "pruned"):
            await _compute_hour(tx, start_ns, places)
            await _mark_day(tx, floor_to(DAY, start_ns), places)
        await _clean(tx, dirty_hours, start_ns, places)
        return len(places)


async def _bite_of_days(store: Store, bite: int) -> int | None:
    async with store.writing() as tx:
        closed_ns = floor_to(DAY, await read_mark(tx, "hours"))
        start_ns = await _oldest(tx, dirty_days, closed_ns)
        if start_ns is None:
            await write_mark(tx, "days", max(closed_ns, await read_mark(tx, "days")))
            return None
        places = await _places(tx, dirty_days, start_ns, bite)
        await lock_checks(tx, {check_id for check_id, _ in places})
        await _compute_day(tx, start_ns, places)
        await _clean(tx, dirty_days, start_ns, places)
        return len(places)


async def _compute_hour(tx: AsyncConnection, start_ns: int, places: Sequence[Place]) -> None:
    end_ns = start_ns + HOUR
    found: defaultdict[Place, list[Row[Any]]] = defaultdict(list)
    query = (
        select(*_SPOKEN, runs.c.attempts, runs.c.missed, *_PHASES)
        .where(
            runs.c.check_id.in_(sorted({check_id for check_id, _ in places})),
            runs.c.due_ns >= start_ns,
            runs.c.due_ns < end_ns,
        )
        .order_by(runs.c.due_ns)
    )
    for row in await tx.execute(query):
        found[row.check_id, row.location_id].append(row)
    before = await _runs_before(tx, start_ns, places)
    rows, sketches = [], []
    for place in places:
        of_place = found.get(place, [])
        spoken = [Spoken(row.due_ns, row.holds_ns, row.status) for row in of_place]
        if place in before:
            spoken.insert(0, before[place])
        times = time_in_state(spoken, start_ns, end_ns)
        if not of_place and not any(times):
            continue
        key = {"check_id": place[0], "location_id": place[1], "start_ns": start_ns}
        rows.append({**key, **_counts(of_place), **times._asdict()})
        measured = {
            phase: sketch_of(values)
            for phase, column in zip(PHASES, _PHASES, strict=True)
            if (values := [time for row in of_place if (time := row._mapping[column]) is not None])
        }
        if measured:
            sketches.append({**key, "data": pack(measured)})
    await _replace(tx, rollups_hour, start_ns, places, rows)
    await _replace(tx, sketches_hour, start_ns, places, sketches)


async def _runs_before(
    tx: AsyncConnection, start_ns: int, places: Sequence[Place]
) -> dict[Place, Spoken]:
    """The last run before the hour, of each place: it may speak into it."""
    earlier = runs.alias("earlier")
    last = (
        select(earlier.c.due_ns)
        .where(
            earlier.c.check_id == dirty_hours.c.check_id,
            earlier.c.location_id == dirty_hours.c.location_id,
            earlier.c.due_ns < start_ns,
        )
        .order_by(earlier.c.due_ns.desc())
        .limit(1)
        .scalar_subquery()
    )
    query = (
        select(*_SPOKEN)
        .select_from(dirty_hours)
        .join(
            runs,
            and_(
                runs.c.check_id == dirty_hours.c.check_id,
                runs.c.location_id == dirty_hours.c.location_id,
                runs.c.due_ns == last,
            ),
        )
        .where(_of(dirty_hours, start_ns, places))
    )
    return {
        (row.check_id, row.location_id): Spoken(row.due_ns, row.holds_ns, row.status)
        for row in await tx.execute(query)
    }


def _counts(rows: Iterable[Row[Any]]) -> dict[str, int]:
    counts = dict.fromkeys(_COUNTS, 0)
    names = {_PASSED: "passed", _DEGRADED: "degraded", _FAILED: "failed", _ERROR: "errors"}
    for row in rows:
        counts["missed"] += row.missed
        if name := names.get(row.status):
            counts["runs"] += 1
            counts[name] += 1
            counts["flaky"] += row.status in (_PASSED, _DEGRADED) and row.attempts > 1
    return counts


async def _compute_day(tx: AsyncConnection, start_ns: int, places: Sequence[Place]) -> None:
    def within(table: Table) -> Any:
        return and_(
            table.c.check_id.in_(sorted({check_id for check_id, _ in places})),
            table.c.start_ns >= start_ns,
            table.c.start_ns < start_ns + DAY,
        )

    wanted = set(places)
    names = (*_COUNTS, *_TIMES)
    key = (rollups_hour.c.check_id, rollups_hour.c.location_id)
    sums = (func.sum(rollups_hour.c[name]).label(name) for name in names)
    query = select(*key, *sums).where(within(rollups_hour)).group_by(*key)
    rows = [
        {
            "check_id": row.check_id,
            "location_id": row.location_id,
            "start_ns": start_ns,
            **{name: int(row._mapping[name]) for name in names},
        }
        for row in await tx.execute(query)
        if (row.check_id, row.location_id) in wanted
    ]
    packed: defaultdict[Place, list[bytes]] = defaultdict(list)
    for row in await tx.execute(select(sketches_hour).where(within(sketches_hour))):
        packed[row.check_id, row.location_id].append(row.data)
    sketches = [
        {
            "check_id": place[0],
            "location_id": place[1],
            "start_ns": start_ns,
            "data": pack(merged(packed[place])),
        }
        for place in places
        if place in packed
    ]
    await _replace(tx, rollups_day, start_ns, places, rows)
    await _replace(tx, sketches_day, start_ns, places, sketches)


async def _oldest(tx: AsyncConnection, dirty: Table, before_ns: int) -> int | None:
    query = select(func.min(dirty.c.start_ns)).where(dirty.c.start_ns < before_ns)
    oldest: int | None = (await tx.execute(query)).scalar()
    return oldest


async def _places(tx: AsyncConnection, dirty: Table, start_ns: int, limit: int) -> list[Place]:
    query = (
        select(dirty.c.check_id, dirty.c.location_id)
        .where(dirty.c.start_ns == start_ns)
        .order_by(dirty.c.check_id, dirty.c.location_id)
        .limit(limit)
    )
    return [(row.check_id, row.location_id) for row in await tx.execute(query)]


async def _mark_day(tx: AsyncConnection, start_ns: int, places: Sequence[Place]) -> None:
    await tx.execute(
        insert_into(tx, dirty_days).on_conflict_do_nothing(),
        [
            {"start_ns": start_ns, "check_id": check_id, "location_id": location_id}
            for check_id, location_id in places
        ],
    )


async def _replace(
    tx: AsyncConnection,
    table: Table,
    start_ns: int,
    places: Sequence[Place],
    rows: Collection[dict[str, Any]],
) -> None:
    await tx.execute(delete(table).where(_of(table, start_ns, places)))
    if rows:
        await tx.execute(insert(table), list(rows))


async def _clean(tx: AsyncConnection, dirty: Table, start_ns: int, places: Sequence[Place]) -> None:
    await tx.execute(delete(dirty).where(_of(dirty, start_ns, places)))


def _of(table: Table, start_ns: int, places: Sequence[Place]) -> Any:
    return and_(
        table.c.start_ns == start_ns,
        tuple_(table.c.check_id, table.c.location_id).in_(places),
    )
