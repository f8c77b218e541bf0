"""The page of incidents as it is served, without a browser."""

from __future__ import annotations

import re
from html import unescape

import pytest

from checkwire.store import incidents, registry
from support.pages.served import HOUR_NS, Filled, uid_of

ROW = re.compile(r'<tr class="(\w+)">.*?<a href="/runs/(\w+)" data-row>', re.DOTALL)
FUNCTIONS = ("burst", "room_join", "two_rooms")


async def enter(server: Filled, count: int) -> list[str]:
    """Let checks have been down so often, all but the latest ones over; the latest first.

    Returns what each was opened by.
    """
    opened = []
    async with server.running.store.writing() as tx:
        for number in range(count):
            check = await registry.get_check(tx, uid_of(FUNCTIONS[number % len(FUNCTIONS)]))
            assert check is not None
            at_ns = (1_000 + number // 2) * HOUR_NS  # two at a time
            incident = await incidents.open_incident(
                tx,
                check_id=check.id,
                began_ns=at_ns - HOUR_NS,
                opened_ns=at_ns,
                opened_by=f"RUN{number}",
                code="tcp.refused",
                message="Nothing listens on <b>localhost</b>",
            )
            assert incident is not None
            opened.append((incident.opened_ns, incident.id, incident.opened_by))
            if number < count - len(FUNCTIONS):
                await incidents.close_incident(
                    tx, incident.id, closed_ns=at_ns + HOUR_NS, closed_by=f"END{number}"
                )
    return [run_id for _, _, run_id in sorted(opened, reverse=True)]


def shown(server: Filled, path: str) -> tuple[list[tuple[str, str]], str]:
    """Marks and runs of the rows, and the page."""
    reply = server.running.get(path, accept="text/html")
    assert reply.status == 200, reply.body
    text = reply.body.decode()
    return ROW.findall(text), text


def everything(server: Filled, path: str) -> list[tuple[str, str]]:
    """The rows of all pages, following the links."""
    found: list[tuple[str, str]] = []
    pages = 0
    while path:
        rows, text = shown(server, path)
        assert len(rows) <= 50
        assert ('rel="prev"' in text) == (pages > 0)
        found += rows
        pages += 1
        older = re.search(r'<a href="([^"]+)" rel="next">', text)
        path = unescape(older[1]) if older else ""
    return found


def test_open_ones_come_first_then_the_latest_opened(server: Filled) -> None:
    opened = server.running.do(enter(server, 130))
    here = server.latest["ticker_subscribe"]  # open since before this test
    still = {"RUN127", "RUN128", "RUN129"}
    rows = everything(server, "/incidents")
    assert rows[0] == ("fail", here)
    assert rows[1:4] == [("fail", run_id) for run_id in opened if run_id in still]
    assert rows[4:] == [("ok", run_id) for run_id in opened if run_id not in still]
    assert everything(server, "/incidents?status=open") == rows[:4]
    assert everything(server, "/incidents?status=closed") == rows[4:]


def test_those_of_one_check_can_be_asked_for(server: Filled) -> None:
    opened = server.running.do(enter(server, 12))
    uid = uid_of("burst")
    rows = everything(server, f"/incidents?check={uid}")
    assert [run_id for _, run_id in rows] == [
        run_id for run_id in opened if int(run_id.removeprefix("RUN")) % 3 == 0
    ]
    text = shown(server, f"/incidents?check={uid}&status=open")[1]
    assert "1 incident is open." in text
    assert '<a href="/incidents">Show all</a>' in text
    assert f'<a href="/incidents?status=closed&amp;check={uid}">' in text
    of_check = server.running.get(f"/checks/{uid}").body.decode()
    assert f'<a href="/incidents?check={uid}">all</a>' in of_check
    for unknown in ("nothing", "0123456789ab", "%00"):
        assert server.running.get(f"/incidents?check={unknown}").status == 404


def test_a_row_tells_the_failure_and_runs_nothing(server: Filled) -> None:
    server.running.do(enter(server, 4))
    _, text = shown(server, "/incidents")
    assert "4 incidents are open." in text
    assert "&lt;b&gt;localhost&lt;/b&gt;" in text
    assert "<b>localhost</b>" not in text
    assert '<code class="code">tcp.refused</code>' in text
    assert 'href="/runs/END0"' in text
    assert ">2 h<" in text


def test_navigation_and_overview_lead_to_it(shared: Filled) -> None:
    text = shared.running.get("/").body.decode()
    assert '<a href="/incidents">Incidents</a>' in text
    assert '<dt>Incidents</dt><dd><a href="/incidents">1 open</a></dd>' in text
    here = shown(shared, "/incidents")[1]
    assert '<a href="/incidents" aria-current="page">Incidents</a>' in here


@pytest.mark.parametrize("query", ["status=x", "before=x", "before=", "status=open&before=%00"])
def test_what_makes_no_sense_is_not_asked_for(shared: Filled, query: str) -> None:
    assert len(shown(shared, f"/incidents?{query}")[0]) == 1


def test_nobody_sees_it_without_a_token(closed: Filled) -> None:
    assert closed.running.get("/incidents", accept="text/html").status == 303
    assert closed.running.get("/incidents/live").status == 401


def test_the_page_hears_of_incidents_only_and_of_its_check_only(server: Filled) -> None:
    hub = server.running.monitor.hub
    uid = uid_of("burst")
    with server.running.stream(f"/incidents/live?check={uid}") as stream:
        server.running.call(hub.publish, "runs", "run_started", {"check_uid": uid})
        server.running.call(hub.publish, "incidents", "opened", {"check_uid": "other"})
        server.running.call(hub.publish, "incidents", "opened", {"check_uid": uid})
        last = server.running.call(lambda: hub.last_id)
        (event,) = stream.take(1)
    assert (event.kind, int(event.id)) == ("change", last)
    live = re.search(r'data-live="(/incidents/live[^"]+)"', shown(server, "/incidents")[1])
    assert live is not None
    with server.running.stream(unescape(live[1])) as stream:
        server.running.call(hub.publish, "incidents", "closed", {"check_uid": "other"})
        assert stream.take(1)[0].kind == "change"
