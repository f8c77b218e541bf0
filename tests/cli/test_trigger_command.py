"""``checkwire trigger``, ``pause`` and ``resume``."""

from __future__ import annotations

import json
import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from checkwire.server.monitor import ProjectStatus
from checkwire.store import runs
from support import samples
from support.asking import Watched, watching
from support.httpserver import HttpServer, SeenRequest, reply
from support.processes import wait_until
from support.program import checkwire


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    with watching(tmp_path) as made:
        yield made


def waiting(watched: Watched, count: int) -> dict[str, str]:
    """The runs that were asked for, once there are so many: locations by ids."""
    monitor = watched.server.monitor
    wait_until(lambda: len(watched.server.call(monitor.running)) == count)
    return {run.run_id: run.location for run in watched.server.call(monitor.running)}


def happen(watched: Watched, run_id: str, name: str) -> None:
    """The run begins, tells what the sample tells, and ends so."""
    monitor, run = watched.server.monitor, watched.runs[name]
    watched.server.call(monitor.begin, "", run_id=run_id)
    for attempt in run.attempts:
        for event in attempt.events:
            watched.server.call(monitor.tell, run_id, event, attempt.number)
    watched.server.do(monitor.finish(run_id, run))


def test_a_trigger_says_which_runs_there_will_be(watched: Watched) -> None:
    result = watched.ask("trigger", "positions")
    assert (result.status, result.err) == (0, "")
    for run_id, location in waiting(watched, 2).items():
        assert f"  ◌ positions at {location}  {run_id}\n" in result.out


def test_a_trigger_for_one_location_as_json(watched: Watched) -> None:
    document = watched.told("trigger", "positions", "--location", "us")
    ((run_id, location),) = waiting(watched, 1).items()
    assert [(run["run_id"], run["location"]) for run in document["runs"]] == [(run_id, location)]
    assert document["runs"][0]["check_uid"] == watched.uid("positions")


@pytest.mark.parametrize(
    ("name", "status", "summary"),
    [
        ("private-fills", 0, "1 passed"),
        ("room-join", 0, "1 degraded"),
        ("ticker-subscribe", 1, "1 failed"),
        ("session", 2, "1 error"),
        ("presence-fanout", 0, "1 skipped"),
    ],
)
def test_waiting_ends_as_the_test_command_does(
    watched: Watched, name: str, status: int, summary: str
) -> None:
    with watched.asking("trigger", name, "--location", "eu", "--wait") as process:
        (run_id,) = waiting(watched, 1)
        happen(watched, run_id, name)
        out, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (status, "")
    assert re.search(rf"^{summary}  in .*  exit {status}$", out, re.MULTILINE)
    assert name in out
    if name == "ticker-subscribe":
        assert "  $.data.price was a string. The check expects a number greater than 0." in out


def test_a_run_that_is_missed_is_an_error(watched: Watched) -> None:
    monitor = watched.server.monitor

    async def miss(run_id: str) -> None:
        due = monitor._due[run_id]
        record = runs.missed_record(due, monitor._ids[watched.uid("positions")], 1, due.due_ns)
        async with watched.server.store.writing() as tx:
            await runs.insert_runs(tx, [(record, None)], time.time_ns())
        del monitor._running[run_id]
        del monitor._events[run_id]  # else who asks from now on waits for more
        monitor.hub.publish(f"run:{run_id}", "finished", {})

    with watched.asking("trigger", "positions", "--location", "eu", "--wait") as process:
        (run_id,) = waiting(watched, 1)
        watched.server.do(miss(run_id))
        out, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (2, "")
    assert "The run was missed: it could not begin in time." in out
    assert "1 error" in out


def test_runs_at_several_locations_are_told_apart(watched: Watched) -> None:
    with watched.asking("trigger", "positions", "private-fills", "--wait", "-v") as process:
        for run_id in waiting(watched, 4):
            happen(watched, run_id, "private-fills")
        out, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (0, "")
    for name in ("positions", "private-fills"):
        for place in ("eu", "us"):
            assert re.search(rf"^  ● {name} at {place} +655 ms", out, re.MULTILINE)
    assert "4 passed" in out
    assert "101 Switching Protocols" in out


def test_waiting_as_json_is_the_document_of_the_test_command(watched: Watched) -> None:
    asked = ("trigger", "ticker-subscribe", "--location", "eu", "--wait", "--json")
    with watched.asking(*asked) as process:
        (run_id,) = waiting(watched, 1)
        happen(watched, run_id, "ticker-subscribe")
        out, _ = process.communicate(timeout=30)
    document = json.loads(out)
    assert process.returncode == document["exit_code"] == 1
    assert document["summary"]["failed"] == 1
    (run,) = document["runs"]
    assert run["id"] == run_id
    assert run["check"]["id"] == watched.runs["ticker-subscribe"].check.id


def test_ctrl_c_names_the_runs_that_go_on(watched: Watched) -> None:
    with watched.asking("trigger", "positions", "--wait") as process:
        runs = {location: run_id for run_id, location in waiting(watched, 2).items()}
        happen(watched, runs["eu"], "private-fills")
        assert process.stdout is not None
        assert any("positions at eu" in line for line in process.stdout)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert err.splitlines() == [
        "checkwire: the server goes on with 1 run:",
        f"  positions at us  {runs['us']}",
        "checkwire show RUN tells what comes of it",
    ]
    assert list(waiting(watched, 1)) == [runs["us"]]


def test_ctrl_c_names_them_as_json_too(watched: Watched) -> None:
    with watched.asking("trigger", "positions", "--wait", "--json") as process:
        runs = {location: run_id for run_id, location in waiting(watched, 2).items()}
        happen(watched, runs["eu"], "private-fills")
        with watched.server.stream(f"/api/v1/runs/{runs['eu']}/events") as stream:
            assert [event.kind for event in stream][-1] == "finished"
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=30)
    document = json.loads(out)
    assert (process.returncode, document["exit_code"], document["interrupted"]) == (130, 130, True)
    assert runs["us"] in [left["run_id"] for left in document["left"]]


def test_of_what_was_asked_for_before_an_error_the_runs_are_known(watched: Watched) -> None:
    elsewhere = msgspec.structs.replace(watched.runs["feed"].check, locations=("mars",))
    status = ProjectStatus(key="bank", name="", root="/", loaded_ns=0, digest="", checks=1)
    watched.server.do(watched.server.monitor.add_project(status, [elsewhere]))
    asked = ("positions", "bank/feed", "--location", "eu", "--wait", "--json")
    result = watched.ask("trigger", *asked)
    ((run_id, _),) = waiting(watched, 1).items()
    document = json.loads(result.out)
    assert (result.status, document["exit_code"], document["runs"]) == (2, 2, [])
    assert "will not run" in document["error"]
    assert document["error"] in result.err
    assert [left["run_id"] for left in document["left"]] == [run_id]


def test_a_server_that_goes_away_leaves_the_name_of_the_run(tmp_path: Path) -> None:
    run_id, check = "01KAYF0M7Z4QJ9T3V8X2B6N0PD", samples.passed().check
    known = {"uid": "4m0rkv2c8e1a", "id": check.id, "project": "p", "name": check.name}
    asked = {"run_id": run_id, "location": "eu", "due_ns": 1}

    def answer(request: SeenRequest) -> bytes:
        path = request.target.partition("?")[0]
        answers: dict[str, Any] = {
            "/api/v1/checks": {"items": [known], "next": None},
            "/api/v1/checks/4m0rkv2c8e1a": {**known, "definition": msgspec.to_builtins(check)},
            "/api/v1/checks/4m0rkv2c8e1a/runs": {"runs": [asked]},
            "/api/v1/projects": {"items": []},
        }
        if path not in answers:
            problem = b'{"type": "urn:checkwire:problem:x", "detail": "It was restored."}'
            return reply("404 x", problem, "Content-Type: application/problem+json")
        return reply("200 OK", json.dumps(answers[path]).encode(), "Content-Type: application/json")

    with HttpServer(answer) as server:
        words = ("trigger", check.name, "--wait", "--server", server.url)
        result = checkwire(*words, cwd=tmp_path)
        as_json = checkwire(*words, "--json", cwd=tmp_path)
    assert result.status == as_json.status == 2
    lost = f"It was restored. What comes of {check.name} at eu ({run_id}) is not known"
    assert lost in result.err
    assert lost in as_json.err
    document = json.loads(as_json.out)
    assert lost in document["error"]
    assert document["left"] == [{"run_id": run_id, "check": check.id, "location": "eu"}]
    assert (document["exit_code"], document["runs"]) == (2, [])


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["postions"], 'has no check "postions"; did you mean "positions"?'),
        (["positions", "--location", "mars"], "positions will not run: the check does not run at"),
        (["positions", "-v"], "-v goes with --wait"),
        ([], "Missing argument 'CHECK...'"),
    ],
)
def test_what_cannot_be_triggered(watched: Watched, arguments: list[str], error: str) -> None:
    result = watched.ask("trigger", *arguments)
    assert (result.status, result.out) == (2, "")
    assert error in result.err
    assert watched.server.call(watched.server.monitor.running) == []


def test_a_check_is_paused_and_resumed(watched: Watched) -> None:
    result = watched.ask("pause", "positions", "feed")
    assert result.out.splitlines() == [
        "  ○ positions  paused: checkwire resume plans runs again",
        "  ○ feed  paused: checkwire resume plans runs again",
    ]
    standing = {check["name"]: check for check in watched.told("status")["checks"]}
    assert {name for name, check in standing.items() if check["paused"]} == {"positions", "feed"}
    (check,) = watched.told("resume", "positions")["checks"]
    assert check["paused"] is False
    assert "  ● feed  scheduled, due " in watched.ask("resume", "feed").out


def test_of_several_projects_the_one_is_told_whose_check_it_is(watched: Watched) -> None:
    watched.watch("bank", "feed", tag="money")
    asked = watched.ask("trigger", "bank/feed", "positions").out
    assert "  ◌ bank/feed at eu  " in asked
    assert "  ◌ shop/positions at us  " in asked
    assert "  ○ bank/feed  paused" in watched.ask("pause", "bank/feed").out
    assert "  ● bank/feed  scheduled" in watched.ask("resume", "bank/feed").out
    assert re.search(r"^  ○ bank/feed +no run yet", watched.ask("status", "--project", "bank").out,
                     re.MULTILINE)  # fmt: skip
    assert re.search(r" shop/feed +eu ", watched.ask("runs", "--check", "shop/feed").out)
    refused = watched.ask("trigger", "bank/feed", "--location", "mars").err
    assert "bank/feed will not run" in refused
    before = set(waiting(watched, 4))
    with watched.asking("trigger", "bank/feed", "--location", "eu", "--wait") as process:
        (run_id,) = set(waiting(watched, 5)) - before
        happen(watched, run_id, "feed")
        out, _ = process.communicate(timeout=30)
    assert re.search(r"^  . bank/feed +\d", out, re.MULTILINE), out


def test_none_is_paused_if_one_is_not_known(watched: Watched) -> None:
    result = watched.ask("pause", "positions", "nonsense")
    assert result.status == 2
    assert not any(check["paused"] for check in watched.told("status")["checks"])
