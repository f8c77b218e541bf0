"""How long the phases of connections took: percentiles over time, and of a whole time."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
import numpy as np
from sqlalchemy import ColumnElement, Table, case, func, literal, select
from sqlalchemy.ext.asyncio import AsyncConnection

from checkwire.store.records import STATUSES
from checkwire.store.rollups.hours import DAY, HOUR, ceil_to, floor_to
from checkwire.store.rollups.sketches import Sketch, new_sketch, unpack, unpack_phase
from checkwire.store.statistics.levels import Part, parts
from checkwire.store.tables import (
    PHASES,
    locations,
    rollups_day,
    rollups_hour,
    runs,
    sketches_day,
    sketches_hour,
)

__all__ = ["Bucket", "PhaseSummary", "percentiles", "phases"]

QUANTILES = (0.5, 0.95, 0.99)
_EXACT = 2 * DAY
"""Spans up to this are read from raw rows, so that their buckets may be as short as is wanted."""
_BAD = tuple(STATUSES.index(status) for status in ("failed", "error"))
_RAN = (*(STATUSES.index(status) for status in ("passed", "degraded")), *_BAD)


class Bucket(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a series.

    Attributes:
        start_ns, end_ns: when.
        runs, bad: how many took place, and how many of them failed or were in error.
        count: in how many the phase was measured.
        values: nanoseconds, one for each quantile; all ``None`` if it was measured in none.
    """

    start_ns: int
    end_ns: int
    runs: int
    bad: int
    count: int
    values: tuple[float | None, ...]


class PhaseSummary(msgspec.Struct, frozen=True, kw_only=True):
    """A phase over a time.

    Attributes:
        count: how often it was measured.
        values: nanoseconds, one for each quantile.
        least_ns, most_ns: the shortest and the longest.
    """

    count: int
    values: tuple[float, ...]
    least_ns: float
    most_ns: float


class _Times:
    """Values gathered from raw rows and from sketches."""

    def __init__(self) -> None:
        self.runs = self.bad = 0
        self._arrays: list[np.ndarray[Any, np.dtype[np.float64]]] = []
        self._sketch: Sketch | None = None

    def add(self, values: np.ndarray[Any, np.dtype[np.float64]]) -> None:
        if len(values):
            self._arrays.append(values)

    def merge(self, sketch: Sketch | None) -> None:
        if sketch is None:
            return
        if self._sketch is None:
            self._sketch = new_sketch()
        self._sketch.merge(sketch)

    def quantiles(self, wanted: Sequence[float]) -> tuple[int, tuple[float, ...]]:
        """How many values there are, and their quantiles, if there are any."""
        values = np.concatenate(self._arrays) if self._arrays else np.empty(0)
        if self._sketch is None:
            if not len(values):
                return 0, ()
            # By nearest rank. NumPy's function takes longer than to sort a bucket's few values.
            values.sort()
            last = len(values) - 1
            ranks = (min(max(math.ceil(share * len(values)) - 1, 0), last) for share in wanted)
            return len(values), tuple(float(values[rank]) for rank in ranks)
        self._sketch.update(values.astype(np.float32))
        self._arrays.clear()
        found = self._sketch.get_quantiles(list(wanted), True)
        return self._sketch.n, tuple(float(value) for value in found)


async def percentiles(
    tx: AsyncConnection,
    check_id: int,
    since_ns: int,
    until_ns: int,
    *,
    phase: str = "open",
    quantiles: Sequence[float] = QUANTILES,
    buckets: int = 60,
    location: str | None = None,
) -> list[Bucket]:
    """Percentiles of a phase over time, exact for up to 2 days, otherwise within some percent.

    Args:
        tx: a transaction.
        check_id: the check.
        since_ns, until_ns: the span. One of more than 2 days begins with a whole hour (or day, if
            the buckets are days).
        phase: one of ``tables.PHASES``.
        quantiles: which, from 0 to 1.
        buckets: parts of equal length, of whole hours if the span is longer than 2 days, and of
            whole days if they are longer than one: then there may be fewer.
        location: of this one only.

    Raises:
        ValueError: there is no such phase.
    """
    if phase not in PHASES:
        raise ValueError(f"there is no phase {phase}")
    if until_ns <= since_ns:
        return []
    width_ns = -(-(until_ns - since_ns) // buckets)
    grain_ns = 1
    if until_ns - since_ns > _EXACT:
        grain_ns = DAY if width_ns >= DAY else HOUR
        width_ns, since_ns = ceil_to(grain_ns, width_ns), floor_to(grain_ns, since_ns)
    found = [_Times() for _ in range(since_ns, until_ns, width_ns)]
    where = await _places(tx, location)
    levels = [Part("raw", since_ns, until_ns)]
    if grain_ns > 1:
        levels = await parts(tx, since_ns, until_ns, days=grain_ns == DAY)
    for part in levels:
        if part.level == "raw":
            await _add_raw(tx, found, part, check_id, where, (since_ns, width_ns), phase)
        else:
            await _add_rolled(tx, found, part, check_id, where, (since_ns, width_ns), phase)
    series = []
    for number, times in enumerate(found):
        start_ns = since_ns + number * width_ns
        count, values = times.quantiles(quantiles)
        series.append(
            Bucket(
                start_ns=start_ns,
                end_ns=min(start_ns + width_ns, until_ns),
                runs=times.runs,
                bad=times.bad,
                count=count,
                values=values or (None,) * len(quantiles),
            )
        )
    return series


async def phases(
    tx: AsyncConnection,
    check_id: int,
    since_ns: int,
    until_ns: int,
    *,
    quantiles: Sequence[float] = QUANTILES,
    location: str | None = None,
) -> dict[str, PhaseSummary]:
    """Each phase that was measured in a time, in the order of ``tables.PHASES``.

    A time of more than 2 days begins with a whole hour.
    """
    levels = [Part("raw", since_ns, until_ns)]
    if until_ns - since_ns > _EXACT:
        levels = await parts(tx, floor_to(HOUR, since_ns), until_ns)
    where = await _places(tx, location)
    found = {phase: _Times() for phase in PHASES}
    for part in levels:
        if part.level == "raw":
            lists = [_list(tx, runs.c[f"{phase}_ns"]) for phase in PHASES]
            row = (await tx.execute(select(*lists).where(*_raw(part, check_id, where)))).one()
            for phase, values in zip(PHASES, row, strict=True):
                found[phase].add(_array(values))
        else:
            table = sketches_day if part.level == "day" else sketches_hour
            query = select(table.c.data).where(*_rolled(table, part, check_id, where))
            for (data,) in await tx.execute(query):
                for phase, sketch in unpack(data).items():
                    found[phase].merge(sketch)
    summaries = {}
    for phase, times in found.items():
        count, values = times.quantiles((*quantiles, 0.0, 1.0))
        if count:
            summaries[phase] = PhaseSummary(
                count=count, values=values[:-2], least_ns=values[-2], most_ns=values[-1]
            )
    return summaries


async def _add_raw(
    tx: AsyncConnection,
    found: Sequence[_Times],
    part: Part,
    check_id: int,
    where: list[int],
    scale: tuple[int, int],
    phase: str,
) -> None:
    since_ns, width_ns = scale
    bucket = ((runs.c.due_ns - literal(since_ns)) // literal(width_ns)).label("bucket")

    def count(statuses: Iterable[int]) -> ColumnElement[int]:
        return func.sum(case((runs.c.status.in_(statuses), 1), else_=0))

    query = (
        select(bucket, count(_RAN), count(_BAD), _list(tx, runs.c[f"{phase}_ns"]))
        .where(*_raw(part, check_id, where))
        .group_by(bucket)
    )
    for number, ran, bad, values in await tx.execute(query):
        times = found[number]
        times.runs += ran
        times.bad += bad
        times.add(_array(values))


async def _add_rolled(
    tx: AsyncConnection,
    found: Sequence[_Times],
    part: Part,
    check_id: int,
    where: list[int],
    scale: tuple[int, int],
    phase: str,
) -> None:
    since_ns, width_ns = scale
    days = part.level == "day"
    table = rollups_day if days else rollups_hour
    bad = table.c.failed + table.c.errors
    query = select(table.c.start_ns, table.c.runs, bad)
    for start_ns, ran, failed in await tx.execute(
        query.where(*_rolled(table, part, check_id, where))
    ):
        times = found[(start_ns - since_ns) // width_ns]
        times.runs += ran
        times.bad += failed
    table = sketches_day if days else sketches_hour
    packed = select(table.c.start_ns, table.c.data)
    for start_ns, data in await tx.execute(packed.where(*_rolled(table, part, check_id, where))):
        found[(start_ns - since_ns) // width_ns].merge(unpack_phase(data, phase))


async def _places(tx: AsyncConnection, location: str | None) -> list[int]:
    query = select(locations.c.id)
    if location is not None:
        query = query.where(locations.c.name == location)
    return list((await tx.execute(query)).scalars())


def _raw(part: Part, check_id: int, where: list[int]) -> tuple[ColumnElement[bool], ...]:
    return (
        runs.c.check_id == check_id,
        runs.c.due_ns >= part.since_ns,
        runs.c.due_ns < part.until_ns,
        runs.c.location_id.in_(where),
    )


def _rolled(
    table: Table, part: Part, check_id: int, where: list[int]
) -> tuple[ColumnElement[bool], ...]:
    return (
        table.c.check_id == check_id,
        table.c.location_id.in_(where),
        table.c.start_ns >= part.since_ns,
        table.c.start_ns < part.until_ns,
    )


def _list(tx: AsyncConnection, column: ColumnElement[Any]) -> ColumnElement[Any]:
    """All values as one: to fetch ten thousands of rows takes longer than to compute with them."""
    if tx.dialect.name == "sqlite":
        return func.group_concat(column)
    return func.array_agg(column).filter(column.is_not(None))


def _array(values: str | list[int] | None) -> np.ndarray[Any, np.dtype[np.float64]]:
    if values is None:
        return np.empty(0)
    if isinstance(values, str):
        return np.fromstring(values, dtype=np.float64, sep=",")
    return np.asarray(values, dtype=np.float64)
