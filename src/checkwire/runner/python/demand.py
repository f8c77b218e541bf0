"""How many children should wait for work, told from how many were wanted of late."""

from __future__ import annotations

from collections import deque
from typing import Final

__all__ = ["Demand"]

_BUSIEST_OF: Final = 60
_QUIET: Final = 600


class Demand:
    """Counts the children that are taken, second by second.

    Wanted are as many as were taken in the busiest second of the last minute, since checks of one
    interval tend to be due together. One is wanted up to ten minutes after the last was taken
    or expected; then none: whoever comes so seldom can wait for a fork.

    Attributes:
        most: no more are ever wanted.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self._seconds: deque[tuple[int, int]] = deque()
        self._last = -float("inf")

    def taken(self, now: float) -> None:
        """One was taken, at that time in seconds of a clock that never goes back."""
        self._last = now
        second = int(now)
        if self._seconds and self._seconds[-1][0] == second:
            self._seconds[-1] = (second, self._seconds[-1][1] + 1)
        else:
            self._seconds.append((second, 1))
            self._forget(now)

    def expected(self, now: float) -> None:
        """Somebody will come soon."""
        self._last = now

    def wanted(self, now: float) -> int:
        """How many should wait at that time."""
        self._forget(now)
        busiest = max((count for _, count in self._seconds), default=0)
        return min(self.most, max(busiest, int(now - self._last < _QUIET)))

    def _forget(self, now: float) -> None:
        while self._seconds and self._seconds[0][0] <= now - _BUSIEST_OF:
            self._seconds.popleft()
