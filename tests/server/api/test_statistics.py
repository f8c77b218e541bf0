from __future__ import annotations

import pytest

from checkwire.model.failures import CODES
from checkwire.store import incidents, registry
from support.server.running import Running
from support.server.shop import BOOKS, LOGIN, MINUTE_NS, NOW_NS, ROOM, TEA

PERIOD = f"since={NOW_NS - 60 * MINUTE_NS}&until={NOW_NS}"


def test_uptime_is_that_of_the_store(either: Running) -> None:
    uptime = either.get(f"/api/v1/checks/{LOGIN}/uptime?{PERIOD}").json
    assert (uptime["check_uid"], uptime["check"]) == (LOGIN, "checks/auth.py::login")
    assert (uptime["runs"], uptime["bad"], uptime["missed"]) == (2, 2, 0)
    assert (uptime["up_ns"], uptime["down_ns"]) == (0, 4 * MINUTE_NS)
    assert uptime["ratio"] == 0
    assert uptime["unknown_ns"] == 56 * MINUTE_NS
    assert either.get(f"/api/v1/checks/{TEA}/uptime?{PERIOD}").json["ratio"] is None


def test_uptime_of_many_checks_comes_in_pages(either: Running) -> None:
    first = either.get(f"/api/v1/uptime?{PERIOD}&limit=3").json
    rest = either.get(f"/api/v1/uptime?{PERIOD}&limit=3&cursor={first['next']}").json
    found = first["items"] + rest["items"]
    assert [uptime["check_uid"] for uptime in found] == [LOGIN, ROOM, BOOKS, TEA]
    assert rest["next"] is None
    assert found[2] == either.get(f"/api/v1/checks/{BOOKS}/uptime?{PERIOD}").json


@pytest.mark.parametrize(
    ("query", "expected"), [("&tag=auth", [LOGIN]), ("&project=tea", [TEA]), ("&tag=none", [])]
)
def test_uptime_is_filtered(either: Running, query: str, expected: list[str]) -> None:
    items = either.get(f"/api/v1/uptime?{PERIOD}{query}").json["items"]
    assert [uptime["check_uid"] for uptime in items] == expected


def test_percentiles_come_in_buckets(either: Running) -> None:
    series = either.get(
        f"/api/v1/checks/{ROOM}/percentiles?{PERIOD}&phase=first_message&buckets=10&quantile=0.5"
    ).json
    assert (series["phase"], series["quantiles"]) == ("first_message", [0.5])
    assert len(series["buckets"]) == 10
    assert [bucket["count"] for bucket in series["buckets"]] == [0] * 9 + [1]
    assert series["buckets"][8]["values"] == [None]
    assert series["buckets"][9]["values"] == [1_442_000_000]


def test_phases_are_summed_up(either: Running) -> None:
    found = either.get(f"/api/v1/checks/{ROOM}/phases?{PERIOD}").json
    assert found["quantiles"] == [0.5, 0.95, 0.99]
    assert found["phases"]["first_message"] == {
        "count": 1,
        "values": [1_442_000_000] * 3,
        "least_ns": 1_442_000_000,
        "most_ns": 1_442_000_000,
    }


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("phase=lunch", "phase"),
        ("quantile=2", "quantile[0]"),
        ("buckets=0", "buckets"),
        ("since=yesterday", "since"),
        ("since=0d", "since"),
        ("since=0.0s", "since"),
    ],
)
def test_what_makes_no_sense_is_named(either: Running, query: str, field: str) -> None:
    reply = either.get(f"/api/v1/checks/{ROOM}/percentiles?{query}")
    assert (reply.status, reply.fields) == (422, [field])


@pytest.mark.parametrize(
    "path", [f"/checks/{ROOM}/uptime", f"/checks/{ROOM}/phases", "/uptime", "/failures"]
)
def test_a_period_that_ends_before_it_begins_is_refused(either: Running, path: str) -> None:
    reply = either.get(f"/api/v1{path}?since=2026-01-02&until=2026-01-01")
    assert (reply.status, reply.kind, reply.fields) == (400, "empty_period", ["since"])


def test_failures_are_counted_by_code(either: Running) -> None:
    found = either.get(f"/api/v1/failures?{PERIOD}").json
    assert found["complete"] is True
    first, second = found["items"]
    assert (first["code"], first["runs"], first["checks"]) == ("tls.certificate_expired", 2, 1)
    assert first["title"] == CODES["tls.certificate_expired"].title
    assert first["last"]["due_ns"] == NOW_NS - 2 * MINUTE_NS
    assert (second["code"], second["runs"]) == ("assertion.failed", 1)


@pytest.mark.parametrize(
    ("query", "codes"),
    [
        ("&location=us", ["assertion.failed"]),
        ("&tag=auth", ["tls.certificate_expired"]),
        ("&project=tea", []),
        ("&status=degraded", ["assertion.too_slow"]),
    ],
)
def test_failures_are_filtered(either: Running, query: str, codes: list[str]) -> None:
    items = either.get(f"/api/v1/failures?{PERIOD}{query}").json["items"]
    assert [group["code"] for group in items] == codes


def test_every_code_is_explained(either: Running) -> None:
    items = either.get("/api/v1/failures/codes").json["items"]
    assert [code["code"] for code in items] == list(CODES)
    for member in ("title", "hint", "cause", "confirm", "remedy"):
        assert all(code[member] for code in items), member
    by_code = {code["code"]: code for code in items}
    assert by_code["tls.closed"]["phase"] == "tls"
    assert by_code["script.import"]["phase"] is None


def test_incidents_are_listed_and_shown(server: Running) -> None:
    async def fill() -> list[str]:
        async with server.store.writing() as tx:
            ids = []
            for number, uid in enumerate((BOOKS, LOGIN, ROOM)):
                check = await registry.get_check(tx, uid)
                assert check is not None
                incident = await incidents.open_incident(
                    tx,
                    check_id=check.id,
                    began_ns=NOW_NS - MINUTE_NS,
                    opened_ns=NOW_NS + number,
                    opened_by="01KAYF0M7Z0000000000000000",
                    code="tcp.refused",
                    message="Nobody listens.",
                )
                assert incident is not None
                ids.append(incident.id)
            await incidents.close_incident(
                tx, ids[0], closed_ns=NOW_NS + 9, closed_by="01KAYF0M7Z0000000000000001"
            )
        return ids

    ids = server.do(fill())

    def listed(query: str) -> list[str]:
        items = server.get(f"/api/v1/incidents{query}").json["items"]
        return [incident["id"] for incident in items]

    assert listed("") == ids[::-1]
    assert listed("?open=true") == [ids[2], ids[1]]
    assert listed("?open=false") == [ids[0]]
    assert listed(f"?check={LOGIN}") == [ids[1]]
    first = server.get("/api/v1/incidents?limit=2").json
    assert listed(f"?limit=2&cursor={first['next']}") == [ids[0]]
    incident = server.get(f"/api/v1/incidents/{ids[0]}").json
    assert (incident["check_uid"], incident["open"]) == (BOOKS, False)
    assert (incident["code"], incident["message"]) == ("tcp.refused", "Nobody listens.")
    assert server.get("/api/v1/incidents/x").kind == "no_such_incident"
