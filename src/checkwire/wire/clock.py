"""One timeline for an attempt, and how wall-clock stamps of the kernel are put on it."""

from __future__ import annotations

import time

__all__ = ["Timeline"]

_STEP_NS = 1_000_000
"""A jump of the wall clock against the monotonic one that is no longer taken for drift."""
_DOUBT_NS = 5_000
"""A disagreement of two samples, beyond drift, above which a better one is taken."""
_DRIFT_SHIFT = 10
"""NTP slews by at most 500 ppm; twice that, 1/1024, is still drift."""
_SLACK_NS = 100_000
"""How far a stamp may seem to lie in the future: the two clocks are read one after the other."""
_TIGHT_NS = 1_000
"""A sample taken within this is good enough."""
_TRIES = 8


def _sample() -> tuple[int, int]:
    """The wall clock's offset to the monotonic clock, and when it was so.

    The thread may lose the CPU between reading both, so the tightest of several tries counts.
    """
    best = None
    for _ in range(_TRIES):
        before = time.monotonic_ns()
        real = time.time_ns()
        after = time.monotonic_ns()
        width = after - before
        if best is None or width < best[0]:
            best = width, real - before - width // 2, after
        if width < _TIGHT_NS:
            break
    assert best is not None
    return best[1], best[2]


class Timeline:
    """Nanoseconds since the attempt started, on the monotonic clock.

    The kernel stamps packets with ``CLOCK_REALTIME``. A stamp is converted with the offset between
    both clocks, sampled at the moment of reading it: its age on the wall clock is taken from now on
    the monotonic one. If the wall clock was stepped since the last sample, the stamp could be on
    either side of the step, so it is not believed.

    Attributes:
        started_ns: the wall clock (Unix epoch) when the timeline began.
    """

    __slots__ = ("_offset_ns", "_sampled_ns", "_stepped_ns", "_zero_ns", "started_ns")

    def __init__(self) -> None:
        self._offset_ns, self._sampled_ns = _sample()
        self._zero_ns = self._sampled_ns
        self._stepped_ns = 0
        self.started_ns = self._zero_ns + self._offset_ns

    def now(self) -> int:
        """Nanoseconds since the timeline began."""
        return time.monotonic_ns() - self._zero_ns

    def place(self, stamp_ns: int) -> int | None:
        """Put a wall-clock stamp, taken a moment ago, on this timeline.

        Returns ``None`` if the wall clock was stepped meanwhile, or the stamp cannot be right.
        """
        monotonic_ns = time.monotonic_ns()
        offset_ns = time.time_ns() - monotonic_ns
        jump = offset_ns - self._offset_ns
        drift = (monotonic_ns - self._sampled_ns) >> _DRIFT_SHIFT
        if not -_DOUBT_NS - drift <= jump <= _DOUBT_NS + drift:
            offset_ns, monotonic_ns = _sample()
            if abs(offset_ns - self._offset_ns) > _STEP_NS + drift:
                self._stepped_ns = monotonic_ns - self._zero_ns
        self._offset_ns = offset_ns
        self._sampled_ns = monotonic_ns
        at_ns = stamp_ns - offset_ns - self._zero_ns
        # What was stamped before a step, and is only read now, is on the wrong side of it.
        if at_ns < self._stepped_ns or at_ns > monotonic_ns - self._zero_ns + _SLACK_NS:
            return None
        return at_ns
