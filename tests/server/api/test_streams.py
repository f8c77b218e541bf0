from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import msgspec
import pytest

from checkwire.model.events import Event, Logged
from checkwire.server.api import streams
from support import samples
from support.server.running import Running, SseEvent, Stream
from support.server.shop import BOOKS, shop, token


def said(number: int) -> Event:
    return Logged(at_ns=number * 1000, message=f"line {number}")


def lines(events: list[SseEvent]) -> list[str]:
    return [event.data["message"] for event in events if event.kind == "event"]


def tell(server: Running, run_id: str, *numbers: int) -> None:
    for number in numbers:
        server.call(server.monitor.tell, run_id, said(number))


def subscribers(server: Running) -> int:
    return server.call(lambda: sum(map(len, server.monitor.hub._subscribers.values())))


def until(condition: Any) -> None:
    """Wait for what is about to become true."""
    ticking = threading.Event()
    for _ in range(2000):
        if condition():
            return
        ticking.wait(0.005)
    raise AssertionError("it does not come true")


def test_what_happens_is_told_by_topic(server: Running) -> None:
    with server.stream("/api/v1/events") as stream:
        assert stream.response.headers["content-type"].startswith("text/event-stream")
        assert stream.response.headers["cache-control"] == "no-store"
        server.call(server.monitor.hub.publish, "runs", "run_started", {"run_id": "1"})
        server.call(server.monitor.hub.publish, "run:1", "event", {})
        server.call(server.monitor.hub.publish, "incidents", "opened", {"id": "2"})
        first, second = stream.take(2)
    assert (first.kind, first.data) == ("run_started", {"topic": "runs", "run_id": "1"})
    assert (second.kind, second.data) == ("opened", {"topic": "incidents", "id": "2"})


def test_topics_can_be_chosen(server: Running) -> None:
    with server.stream("/api/v1/events?topic=incidents&topic=projects") as stream:
        server.call(server.monitor.hub.publish, "runs", "run_started", {})
        server.call(server.monitor.hub.publish, "projects", "reloaded", {})
        (event,) = stream.take(1)
    assert event.kind == "reloaded"


def test_a_topic_that_is_not_there_is_named(server: Running) -> None:
    reply = server.get("/api/v1/events?topic=weather")
    assert (reply.status, reply.fields) == (422, ["topic[0]"])


def test_who_comes_back_goes_on_where_it_was(server: Running) -> None:
    with server.stream("/api/v1/events") as stream:
        for number in range(3):
            server.call(server.monitor.hub.publish, "runs", "run_started", {"n": number})
        (first,) = stream.take(1)
    with server.stream("/api/v1/events", Last_Event_ID=first.id) as stream:
        assert [event.data["n"] for event in stream.take(2)] == [1, 2]


def test_who_was_away_for_too_long_is_told(server: Running) -> None:
    server.call(server.monitor.hub.publish, "runs", "run_started", {})
    with server.stream("/api/v1/events", Last_Event_ID="7") as stream:
        missed, after = stream.take(2)
    assert (missed.kind, missed.data) == ("missed", {"topic": "", "count": None})
    assert after.kind == "run_started"


@pytest.mark.parametrize("path", ["/api/v1/events", "/api/v1/runs/{}/events"])
@pytest.mark.parametrize("text", ["x", "live-", "1;2", "-1", "9" * 30])
def test_an_id_that_was_never_given_out_is_refused(server: Running, path: str, text: str) -> None:
    run_id = server.call(server.monitor.begin, BOOKS)
    reply = server.get(path.format(run_id), Last_Event_ID=text)
    assert (reply.status, reply.kind) == (400, "malformed_event_id")
    assert reply.fields == ["Last-Event-ID"]


def test_a_run_is_watched_from_its_beginning_to_its_end(server: Running) -> None:
    run_id = server.call(server.monitor.begin, BOOKS)
    tell(server, run_id, 1, 2)
    with server.stream(f"/api/v1/runs/{run_id}/events") as stream:
        before = stream.take(2)
        tell(server, run_id, 3)
        server.do(server.monitor.finish(run_id, samples.passed()))
        after = list(stream)
    assert lines(before + after) == ["line 1", "line 2", "line 3"]
    assert before[0].data == {"type": "logged", "at_ns": 1000, "message": "line 1", "attempt": 1}
    assert [event.id for event in before + after] == ["live-1", "live-2", "live-3", "over"]
    assert after[-1].kind == "finished"
    assert after[-1].data == server.get(f"/api/v1/runs/{run_id}").json


def test_a_run_that_waits_is_watched_too(server: Running) -> None:
    (asked,) = server.post(f"/api/v1/checks/{BOOKS}/runs", {"locations": ["eu"]}).json["runs"]
    with server.stream(asked["events"]) as stream:
        server.call(server.monitor.begin, BOOKS, run_id=asked["run_id"])
        tell(server, asked["run_id"], 1)
        assert lines(stream.take(1)) == ["line 1"]


def test_who_comes_back_to_a_run_goes_on_where_it_was(server: Running) -> None:
    run_id = server.call(server.monitor.begin, BOOKS)
    tell(server, run_id, 1, 2, 3)
    with server.stream(f"/api/v1/runs/{run_id}/events", Last_Event_ID="live-2") as stream:
        tell(server, run_id, 4)
        assert lines(stream.take(2)) == ["line 3", "line 4"]


def test_who_comes_back_after_the_end_gets_it_all_as_it_was_kept(server: Running) -> None:
    run_id = server.call(server.monitor.begin, BOOKS)
    tell(server, run_id, 1, 2)
    server.do(server.monitor.finish(run_id, samples.passed()))
    with server.stream(f"/api/v1/runs/{run_id}/events", Last_Event_ID="live-1") as stream:
        reset, *events, finished = stream
    kept = [event for attempt in samples.passed().attempts for event in attempt.events]
    assert reset.kind == "reset"
    assert [event.data for event in events] == [
        {**json.loads(msgspec.json.encode(event)), "attempt": 1} for event in kept
    ]
    assert finished.kind == "finished"
    half = events[len(events) // 2]
    with server.stream(f"/api/v1/runs/{run_id}/events", Last_Event_ID=half.id) as stream:
        assert [event.id for event in stream] == [
            *(event.id for event in events[len(events) // 2 + 1 :]),
            "over",
        ]


def test_who_has_it_all_is_told_not_to_come_back(server: Running) -> None:
    run_id = server.call(server.monitor.begin, BOOKS)
    reply = server.get(f"/api/v1/runs/{run_id}/events", Last_Event_ID="over")
    assert (reply.status, reply.body) == (204, b"")


def test_a_reader_that_is_far_too_slow_misses_nothing_of_a_run(server: Running) -> None:
    run_id = server.call(server.monitor.begin, BOOKS)

    async def flood() -> None:
        # In one go: the stream's own task has no turn, and its queue of 1,000 overflows.
        for number in range(1, 3001):
            server.monitor.tell(run_id, said(number))

    with server.stream(f"/api/v1/runs/{run_id}/events") as stream:
        until(lambda: subscribers(server) == 1)
        server.do(flood())
        assert lines(stream.take(3000)) == [f"line {number}" for number in range(1, 3001)]
        tell(server, run_id, 3001)
        assert lines(stream.take(1)) == ["line 3001"]


def test_what_was_missed_of_a_run_that_is_over_comes_from_what_is_kept(server: Running) -> None:
    run_id = server.call(server.monitor.begin, BOOKS)
    tell(server, run_id, 1)

    async def flood() -> None:
        monitor = server.monitor
        await monitor.finish(run_id, samples.passed())
        # Nothing is awaited from the end of the run to the end of the flood.
        for number in range(2000):
            monitor.hub.publish(f"run:{run_id}", "event", {"n": number})

    with server.stream(f"/api/v1/runs/{run_id}/events") as stream:
        assert lines(stream.take(1)) == ["line 1"]
        server.do(flood())
        reset, *events, finished = stream
    assert (reset.kind, finished.kind) == ("reset", "finished")
    assert {event.id.partition("-")[0] for event in events} == {"kept"}


def test_streams_end_when_the_server_stops(tmp_path: Path) -> None:
    ended: list[bool] = []
    with shop(tmp_path) as server:
        run_id = server.call(server.monitor.begin, BOOKS)
        threads = []
        for path in ("/api/v1/events", f"/api/v1/runs/{run_id}/events"):

            def read(path: str = path) -> None:
                with server.stream(path) as stream:
                    ended.append(list(stream) == [])

            threads.append(threading.Thread(target=read))
            threads[-1].start()
        until(lambda: subscribers(server) == 4)
    for thread in threads:
        thread.join(20)
    assert ended == [True, True]


def test_a_reader_that_leaves_is_forgotten(server: Running) -> None:
    with server.stream("/api/v1/events"):
        until(lambda: subscribers(server) == 3)
    until(lambda: subscribers(server) == 0)


def test_silence_is_broken_by_comments(server: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "KEEP_ALIVE", 0.01)
    with server.stream("/api/v1/events") as stream:
        comments = 0
        while comments < 3:
            comments += stream.response.readline().startswith(b":")
        server.call(server.monitor.hub.publish, "runs", "run_started", {})
        assert stream.take(1)[0].kind == "run_started"


def test_a_stream_ends_when_its_token_is_revoked(
    guarded: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    from checkwire.store import tokens

    monkeypatch.setattr(streams, "KEEP_ALIVE", 0.01)
    monkeypatch.setattr(streams, "ASK_AGAIN", 0.0)
    text = token(guarded, "read")

    async def revoke() -> None:
        async with guarded.store.writing() as tx:
            (record,) = await tokens.list_tokens(tx)
            await tokens.revoke(tx, record.id, 1)

    stream: Stream
    with guarded.stream("/api/v1/events", Authorization=f"Bearer {text}") as stream:
        while not stream.response.readline().startswith(b":"):
            pass
        guarded.do(revoke())
        assert list(stream) == []
