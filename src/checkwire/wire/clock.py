"""One timeline for an attempt, and how wall-clock stamps of the kernel are put on it."""

from __future__ import annotations

import time

__all__ = ["Timeline"]

_STEP_NS = 1_000_000
"""A jump of the wall clock against the monotonic one that is no longer taken for drift."""
_DRIFT = 1 / 1000
"""NTP slews by at most 500 ppm; twice that is still drift."""
_SLACK_NS = 100_000
"""How far a stamp may seem to lie in the future: the two clocks are read one after the other."""


class Timeline:
    """Nanoseconds since the attempt started, on the monotonic clock.

    The kernel stamps packets with ``CLOCK_REALTIME``. A stamp is converted with the offset between
    both clocks, sampled at the moment of reading it: its age on the wall clock is taken from now on
    the monotonic one. If the wall clock was stepped since the last sample, the stamp could be on
    either side of the step, so it is not believed.

    Attributes:
        started_ns: the wall clock (Unix epoch) when the timeline began.
    """

    __slots__ = ("_offset_ns", "_sampled_ns", "_zero_ns", "started_ns")

    def __init__(self) -> None:
        self._zero_ns = time.monotonic_ns()
        self.started_ns = time.time_ns()
        self._offset_ns = self.started_ns - self._zero_ns
        self._sampled_ns = self._zero_ns

    def now(self) -> int:
        """Nanoseconds since the timeline began."""
        return time.monotonic_ns() - self._zero_ns

    def place(self, stamp_ns: int) -> int | None:
        """Put a wall-clock stamp, taken a moment ago, on this timeline.

        Returns ``None`` if the wall clock was stepped meanwhile, or the stamp cannot be right.
        """
        monotonic_ns = time.monotonic_ns()
        real_ns = time.time_ns()
        offset_ns = real_ns - monotonic_ns
        jump = offset_ns - self._offset_ns
        passed = monotonic_ns - self._sampled_ns
        self._offset_ns = offset_ns
        self._sampled_ns = monotonic_ns
        if not -_STEP_NS < jump < _STEP_NS and abs(jump) > _STEP_NS + passed * _DRIFT:
            return None
        at_ns = stamp_ns - offset_ns - self._zero_ns
        if at_ns > monotonic_ns - self._zero_ns + _SLACK_NS or at_ns < 0:
            return None
        return at_ns
