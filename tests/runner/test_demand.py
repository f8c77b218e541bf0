"""How many children wait: as many as were wanted at once of late, and none when nothing runs."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from checkwire.runner.python.demand import Demand


def taken_at(*times: float, most: int = 16) -> Demand:
    demand = Demand(most)
    for time in times:
        demand.taken(time)
    return demand


def test_nothing_waits_where_nothing_was_ever_wanted() -> None:
    assert Demand(16).wanted(1e6) == 0


def test_one_waits_when_one_is_expected() -> None:
    demand = Demand(16)
    demand.expected(5.0)
    assert demand.wanted(6.0) == 1


def test_as_many_wait_as_were_taken_in_the_busiest_second() -> None:
    assert taken_at(10.0, 10.2, 10.4, 11.1).wanted(12.0) == 3


def test_a_burst_is_forgotten_after_a_minute_and_everything_after_ten() -> None:
    demand = taken_at(10.0, 10.1, 10.2)
    assert demand.wanted(69.9) == 3
    assert demand.wanted(70.1) == 1
    assert demand.wanted(609.0) == 1
    assert demand.wanted(611.0) == 0


def test_never_more_wait_than_may() -> None:
    assert taken_at(*[10.0] * 50).wanted(10.5) == 16
    assert taken_at(10.0, most=0).wanted(10.5) == 0


@given(st.lists(st.floats(0, 5000), max_size=200), st.integers(0, 20))
def test_it_is_bounded_and_comes_to_rest(times: list[float], most: int) -> None:
    demand = Demand(most)
    for time in sorted(times):
        demand.taken(time)
        assert min(1, most) <= demand.wanted(time) <= most
    assert demand.wanted(max(times, default=0) + 601) == 0
