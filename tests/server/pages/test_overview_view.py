"""The overview: the worst first, and a sentence for all of it."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import pytest

from checkwire.model.failures import Failure, Location
from checkwire.server.monitor import Health, ProjectStatus
from checkwire.server.pages.views.overview import OverviewView, overview_view, rank
from checkwire.store.records import (
    ChannelNotices,
    CheckRecord,
    CheckState,
    RunRecord,
    RunStatus,
    Untold,
)
from support.story import check

S = 1_000_000_000
NOW = 1_795_608_000 * S
PROJECT = ProjectStatus(
    key="acme", name="Acme", root="/srv/acme", loaded_ns=0, digest="1", checks=3
)


def record(number: int, name: str, **more: object) -> CheckRecord:
    fields = {
        "id": number,
        "uid": f"uid{number}",
        "project": "acme",
        "definition": check(name, every=60.0, tags=("trading",)),
        "first_seen_ns": 0,
    }
    return CheckRecord(**(fields | more))  # type: ignore[arg-type]


def state(
    number: int, status: RunStatus, location: str = "eu", since: int = 60, **more: int
) -> CheckState:
    return CheckState(
        check_id=number,
        location=location,
        status=status,
        since_ns=NOW - since * S,
        bad_since_ns=NOW - since * S if status in ("failed", "error") else None,
        due_ns=NOW - 10 * S,
        run_id=f"run{number}{location}",
        **more,
    )


def run(number: int, status: RunStatus, message: str = "", location: str = "eu") -> RunRecord:
    return RunRecord(
        run_id=f"run{number}{location}",
        check_id=number,
        location=location,
        due_ns=NOW - 10 * S,
        status=status,
        started_ns=NOW - 10 * S,
        duration_ns=S,
        holds_ns=S,
        attempts=1,
        message=message or None,
    )


def view(
    checks: Sequence[CheckRecord],
    states: Sequence[CheckState] = (),
    runs: Sequence[RunRecord] = (),
    *,
    projects: Sequence[ProjectStatus] = (PROJECT,),
    health: Health | None = None,
    notices: Sequence[ChannelNotices] = (),
    page: int = 1,
    next_due_ns: int | None = NOW + 40 * S,
) -> OverviewView:
    stock = rank(checks, states, next_due_ns=lambda _: next_due_ns, now_ns=NOW)
    return overview_view(
        stock,
        stock.told(page, {run.run_id: run for run in runs}),
        {},
        projects=projects,
        health=health or Health(ok=True),
        running=0,
        notices=notices,
        page=page,
    )


def names(shown: OverviewView) -> dict[str, list[str]]:
    return {group.key: [row.name for row in group.rows] for group in shown.groups}


def test_the_worst_come_first_widely_before_locally_long_before_short() -> None:
    checks = [record(n, name) for n, name in enumerate(("a", "b", "c", "d", "e"))]
    states = [
        state(0, "passed"),
        state(1, "failed", since=10),
        state(2, "failed", since=900),
        state(3, "failed", "eu"),
        state(3, "error", "us"),
        state(3, "failed", "ap"),
        state(4, "degraded"),
    ]
    shown = view(checks, states)
    assert list(names(shown)) == ["failed", "degraded", "passed"]
    assert names(shown)["failed"] == ["d", "c", "b"]
    assert shown.groups[0].rows[0].where == "2 of 3 locations"
    assert shown.sentence == "3 checks fail, 1 is degraded, 1 passes."
    assert shown.title == "✕ 3 failed · Checkwire"


def test_all_is_well_in_one_sentence() -> None:
    shown = view([record(1, "a"), record(2, "b")], [state(1, "passed"), state(2, "passed")])
    assert shown.sentence == "All 2 checks pass."
    assert shown.mark.word == "passed"
    assert view([record(1, "a")], [state(1, "passed")]).sentence == "The check passes."


def test_a_failing_check_has_the_failures_sentence_and_since_when() -> None:
    shown = view([record(1, "a")], [state(1, "failed", since=240)], [run(1, "failed", "No pong")])
    (row,) = shown.groups[0].rows
    assert row.sentence[0].text == "No pong."
    assert row.since == "since 11:56:00, 4 min"
    assert row.run_href == "/runs/run1eu"


@pytest.mark.parametrize(
    ("more", "states", "expected"),
    [
        ({}, [], "No runs yet, the first one in 40 s."),
        ({}, [state(1, "missed")], "Missed: it was due 10 s ago and could not begin in time."),
        ({}, [state(1, "skipped")], "Skipped."),
        (
            {"paused_ns": NOW - 60 * S, "paused_by": "ada"},
            [state(1, "failed")],
            "Paused by ada 60 s ago.",
        ),
        (
            {},
            [state(1, "passed", good_in_row=7, since=360)],
            "Passed 10 s ago, and so did all runs of the 6 min before.",
        ),
    ],
)
def test_what_is_not_broken_has_its_sentence_too(
    more: dict[str, object], states: list[CheckState], expected: str
) -> None:
    shown = view([record(1, "a", **more)], states)
    assert "".join(piece.text for piece in shown.groups[0].rows[0].sentence) == expected


def test_a_paused_check_is_not_broken() -> None:
    shown = view(
        [record(1, "a", paused_ns=1), record(2, "b")], [state(1, "failed"), state(2, "passed")]
    )
    assert list(names(shown)) == ["paused", "passed"]


def test_without_anything_the_next_command_is_told() -> None:
    none = view([], projects=())
    assert none.command == "checkwire init && checkwire serve"
    empty = view([])
    assert "*_check.py" in empty.empty
    assert empty.command == "checkwire init"


def test_problems_of_the_service_are_banners() -> None:
    broken = msgspec.structs.replace(
        PROJECT,
        error="checkwire.toml, line 7: no",
        load_failures=(Failure(code="script.syntax", message="x.py is not valid Python"),),
    )
    shown = view(
        [record(1, "a")],
        [state(1, "passed")],
        projects=(broken,),
        health=Health(ok=False, problems=("The disk is full.",)),
    )
    assert [banner.title for banner in shown.banners] == [
        "Checkwire itself",
        "Project Acme",
        "Project Acme",
    ]
    assert shown.banners[1].detail == "checkwire.toml, line 7: no"
    assert shown.banners[2].failures[0].code == "script.syntax"


SYNTAX = Failure(
    code="script.syntax",
    message="checks/a_check.py, line 24, is not valid Python",
    location=Location(path="checks/a_check.py", line=24),
)


def test_a_broken_file_is_told_once_and_under_its_project() -> None:
    error = f"checks/a_check.py:24: {SYNTAX.message}"
    broken = msgspec.structs.replace(PROJECT, error=error, load_failures=(SYNTAX,))
    problems = (f"project acme: {error}",)
    (banner,) = view([], projects=(broken,), health=Health(ok=True, problems=problems)).banners
    assert banner.title == "Project Acme"
    assert (banner.detail, len(banner.failures)) == ("", 1)


def test_a_change_that_is_refused_is_told_once_with_its_place_once() -> None:
    error = f"checks/a_check.py:24: {SYNTAX.message}; b.py:2: ValueError: no"
    broken = msgspec.structs.replace(PROJECT, error=error)
    problems = ("The disk is full.", f"project acme: {error}")
    shown = view([], projects=(broken,), health=Health(ok=False, problems=problems))
    assert [banner.title for banner in shown.banners] == ["Checkwire itself", "Project Acme"]
    assert shown.banners[0].text == "The disk is full."
    assert shown.banners[1].detail == f"{SYNTAX.message}; b.py:2: ValueError: no"


def test_notices_that_are_not_delivered_are_banners() -> None:
    shown = view(
        [record(1, "a")],
        [state(1, "passed")],
        notices=(
            ChannelNotices(project="acme", channel="mail", waiting=2),
            ChannelNotices(
                project="acme",
                channel="ops",
                waiting=3,
                late=2,
                given_up=4,
                lost=1,
                error="503: no",
                untold=(Untold(check_uid="uid1", check="a.py::a"),),
            ),
        ),
    )
    (banner,) = shown.banners
    assert banner.title == "Channel ops of Acme"
    assert banner.text == (
        "2 notices are not delivered, and are tried again. 1 notice was given up."
    )
    assert banner.detail == "503: no"
    assert banner.links == (("a", "/incidents?check=uid1"),)
    assert banner.advice.endswith("try it with checkwire channel test ops --project acme.")


def test_notices_that_were_given_up_before_the_channel_worked_are_no_trouble() -> None:
    fine = ChannelNotices(project="acme", channel="ops", waiting=1, given_up=4)
    assert view([record(1, "a")], [state(1, "passed")], notices=(fine,)).banners == []


def test_many_checks_come_in_pages() -> None:
    checks = [record(n, f"check{n:04}") for n in range(250)]
    states = [state(n, "passed") for n in range(250)]
    first, last = view(checks, states), view(checks, states, page=3)
    assert (first.pages, len(first.groups[0].rows)) == (3, 100)
    assert names(last)["passed"][0] == "check0200"
    assert len(last.groups[0].rows) == 50
    assert first.groups[0].count == 250
