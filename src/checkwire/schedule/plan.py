"""What planning comes to: runs to be started now, and runs that were missed."""

from __future__ import annotations

import msgspec

from checkwire.model.due import DueRun

__all__ = ["Missed", "Plan"]


class Missed(msgspec.Struct, frozen=True):
    """Due runs in a row, of one check at one location, that did not take place and will not.

    Attributes:
        due: the first of them; it holds until the last one would have.
        count: how many they are.
        last_due_ns: when the last of them was due.
    """

    due: DueRun
    count: int
    last_due_ns: int


class Plan(msgspec.Struct, frozen=True):
    """What has become due since the last time.

    Attributes:
        due: runs to start, the longest due first.
        missed: what is to be recorded as missed.
        behind_ns: by how much the clock is behind the latest instant that was planned for, because
            it was set back. Checks wait until it has caught up, lest a run takes place twice: a
            span of more than seconds is worth telling somebody.
    """

    due: list[DueRun]
    missed: list[Missed]
    behind_ns: int = 0
