"""The page of a check."""

from __future__ import annotations

from typing import Any

from checkwire.model.definition import Retries
from checkwire.server.pages.svg.latency import Sample
from checkwire.server.pages.views.check import CheckView, Latency, Share, check_view
from checkwire.store.records import CheckRecord, CheckState, Incident, OutboxEntry, RunRecord
from support.story import check

S = 1_000_000_000
HOUR = 3600 * S
NOW = 1_795_608_000 * S


def record(**more: object) -> CheckRecord:
    definition = check(
        "ticker",
        every=60.0,
        degraded=0.8,
        description="Trades have a price.",
        retries=Retries("exponential", 2, 1.0),
    )
    fields = {"id": 1, "uid": "u1", "project": "acme", "definition": definition, "first_seen_ns": 0}
    return CheckRecord(**(fields | more))  # type: ignore[arg-type]


def run(number: int, status: str = "passed", **more: object) -> RunRecord:
    fields = {
        "run_id": f"run{number}",
        "check_id": 1,
        "location": "eu",
        "status": status,
        "due_ns": NOW - number * 60 * S,
        "started_ns": NOW - number * 60 * S,
        "duration_ns": 400_000_000,
        "holds_ns": S,
        "attempts": 1,
    }
    return RunRecord(**(fields | more))  # type: ignore[arg-type]


def view(check_record: CheckRecord | None = None, **more: object) -> CheckView:
    fields: dict[str, object] = {
        "page_of_runs": (),
        "next_due_ns": NOW + 40 * S,
        "now_ns": NOW,
    }
    states = more.pop("states", ())
    recent = more.pop("recent", ())
    return check_view(check_record or record(), states, recent, **(fields | more))  # type: ignore[arg-type]


def state(status: str, run_id: str = "run1", **more: object) -> CheckState:
    fields = {
        "check_id": 1,
        "location": "eu",
        "status": status,
        "since_ns": NOW - 240 * S,
        "bad_since_ns": NOW - 240 * S if status in ("failed", "error") else None,
        "due_ns": NOW - 60 * S,
        "run_id": run_id,
    }
    return CheckState(**(fields | more))  # type: ignore[arg-type]


def test_the_headline_is_what_the_latest_run_says() -> None:
    failed = run(1, "failed", message="No pong within 5 s", code="ws.no_pong")
    shown = view(states=[state("failed")], recent=[failed], page_of_runs=[failed])
    assert shown.sentence[0].text == "No pong within 5 s."
    assert shown.run_href == "/runs/run1"
    assert shown.title == "✕ ticker · Checkwire"
    assert ("Since", "11:56:00, 4 min", "") in shown.facts
    assert ("Next", "in 40 s", "") in shown.facts


def test_each_location_stands_for_itself() -> None:
    shown = view(
        states=[state("failed", bad_in_row=3), state("passed", location="us", good_in_row=9)]
    )
    assert [(one.name, one.mark.word, one.text) for one in shown.locations] == [
        ("eu", "failed", "3 in a row"),
        ("us", "passed", "9 in a row"),
    ]


def test_a_check_without_runs_says_when_the_first_one_comes() -> None:
    shown = view()
    assert shown.no_runs == "No runs yet. The first comes in 40 s."
    assert shown.no_latency == "Nothing to draw yet: the first run comes in 40 s."
    assert shown.chart is None
    by_hand = view(next_due_ns=None)
    assert by_hand.no_runs == "No runs yet, and none is planned."
    never = view(record(definition=check("ticker")), next_due_ns=None)
    assert ("Schedule", "none", "") in never.facts
    assert never.no_runs == (
        'No runs yet, and none is scheduled. Run it now, or give it every="1m", or a cron=.'
    )


def test_without_an_open_connection_it_is_said_why_there_is_no_chart() -> None:
    failed = run(1, "failed", code="tcp.refused")
    shown = view(recent=[failed], page_of_runs=[failed])
    assert (
        shown.no_latency == "Nothing to draw: no connection opened in the last day (tcp.refused)."
    )


def test_uptime_is_time_in_state() -> None:
    shown = view(
        shares=[
            Share("24 hours", 23 * HOUR, HOUR, HOUR, 0, 1440),
            Share("7 days", 0, 0, 0, 168 * HOUR, 0),
        ]
    )
    (row,) = shown.uptime
    assert row.figure == "95.8 %"
    assert row.detail == "60 min down, 60 min degraded, 1,440 runs"


def test_latency_is_drawn_with_its_figures() -> None:
    samples = [
        Sample(NOW - (48 - n) * HOUR // 2, NOW - (47 - n) * HOUR // 2, 20e6, 40e6)
        for n in range(48)
    ]
    failed = run(5, "failed", message="No pong")
    shown = view(
        latencies=[Latency("open", samples, 20e6, 40e6), Latency("tls", samples, 9e6, 11e6)],
        failures=[failed],
    )
    assert shown.chart is not None
    assert "half of the runs within 20.0 ms, 95 % within 40.0 ms" in shown.chart
    assert "/runs/run5" in shown.chart
    assert [(one.name, one.p50, one.p95) for one in shown.phases] == [
        ("Open", "20.0", "40.0"),
        ("TLS", "9.0", "11.0"),
    ]


def test_runs_are_listed_with_what_is_special_about_them() -> None:
    listed = [
        run(1, "passed", attempts=2),
        run(2, "missed", missed=3, attempts=0, started_ns=None, duration_ns=None),
        run(3, "passed", cause="manual"),
        run(4, "passed", cause="first"),
    ]
    flaky, missed, by_hand, first = view(page_of_runs=listed).runs
    assert (flaky.mark.word, flaky.message) == ("flaky", "after one attempt that did not")
    assert (missed.message, missed.took) == ("3 due runs could not begin in time", "")
    assert (missed.asked, by_hand.asked, first.asked) == ("", "by hand", "first run")


def test_incidents_are_open_or_lasted() -> None:
    incident = Incident(
        id="i",
        check_id=1,
        began_ns=NOW - 600 * S,
        opened_ns=NOW - 540 * S,
        opened_by="run9",
        message="No pong",
    )
    closed = Incident(
        id="j",
        check_id=1,
        began_ns=NOW - 9000 * S,
        opened_ns=NOW - 9000 * S,
        opened_by="run8",
        closed_ns=NOW - 8872 * S,
        ended_ns=NOW - 8880 * S,
    )
    first, second = view(incidents=[incident, closed]).incidents
    assert (first.open, first.lasted, first.href) == (True, "10 min", "/runs/run9")
    assert (second.open, second.lasted) == (False, "2 min")


def test_an_incident_says_who_was_not_told_of_it() -> None:
    incident = Incident(id="i", check_id=1, began_ns=NOW, opened_ns=NOW, opened_by="run9")

    def notice(channel: str, **more: Any) -> OutboxEntry:
        fields = {"id": channel, "incident_id": "i", "event": "opened", "payload": b""}
        return OutboxEntry(channel=channel, created_ns=NOW, **(fields | more))

    notices = [
        notice("well", delivered_ns=NOW, tries=1),
        notice("new", next_try_ns=NOW, tries=1, error="503"),
        notice("late", next_try_ns=NOW, tries=3, error="503"),
        notice("gone", event="closed", tries=1, error="410: no."),
    ]
    (row,) = view(incidents=[incident], notices={"i": notices}).incidents
    assert row.untold == (
        "Channel late is yet to be told of its beginning: 503. "
        "Channel gone was not told of its end: 410: no."
    )
    (row,) = view(incidents=[incident], notices={"i": notices[:2]}).incidents
    assert row.untold == ""
    (row,) = view(incidents=[incident]).incidents
    assert row.untold.startswith("Nobody is told of it: ")


def test_the_definition_is_told_in_words() -> None:
    facts = dict(view().definition)
    assert facts["Every"] == "1 min"
    assert facts["Degraded above"] == "800 ms"
    assert facts["Retries"] == "up to 2, exponential, 1.00 s before the first"


def test_a_removed_check_says_that_its_history_is_kept() -> None:
    shown = view(record(removed_ns=NOW - 86400 * S), next_due_ns=None)
    assert shown.removed == "It left its project 1 day ago; its history is kept."
