"""When a check is due."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from checkwire.schedule.cron import Cron
from checkwire.schedule.phase import phase_ns
from checkwire.schedule.timetable import NEVER_NS, Every, ScheduleError, timetable_of
from support.schedules import DAY, HOUR, MINUTE, SECOND, instant, scheduled, shown, walked

BERLIN = "Europe/Berlin"
NOW = instant("2026-06-01T12:00:00")
CRONS = (
    "* * * * *",
    "*/5 9-17 * * mon-fri",
    "0 * * * *",
    "30 * * * *",
    "30 2 * * *",
    "15,45 1-3 * * *",
    "0 */2 * * *",
    "0 0 * * *",
    "59 23 * * *",
    "0 0 1 * *",
    "0 12 LW * *",
    "0 0 29 2 *",
    "30 0 * * sun#1",
)
ZONES = (
    "UTC",
    BERLIN,
    "America/New_York",
    "Africa/Casablanca",  # by Ramadan
    "Asia/Kathmandu",
    "Pacific/Apia",  # there was no 30 December 2011
)
ODD_ZONES = (
    "America/Sao_Paulo",  # clocks were changed at midnight
    "America/Havana",  # midnight comes twice
    "America/Goose_Bay",  # at one minute past midnight
    "Australia/Lord_Howe",  # by half an hour
)
STARRED = tuple(cron for cron in CRONS if "*" in (cron[0], cron.split()[1][0]))
# From 2004, so that the changes of all of them are in it.
instants = st.integers(instant("2004-01-01T00:00:00"), instant("2030-01-01T00:00:00"))


@pytest.mark.parametrize("every", [10, 15, 60, 86400, 33.3])
def test_phases_are_spread_evenly_and_lie_within_the_interval(every: float) -> None:
    every_ns = round(every * SECOND)
    phases = [phase_ns("p", f"check{i}", "eu", every_ns) for i in range(2000)]
    assert all(0 <= phase < every_ns for phase in phases)
    tenths = [sum(10 * phase // every_ns == tenth for phase in phases) for tenth in range(10)]
    assert all(140 < count < 260 for count in tenths)


def test_a_phase_is_what_it_was_before() -> None:
    assert phase_ns("orders", "a_check.py::f", "eu-west", MINUTE) == 30_882_000_000
    assert phase_ns("orders", "a_check.py::f", None, MINUTE) == 59_074_000_000


def test_each_location_has_a_phase_of_its_own() -> None:
    phases = {phase_ns("p", "c", place, HOUR) for place in ("eu", "us", "ap", None)}
    assert len(phases) == 4


@given(st.integers(10 * SECOND, DAY), st.integers(0, DAY), st.integers(-(10**19), 10**19))
def test_every_is_due_at_whole_intervals_after_its_phase(every: int, phase: int, t: int) -> None:
    timetable = Every(every, phase)
    following, latest = timetable.next_after(t), timetable.latest(t)
    assert t < following <= t + every
    assert following - latest == every
    assert (following - phase) % every == 0
    assert timetable.index(following) == timetable.index(latest) + 1
    assert timetable.count(latest, following) == 1
    assert timetable.count(latest - 1, following) == 2
    assert timetable.count(following, latest) == 0
    assert timetable.latest(latest) == latest


def test_a_year_of_intervals_does_not_drift() -> None:
    timetable = timetable_of("p", scheduled(every=33.3), "eu")
    first = due = timetable.next_after(NOW)
    for _ in range(100_000):
        due = timetable.next_after(due)
    assert due - first == 100_000 * 33_300_000_000


@settings(deadline=None)
@given(st.sampled_from(CRONS), st.sampled_from(ZONES), instants, st.integers(0, 4 * DAY))
@example("15,45 1-3 * * *", BERLIN, instant("2026-03-28T12:00:00"), 3 * DAY)
@example("15,45 1-3 * * *", BERLIN, instant("2026-10-24T12:00:00"), 3 * DAY)
@example("0 */2 * * *", "America/New_York", instant("2026-10-31T12:00:00"), 3 * DAY)
@example("0 0 * * *", "Pacific/Apia", instant("2011-12-28T10:00:00"), 4 * DAY)
def test_cron_agrees_with_cronsim_walked_by_hand(cron: str, zone: str, t: int, span: int) -> None:
    by_hand = list(walked(cron, zone, t, t + span))
    assert found(cron, zone, t, span) == by_hand
    hold_together(cron, zone, t, span, by_hand)


@settings(deadline=None)
@given(st.sampled_from(STARRED), st.sampled_from(ODD_ZONES), instants, st.integers(0, 4 * DAY))
@example("* * * * *", "Australia/Lord_Howe", instant("2026-04-04T10:00:00"), DAY)
@example("0 */2 * * *", "America/Goose_Bay", instant("2004-10-30T01:00:00"), 2 * DAY)
@example("*/10 * 31 * *", "America/Goose_Bay", instant("2004-10-31T01:00:00"), 2 * DAY)
@example("*/10 0,23 * * mon", "America/Sao_Paulo", instant("2018-11-03T01:00:00"), 2 * DAY)
def test_a_cron_with_a_star_is_due_whenever_the_clock_shows_it(
    cron: str, zone: str, t: int, span: int
) -> None:
    by_hand = list(shown(cron, zone, t, t + span))
    assert found(cron, zone, t, span) == by_hand
    hold_together(cron, zone, t, span, by_hand)


def found(cron: str, zone: str, t: int, span: int) -> list[int]:
    timetable, at, found = Cron(cron, zone), t, []
    while (at := timetable.next_after(at)) <= t + span:
        found.append(at)
    return found


def hold_together(cron: str, zone: str, t: int, span: int, dues: list[int]) -> None:
    """Wherever one asks from, the answer is the same: so a restart changes nothing."""
    timetable = Cron(cron, zone)
    assert timetable.count(t, t + span) == len(dues)
    if dues:
        assert timetable.latest(t + span) == dues[-1]
    for before, due in list(pairwise([t, *dues]))[:: max(1, len(dues) // 50)]:
        for asked in (before, (before + due) // 2, due - 1):
            assert timetable.next_after(asked) == due
            assert before == t or timetable.latest(asked) == before


@settings(deadline=None, max_examples=30)
@given(st.sampled_from(CRONS), st.sampled_from(ZONES), instants, st.integers(0, 100 * DAY))
def test_months_are_counted_as_if_walked(cron: str, zone: str, t: int, span: int) -> None:
    by_hand = sum(1 for _ in walked(cron, zone, t, t + span))
    assert Cron(cron, zone).count(t, t + span) == by_hand


@settings(deadline=None, max_examples=30)
@given(
    st.sampled_from(CRONS),
    st.sampled_from(ZONES),
    st.lists(st.integers(NOW - 300 * DAY, NOW + 300 * DAY), min_size=1, max_size=3),
)
def test_the_index_of_a_cron_is_one_more_each_time(cron: str, zone: str, ts: list[int]) -> None:
    timetable = Cron(cron, zone)
    for t in ts:
        due = timetable.next_after(t)
        index = timetable.index(due)
        assert timetable.index(timetable.next_after(due)) == index + 1
        assert Cron(cron, zone).index(due) == index


def local(cron: str, start: str, days: int = 1) -> list[str]:
    """What the clock in Berlin shows at the due instants from the start of a day."""
    timetable, at = Cron(cron, BERLIN), instant(start, BERLIN) - 1
    end, times = at + days * DAY, []
    while (at := timetable.next_after(at)) < end:
        moment = datetime.fromtimestamp(at // SECOND, UTC).astimezone(ZoneInfo(BERLIN))
        times.append(moment.strftime("%H:%M %Z"))
    return times


def test_in_spring_what_the_clock_leaves_out_is_due_right_after() -> None:
    assert local("30 2 * * *", "2026-03-29T00:00:00") == ["03:00 CEST"]
    assert local("15,45 2 * * *", "2026-03-29T00:00:00") == ["03:00 CEST"]
    assert local("30 1-3 * * *", "2026-03-29T00:00:00") == ["01:30 CET", "03:00 CEST", "03:30 CEST"]
    assert local("*/30 1-3 * * *", "2026-03-29T00:00:00") == [
        "01:00 CET", "01:30 CET", "03:00 CEST", "03:30 CEST",
    ]  # fmt: skip


def test_in_autumn_what_comes_twice_is_due_once_unless_it_is_due_all_the_time() -> None:
    assert local("30 2 * * *", "2026-10-25T00:00:00") == ["02:30 CEST"]
    assert local("30 2-3 * * *", "2026-10-25T00:00:00") == ["02:30 CEST", "03:30 CET"]
    assert local("*/30 2 * * *", "2026-10-25T00:00:00") == [
        "02:00 CEST", "02:30 CEST", "02:00 CET", "02:30 CET",
    ]  # fmt: skip


def test_a_cron_may_have_no_further_date() -> None:
    timetable = Cron("0 0 */20 * 1L", "UTC")
    assert timetable.next_after(NOW) == NEVER_NS
    assert timetable.latest(NOW) == -NEVER_NS
    assert timetable.count(NOW, NOW + 4000 * DAY) == 0


def test_checks_with_the_same_cron_share_its_timetable() -> None:
    one, two = (scheduled(id_, cron="*/5 * * * *", timezone=BERLIN) for id_ in "ab")
    assert timetable_of("p", one, "eu") is timetable_of("q", two, None)


def test_a_schedule_that_cannot_be_understood_names_the_check() -> None:
    with pytest.raises(ScheduleError, match=r'^a: cron: "61 \* \* \* \*": bad minute$'):
        timetable_of("p", scheduled(cron="61 * * * *"), "eu")
    with pytest.raises(ScheduleError, match=r'^a: timezone: "Mars" is not known on this machine$'):
        timetable_of("p", scheduled(cron="1 * * * *", timezone="Mars"), "eu")
    with pytest.raises(ScheduleError, match=r"^a has no schedule"):
        timetable_of("p", scheduled(), "eu")
