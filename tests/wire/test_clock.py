"""One timeline: how the kernel's wall-clock stamps are put on it."""

from __future__ import annotations

import time

import pytest

from checkwire.wire import clock
from checkwire.wire.clock import Timeline

MS = 1_000_000
S = 1_000 * MS


class Clocks:
    """Both clocks of the machine, under the test's control.

    Attributes:
        monotonic, real: what they say.
        delay: how long the thread is off the CPU between a reading of the monotonic clock and the
            next one of the wall clock; once.
    """

    def __init__(self) -> None:
        self.monotonic = 50 * S
        self.real = 1_700_000_000 * S
        self.delay = 0

    def pass_time(self, ns: int) -> None:
        self.monotonic += ns
        self.real += ns

    def monotonic_ns(self) -> int:
        self.pass_time(30)
        return self.monotonic

    def time_ns(self) -> int:
        self.pass_time(30 + self.delay)
        self.delay = 0
        return self.real


@pytest.fixture
def clocks(monkeypatch: pytest.MonkeyPatch) -> Clocks:
    clocks = Clocks()
    monkeypatch.setattr(clock, "time", clocks)
    return clocks


def test_a_timeline_counts_from_its_beginning() -> None:
    before = time.time_ns()
    timeline = Timeline()
    assert 0 <= timeline.now() < S
    assert timeline.now() <= timeline.now()
    assert before <= timeline.started_ns <= time.time_ns()


def test_a_stamp_lies_where_it_was_taken(clocks: Clocks) -> None:
    timeline = Timeline()
    clocks.pass_time(7 * MS)
    stamp, true = clocks.real, timeline.now()
    clocks.pass_time(3 * MS)
    placed = timeline.place(stamp)
    assert placed is not None
    assert abs(placed - true) < 1_000


def test_a_thread_off_the_cpu_between_both_clocks_moves_no_stamp(clocks: Clocks) -> None:
    timeline = Timeline()
    for delay in (20_000, 700_000, 40 * MS):
        clocks.pass_time(MS)
        stamp, true = clocks.real, timeline.now()
        clocks.delay = delay
        placed = timeline.place(stamp)
        assert placed is not None
        assert abs(placed - true) < 5_000, delay


def test_slewing_is_followed(clocks: Clocks) -> None:
    timeline = Timeline()
    for _ in range(200):  # 400 ppm: 80 us in all
        clocks.pass_time(MS)
        clocks.real += 400
        stamp, true = clocks.real, timeline.now()
        placed = timeline.place(stamp)
        assert placed is not None
        assert abs(placed - true) < 5_000


@pytest.mark.parametrize("step", [-3600 * S, -20 * MS, 20 * MS, 3600 * S])
def test_a_stamp_beside_a_step_of_the_wall_clock_is_not_believed(clocks: Clocks, step: int) -> None:
    timeline = Timeline()
    clocks.pass_time(MS)
    before = clocks.real
    clocks.real += step
    assert timeline.place(before) is None


@pytest.mark.parametrize("step", [-3600 * S, -20 * MS, 20 * MS, 3600 * S])
def test_a_stamp_from_before_a_step_is_not_believed_later_either(clocks: Clocks, step: int) -> None:
    timeline = Timeline()
    clocks.pass_time(100 * MS)
    old = clocks.real
    clocks.pass_time(50 * MS)
    clocks.real += step
    timeline.place(clocks.real)
    clocks.pass_time(MS)
    assert timeline.place(old) is None


@pytest.mark.parametrize("step", [-3600 * S, -20 * MS, 20 * MS, 3600 * S])
def test_after_a_step_stamps_are_believed_again(clocks: Clocks, step: int) -> None:
    timeline = Timeline()
    clocks.real += step
    timeline.place(clocks.real)
    clocks.pass_time(MS)
    stamp, true = clocks.real, timeline.now()
    placed = timeline.place(stamp)
    assert placed is not None
    assert abs(placed - true) < 1_000


def test_a_stamp_of_the_future_or_of_the_time_before_is_not_believed(clocks: Clocks) -> None:
    timeline = Timeline()
    clocks.pass_time(MS)
    assert timeline.place(clocks.real + MS) is None
    assert timeline.place(timeline.started_ns - MS) is None


def test_the_real_clocks_agree() -> None:
    timeline = Timeline()
    before = timeline.now()
    placed = timeline.place(time.time_ns())
    assert placed is not None
    assert before - 100_000 <= placed <= timeline.now() + 100_000
