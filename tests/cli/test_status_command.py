"""``checkwire status``: the worst first, a sentence each."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from checkwire.model.failures import Failure
from checkwire.server.monitor import Health
from support.asking import SECOND_NS, Watched, watching


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    with watching(tmp_path_factory.mktemp("watched")) as made:
        yield made


def names(out: str) -> list[str]:
    """The checks, in their order."""
    found = re.findall(r"^  [●▲✕○] (\S+)  +\S", out, re.MULTILINE)
    return [str(name) for name in found]


def test_the_worst_come_first_with_the_sentence_of_their_latest_run(watched: Watched) -> None:
    result = watched.ask("status")
    assert (result.status, result.err) == (1, "")
    shown = names(result.out)
    assert set(shown) == set(watched.runs)
    gravity = ("failed", "error", "degraded", "passed", "skipped")
    order = [gravity.index(watched.runs[name].status) for name in shown]
    assert order == sorted(order)
    assert re.search(
        r"^  ✕ ticker-subscribe +down for \d+ s$\n"
        r"^    \$\.data\.price was a string\. The check expects a number greater than 0\.$\n"
        r"^    assertion\.failed$",
        result.out,
        re.MULTILINE,
    )
    assert re.search(r"^  ▲ room-join +degraded for \d+ s$", result.out, re.MULTILINE)
    assert re.search(r"^  ● private-fills +up for \d+ s, last run \d+ s ago$", result.out, re.M)
    assert re.search(r"^\d+ down, 1 in error, 1 degraded, .*  exit 1$", result.out, re.MULTILINE)
    assert all(len(line) <= 80 for line in result.out.splitlines())
    assert "\x1b" not in result.out


def test_as_json_each_check_has_its_state_and_its_sentence(watched: Watched) -> None:
    document = watched.told("status")
    assert document["exit_code"] == 1
    assert document["server"]["url"] == watched.url
    found = {check["name"]: check for check in document["checks"]}
    assert found["ticker-subscribe"]["state"] == "failed"
    assert found["ticker-subscribe"]["code"] == "assertion.failed"
    assert found["ticker-subscribe"]["message"].startswith("$.data.price was a string.")
    assert found["private-fills"]["state"] == "passed"
    assert "message" not in found["private-fills"]
    counted = sum(document["counts"].values())
    assert counted == len(document["checks"]) == len(watched.runs)


def test_what_the_server_and_its_projects_lack_is_told_above(watched: Watched) -> None:
    monitor = watched.server.monitor
    monitor.state = Health(ok=False, problems=("The disk of the database is full.",))
    try:
        result = watched.ask("status")
    finally:
        monitor.state = Health(ok=True)
    assert result.out.splitlines()[2] == "  ▲ server  The disk of the database is full."


def test_a_broken_file_is_told_once(tmp_path: Path) -> None:
    message = "checks/feed_check.py, line 24, is not valid Python: invalid syntax."
    failure = Failure(code="script.syntax", message=message)
    with watching(tmp_path) as watched:
        monitor = watched.server.monitor
        (status,) = monitor.projects()

        def problems(error: str) -> str:
            project = msgspec.structs.replace(status, error=error, load_failures=(failure,))
            watched.server.do(monitor.add_project(project, []))
            monitor.state = Health(ok=True, problems=(f"project shop: {error}",))
            return " ".join(watched.ask("status").out.partition("\n\n")[2].split())

        told = problems(message)
        assert told.startswith(f"▲ shop {message} ")
        assert told.count("line 24") == 1
        assert "runs on" not in told
        # Another version was refused; what is wrong with the one that runs is still so.
        told = problems("feed_check.py, line 7, is not valid Python: '(' was never closed.")
        assert (told.count("line 7"), told.count("line 24")) == (1, 1)
        assert "was never closed. The version of" in told


def test_of_several_places_those_are_named_where_it_is_down(tmp_path: Path) -> None:
    with watching(tmp_path) as watched:
        watched.store("positions", watched.runs["private-fills"], 5 * SECOND_NS, "us")
        result = watched.ask("status")
    line = next(line for line in result.out.splitlines() if " positions " in line)
    assert re.search(r"down for \d+ s at eu \(1 of 2\)$", line)


def test_checks_that_are_paused_or_have_never_run_are_not_down(tmp_path: Path) -> None:
    with watching(tmp_path) as watched:
        down = [n for n, run in watched.runs.items() if run.status in ("failed", "error")]
        assert watched.ask("pause", *down).status == 0
        result = watched.ask("status")
        assert result.status == 0
        assert f"{len(down)} paused" in result.out
        assert re.search(
            r"^  ○ positions +paused from this machine (just now|\d+ s ago)$", result.out, re.M
        )


def test_filters_narrow_what_is_told(tmp_path: Path) -> None:
    with watching(tmp_path) as watched:
        watched.watch("bank", "feed", "positions", tag="money")
        watched.watch("mill", tag="")
        for arguments in (["--project", "bank"], ["--tag", "money"]):
            checks = watched.told("status", *arguments)["checks"]
            assert {check["project"] for check in checks} == {"bank"}
            assert {check["name"] for check in checks} == {"feed", "positions"}
        for nothing in (["--project", "mill"], ["--project", "shop", "--tag", "money"]):
            result = watched.ask("status", *nothing)
            assert (result.status, result.out.splitlines()[-1]) == (0, "no checks  exit 0")


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["--project", "shpo"], 'has no project "shpo"; did you mean "shop"?'),
        (["--project", "other"], 'has no project "other"; known are shop'),
        (["--tag", "nothing-has-it"], 'has the tag "nothing-has-it"'),
        (["--tag", "none", "--json"], 'has the tag "none"'),
    ],
)
def test_a_name_that_the_server_does_not_know(
    watched: Watched, arguments: list[str], error: str
) -> None:
    result = watched.ask("status", *arguments)
    assert (result.status, result.out) == (2, "")
    assert error in result.err


def test_there_is_colour_where_it_is_wanted(watched: Watched) -> None:
    assert "\x1b[31m✕\x1b[0m" in watched.ask("status", FORCE_COLOR="1").out
