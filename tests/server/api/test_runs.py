from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from checkwire.model.attempt import Run
from support.server.running import Running
from support.server.shop import BOOKS, HISTORY, LOGIN, MINUTE_NS, NOW_NS, ROOM

Listed = tuple[str, str, int]


def listed(running: Running, query: str = "") -> list[Listed]:
    reply = running.get(f"/api/v1/runs{query}")
    assert reply.status == 200, reply.body
    return [_place(run) for run in reply.json["items"]]


def _place(run: dict[str, Any]) -> Listed:
    return run["check_uid"], run["location"], (NOW_NS - run["due_ns"]) // MINUTE_NS


def history(*minutes: int) -> list[Listed]:
    """The runs that were due so many minutes before now."""
    found = [(uid, place, ago) for uid, place, ago, _ in HISTORY if ago in minutes]
    return sorted(found, key=lambda run: (run[2], run[1] != "us"))


def run_ids(running: Running, query: str = "") -> list[str]:
    return [run["run_id"] for run in running.get(f"/api/v1/runs{query}").json["items"]]


def test_runs_are_listed_the_latest_first(either: Running) -> None:
    assert listed(either) == history(1, 2, 3, 4, 5, 6, 7)
    run = either.get("/api/v1/runs?limit=3").json["items"][2]
    assert (run["status"], run["code"]) == ("failed", "tls.certificate_expired")
    assert run["message"]
    assert run["phase"] == "tls"
    assert run["cause"] == "schedule"


@pytest.mark.parametrize(
    ("query", "minutes"),
    [
        (f"?check={LOGIN}", (2, 4)),
        ("?status=degraded", (6,)),
        ("?status=degraded&status=failed", (2, 4, 5, 6)),
        ("?status=missed", ()),
        ("?location=us", (1, 5)),
        ("?location=mars", ()),
        ("?tag=auth", (2, 4)),
        ("?tag=auth&location=us", ()),
        ("?code=tls.certificate_expired", (2, 4)),
        ("?code=tls.", (2, 4)),
        ("?code=tls", (2, 4)),
        ("?code=tls.*", (2, 4)),
        ("?code=tl", ()),
        ("?code=tcp.", ()),
        ("?project=shop&status=degraded", (6,)),
        ("?project=tea", ()),
        (f"?since={NOW_NS - 3 * MINUTE_NS}&location=eu", (1, 2, 3)),
        ("?since=2026-11-22T16:04:00Z&location=eu", (1, 2, 3)),
        ("?until=2026-11-22T17:02:00%2B01:00", (6, 7)),
        ("?since=2026-11-22T16:02:00Z&until=2026-11-22T16:03:00Z", (5,)),
    ],
)
def test_runs_are_filtered(either: Running, query: str, minutes: tuple[int, ...]) -> None:
    found = listed(either, query)
    assert found == [run for run in history(*minutes) if run in found]
    assert {ago for _, _, ago in found} == set(minutes)


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 8, 9])
@pytest.mark.parametrize("query", ["", f"&check={BOOKS}"])
def test_pages_put_together_are_the_list(either: Running, limit: int, query: str) -> None:
    found, cursor = [], ""
    while True:
        page = either.get(f"/api/v1/runs?limit={limit}{query}{cursor}").json
        assert 0 < len(page["items"]) <= limit
        found += [run["run_id"] for run in page["items"]]
        if page["next"] is None:
            break
        cursor = f"&cursor={page['next']}"
    assert found == run_ids(either, f"?limit=200{query}")


def test_a_run_is_shown(either: Running) -> None:
    (run_id,) = run_ids(either, "?status=degraded")
    run = either.get(f"/api/v1/runs/{run_id}").json
    assert (run["run_id"], run["check_uid"], run["check"]) == (
        run_id,
        ROOM,
        "checks/chat.py::room",
    )
    assert run["attempts"] == 1
    assert run["times"]["first_message"] == 1_442_000_000


def test_a_pass_after_a_retry_is_flaky(either: Running) -> None:
    runs = either.get(f"/api/v1/runs?check={BOOKS}&status=passed").json["items"]
    assert [run["flaky"] for run in runs] == [False, False, True, False]


def test_the_transcript_is_the_run_as_it_was_stored(either: Running) -> None:
    (run_id,) = run_ids(either, "?status=degraded")
    reply = either.get(f"/api/v1/runs/{run_id}/transcript")
    run = msgspec.json.decode(reply.body, type=Run)
    (original,) = [run for uid, _, _, run in HISTORY if uid == ROOM]
    assert run.attempts == original.attempts
    assert run.id == run_id


def test_the_archive_is_offered_as_a_file(either: Running) -> None:
    (run_id,) = run_ids(either, "?status=degraded")
    reply = either.get(f"/api/v1/runs/{run_id}/har")
    assert reply.headers["content-disposition"] == f'attachment; filename="{run_id}.har"'
    (entry,) = reply.json["log"]["entries"]
    assert entry["_webSocketMessages"][0]["data"] == '{"room":"lobby","members":12}'


@pytest.mark.parametrize("rest", ["", "/transcript", "/har", "/events"])
@pytest.mark.parametrize("run_id", ["01KAYF0M7Z0000000000000000", "x", "%00", "%F0%9F%90%88"])
def test_a_run_that_is_not_there_is_not_found(either: Running, run_id: str, rest: str) -> None:
    reply = either.get(f"/api/v1/runs/{run_id}{rest}")
    assert (reply.status, reply.kind) == (404, "no_such_run")


def test_a_run_under_way_has_no_transcript_yet(server: Running) -> None:
    run_id = server.call(server.monitor.begin, BOOKS)
    assert server.get(f"/api/v1/runs/{run_id}").json["status"] == "running"
    for rest in ("transcript", "har"):
        assert server.get(f"/api/v1/runs/{run_id}/{rest}").kind == "not_over"
    assert [run["run_id"] for run in server.get("/api/v1/server").json["running"]] == [run_id]
    assert run_id not in run_ids(server)


def test_what_the_client_has_already_is_not_sent_again(either: Running) -> None:
    run_id = run_ids(either)[0]
    for path in (
        f"/api/v1/runs/{run_id}",
        f"/api/v1/runs/{run_id}/transcript",
        "/api/v1/failures/codes",
        "/api/v1/openapi.json",
    ):
        first = either.get(path)
        tag = first.headers["etag"]
        again = either.get(path, If_None_Match=f'"other", W/{tag}')
        assert (again.status, again.body, again.headers["etag"]) == (304, b"", tag)
        assert either.get(path, If_None_Match='"other"').status == 200
    assert (
        either.get(f"/api/v1/runs/{run_id}").headers["etag"]
        != either.get(f"/api/v1/runs/{run_id}/transcript").headers["etag"]
    )


def test_the_tag_of_a_run_is_not_an_answer_for_one_that_is_gone(either: Running) -> None:
    tag = either.get(f"/api/v1/runs/{run_ids(either)[0]}").headers["etag"]
    reply = either.get("/api/v1/runs/01KAYF0M7Z0000000000000000", If_None_Match=tag)
    assert reply.status == 404


def test_all_that_is_said_is_json(either: Running) -> None:
    for path in ("/api/v1/runs", "/api/v1/server", "/api/v1/projects"):
        reply = either.get(path)
        assert reply.headers["content-type"] == "application/json"
        json.loads(reply.body)


@pytest.mark.parametrize("span", ["since=1h&until=2h", "since=2026-01-02&until=2026-01-01"])
def test_a_period_that_ends_before_it_begins_is_refused(reading: Running, span: str) -> None:
    reply = reading.get(f"/api/v1/runs?{span}")
    assert (reply.status, reply.kind, reply.fields) == (400, "empty_period", ["since"])
