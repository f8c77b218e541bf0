"""From what a span is read: days, hours, raw rows."""

from __future__ import annotations

from typing import Literal, NamedTuple

from sqlalchemy.ext.asyncio import AsyncConnection

from checkwire.store.marks import read_mark
from checkwire.store.rollups.hours import DAY, HOUR, ceil_to, floor_to

__all__ = ["Part", "parts"]

Level = Literal["day", "hour", "raw"]


class Part(NamedTuple):
    """A part of a span, and from what it is to be read."""

    level: Level
    since_ns: int
    until_ns: int


async def parts(
    tx: AsyncConnection, since_ns: int, until_ns: int, *, days: bool = True
) -> list[Part]:
    """The parts of a span, in order: as little as possible is read.

    Args:
        tx: a transaction.
        since_ns, until_ns: the span.
        days: whether whole days may be read as such.
    """
    hours_end = min(await read_mark(tx, "hours"), floor_to(HOUR, until_ns))
    hours_start = min(ceil_to(HOUR, since_ns), until_ns)
    hours_end = max(hours_end, hours_start)
    days_start = min(ceil_to(DAY, hours_start), hours_end)
    days_end = days_start
    if days:
        days_end = min(await read_mark(tx, "days"), floor_to(DAY, hours_end))
        days_end = max(days_end, days_start)
    found = (
        Part("raw", since_ns, hours_start),
        Part("hour", hours_start, days_start),
        Part("day", days_start, days_end),
        Part("hour", days_end, hours_end),
        Part("raw", hours_end, until_ns),
    )
    return [part for part in found if part.since_ns < part.until_ns]
