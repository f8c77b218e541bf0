"""How long a check was up and down, from what its runs say and for how long.

A run speaks from when it was due to when the next run of the same check at the same location was
due, or until what it holds is over, whichever is first. A run that was missed or skipped says
nothing, so what follows it is unknown.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from checkwire.store.records import STATUSES

__all__ = ["Spoken", "TimeInState", "time_in_state"]

_UP = frozenset(STATUSES.index(status) for status in ("passed", "degraded"))
_DEGRADED = STATUSES.index("degraded")
_DOWN = frozenset(STATUSES.index(status) for status in ("failed", "error"))


class Spoken(NamedTuple):
    """What a run says: its status (as stored), when it was due, and for how long it holds."""

    due_ns: int
    holds_ns: int
    status: int


class TimeInState(NamedTuple):
    """Times within a span. ``degraded_ns`` is a part of ``up_ns``; the rest is unknown."""

    up_ns: int
    degraded_ns: int
    down_ns: int


def time_in_state(spoken: Sequence[Spoken], since_ns: int, until_ns: int) -> TimeInState:
    """The times within a span.

    Args:
        spoken: the runs of one check at one location that were due in the span, and the last one
            before it, in the order in which they were due.
        since_ns, until_ns: the span.
    """
    up = degraded = down = 0
    end = Spoken(until_ns, 0, 0)
    for run, following in pairwise((*spoken, end)):
        over_ns = min(run.due_ns + run.holds_ns, following.due_ns, until_ns)
        lasts_ns = over_ns - max(run.due_ns, since_ns)
        if lasts_ns <= 0:
            continue
        if run.status in _UP:
            up += lasts_ns
            degraded += lasts_ns if run.status == _DEGRADED else 0
        elif run.status in _DOWN:
            down += lasts_ns
    return TimeInState(up, degraded, down)
