"""Uptime: from the time spent in each state, not from counting runs."""

from __future__ import annotations

from collections.abc import Collection
from functools import lru_cache
from typing import Any

import msgspec
from sqlalchemy import (
    BindParameter,
    ColumnElement,
    FromClause,
    Select,
    and_,
    bindparam,
    case,
    func,
    literal,
    or_,
    select,
    union_all,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from checkwire.store.among import among, members
from checkwire.store.records import STATUSES
from checkwire.store.rollups.hours import DAY, HOUR, floor_to
from checkwire.store.rollups.levels import Level
from checkwire.store.rollups.spoken import runs_before
from checkwire.store.statistics.levels import parts
from checkwire.store.tables import check_states, locations, runs

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
    query = select(locations.c.id)
    if location is not None:
        query = query.where(locations.c.name == location)
    places = list((await tx.execute(query)).scalars())
    sums: dict[int, tuple[int, dict[str, int]]] = {}
    if places and check_ids:
        levels = await parts(tx, since_ns, until_ns)
        statement = _statement(tx.dialect.name, tuple(part.level for part in levels))
        values = {"checks": members(tx, check_ids), "places": members(tx, places)}
        for number, part in enumerate(levels):
            values |= {f"since_{number}": part.since_ns, f"until_{number}": part.until_ns}
        for check_id, here, *of_check in await tx.execute(statement, values):
            sums[check_id] = here, dict(zip(_SUMS, map(int, of_check), strict=True))
    found = {}
    for check_id in check_ids:
        here, times = sums.get(check_id, (1, dict.fromkeys(_SUMS, 0)))
        unknown_ns = here * max(0, until_ns - since_ns) - times["up_ns"] - times["down_ns"]
        found[check_id] = Uptime(
            since_ns=since_ns, until_ns=until_ns, unknown_ns=unknown_ns, **times
        )
    return found


# To build a statement takes longer than to run it for one check.
@lru_cache(maxsize=64)
def _statement(dialect: str, levels: tuple[Level | None, ...]) -> Select[Any]:
    """For each check at how many locations it was, and its sums, in the order of ``_SUMS``.

    Its parameters are ``checks`` and ``places``, and for each part of the span, in their order,
    ``since_0`` and ``until_0``, and so on.
    """
    of_places = union_all(
        *(
            _raw(dialect, bindparam(f"since_{number}"), bindparam(f"until_{number}"))
            if level is None
            else _rolled(dialect, level, bindparam(f"since_{number}"), bindparam(f"until_{number}"))
            for number, level in enumerate(levels)
        )
    ).subquery()
    return select(
        of_places.c.check_id,
        func.count(of_places.c.location_id.distinct()),
        *(func.sum(of_places.c[name]) for name in _SUMS),
    ).group_by(of_places.c.check_id)


def _places_of(dialect: str, table: FromClause) -> tuple[ColumnElement[bool], ...]:
    # The locations are named so that the index leads straight to the span.
    return (
        among(dialect, table.c.check_id, "checks"),
        among(dialect, table.c.location_id, "places"),
    )


def _rolled(
    dialect: str, level: Level, since_ns: BindParameter[int], until_ns: BindParameter[int]
) -> Select[Any]:
    """Sums by check and location."""
    table = level.rollups
    key = (table.c.check_id, table.c.location_id)
    bad = table.c.failed + table.c.errors
    columns = [(bad if name == "bad" else table.c[name], name) for name in _SUMS]
    return (
        select(*key, *(func.sum(column).label(name) for column, name in columns))
        .where(
            *_places_of(dialect, table), table.c.start_ns >= since_ns, table.c.start_ns < until_ns
        )
        .group_by(*key)
    )


def _raw(dialect: str, since_ns: BindParameter[int], until_ns: BindParameter[int]) -> Select[Any]:
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
        *_places_of(dialect, runs), runs.c.due_ns >= since_ns, runs.c.due_ns < until_ns
    )
    before = runs_before(columns, since_ns, *_places_of(dialect, check_states))
    spoken = union_all(within, before).subquery()
    following = func.lead(spoken.c.due_ns).over(
        partition_by=(spoken.c.check_id, spoken.c.location_id), order_by=spoken.c.due_ns
    )
    end = func.coalesce(following, until_ns).label("following_ns")
    runs_ = select(spoken, end).subquery()
    # SQLite calls these functions of several values as those of a column.
    least, most = (func.min, func.max) if dialect == "sqlite" else (func.least, func.greatest)
    over = least(runs_.c.due_ns + runs_.c.holds_ns, runs_.c.following_ns, until_ns)
    lasts = most(over - most(runs_.c.due_ns, since_ns), literal(0)).label("lasts_ns")
    spans = select(runs_, lasts).subquery()
    status, here = spans.c.status, spans.c.due_ns >= since_ns
    passed, degraded, failed, error = map(STATUSES.index, ("passed", "degraded", "failed", "error"))

    def total(condition: ColumnElement[bool], value: Any) -> ColumnElement[int]:
        return func.sum(case((condition, value), else_=0))

    key = (spans.c.check_id, spans.c.location_id)
    known = and_(status <= error, spans.c.lasts_ns > 0)
    return (
        select(
            *key,
            total(status.in_((passed, degraded)), spans.c.lasts_ns).label("up_ns"),
            total(status == degraded, spans.c.lasts_ns).label("degraded_ns"),
            total(status.in_((failed, error)), spans.c.lasts_ns).label("down_ns"),
            total(and_(here, status <= error), 1).label("runs"),
            total(and_(here, status.in_((failed, error))), 1).label("bad"),
            total(here, spans.c.missed).label("missed"),
        )
        .group_by(*key)
        # As in roll-ups, a place has no row where nothing ran and nothing is known.
        .having(total(or_(here, known), 1) > 0)
    )
