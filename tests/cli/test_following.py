"""Watching runs over connections that break."""

from __future__ import annotations

import json

import pytest

from checkwire.cli.client.access import Access
from checkwire.cli.client.answers import RunAnswer
from checkwire.cli.client.following import Follower, Happened
from checkwire.cli.client.server import CannotAsk, Refusal, Server
from checkwire.model.events import StepStarted
from support.httpserver import HttpServer, SeenRequest, reply

RUN = "01KAYF0M7Z4QJ9T3V8X2B6N0PD"
RECORD = {
    "run_id": RUN,
    "check_uid": "4m0rkv2c8e1a",
    "check": "a.py::a",
    "project": "p",
    "location": "eu",
    "status": "passed",
    "due_ns": 1,
}
STEP = {"type": "step_started", "at_ns": 5, "step": 1, "name": "log in", "attempt": 1}


def stream(*events: tuple[str, str, object]) -> bytes:
    """A whole stream; then the connection ends."""
    text = "retry: 2000\n\n: a comment\n\n" + "".join(
        f"id: {number}\nevent: {kind}\ndata: {json.dumps(data)}\n\n"
        for number, kind, data in events
    )
    head = ("Content-Type: text/event-stream", "Connection: close")
    return reply("200 OK", text.encode(), *head, length=False)


def happened(server: HttpServer, count: int, patience: float = 20.0) -> list[Happened]:
    with Follower(Server(Access(server.url)), [RUN], patience) as follower:
        found = [follower.next(20) for _ in range(count)]
    return [one for one in found if one is not None]


def test_a_stream_that_breaks_is_taken_up_where_it_broke() -> None:
    def answer(request: SeenRequest) -> bytes:
        if request.header("Last-Event-ID") is None:
            return stream(("live-1", "event", STEP))
        return stream(("over", "finished", RECORD))

    with HttpServer(answer) as server:
        step, end = happened(server, 2)
    assert isinstance(step.what, StepStarted)
    assert step.what.name == "log in"
    assert isinstance(end.what, RunAnswer)
    assert [request.header("Last-Event-ID") for request in server.seen] == [None, "live-1"]


def test_a_server_that_comes_back_is_asked_again() -> None:
    answers = iter([b"", reply("503 x", b"{}", "Content-Type: application/problem+json")])

    def answer(request: SeenRequest) -> bytes:
        return next(answers, stream(("over", "finished", RECORD)))

    with HttpServer(answer, requests_per_connection=1) as server:
        (end,) = happened(server, 1)
    assert isinstance(end.what, RunAnswer)
    assert len(server.seen) == 3


def test_a_server_that_does_not_come_back_is_an_error() -> None:
    with HttpServer(lambda request: b"", requests_per_connection=1) as server:
        (end,) = happened(server, 1, patience=0.1)
    assert isinstance(end.what, CannotAsk)
    assert "closed the connection without an answer" in str(end.what)


@pytest.mark.parametrize(("status", "kind"), [("404 x", Refusal), ("401 x", CannotAsk)])
def test_what_another_attempt_would_not_change_is_told_at_once(
    status: str, kind: type[Exception]
) -> None:
    problem = b'{"type": "urn:checkwire:problem:no_such_run", "detail": "There is no such run."}'

    def answer(request: SeenRequest) -> bytes:
        return reply(status, problem, "Content-Type: application/problem+json")

    with HttpServer(answer) as server:
        (end,) = happened(server, 1, patience=0.1)
    assert isinstance(end.what, kind)
    assert len(server.seen) == 1


def test_events_of_a_newer_server_are_passed_over() -> None:
    newer = {"type": "from_the_future", "at_ns": 1, "attempt": 1}
    events = (("live-1", "event", newer), ("x", "reset", {}), ("over", "finished", RECORD))
    with HttpServer(lambda request: stream(*events)) as server:
        (end,) = happened(server, 1)
    assert isinstance(end.what, RunAnswer)
