"""Uptime: from the time spent in each state, not from counting runs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from operator import add
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import (
    BindParameter,
    ColumnElement,
    CompoundSelect,
    FromClause,
    Select,
    bindparam,
    func,
    select,
    union_all,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from checkwire.store.among import among, members
from checkwire.store.marks import read_marks
from checkwire.store.records import STATUSES
from checkwire.store.rollups.hours import DAY, HOUR, floor_to
from checkwire.store.rollups.levels import Level
from checkwire.store.rollups.spoken import runs_before
from checkwire.store.rollups.time_in_state import Spoken, time_in_state
from checkwire.store.statistics.levels import Part, parts
from checkwire.store.statistics.remembered import Remembered
from checkwire.store.tables import check_states, locations, runs

__all__ = ["Uptime", "uptime"]

_BY_THE_DAY = 7 * DAY
_BY_THE_HOUR = 6 * HOUR
_TIMES = ("up_ns", "degraded_ns", "down_ns", "runs", "bad", "missed")
_PLACE = (runs.c.check_id, runs.c.location_id)
_SPOKEN = (runs.c.due_ns, runs.c.holds_ns, runs.c.status)
_FAILED, _ERROR = map(STATUSES.index, ("failed", "error"))


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


class _Sums(NamedTuple):
    """What a part of a span comes to for one check: at which locations, and ``_TIMES``."""

    here: frozenset[int]
    times: tuple[int, ...]


def _added(one: tuple[int, ...], two: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(map(add, one, two))


def _of_checks(of_places: Iterable[tuple[int, int, tuple[int, ...]]]) -> dict[int, _Sums]:
    """The sums of checks from those of their locations."""
    here: defaultdict[int, set[int]] = defaultdict(set)
    sums: dict[int, tuple[int, ...]] = {}
    for check_id, place, times in of_places:
        here[check_id].add(place)
        sums[check_id] = _added(sums[check_id], times) if check_id in sums else times
    return {check_id: _Sums(frozenset(here[check_id]), times) for check_id, times in sums.items()}


_NOTHING = _Sums(frozenset(), (0,) * len(_TIMES))

_remembered: Remembered[Mapping[int, _Sums]] = Remembered(most=50_000)


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
    query = select(locations.c.id).order_by(locations.c.id)
    if location is not None:
        query = query.where(locations.c.name == location)
    where = _Where(tuple(check_ids), tuple((await tx.execute(query)).scalars()))
    sums: dict[int, _Sums] = {}
    if all(where):
        marks = await read_marks(tx)
        of_span = parts(marks, since_ns, until_ns)
        rolled = tuple(part for part in of_span if part.level is not None)
        sums |= await _remembered.get(
            tx,
            (where, rolled),
            marks["rolled_up"],
            lambda: _rolled(tx, where, rolled),
        )
        for part in of_span:
            if part.level is None:
                for check_id, raw in (await _raw(tx, where, part)).items():
                    before = sums.get(check_id, _NOTHING)
                    sums[check_id] = _Sums(before.here | raw.here, _added(before.times, raw.times))
    found = {}
    for check_id in check_ids:
        here, times = sums.get(check_id, _NOTHING)
        told = dict(zip(_TIMES, times, strict=True))
        known_ns = told["up_ns"] + told["down_ns"]
        unknown_ns = (len(here) or 1) * max(0, until_ns - since_ns) - known_ns
        found[check_id] = Uptime(
            since_ns=since_ns, until_ns=until_ns, unknown_ns=unknown_ns, **told
        )
    return found


class _Where(NamedTuple):
    """Which checks, and which locations."""

    checks: tuple[int, ...]
    places: tuple[int, ...]

    def parameters(self, tx: AsyncConnection) -> dict[str, Any]:
        return {"checks": members(tx, self.checks), "places": members(tx, self.places)}


async def _rolled(
    tx: AsyncConnection, where: _Where, of_span: Sequence[Part]
) -> Mapping[int, _Sums]:
    """What the parts of a span that are rolled up come to, together."""
    levels = tuple(part.level for part in of_span if part.level is not None)
    if not levels:
        return {}
    values = where.parameters(tx)
    for number, part in enumerate(of_span):
        values |= {f"since_{number}": part.since_ns, f"until_{number}": part.until_ns}
    rows = (await tx.execute(_rollups(tx.dialect.name, levels), values)).all()
    return _of_checks((row[0], row[1], tuple(map(int, row[2:]))) for row in rows)


async def _raw(tx: AsyncConnection, where: _Where, part: Part) -> Mapping[int, _Sums]:
    """What a part of a span comes to that is not rolled up."""
    values = where.parameters(tx) | {"since": part.since_ns, "until": part.until_ns}
    spoken: defaultdict[tuple[int, int], list[Spoken]] = defaultdict(list)
    counts: dict[tuple[int, int], list[int]] = {}
    before = (await tx.execute(_run_before(tx.dialect.name), values)).all()
    for check_id, place, due_ns, holds_ns, status in before:
        spoken[check_id, place].append(Spoken(due_ns, holds_ns, status))
    within = (await tx.execute(_runs_within(tx.dialect.name), values)).all()
    for check_id, place, due_ns, holds_ns, status, missed in within:
        key = check_id, place
        spoken[key].append(Spoken(due_ns, holds_ns, status))
        count = counts.setdefault(key, [0, 0, 0])
        count[0] += status <= _ERROR
        count[1] += status in (_FAILED, _ERROR)
        count[2] += missed

    def of_places() -> Iterator[tuple[int, int, tuple[int, ...]]]:
        for key, told in spoken.items():
            times = time_in_state(told, part.since_ns, part.until_ns)
            # As in roll-ups, a place has no row where nothing ran and nothing is known.
            if key in counts or any(times):
                yield *key, (*times, *counts.get(key, (0, 0, 0)))

    return _of_checks(of_places())


# To build a statement takes longer than to run it for one check.


@lru_cache(maxsize=64)
def _rollups(dialect: str, levels: tuple[Level, ...]) -> CompoundSelect[Any]:
    """For each check and location its sums, in the order of ``_TIMES``.

    Its parameters are ``checks`` and ``places``, and for each part of the span, in their order,
    ``since_0`` and ``until_0``, and so on.
    """
    return union_all(
        *(
            _of_level(dialect, level, bindparam(f"since_{number}"), bindparam(f"until_{number}"))
            for number, level in enumerate(levels)
        )
    )


def _of_level(
    dialect: str, level: Level, since_ns: BindParameter[int], until_ns: BindParameter[int]
) -> Select[Any]:
    table = level.rollups
    key = (table.c.check_id, table.c.location_id)
    bad = table.c.failed + table.c.errors
    columns = (bad if name == "bad" else table.c[name] for name in _TIMES)
    return (
        select(*key, *(func.sum(column) for column in columns))
        .where(*_at(dialect, table), table.c.start_ns >= since_ns, table.c.start_ns < until_ns)
        .group_by(*key)
    )


@lru_cache(maxsize=2)
def _runs_within(dialect: str) -> Select[Any]:
    """The runs from ``since`` to ``until``, in the order in which they were due."""
    return (
        select(*_PLACE, *_SPOKEN, runs.c.missed)
        .where(
            *_at(dialect, runs),
            runs.c.due_ns >= bindparam("since"),
            runs.c.due_ns < bindparam("until"),
        )
        .order_by(runs.c.check_id, runs.c.due_ns)
    )


@lru_cache(maxsize=2)
def _run_before(dialect: str) -> Select[Any]:
    """The last run before ``since`` of each check and location, if it still speaks then."""
    return runs_before((*_PLACE, *_SPOKEN), bindparam("since"), *_at(dialect, check_states))


def _at(dialect: str, table: FromClause) -> tuple[ColumnElement[bool], ...]:
    # The locations are named so that the index leads straight to the span.
    return (
        among(dialect, table.c.check_id, "checks"),
        among(dialect, table.c.location_id, "places"),
    )
