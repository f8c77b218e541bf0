from __future__ import annotations

from typing import Any

import pytest

from support.server.running import Running
from support.server.shop import BOOKS, LOGIN, ROOM, TEA


def uids(running: Running, query: str = "") -> list[str]:
    return [check["uid"] for check in running.get(f"/api/v1/checks{query}").json["items"]]


def test_projects_are_listed_with_what_is_wrong(either: Running) -> None:
    shop, tea = either.get("/api/v1/projects").json["items"]
    assert (shop["key"], shop["checks"], shop["error"]) == ("shop", 3, None)
    assert tea["error"] == "checks/x.py is broken"
    assert tea["load_failures"] == [
        {"code": "script.syntax", "message": "checks/x.py is not valid Python."}
    ]


def test_checks_are_listed_by_project_and_id_with_where_they_stand(either: Running) -> None:
    assert uids(either) == [LOGIN, ROOM, BOOKS, TEA]
    books = either.get("/api/v1/checks").json["items"][2]
    assert (books["name"], books["project"], books["every"]) == ("books", "shop", 60.0)
    assert books["tags"] == ["orders", "fast"]
    assert [(state["location"], state["status"]) for state in books["states"]] == [
        ("eu", "passed"),
        ("us", "passed"),
    ]
    assert books["status"] == "passed"
    assert books["next_due_ns"] == either.monitor.started_ns + 60_000_000_000
    assert "definition" not in books


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("?project=tea", [TEA]),
        ("?tag=orders", [BOOKS]),
        ("?tag=nothing", []),
        ("?location=us", [BOOKS]),
        ("?status=failed", [LOGIN]),
        ("?status=degraded", [ROOM]),
        ("?paused=true", []),
        ("?text=BOOK", [BOOKS]),
        ("?text=checks/auth", [LOGIN]),
        ("?project=shop&status=passed", [BOOKS]),
        ("?project=none", []),
    ],
)
def test_checks_are_filtered(either: Running, query: str, expected: list[str]) -> None:
    assert uids(either, query) == expected


@pytest.mark.parametrize("limit", [1, 2, 3, 4, 5])
def test_pages_put_together_are_the_list(either: Running, limit: int) -> None:
    found, query = [], f"?limit={limit}"
    while True:
        page = either.get(f"/api/v1/checks{query}").json
        assert len(page["items"]) <= limit
        found += [check["uid"] for check in page["items"]]
        if page["next"] is None:
            break
        query = f"?limit={limit}&cursor={page['next']}"
    assert found == [LOGIN, ROOM, BOOKS, TEA]


def test_a_check_is_shown_with_its_definition(either: Running) -> None:
    check = either.get(f"/api/v1/checks/{LOGIN}").json
    assert check["id"] == "checks/auth.py::login"
    assert check["status"] == "failed"
    assert check["definition"]["path"] == "checks/auth.py"
    assert check["states"][0]["bad_in_row"] == 2


@pytest.mark.parametrize("uid", ["aaaaaaaaaaaa", "x", "%00", "checks%2Fauth.py::login"])
def test_a_check_that_is_not_there_is_not_found(either: Running, uid: str) -> None:
    for reply in (
        either.get(f"/api/v1/checks/{uid}"),
        either.get(f"/api/v1/checks/{uid}/uptime"),
        either.post(f"/api/v1/checks/{uid}/pause"),
        either.post(f"/api/v1/checks/{uid}/runs"),
    ):
        assert reply.status == 404


def test_a_check_is_paused_and_resumed(server: Running) -> None:
    paused = server.post(f"/api/v1/checks/{ROOM}/pause").json
    assert (paused["paused"], paused["paused_by"]) == (True, "local")
    assert paused["paused_ns"] is not None
    assert paused["status"] == "degraded"  # what its latest run said
    members = list(paused)
    assert members.index("paused") == members.index("status") + 1
    assert uids(server, "?paused=true") == [ROOM]
    assert server.post(f"/api/v1/checks/{ROOM}/resume").json["paused"] is False
    assert uids(server, "?paused=true") == []


def test_a_trigger_says_where_to_look(server: Running) -> None:
    reply = server.post(f"/api/v1/checks/{BOOKS}/runs", {"locations": ["us"]})
    assert reply.status == 202
    (asked,) = reply.json["runs"]
    assert asked["location"] == "us"
    run = server.get(asked["run"]).json
    assert (run["status"], run["check_uid"], run["location"]) == ("waiting", BOOKS, "us")
    with server.stream(asked["events"]) as stream:
        assert stream.response.status == 200


@pytest.mark.parametrize("body", [None, {}, {"locations": []}])
def test_a_trigger_without_locations_means_all_of_them(server: Running, body: Any) -> None:
    runs = server.post(f"/api/v1/checks/{BOOKS}/runs", body).json["runs"]
    assert [run["location"] for run in runs] == ["eu", "us"]


def test_a_location_named_twice_runs_once(server: Running) -> None:
    body = {"locations": ["us", "us"]}
    assert len(server.post(f"/api/v1/checks/{BOOKS}/runs", body).json["runs"]) == 1


def test_what_cannot_be_triggered_is_refused_with_the_field(server: Running) -> None:
    reply = server.post(f"/api/v1/checks/{BOOKS}/runs", {"locations": ["mars"]})
    assert (reply.status, reply.kind, reply.fields) == (409, "refused", ["locations"])
    assert server.call(server.monitor.running) == []


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"locations": "us"}, "locations"),
        ({"locations": [3]}, "locations[0]"),
        ({"location": ["us"]}, "location"),
        ([], "body"),
        (b"{", "body"),
    ],
)
def test_a_body_that_is_not_as_it_must_be_names_the_field(
    either: Running, body: Any, field: str
) -> None:
    reply = either.ask(
        "POST",
        f"/api/v1/checks/{BOOKS}/runs",
        body=body,
        headers={"Content-Type": "application/json"},
    )
    assert (reply.status, reply.kind, reply.fields) == (422, "invalid", [field])


def test_a_project_is_loaded_again(server: Running) -> None:
    assert server.post("/api/v1/projects/shop/reload").status == 204
    assert server.monitor.reloaded == ["shop"]
    assert server.post("/api/v1/projects/none/reload").kind == "no_such_thing"
