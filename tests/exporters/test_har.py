from __future__ import annotations

import base64
import json
import shutil
from datetime import datetime
from pathlib import Path
from typing import Any

import jsonschema_rs
import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from checkwire.exporters.har import har
from checkwire.model.attempt import Run
from checkwire.model.events import HttpExchange
from support import samples
from support.story import STARTED_NS, Story

SCHEMA = jsonschema_rs.validator_for(
    json.loads((Path(__file__).parent / "har.schema.json").read_text())
)


def archived(run: Run) -> dict[str, Any]:
    """The archive, as whoever loads it has it."""
    archive = json.loads(msgspec.json.encode(har(run)))
    SCHEMA.validate(archive)
    log: dict[str, Any] = archive["log"]
    pages = {page["id"] for page in log["pages"]}
    for entry in log["entries"]:
        assert entry["pageref"] in pages
        timings = entry["timings"]
        spans = [took for name, took in timings.items() if name != "ssl" and took >= 0]
        assert sum(spans) == pytest.approx(entry["time"])
        assert timings["ssl"] <= timings["connect"]
    starts = [datetime.fromisoformat(entry["startedDateTime"]) for entry in log["entries"]]
    assert starts == sorted(starts)
    return log


def sockets(log: dict[str, Any]) -> list[dict[str, Any]]:
    return [entry for entry in log["entries"] if entry["_resourceType"] == "websocket"]


def test_a_connection_is_an_entry_with_its_handshake_and_its_messages() -> None:
    log = archived(samples.passed())
    (entry,) = log["entries"]
    assert entry["request"]["url"] == "wss://stream.acme.example/v2/ws"
    assert entry["response"]["status"] == 101
    assert {header["name"] for header in entry["request"]["headers"]} >= {"Host"}
    messages = entry["_webSocketMessages"]
    assert [(message["type"], message["opcode"]) for message in messages] == [
        ("receive", 1),
        ("send", 1),
        ("receive", 1),
    ]
    assert json.loads(messages[1]["data"])["op"] == "subscribe"
    assert messages[0]["time"] == pytest.approx(STARTED_NS / 1e9 + 0.1874, abs=1e-6)
    assert entry["comment"].startswith("closed 1000")


def test_the_times_of_a_connection_are_those_of_its_phases() -> None:
    (connection,) = samples.passed().attempts[0].connections
    (entry,) = sockets(archived(samples.passed()))
    took = {phase.name: phase.duration_ns / 1e6 for phase in connection.phases}
    timings = entry["timings"]
    assert timings["dns"] == took["dns"]
    assert timings["ssl"] == took["tls"]
    assert timings["connect"] == pytest.approx(took["tcp"] + took["tls"])
    assert timings["wait"] == took["upgrade"]
    assert entry["time"] == pytest.approx(412.0)


def test_requests_of_the_check_stand_before_and_between() -> None:
    log = archived(samples.two_connections())
    assert [entry["_resourceType"] for entry in log["entries"]] == [
        "fetch",
        "websocket",
        "websocket",
    ]
    login = log["entries"][0]
    assert login["request"]["method"] == "POST"
    assert login["request"]["postData"]["text"] == '{"key":"••••••"}'
    assert login["response"]["content"]["text"] == '{"token":"••••••"}'
    assert login["response"]["content"]["mimeType"] == "application/json"


def test_fragments_are_one_message_and_binary_is_base64() -> None:
    first, second = sockets(archived(samples.two_connections()))
    assert [message["data"] for message in first["_webSocketMessages"]] == [
        '{"in":"two\\nparts",\n "of":"one"}'
    ]
    assert first["_webSocketMessages"][0]["opcode"] == 1
    sent, received = second["_webSocketMessages"]
    assert sent["opcode"] == 2
    assert base64.b64decode(sent["data"]) == bytes(range(0x30, 0x70))
    assert received["_truncated"] is True


def test_each_attempt_is_a_page() -> None:
    log = archived(samples.flaky())
    assert [page["id"] for page in log["pages"]] == ["attempt_1", "attempt_2"]
    assert log["pages"][0]["comment"].endswith("[tcp.refused]")
    assert "comment" not in log["pages"][1]


def test_a_connection_that_never_opened_says_why() -> None:
    (entry,) = sockets(archived(samples.expired()))
    assert entry["response"]["status"] == 0
    assert "[tls.certificate_expired]" in entry["response"]["_error"]
    assert entry["_webSocketMessages"] == []


def test_frames_that_were_not_kept_are_told() -> None:
    (entry,) = sockets(archived(samples.huge()))
    assert "199940 frames" in entry["comment"]


@pytest.mark.parametrize("run", samples.everything(), ids=lambda run: run.check.name)
def test_every_kind_of_run_is_a_valid_archive(run: Run) -> None:
    log = archived(run)
    connections = sum(len(attempt.connections) for attempt in run.attempts)
    assert len(sockets(log)) == connections


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.text(max_size=40) | st.sampled_from([samples.NASTY, "[", "?a=b&&c", "%zz", "a=b; ;=;c"]))
def test_whatever_a_target_says_the_archive_is_valid(text: str) -> None:
    archived(samples.nasty(text))


FRAMES = st.lists(
    st.tuples(
        st.sampled_from(["in", "out"]),
        st.sampled_from(["text", "binary", "continuation", "ping", "pong", "close"]),
        st.booleans(),
        st.none() | st.text(max_size=8) | st.binary(max_size=8),
    ),
    max_size=20,
)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(FRAMES)
def test_there_is_a_message_for_each_last_frame_of_one_in_order(frames: list[Any]) -> None:
    story = Story().open()
    for number, (direction, opcode, fin, payload) in enumerate(frames):
        story.frame(200.0 + number, direction, payload, opcode, fin=fin)
    run = samples.run_of(samples.check("frames"), story.close(300.0).attempt("passed", 300.0))
    (entry,) = sockets(archived(run))
    expected = [
        "send" if direction == "out" else "receive"
        for direction, opcode, fin, _ in frames
        if fin and opcode in ("text", "binary", "continuation")
    ]
    messages = entry["_webSocketMessages"]
    assert [message["type"] for message in messages] == expected
    assert messages == sorted(messages, key=lambda message: float(message["time"]))


def test_a_browser_replays_it(tmp_path: Path) -> None:
    """Playwright reads archives with code of its own, and serves a page what is in them."""
    from playwright.sync_api import sync_playwright

    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("there is no chromium here")
    story = Story()
    story.events.append(
        HttpExchange(
            at_ns=0,
            method="GET",
            url="http://shop.example/page?x=1",
            duration_ns=5_000_000,
            status=200,
            reason="OK",
            phases={"wait": 4_000_000},
            request_headers=(("Accept", "*/*"),),
            response_headers=(("Content-Type", "text/html"),),
            response_body="<h1>as it was</h1>",
            response_size=18,
        )
    )
    story.open(10.0).frame(200.0, "in", "hello").close(300.0)
    path = tmp_path / "run.har"
    run = samples.run_of(samples.check("page"), story.attempt("passed", 300.0))
    path.write_bytes(msgspec.json.encode(har(run)))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page()
        page.route_from_har(path, not_found="abort")
        page.goto("http://shop.example/page?x=1")
        assert page.inner_text("h1") == "as it was"
        browser.close()
