"""The page of incidents."""

from __future__ import annotations

from typing import Any

from checkwire.server.pages.views.incidents import IncidentsView, incidents_view
from checkwire.store.records import CheckRecord, Incident, OutboxEntry
from support.story import check

S = 1_000_000_000
NOW = 1_795_608_000 * S
TICKER = CheckRecord(id=1, uid="u1", project="acme", definition=check("ticker"), first_seen_ns=0)


def incident(number: int, **more: Any) -> Incident:
    fields = {
        "id": f"i{number}",
        "check_id": 1,
        "check_uid": "u1",
        "check": "chat_check.py::ticker",
        "project": "acme",
        "began_ns": NOW - 600 * S,
        "opened_ns": NOW - 540 * S,
        "opened_by": f"run{number}",
        "code": "ws.no_pong",
        "message": "No pong within 5 s",
    }
    return Incident(**(fields | more))


def view(*incidents: Incident, **more: Any) -> IncidentsView:
    fields: dict[str, Any] = {"open_count": 0, "now_ns": NOW}
    return incidents_view(incidents, {1: TICKER}, **(fields | more))


def test_an_incident_says_what_failed_when_and_for_how_long() -> None:
    closed = incident(2, closed_ns=NOW - 51 * S, closed_by="run3", ended_ns=NOW - 60 * S)
    first, second = view(incident(1), closed, open_count=1).rows
    assert (first.mark.word, first.began, first.ended, first.lasted) == (
        "open",
        "11:50:00",
        "",
        "10 min",
    )
    assert "".join(piece.text for piece in first.sentence) == "No pong within 5 s."
    assert (first.name, first.code, first.project) == ("ticker", "ws.no_pong", "")
    assert (first.check_href, first.href) == ("/checks/u1", "/runs/run1")
    assert (second.mark.word, second.ended, second.lasted) == ("closed", "11:59:00", "9 min")
    assert second.closed_href == "/runs/run3"


def test_how_many_are_open_is_the_headline() -> None:
    assert (view().sentence, view().mark.tone) == ("No incident is open.", "ok")
    one = view(incident(1), open_count=1)
    assert (one.sentence, one.title) == ("1 incident is open.", "✕ 1 open incident · Checkwire")
    many = view(incident(1), open_count=1200)
    assert (many.sentence, many.mark.tone) == ("1,200 incidents are open.", "fail")


def test_an_incident_that_no_run_closed_leads_to_none() -> None:
    (row,) = view(incident(1, closed_ns=NOW, closed_by=None, ended_ns=NOW)).rows
    assert (row.open, row.ended, row.closed_href) == (False, "12:00:00", "")


def test_without_a_sentence_there_is_what_the_code_means() -> None:
    (row,) = view(incident(1, message=None, code="tcp.refused")).rows
    assert row.sentence[0].text.startswith("Nothing listens")
    (row,) = view(incident(1, message=None, code=None)).rows
    assert row.sentence == []


def test_the_project_is_told_where_there_are_several_and_the_id_of_an_unknown_check() -> None:
    (row,) = view(incident(1, check_id=7), several=True).rows
    assert (row.name, row.project) == ("chat_check.py::ticker", "acme")


def test_choices_and_pages_keep_each_other() -> None:
    shown = view(status="open", check=TICKER, open_count=3, first=False, older="next")
    assert [(tab.word, tab.href, tab.current, tab.count) for tab in shown.tabs] == [
        ("All", "/incidents?check=u1", False, ""),
        ("Open", "/incidents?status=open&check=u1", True, "3"),
        ("Closed", "/incidents?status=closed&check=u1", False, ""),
    ]
    assert shown.older == "/incidents?status=open&check=u1&before=next"
    assert shown.newer == "/incidents?status=open&check=u1"
    assert (shown.check, shown.check_href) == ("ticker", "/checks/u1")
    plain = view()
    assert (plain.older, plain.newer, plain.tabs[0].href) == ("", "", "/incidents")


def test_why_there_is_nothing() -> None:
    assert view().empty == "There has been none so far."
    assert view(status="open").empty == "None is open."
    assert view(status="closed").empty == "None has been closed so far."
    assert view(first=False).empty == "There are no older ones."
    assert view(incident(1)).empty == ""


def test_an_incident_says_who_was_not_told_of_it() -> None:
    lost = OutboxEntry(
        id="n", incident_id="i1", event="opened", channel="ops", payload=b"", created_ns=NOW,
        tries=1, error="410",
    )  # fmt: skip
    (row,) = view(incident(1), notices={"i1": [lost]}).rows
    assert row.untold == "Channel ops was not told of its beginning: 410."
