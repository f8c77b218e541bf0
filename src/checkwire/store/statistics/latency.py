"""How long the phases of connections took: percentiles over time, and of a whole time."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt
from sqlalchemy import ColumnElement, Table, func, literal, select, true
from sqlalchemy.ext.asyncio import AsyncConnection

from checkwire.store.marks import read_marks
from checkwire.store.records import STATUSES
from checkwire.store.rollups.hours import DAY, HOUR, ceil_to, floor_to
from checkwire.store.rollups.sketches import Sketch, new_sketch, unpack, unpack_phase
from checkwire.store.statistics.levels import Part, parts
from checkwire.store.tables import PHASES, locations, runs

__all__ = ["Bucket", "PhaseSummary", "percentiles", "phases"]

QUANTILES = (0.5, 0.95, 0.99)
_EXACT = 2 * DAY
"""Spans up to this are read from raw rows, so that their buckets may be as short as is wanted."""
_BAD = tuple(STATUSES.index(status) for status in ("failed", "error"))
_RAN = (*(STATUSES.index(status) for status in ("passed", "degraded")), *_BAD)
_STATUSES = 8
"""More than there are."""
_UNMEASURED = -1

Numbers = npt.NDArray[np.int64]


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


class _Where(NamedTuple):
    """Locations, and whether there are no others."""

    location_ids: list[int]
    every: bool


class _Times:
    """Values gathered from raw rows and from sketches."""

    def __init__(self) -> None:
        self.runs = self.bad = 0
        self._arrays: list[Numbers] = []
        self._sketch: Sketch | None = None

    def add(self, values: Numbers) -> None:
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
        values = np.concatenate(self._arrays) if self._arrays else np.empty(0, dtype=np.int64)
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
    levels = [Part(None, since_ns, until_ns)]
    if grain_ns > 1:
        levels = parts(await read_marks(tx), since_ns, until_ns, longest_ns=grain_ns)
    for part in levels:
        if part.level is None:
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
    levels = [Part(None, since_ns, until_ns)]
    if until_ns - since_ns > _EXACT:
        levels = parts(await read_marks(tx), floor_to(HOUR, since_ns), until_ns)
    where = await _places(tx, location)
    found = {phase: _Times() for phase in PHASES}
    for part in levels:
        if part.level is None:
            lists = [_list(tx, runs.c[f"{phase}_ns"]) for phase in PHASES]
            row = (await tx.execute(select(*lists).where(*_raw(part, check_id, where)))).one()
            for phase, values in zip(PHASES, row, strict=True):
                found[phase].add(_array(values))
        else:
            table = part.level.sketches
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
    where: _Where,
    scale: tuple[int, int],
    phase: str,
) -> None:
    since_ns, width_ns = scale
    # One row with two lists, alike in order: the database would sort the rows to group them, and to
    # fetch ten thousands of rows takes longer than to compute with them.
    bucket = (runs.c.due_ns - literal(since_ns)) // literal(width_ns)
    packed = bucket * _STATUSES + runs.c.status
    value = func.coalesce(runs.c[f"{phase}_ns"], _UNMEASURED)
    query = select(_list(tx, packed), _list(tx, value)).where(*_raw(part, check_id, where))
    codes, values = map(_array, (await tx.execute(query)).one())
    numbers, statuses = codes // _STATUSES, codes % _STATUSES
    ran, bad = (
        np.bincount(numbers[np.isin(statuses, some)], minlength=len(found)).tolist()
        for some in (_RAN, _BAD)
    )
    measured = values != _UNMEASURED
    numbers, values = numbers[measured], values[measured]
    order = np.argsort(numbers, kind="stable")  # Most are in order already.
    numbers, values = numbers[order], values[order]
    edges = np.searchsorted(numbers, np.arange(len(found) + 1)).tolist()
    for number, times in enumerate(found):
        times.runs += ran[number]
        times.bad += bad[number]
        times.add(values[edges[number] : edges[number + 1]])


async def _add_rolled(
    tx: AsyncConnection,
    found: Sequence[_Times],
    part: Part,
    check_id: int,
    where: _Where,
    scale: tuple[int, int],
    phase: str,
) -> None:
    since_ns, width_ns = scale
    assert part.level is not None
    table = part.level.rollups
    bad = table.c.failed + table.c.errors
    query = select(table.c.start_ns, table.c.runs, bad)
    for start_ns, ran, failed in await tx.execute(
        query.where(*_rolled(table, part, check_id, where))
    ):
        times = found[(start_ns - since_ns) // width_ns]
        times.runs += ran
        times.bad += failed
    table = part.level.sketches
    packed = select(table.c.start_ns, table.c.data)
    for start_ns, data in await tx.execute(packed.where(*_rolled(table, part, check_id, where))):
        found[(start_ns - since_ns) // width_ns].merge(unpack_phase(data, phase))


async def _places(tx: AsyncConnection, location: str | None) -> _Where:
    query = select(locations.c.id)
    if location is not None:
        query = query.where(locations.c.name == location)
    return _Where(list((await tx.execute(query)).scalars()), every=location is None)


def _raw(part: Part, check_id: int, where: _Where) -> tuple[ColumnElement[bool], ...]:
    return (
        runs.c.check_id == check_id,
        runs.c.due_ns >= part.since_ns,
        runs.c.due_ns < part.until_ns,
        true() if where.every else runs.c.location_id.in_(where.location_ids),
    )


def _rolled(
    table: Table, part: Part, check_id: int, where: _Where
) -> tuple[ColumnElement[bool], ...]:
    return (
        table.c.check_id == check_id,
        # All of them are named, too, so that the index leads straight to the span.
        table.c.location_id.in_(where.location_ids),
        table.c.start_ns >= part.since_ns,
        table.c.start_ns < part.until_ns,
    )


def _list(tx: AsyncConnection, column: ColumnElement[Any]) -> ColumnElement[Any]:
    """All values that there are as one."""
    if tx.dialect.name == "sqlite":
        return func.group_concat(column)
    return func.array_agg(column).filter(column.is_not(None))


def _array(values: str | list[int] | None) -> Numbers:
    if values is None:
        return np.empty(0, dtype=np.int64)
    if isinstance(values, str):
        return np.fromstring(values, dtype=np.int64, sep=",")
    return np.asarray(values, dtype=np.int64)
