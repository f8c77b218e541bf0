from __future__ import annotations

import json
import logging
import re
import shutil
from pathlib import Path

import pytest
from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse, Response

from checkwire.server.api import create_app
from checkwire.server.api.refusals import PATTERNS
from checkwire.server.auth import Auth
from checkwire.server.monitor import Health
from checkwire.server.problems import Problem
from support.server.running import Running, serving
from support.server.shop import BOOKS, shop, sqlite


@pytest.mark.parametrize("path", ["/api/v1/nothing", "/api/v2/runs", "/nothing", "/api/v1/runs/"])
def test_what_is_not_there_is_a_problem(reading: Running, path: str) -> None:
    assert (reading.get(path).status, reading.get(path).kind) == (404, "not_found")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", "/api/v1/runs", "GET"),
        ("GET", f"/api/v1/checks/{BOOKS}/pause", "POST"),
        ("POST", "/healthz", "GET, HEAD"),
        ("PUT", "/login", "GET, POST"),
    ],
)
def test_a_method_that_is_not_taken_says_which_are(
    reading: Running, method: str, path: str, allowed: str
) -> None:
    reply = reading.ask(method, path)
    assert (reply.status, reply.kind) == (405, "method_not_allowed")
    assert reply.headers["allow"] == allowed


def test_unknown_parameters_are_named_with_what_may_be_meant(reading: Running) -> None:
    reply = reading.get("/api/v1/runs?statsu=failed&x=1")
    assert (reply.status, reply.kind) == (400, "unknown_parameter")
    assert reply.fields == ["statsu", "x"]
    assert reply.json["errors"][0]["message"] == 'did you mean "status"?'


@pytest.mark.parametrize(
    "path",
    [
        "/checks",
        f"/checks/{BOOKS}",
        "/runs",
        "/events",
        "/projects",
        "/server",
        "/failures",
        "/failures/codes",
        "/incidents",
        "/uptime",
        f"/checks/{BOOKS}/phases",
    ],
)
def test_no_route_passes_over_a_parameter_in_silence(reading: Running, path: str) -> None:
    assert reading.get(f"/api/v1{path}?nonsense=1").fields == ["nonsense"]


def test_a_parameter_given_twice_is_refused(reading: Running) -> None:
    reply = reading.get("/api/v1/runs?limit=1&limit=2")
    assert (reply.status, reply.kind, reply.fields) == (400, "repeated_parameter", ["limit"])


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"),
        ("limit=201", "limit"),
        ("limit=many", "limit"),
        ("status=fine", "status[0]"),
        ("code=TLS", "code"),
        ("since=0x1", "since"),
        ("since=0d", "since"),
        ("tag=%00", "tag"),
        ("project=", "project"),
    ],
)
def test_a_value_that_cannot_be_is_named_and_not_repeated(
    reading: Running, query: str, field: str
) -> None:
    reply = reading.get(f"/api/v1/runs?{query}")
    assert (reply.status, reply.kind, reply.fields) == (422, "invalid", [field])
    value = query.partition("=")[2]
    assert value == "" or len(value) < 3 or value not in reply.json["detail"]


@pytest.mark.parametrize(
    ("path", "detail"),
    [
        ("/runs?limit=0", '"limit" must be at least 1.'),
        ("/runs?limit=201", '"limit" must be at most 200.'),
        ("/runs?limit=many", '"limit" must be a whole number.'),
        ("/runs?project=", '"project" must not be empty.'),
        ("/runs?tag=%00", '"tag" must have no NUL in it.'),
        (
            f"/runs?tag={'a' * 201}&limit=0",
            '"tag" must have at most 200 characters; "limit" must be at least 1.',
        ),
        (
            "/runs?status=fine",
            '"status[0]" must be passed, degraded, failed, error, skipped or missed.',
        ),
        (
            "/runs?code=TLS",
            '"code" must be a failure code such as tls.certificate_expired, or its floor, such as '
            "tls.",
        ),
        (
            "/runs?since=2026-11-25T00:00:00%2B99:00",
            '"since" is not an instant: there is no such day, time of day, or offset from UTC.',
        ),
        ("/checks?paused=maybe", '"paused" must be true or false.'),
        (
            "/events?topic=all",
            '"topic[0]" must be runs, incidents, projects, or run: and the id of a run.',
        ),
        (
            f"/checks/{BOOKS}/percentiles?quantile=2",
            '"quantile[0]" must be at most 1.',
        ),
    ],
)
def test_a_value_that_cannot_be_is_told_in_a_plain_sentence(
    reading: Running, path: str, detail: str
) -> None:
    assert reading.get(f"/api/v1{path}").json["detail"] == detail


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        ({"location": "eu"}, '"location" is not known here; known are locations.'),
        ({"locations": "eu"}, '"locations" must be a list.'),
        ({"locations": [1]}, '"locations[0]" must be text.'),
        ({"locations": ["eu"] * 51}, '"locations" must have at most 50 items.'),
        ([], "The body must be a JSON object."),
        (b'{"locations": [}', "The body is not JSON: it cannot be read from character 15 on."),
    ],
)
def test_a_body_that_cannot_be_is_told_in_a_plain_sentence(
    reading: Running, body: object, detail: str
) -> None:
    headers = {"Content-Type": "application/json"}
    reply = reading.ask("POST", f"/api/v1/checks/{BOOKS}/runs", body=body, headers=headers)
    assert (reply.status, reply.json["detail"]) == (422, detail)


def test_every_pattern_has_its_words(reading: Running) -> None:
    document = reading.get("/api/v1/openapi.json").body.decode()
    written = set(
        re.findall(r'"pattern":("(?:[^"\\]|\\.)*")', document.partition('"components"')[0])
    )
    unit = "(ms|s|min|m|h|d)$"  # these are read by parse_instant
    instants = {f"^[0-9]{{1,9}}{unit}", f"^[1-9][0-9]{{0,8}}{unit}"}
    assert {json.loads(one) for one in written} - instants == set(PATTERNS)


@pytest.mark.parametrize("path", ["/runs", "/checks", "/incidents", "/uptime"])
def test_a_malformed_cursor_is_refused_with_its_name(reading: Running, path: str) -> None:
    good = reading.get("/api/v1/runs?limit=1").json["next"]
    for cursor in ("x", "", "%00", good[:-1], good + "A", good.swapcase(), "%C3%A9", "A" * 1024):
        reply = reading.get(f"/api/v1{path}?cursor={cursor}")
        assert (reply.status, reply.kind) == (400, "malformed_cursor"), cursor
        assert reply.fields == ["cursor"]


def test_a_cursor_of_another_list_is_refused(reading: Running) -> None:
    runs = reading.get("/api/v1/runs?limit=1").json["next"]
    checks = reading.get("/api/v1/checks?limit=1").json["next"]
    assert reading.get(f"/api/v1/checks?cursor={runs}").kind == "malformed_cursor"
    assert reading.get(f"/api/v1/runs?cursor={checks}").kind == "malformed_cursor"
    assert reading.get(f"/api/v1/uptime?cursor={checks}").status == 200


def _mistaken() -> APIRouter:
    router = APIRouter()

    @router.get("/mistake")
    async def mistake() -> Response:
        raise RuntimeError("hunter2")

    return router


def test_a_mistake_of_ours_shows_nothing_of_itself(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with (
        caplog.at_level(logging.ERROR, "checkwire.server"),
        shop(tmp_path, pages=[_mistaken()]) as server,
    ):
        reply = server.get("/mistake")
    assert (reply.status, reply.kind) == (500, "internal")
    assert b"hunter2" not in reply.body
    assert b"Traceback" not in reply.body
    assert reply.headers["x-content-type-options"] == "nosniff"
    assert "hunter2" in caplog.text


def test_a_database_that_is_gone_is_told_and_is_there_again_when_it_is_back(
    server: Running,
) -> None:
    path = server.store.address.path
    assert path is not None
    kept = path.with_name("kept")
    shutil.move(path, kept)
    reply = server.get("/api/v1/runs")
    assert (reply.status, reply.kind) == (503, "database_unavailable")
    assert reply.headers["retry-after"] == "5"
    assert str(path) not in reply.body.decode()
    ready = server.get("/readyz")
    assert (ready.status, ready.json["database"]) == (503, False)
    assert server.get("/healthz").json == {"status": "alive"}
    assert server.get("/api/v1/projects").status == 200
    shutil.move(kept, path)
    assert server.get("/api/v1/runs").status == 200
    assert server.get("/readyz").status == 200


def test_browsers_get_a_page_outside_the_api(tmp_path: Path) -> None:
    def page(_request: Request, problem: Problem) -> Response:
        return HTMLResponse(f"<h1>{problem.status}</h1>", problem.status)

    def build(running: Running):  # type: ignore[no-untyped-def]
        return create_app(running.monitor, Auth(running.store, False), error_page=page)

    with serving(sqlite(tmp_path), build) as server:
        assert server.get("/nothing", Accept="text/html").body == b"<h1>404</h1>"
        assert server.get("/api/v1/nothing", Accept="text/html").kind == "not_found"
        assert server.get("/nothing").kind == "not_found"


def test_it_is_alive_and_ready(server: Running) -> None:
    assert server.get("/healthz").json == {"status": "alive"}
    assert server.ask("HEAD", "/healthz").status == 200
    ready = server.get("/readyz")
    assert (ready.status, ready.json) == (
        200,
        {"status": "ready", "database": True, "backlog": 0, "problems": []},
    )


def test_it_is_not_ready_while_something_is_wrong(server: Running) -> None:
    server.monitor.state = Health(ok=False, problems=("Planning is late.",), backlog=7)
    ready = server.get("/readyz")
    assert ready.status == 503
    assert ready.json["status"] == "not ready"
    assert ready.json["problems"] == ["Planning is late."]
    assert ready.json["backlog"] == 7
    shown = server.get("/api/v1/server").json
    assert (shown["ok"], shown["problems"]) == (False, ["Planning is late."])


def test_it_is_not_ready_when_it_stops(server: Running) -> None:
    server.call(server.monitor.stopping.set)
    assert server.get("/readyz").json["problems"] == ["The server is stopping."]
