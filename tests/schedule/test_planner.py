"""What is due, and what was missed."""

from __future__ import annotations

import pytest

from checkwire.model.definition import Retries
from checkwire.model.due import DueRun, due_run_id
from checkwire.schedule.phase import phase_ns
from checkwire.schedule.plan import Missed
from checkwire.schedule.planner import Planner
from checkwire.schedule.span import extra_run, grace_ns, longest_run_ns
from checkwire.schedule.timetable import ScheduleError
from support.schedules import DAY, HOUR, MINUTE, SECOND, dues, instant, scheduled

NOW = instant("2026-06-01T12:00:00")
MINUTELY = scheduled(every=60)


def planner(*definitions: object, **history: object) -> Planner:
    made = Planner()
    made.put("p", definitions, NOW, **history)  # type: ignore[arg-type]
    return made


def first_due(definition: object = MINUTELY, location: str | None = "local", t: int = NOW) -> int:
    return dues("p", definition, location, t, t + 2 * DAY)[0]  # type: ignore[arg-type]


def spans(missed: list[Missed]) -> list[tuple[str, int, int, int]]:
    return [(m.due.location, m.due.due_ns, m.last_due_ns, m.count) for m in missed]


def test_a_run_is_due_at_its_instant_and_not_before() -> None:
    made, due_ns = planner(MINUTELY), first_due()
    assert made.next_ns == due_ns
    assert made.tick(due_ns - 1).due == []
    assert made.tick(due_ns).due == [
        DueRun(
            run_id=due_run_id("p", "a", "local", due_ns),
            project="p",
            check="a",
            location="local",
            due_ns=due_ns,
            holds_ns=(60 + 30 + 30) * SECOND,
            grace_ns=30 * SECOND,
        )
    ]
    assert made.tick(due_ns + 1).due == []
    assert made.next_ns == made.next_due_ns("p", "a") == due_ns + MINUTE


def test_nothing_is_due_without_a_schedule_or_if_not_activated() -> None:
    made = planner(scheduled("a"), scheduled("b", every=60, activated=False))
    assert len(made) == 0
    assert made.next_ns is None
    assert made.next_due_ns("p", "a") is None


def test_in_parallel_each_location_has_its_own_instants() -> None:
    check = scheduled(every=60, locations=("eu", "us"))
    made = planner(check)
    assert len(made) == 2
    at = {place: first_due(check, place) for place in ("eu", "us")}
    assert at["eu"] != at["us"]
    found = [run for t in sorted(at.values()) for run in made.tick(t).due]
    assert {run.location: run.due_ns for run in found} == at


@pytest.mark.parametrize("schedule", [{"every": 60}, {"cron": "* * * * *"}])
def test_round_robin_visits_the_locations_in_turn(schedule: dict[str, object]) -> None:
    places = ("eu", "us", "ap")
    made = planner(scheduled(**schedule, locations=places, scheduling="round-robin"))
    visited = []
    for _ in range(7):
        assert made.next_ns is not None
        (run,) = made.tick(made.next_ns).due
        visited.append(run.location)
    begin = places.index(visited[0])
    assert visited == [places[(begin + n) % 3] for n in range(7)]


@pytest.mark.parametrize("schedule", [{"every": 60}, {"cron": "* * * * *"}])
def test_in_turn_a_result_speaks_until_its_location_has_its_next(
    schedule: dict[str, object],
) -> None:
    check = scheduled(**schedule, locations=("eu", "us", "ap"), scheduling="round-robin")
    made = planner(check)
    assert made.next_ns is not None
    (run,) = made.tick(made.next_ns).due
    extra = extra_run("p", check, "us", run.due_ns, "ID")
    assert run.holds_ns == extra.holds_ns
    assert 3 * MINUTE < run.holds_ns < 6 * MINUTE
    assert run.grace_ns == MINUTE // 2


def test_a_restart_goes_on_in_the_same_turn() -> None:
    check = scheduled(every=60, locations=("eu", "us", "ap"), scheduling="round-robin")
    visited, at = [], NOW
    for _ in range(6):
        made = Planner()
        made.put("p", [check], at)
        assert made.next_ns is not None
        at = made.next_ns
        visited += [run.location for run in made.tick(at).due]
    assert len(visited) == 6
    assert visited[:3] == visited[3:]
    assert len(set(visited)) == 3


def test_round_robin_misses_at_each_location_its_own_share() -> None:
    check = scheduled(every=60, locations=("eu", "us", "ap"), scheduling="round-robin")
    made, due = planner(check), dues("p", check, None, NOW, NOW + 9 * MINUTE)
    plan = made.tick(due[7] + 40 * SECOND)  # the grace of the eighth is over
    assert plan.due == []
    found = sorted(spans(plan.missed), key=lambda span: span[1])
    assert [(span[1], span[2], span[3]) for span in found] == [
        (due[0], due[6], 3),
        (due[1], due[7], 3),
        (due[2], due[5], 2),
    ]
    assert len({span[0] for span in found}) == 3


@pytest.mark.parametrize(
    ("gap", "grace"),
    [(10, 10), (15, 10), (20, 10), (30, 15), (60, 30), (120, 60), (3600, 60), (86400, 60)],
)
def test_the_grace_is_half_the_interval_between_ten_seconds_and_a_minute(
    gap: int, grace: int
) -> None:
    assert grace_ns(gap * SECOND) == grace * SECOND


def test_a_run_may_begin_to_the_end_of_its_grace() -> None:
    due_ns = first_due()
    assert len(planner(MINUTELY).tick(due_ns + 30 * SECOND).due) == 1
    plan = planner(MINUTELY).tick(due_ns + 30 * SECOND + 1)
    assert plan.due == []
    assert spans(plan.missed) == [("local", due_ns, due_ns, 1)]


def test_after_a_suspended_night_one_run_is_due_and_the_others_are_one_block() -> None:
    made, due_ns = planner(MINUTELY), first_due()
    plan = made.tick(due_ns + 8 * HOUR + 5 * SECOND)
    assert [run.due_ns for run in plan.due] == [due_ns + 8 * HOUR]
    assert spans(plan.missed) == [("local", due_ns, due_ns + 8 * HOUR - MINUTE, 480)]
    block = plan.missed[0].due
    assert block.run_id == due_run_id("p", "a", "local", due_ns)
    assert block.due_ns + block.holds_ns > due_ns + 8 * HOUR
    assert made.next_ns == due_ns + 8 * HOUR + MINUTE


def test_a_clock_that_is_set_back_repeats_nothing_and_says_how_far_it_is_behind() -> None:
    made, due_ns = planner(MINUTELY), first_due()
    assert made.tick(due_ns).behind_ns == 0
    plan = made.tick(due_ns - HOUR)
    assert (plan.due, plan.missed, plan.behind_ns) == ([], [], HOUR)
    assert made.next_ns == due_ns + MINUTE
    assert [run.due_ns for run in made.tick(due_ns + MINUTE).due] == [due_ns + MINUTE]


def test_a_restart_neither_repeats_nor_skips() -> None:
    due_ns = first_due(t=NOW - HOUR)
    history = {("a", "local"): due_ns}
    made = planner(MINUTELY, last_due=history)
    plan = made.tick(NOW)
    told = [run.due_ns for run in plan.due]
    told += [n for m in plan.missed for n in range(m.due.due_ns, m.last_due_ns + 1, MINUTE)]
    assert sorted(told) == list(dues("p", MINUTELY, "local", due_ns, NOW))
    assert made.next_ns == first_due()


def test_a_check_that_is_not_yet_recorded_begins_when_it_was_added() -> None:
    made = planner(MINUTELY, since={"a": NOW - 10 * MINUTE})
    plan = made.tick(NOW)
    assert sum(m.count for m in plan.missed) + len(plan.due) == 10


def test_a_location_that_is_not_yet_recorded_begins_now() -> None:
    check = scheduled(every=60, locations=("eu", "us"))
    last = first_due(check, "eu", NOW - HOUR)
    made = planner(check, last_due={("a", "eu"): last}, since={"a": NOW - DAY})
    assert {m.due.location for m in made.tick(NOW).missed} == {"eu"}


def test_what_is_due_before_a_pause_and_after_it_is_told_and_nothing_between() -> None:
    made, due_ns = planner(MINUTELY), first_due()
    made.pause("p", "a", due_ns + MINUTE + 1)
    assert made.next_due_ns("p", "a") is None
    assert made.next_ns == due_ns + MINUTE + 1  # what was missed is to be told
    plan = made.tick(due_ns + HOUR)
    assert plan.due == []
    assert spans(plan.missed) == [("local", due_ns, due_ns + MINUTE, 2)]
    assert made.next_ns is None
    made.resume("p", "a", due_ns + 2 * HOUR)
    assert made.next_ns == due_ns + 2 * HOUR + MINUTE
    assert made.tick(due_ns + 2 * HOUR + MINUTE).missed == []


def test_a_pause_survives_a_reload_and_a_removal() -> None:
    made = planner(MINUTELY)
    made.pause("p", "a", NOW)
    made.put("p", [scheduled(every=30)], NOW)
    assert made.next_ns is None
    made.remove("p", NOW)
    made.put("p", [MINUTELY], NOW)
    assert made.next_ns is None
    made.resume("p", "a", NOW)
    assert made.next_ns == first_due()


def test_a_reload_of_the_same_check_changes_nothing() -> None:
    made, due_ns = planner(MINUTELY), first_due()
    made.tick(due_ns)
    changed = scheduled(every=60, timeout=5.0, tags=("new",))
    made.put("p", [changed], due_ns + MINUTE + 1)
    (run,) = made.tick(due_ns + MINUTE + 1).due
    assert run.due_ns == due_ns + MINUTE
    assert run.holds_ns == (60 + 30 + 5) * SECOND


def test_a_changed_schedule_begins_now() -> None:
    made, due_ns = planner(MINUTELY), first_due()
    made.tick(due_ns)
    hourly = scheduled(every=3600)
    made.put("p", [hourly], due_ns + 1)
    assert made.tick(due_ns + 1).missed == []
    assert made.next_ns == first_due(hourly, t=due_ns + 1)


def test_a_reload_that_fails_changes_nothing() -> None:
    made = planner(MINUTELY)
    for broken in ([scheduled("x", cron="61 * * * *")], [scheduled("x", every=10)] * 2):
        with pytest.raises((ScheduleError, ValueError)):
            made.put("p", broken, NOW)
        assert len(made) == 1
        assert made.next_due_ns("p", "a") == first_due()


def test_projects_are_apart() -> None:
    made = planner(MINUTELY)
    made.put("q", [MINUTELY], NOW)
    at = NOW + phase_ns("q", "a", "local", MINUTE) - NOW % MINUTE
    assert made.next_due_ns("q", "a") in (at, at + MINUTE)
    made.remove("p", NOW)
    assert (len(made), made.next_due_ns("p", "a")) == (1, None)
    assert made.next_ns == made.next_due_ns("q", "a")
    assert [run.project for run in made.tick(made.next_ns or 0).due] == ["q"]


@pytest.mark.parametrize(
    ("retries", "seconds"),
    [
        (Retries(), 30),
        (Retries("fixed", 2, delay=5.0), 100),
        (Retries("linear", 2, delay=5.0), 105),
        (Retries("exponential", 100, delay=1.0, max_duration=60.0), 61),
        (Retries("exponential", 100, delay=1.0, max_duration=70.0), 63 + 30),
    ],
)
def test_the_longest_run_has_all_its_retries(retries: Retries, seconds: float) -> None:
    assert longest_run_ns(30.0, retries) == seconds * SECOND


def test_somebody_may_ask_for_a_run_of_a_check_without_a_schedule() -> None:
    run = extra_run("p", scheduled(), "eu", NOW, "ID")
    assert (run.due_ns, run.cause, run.grace_ns) == (NOW, "manual", 60 * MINUTE)
    assert run.holds_ns >= DAY


def test_of_many_checks_runs_come_in_the_order_in_which_they_are_due() -> None:
    made = planner(*(scheduled(f"c{n}", every=60) for n in range(500)))
    made.tick(NOW)
    plan = made.tick(NOW + 25 * SECOND)
    assert len(plan.due) > 100
    assert [run.due_ns for run in plan.due] == sorted(run.due_ns for run in plan.due)
    assert len({run.run_id for run in plan.due}) == len(plan.due)
