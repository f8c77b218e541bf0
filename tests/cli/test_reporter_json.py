from __future__ import annotations

import errno
import json
import re
from pathlib import Path
from typing import Any

import msgspec

from checkwire import __version__
from checkwire.model.attempt import Attempt, Run
from checkwire.model.events import Logged
from support import samples
from support.reporting import report


def document(*runs: Run, **more: Any) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(report(runs, "json", **more))
    return told


def test_the_envelope_says_what_happened() -> None:
    told = document(*samples.everything(), broken=samples.load_failures())
    runs = told.pop("runs")
    failures = told.pop("load_failures")
    assert told == {
        "schema": 1,
        "checkwire": __version__,
        "exit_code": 1,
        "interrupted": False,
        "duration_ns": 2_300_000_000,
        "summary": {
            "passed": 3, "degraded": 1, "failed": 7, "error": 1, "skipped": 1, "flaky": 1,
            "stopped": 0, "not_run": 0,
        },
        "unfinished": [],
        "stopped": [],
    }  # fmt: skip
    assert len(runs) == 13
    assert failures[0]["code"] == "script.syntax"
    assert failures[0]["location"]["line"] == 7


def test_a_failure_has_its_code_blame_title_hint_and_evidence() -> None:
    run = document(samples.refused())["runs"][0]
    failure = run["attempts"][0]["failure"]
    assert failure["code"] == "tcp.refused"
    assert failure["blame"] == "target"
    assert failure["title"] == "Nothing listens on the port"
    assert failure["hint"].startswith("Check that the server runs")
    assert failure["retryable"] is True
    assert failure["evidence"]["errno"] == errno.ECONNREFUSED
    assert run["attempts"][0]["failures"][0]["failure"] == failure


def test_phases_are_in_nanoseconds_and_the_transcript_is_there() -> None:
    attempt = document(samples.passed())["runs"][0]["attempts"][0]
    phases = {phase["name"]: phase for phase in attempt["connections"][0]["phases"]}
    assert phases["tls"]["duration_ns"] == 41_600_000
    frames = [event for event in attempt["events"] if event["type"] == "frame_seen"]
    assert frames[1]["payload"].startswith('{"op":"subscribe"')


def test_the_model_reads_its_own_runs_back() -> None:
    for run, told in zip(
        samples.everything(), document(*samples.everything())["runs"], strict=True
    ):
        told.pop("flaky")
        back = msgspec.convert(told, Run)
        assert [one.events for one in back.attempts] == [one.events for one in run.attempts]
        assert back.status == run.status


def test_a_long_transcript_is_bounded_and_says_so() -> None:
    run = samples.passed()
    events = tuple(Logged(at_ns=number, message=str(number)) for number in range(5000))
    attempt: Attempt = msgspec.structs.replace(run.attempts[0], events=events)
    told = document(msgspec.structs.replace(run, attempts=(attempt,)))["runs"][0]["attempts"][0]
    assert told["events_omitted"] == 3000
    assert len(told["events"]) == 2000
    assert (told["events"][0]["message"], told["events"][-1]["message"]) == ("0", "4999")


def test_checks_without_a_run_are_named() -> None:
    first, second, *others = samples.trading()
    told = document(first, stopped=[second], not_run=others)
    assert told["interrupted"] is True
    assert told["unfinished"] == [run.check.id for run in (second, *others)]
    assert told["stopped"] == [second.check.id]
    counts = told["summary"]
    assert (counts["passed"], counts["stopped"], counts["not_run"]) == (1, 1, 3)


def test_nothing_in_the_document_steers_a_terminal_and_nothing_is_lost() -> None:
    text = report([samples.nasty()], "json")
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e\u200b\ufeff]", text)
    assert json.loads(text)["runs"][0]["check"]["name"] == samples.NASTY


def test_the_documentation_shows_the_members_that_there_are() -> None:
    page = (Path(__file__).parents[2] / "docs" / "reporters.md").read_text()
    (example,) = re.findall(r"```json\n(.*?)```", page, re.DOTALL)
    shown, told = json.loads(example), document()
    assert list(shown) == list(told)
    assert list(shown["summary"]) == list(told["summary"])
