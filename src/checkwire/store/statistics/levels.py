"""From what a span is read: weeks, days, hours, raw rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from checkwire.store.rollups.hours import ceil_to, floor_to
from checkwire.store.rollups.levels import LEVELS, Level

__all__ = ["Part", "parts"]


class Part(NamedTuple):
    """A part of a span, and from what it is to be read: ``None`` for raw rows."""

    level: Level | None
    since_ns: int
    until_ns: int


def parts(
    marks: Mapping[str, int], since_ns: int, until_ns: int, *, longest_ns: int | None = None
) -> list[Part]:
    """The parts of a span, in order: as little as possible is read.

    Args:
        marks: how far roll-ups have come.
        since_ns, until_ns: the span.
        longest_ns: roll-ups of longer spans may not be read.
    """
    found = [Part(None, since_ns, until_ns)]
    for level in LEVELS:
        if longest_ns is not None and level.span_ns > longest_ns:
            break
        # What this level can tell lies within what the one below can.
        middle = len(found) // 2
        shorter, begin_ns, end_ns = found[middle]
        inner_ns = min(ceil_to(level.span_ns, begin_ns), end_ns)
        outer_ns = max(min(marks[level.name], floor_to(level.span_ns, end_ns)), inner_ns)
        found[middle : middle + 1] = [
            Part(shorter, begin_ns, inner_ns),
            Part(level, inner_ns, outer_ns),
            Part(shorter, outer_ns, end_ns),
        ]
    return [part for part in found if part.since_ns < part.until_ns]
