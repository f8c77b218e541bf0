"""The levels of roll-ups: each is computed from the one below, hours from raw rows."""

from __future__ import annotations

from typing import Literal, NamedTuple

from sqlalchemy import Table

from checkwire.store.rollups.hours import DAY, HOUR, WEEK
from checkwire.store.tables import (
    dirty_days,
    dirty_hours,
    dirty_weeks,
    rollups_day,
    rollups_hour,
    rollups_week,
    sketches_day,
    sketches_hour,
    sketches_week,
)

__all__ = ["DAYS", "HOURS", "LEVELS", "WEEKS", "Level"]


class Level(NamedTuple):
    """Where roll-ups of spans of one length are.

    Attributes:
        name: of the mark that says how far they have come, see ``marks.py``.
        span_ns: how long they are.
        rollups: counts, and times in state.
        sketches: how the times of phases are distributed.
        dirty: which of them are to be computed anew.
    """

    name: Literal["hours", "days", "weeks"]
    span_ns: int
    rollups: Table
    sketches: Table
    dirty: Table


HOURS = Level("hours", HOUR, rollups_hour, sketches_hour, dirty_hours)
DAYS = Level("days", DAY, rollups_day, sketches_day, dirty_days)
WEEKS = Level("weeks", WEEK, rollups_week, sketches_week, dirty_weeks)
LEVELS = (HOURS, DAYS, WEEKS)
"""From the shortest to the longest."""
