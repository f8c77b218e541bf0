"""Uptime: from the time spent in each state, not from counting runs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Select, and_, case, func, literal, or_, select, union_all
from sqlalchemy.ext.asyncio import AsyncConnection

from checkwire.store.records import STATUSES
from checkwire.store.rollups.hours import DAY, HOUR, floor_to
from checkwire.store.rollups.spoken import runs_before
from checkwire.store.statistics.levels import Part, parts
from checkwire.store.tables import check_states, locations, rollups_day, rollups_hour, runs

__all__ = ["Uptime", "uptime"]

_BY_THE_DAY = 7 * DAY
_BY_THE_HOUR = 6 * HOUR
_SUMS = ("up_ns", "degraded_ns", "down_ns", "runs", "bad", "missed")


class Uptime(msgspec.Struct, frozen=True, kw_only=True):
    """How long a check was up in a time; all locations together, each counting in full.

    Attributes:
        since_ns, until_ns: the time. A long one begins with a whole hour or day (UTC).
        up_ns: passed or degraded.
        degraded_ns: the part of ``up_ns`` in which it was degraded.
        down_ns: failed, or in error.
        unknown_ns: nothing is known: no run, or it was missed or skipped.
        runs: that took place.
        bad: of those, the ones that failed or were in error.
        missed: due runs that never began.
    """

    since_ns: int
    until_ns: int
    up_ns: int = 0
    degraded_ns: int = 0
    down_ns: int = 0
    unknown_ns: int = 0
    runs: int = 0
    bad: int = 0
    missed: int = 0

    @property
    def ratio(self) -> float | None:
        """The share of the known time in which it was up; ``None`` if nothing is known."""
        known = self.up_ns + self.down_ns
        return self.up_ns / known if known else None


async def uptime(
    tx: AsyncConnection,
    check_ids: Collection[int],
    since_ns: int,
    until_ns: int,
    *,
    location: str | None = None,
) -> dict[int, Uptime]:
    """The uptime of each of many checks.

    Args:
        tx: a transaction.
        check_ids: the checks.
        since_ns: begin. Of 7 days or more the first one is a whole one, of 6 hours or more the
            first hour is.
        until_ns: end.
        location: of this one only.
    """
    span_ns = until_ns - since_ns
    if span_ns >= _BY_THE_HOUR:
        since_ns = floor_to(DAY if span_ns >= _BY_THE_DAY else HOUR, since_ns)
    places = {row.name: row.id for row in await tx.execute(select(locations))}
    if location is not None:
        places = {name: id_ for name, id_ in places.items() if name == location}
    sums: defaultdict[int, list[int]] = defaultdict(lambda: [0] * len(_SUMS))
    seen: defaultdict[int, set[int]] = defaultdict(set)
    if places and check_ids:
        for part in await parts(tx, since_ns, until_ns):
            query = _query(part, list(check_ids), list(places.values()))
            for check_id, location_id, *values in await tx.execute(query):
                seen[check_id].add(location_id)
                of_check = sums[check_id]
                for index, value in enumerate(values):
                    of_check[index] += int(value)
    found = {}
    for check_id in check_ids:
        values = dict(zip(_SUMS, sums[check_id], strict=True))
        whole_ns = max(1, len(seen[check_id])) * max(0, until_ns - since_ns)
        unknown_ns = whole_ns - values["up_ns"] - values["down_ns"]
        found[check_id] = Uptime(
            since_ns=since_ns, until_ns=until_ns, unknown_ns=unknown_ns, **values
        )
    return found


def _query(part: Part, check_ids: list[int], location_ids: list[int]) -> Select[Any]:
    """Sums by check and location, in the order of ``_SUMS``."""
    if part.level == "raw":
        return _raw(part, check_ids, location_ids)
    table = rollups_day if part.level == "day" else rollups_hour
    bad = (table.c.failed + table.c.errors).label("bad")
    columns = [bad if name == "bad" else table.c[name] for name in _SUMS]
    key = (table.c.check_id, table.c.location_id)
    return (
        select(*key, *(func.sum(column) for column in columns))
        # The locations are named so that the index leads straight to the span.
        .where(
            table.c.check_id.in_(check_ids),
            table.c.location_id.in_(location_ids),
            table.c.start_ns >= part.since_ns,
            table.c.start_ns < part.until_ns,
        )
        .group_by(*key)
    )


def _raw(part: Part, check_ids: list[int], location_ids: list[int]) -> Select[Any]:
    """The rule of ``rollups/time_in_state.py``, as a query."""
    columns = (
        runs.c.check_id,
        runs.c.location_id,
        runs.c.due_ns,
        runs.c.holds_ns,
        runs.c.status,
        runs.c.missed,
    )
    within = select(*columns).where(
        runs.c.check_id.in_(check_ids),
        runs.c.location_id.in_(location_ids),
        runs.c.due_ns >= part.since_ns,
        runs.c.due_ns < part.until_ns,
    )
    before = runs_before(
        columns,
        part.since_ns,
        check_states.c.check_id.in_(check_ids),
        check_states.c.location_id.in_(location_ids),
    )
    spoken = union_all(within, before).subquery()
    following = func.lead(spoken.c.due_ns).over(
        partition_by=(spoken.c.check_id, spoken.c.location_id), order_by=spoken.c.due_ns
    )
    end = func.coalesce(following, literal(part.until_ns)).label("following_ns")
    runs_ = select(spoken, end).subquery()
    since = _larger(runs_.c.due_ns, literal(part.since_ns))
    over = _smaller(runs_.c.due_ns + runs_.c.holds_ns, runs_.c.following_ns)
    over = _smaller(over, literal(part.until_ns))
    lasts = _larger(over - since, literal(0)).label("lasts_ns")
    spans = select(runs_, lasts).subquery()
    status, here = spans.c.status, spans.c.due_ns >= part.since_ns
    passed, degraded, failed, error = map(STATUSES.index, ("passed", "degraded", "failed", "error"))

    def total(condition: ColumnElement[bool], value: Any) -> ColumnElement[int]:
        return func.sum(case((condition, value), else_=0))

    key = (spans.c.check_id, spans.c.location_id)
    known = and_(status <= error, spans.c.lasts_ns > 0)
    return (
        select(
            *key,
            total(status.in_((passed, degraded)), spans.c.lasts_ns),
            total(status == degraded, spans.c.lasts_ns),
            total(status.in_((failed, error)), spans.c.lasts_ns),
            total(and_(here, status <= error), 1),
            total(and_(here, status.in_((failed, error))), 1),
            total(here, spans.c.missed),
        )
        .group_by(*key)
        # As in roll-ups, a place has no row where nothing ran and nothing is known.
        .having(total(or_(here, known), 1) > 0)
    )


def _smaller(one: Any, other: Any) -> ColumnElement[int]:
    return case((one < other, one), else_=other)


def _larger(one: Any, other: Any) -> ColumnElement[int]:
    return case((one > other, one), else_=other)
