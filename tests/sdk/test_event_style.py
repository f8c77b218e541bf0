"""Handlers for what happens on a WebSocket, called in order by run()."""

from __future__ import annotations

import asyncio
import functools
import json
import resource
from contextlib import suppress
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection

from checkwire import (
    ConnectError,
    ConnectionClosed,
    MessageError,
    TimedOut,
    UsageError,
    WebSocket,
    connect,
    expect,
)
from checkwire.model.events import ConnectionClosed as Closed
from support import frames
from support.rawserver import Peer, upgraded
from support.scene import play, refusing_url
from support.wsserver import closing, echo, silent, speaking


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_all_six_events_in_order_with_their_arguments(loop: str) -> None:
    seen: list[Any] = []

    async def server(ws: ServerConnection) -> None:
        await ws.send("text")
        await ws.send(b"\x01")
        await ws.recv()  # the pong to the client's ping is out by then
        await (await ws.ping(b"are you there"))
        await ws.close(4002, "enough")

    async def check(url: str) -> None:
        ws = WebSocket(url)

        @ws.on("open")
        async def opened() -> None:
            seen.append(("open", ws.ready_state.name))
            await ws.ping(b"hello")
            ws.send("done")

        @ws.on("message")
        def received(message: str | bytes) -> None:
            seen.append(("message", message))

        @ws.on("ping")
        def pinged(payload: bytes) -> None:
            seen.append(("ping", payload))

        @ws.on("pong")
        def ponged(payload: bytes) -> None:
            seen.append(("pong", payload))

        @ws.on("error")
        def failed(error: Exception) -> None:
            seen.append(("error", type(error)))

        @ws.on("close")
        def closed(code: int, reason: str) -> None:
            seen.append(("close", code, reason))

        await ws.run()
        assert ws.ready_state is ws.CLOSED

    outcome = play(check, server, loop=loop)
    assert outcome.error is None
    assert outcome.codes == ["ws.closed"]
    assert seen[0] == ("open", "OPEN")
    assert [s for s in seen if s[0] == "message"] == [("message", "text"), ("message", b"\x01")]
    assert ("ping", b"are you there") in seen
    assert ("pong", b"hello") in seen
    assert seen[-2:] == [("error", ConnectionClosed), ("close", 4002, "enough")]


def test_the_page_s_example_sends_when_open_and_closes_after_a_while() -> None:
    async def check(url: str) -> None:
        ws = WebSocket(url)
        codes = []

        @ws.on("open")
        def opened() -> None:
            ws.send(json.dumps({"action": "subscribe"}))

        @ws.on("message")
        def received(message: str) -> None:
            assert json.loads(message)["action"] == "subscribe"
            assert ws.ready_state == WebSocket.OPEN

        ws.on("close", codes.append)
        await ws.run(for_="100ms")
        assert codes == [1000]

    outcome = play(check, echo)
    assert outcome.passed, outcome.error
    (closed,) = outcome.of(Closed)
    assert (closed.sent_code, closed.initiator, closed.clean) == (1000, "local", True)


def test_handlers_of_many_shapes() -> None:
    calls: list[Any] = []

    class Thing:
        def method(self, message: str) -> None:
            calls.append(("method", message))

        def __call__(self, message: str) -> None:
            calls.append(("object", message))

        @staticmethod
        def static(message: str) -> None:
            calls.append(("static", message))

    async def later(message: str) -> None:
        await asyncio.sleep(0)
        calls.append(("async", message))

    async def check(url: str) -> None:
        ws = WebSocket(url)
        ws.on("message", Thing().method)
        ws.on("message", Thing())
        ws.on("message", Thing.static)
        ws.on("message", lambda: calls.append("none"))
        ws.on("message", lambda message, extra=1: calls.append(("default", extra)))
        ws.on("message", lambda *all: calls.append(("all", all)))
        ws.on("message", functools.partial(Thing.static))
        ws.on("message", later)
        ws.on("message", calls.append)
        await ws.run()

    assert play(check, closing(1000, "", "x")).passed
    assert calls == [
        ("method", "x"),
        ("object", "x"),
        ("static", "x"),
        "none",
        ("default", 1),
        ("all", ("x",)),
        ("static", "x"),
        ("async", "x"),
        "x",
    ]


def test_a_handler_may_wait_for_what_another_is_told() -> None:
    seen: list[str] = []

    async def check(url: str) -> None:
        ws = WebSocket(url)
        answered, closed = asyncio.Event(), asyncio.Event()

        @ws.on("open")
        async def opened() -> None:
            ws.send("question")
            await answered.wait()
            seen.append("answered")
            ws.close()
            await closed.wait()
            seen.append("closed")

        ws.on("message", lambda: answered.set())
        ws.on("close", lambda: closed.set())
        await ws.run()

    outcome = play(check, echo)
    assert outcome.passed, outcome.error
    assert seen == ["answered", "closed"]


def test_the_handlers_of_an_event_are_called_one_at_a_time_and_those_of_the_end_last() -> None:
    seen: list[str] = []

    async def check(url: str) -> None:
        ws = WebSocket(url)

        @ws.on("message")
        async def received(message: str) -> None:
            seen.append(f"{message} begins")
            await asyncio.sleep(0.02)
            seen.append(f"{message} ends")

        ws.on("message", lambda message: seen.append(f"and {message}"))
        ws.on("close", lambda: seen.append("closed"))
        await ws.run()

    assert play(check, closing(1000, "", "1", "2")).passed
    assert seen == [
        *["1 begins", "1 ends", "and 1"],
        *["2 begins", "2 ends", "and 2"],
        "closed",
    ]


def test_a_handler_that_does_not_end_fails_the_check_when_its_time_is_over() -> None:
    cancelled = []

    async def check(url: str) -> None:
        ws = WebSocket(url)

        @ws.on("open")
        async def opened() -> None:
            try:
                await asyncio.Event().wait()
            finally:
                cancelled.append(True)

        await ws.run(for_="20ms")

    outcome = play(check, silent)
    assert isinstance(outcome.error, TimedOut)
    assert outcome.failure.code == "timeout.handler"
    assert "handler of 'open'" in outcome.failure.message
    assert cancelled


def test_a_time_limit_around_the_run_does_not_hide_that_no_message_came() -> None:
    async def check(url: str) -> None:
        ws = WebSocket(url)
        ws.on("message", print)
        with suppress(TimeoutError):
            async with asyncio.timeout(0.05):
                await ws.run()

    outcome = play(check, silent)
    assert [failure.code for failure in outcome.warnings] == ["check.abandoned"]
    assert not play(check, speaking("hello")).warnings


def test_a_run_to_which_messages_come_makes_up_for_one_before_to_which_none_came() -> None:
    talkative = iter([False, True])

    async def server(ws: ServerConnection) -> None:
        if next(talkative):
            await ws.send("hello")
        await ws.wait_closed()

    async def check(url: str) -> None:
        for _ in range(2):
            ws = WebSocket(url)
            ws.on("message", lambda: None)
            with suppress(MessageError):
                await ws.run(for_="100ms")

    assert play(check, server).passed


def test_what_came_with_the_answer_to_the_upgrade_is_handled_in_order() -> None:
    seen: list[Any] = []

    def server(peer: Peer) -> None:
        early = [
            frames.frame(frames.PING, b"1"),
            frames.text("2"),
            frames.frame(frames.PONG, b"3"),
            frames.text("4"),
            frames.frame(frames.PING, b"5"),
        ]
        peer.handshake(then=b"".join(early))
        peer.echo()

    async def check(url: str) -> None:
        ws = WebSocket(url)
        ws.on("ping", lambda data: seen.append(("ping", data)))
        ws.on("pong", lambda data: seen.append(("pong", data)))
        ws.on("message", seen.append)
        await ws.run(for_="20ms")

    outcome = play(check, raw=server)
    assert outcome.passed, outcome.error
    assert seen == [("ping", b"1"), "2", ("pong", b"3"), "4", ("ping", b"5")]


def test_a_handler_that_is_a_plain_function_can_ping() -> None:
    seen: list[Any] = []

    async def check(url: str) -> None:
        ws = WebSocket(url)

        @ws.on("open")
        def opened() -> None:
            ws.ping("hi")

        @ws.on("pong")
        def ponged(payload: bytes) -> None:
            seen.append(payload)
            ws.close()

        await ws.run()

    outcome = play(check, silent)
    assert outcome.passed, outcome.error
    assert seen == [b"hi"]


def test_a_ping_that_a_plain_handler_sent_may_stay_unanswered() -> None:
    async def check(url: str) -> None:
        ws = WebSocket(url)

        @ws.on("open")
        def opened() -> None:
            ws.ping("hi")

        await ws.run(for_="20ms")

    outcome = play(check, raw=upgraded(Peer.answer_goodbye))
    assert outcome.passed, outcome.error


def test_a_handler_that_awaits_the_close_does_not_keep_the_answer_out() -> None:
    """However much comes meanwhile, of which no more is kept than is wanted at any time."""
    seen: list[Any] = []

    def script(peer: Peer) -> None:
        peer.send(frames.text("close"))
        while peer.read_frame().opcode != frames.CLOSE:
            pass
        for _ in range(100):
            peer.send(*[frames.text("x" * 10_000)] * 10)
        peer.send(frames.close(1000))
        peer.fin()

    async def check(url: str) -> None:
        ws = WebSocket(url, max_queue=10)

        @ws.on("message")
        async def received(message: str) -> None:
            seen.append(message)
            await ws.close()

        await ws.run()

    outcome = play(check, raw=upgraded(script))
    assert outcome.passed
    assert not outcome.warnings
    assert outcome.of(Closed)[0].clean
    assert len(seen) < 50


def test_once_and_off() -> None:
    calls: list[str] = []

    async def check(url: str) -> None:
        ws = WebSocket(url)

        @ws.once("message")
        def first(message: str) -> None:
            calls.append(f"first {message}")

        @ws.on("message")
        def second(message: str) -> None:
            calls.append(f"second {message}")
            if message == "b":
                ws.off("message", second)

        ws.off("message", print)  # not registered: harmless
        await ws.run()

    assert play(check, closing(1000, "", "a", "b", "c")).passed
    assert calls == ["first a", "second a", "second b"]


def test_a_handler_may_close_and_what_comes_until_then_is_still_handled() -> None:
    seen: list[Any] = []

    async def check(url: str) -> None:
        ws = WebSocket(url)

        @ws.on("message")
        def received(message: str) -> None:
            seen.append(message)
            if message == "a":
                ws.close(4000, "seen enough")

        @ws.on("close")
        def closed(code: int, reason: str) -> None:
            seen.append((code, reason))

        await ws.run()

    outcome = play(check, speaking("a", "b"))
    assert outcome.passed
    assert seen == ["a", "b", (4000, "seen enough")]
    assert outcome.of(Closed)[0].initiator == "local"


def test_an_async_handler_may_await_the_close() -> None:
    async def check(url: str) -> None:
        ws = WebSocket(url)

        @ws.on("message")
        async def received(message: str) -> None:
            await ws.close()

        await ws.run()

    assert play(check, speaking("a")).passed


@pytest.mark.parametrize("event", ["open", "message", "close"])
@pytest.mark.parametrize("is_async", [False, True])
def test_an_exception_in_a_handler_ends_the_run_and_is_raised(event: Any, is_async: bool) -> None:
    async def check(url: str) -> None:
        ws = WebSocket(url)

        def fail() -> None:
            raise LookupError("in a handler")

        async def fail_later() -> None:
            await asyncio.sleep(0)
            fail()

        ws.on(event, fail_later if is_async else fail)
        await ws.run(for_="5s" if event != "close" else "50ms")

    outcome = play(check, speaking("a"))
    assert isinstance(outcome.error, LookupError)
    assert outcome.of(Closed)[0].clean


@pytest.mark.parametrize("is_async", [False, True])
def test_what_holds_for_a_message_does_not_make_up_for_the_one_before(is_async: bool) -> None:
    def judge(message: str) -> None:
        with suppress(AssertionError):
            expect(message).equals("good")

    async def judge_slowly(message: str) -> None:
        await asyncio.sleep(0)
        judge(message)

    async def check(url: str) -> None:
        ws = WebSocket(url)
        ws.on("message", judge_slowly if is_async else judge)
        await ws.run(for_="50ms")

    assert play(check, speaking("bad", "good")).codes == ["assertion.failed"]
    assert play(check, speaking("good")).passed


def test_a_handler_may_try_again_until_something_holds() -> None:
    async def received(message: str) -> None:
        for value in ("bad", message):
            with suppress(AssertionError):
                expect(value).equals("good")

    async def check(url: str) -> None:
        ws = WebSocket(url)
        ws.on("message", received)
        await ws.run(for_="50ms")

    assert play(check, speaking("good")).passed


def test_a_silent_server_fails_a_check_that_listens_for_messages() -> None:
    async def check(url: str) -> None:
        ws = WebSocket(url)
        ws.on("message", print)
        await ws.run(for_="50ms")

    outcome = play(check, silent)
    assert isinstance(outcome.error, MessageError)
    assert outcome.failure.code == "message.none_received"
    assert "sent no message within 0.05 s" in outcome.failure.message
    assert outcome.failure.location is not None
    assert outcome.failure.location.text == 'await ws.run(for_="50ms")'


def test_a_silent_server_is_fine_for_one_that_does_not() -> None:
    async def check(url: str) -> None:
        ws = WebSocket(url)
        ws.on("open", lambda: ws.send("x"))
        await ws.run(for_="20ms")

    assert play(check, silent).passed


def test_a_server_that_closes_at_once_without_a_message_fails_it_too() -> None:
    async def check(url: str) -> None:
        ws = WebSocket(url)
        ws.once("message", print)
        await ws.run(for_="5s")

    outcome = play(check, closing(1000))
    assert "sent no message within 5 s" in outcome.failure.message


def test_an_abnormal_close_fails_the_check_however_it_is_handled() -> None:
    seen: list[Any] = []

    async def check(url: str) -> None:
        ws = WebSocket(url)
        ws.on("message", seen.append)
        ws.on("error", lambda error: seen.append(error.failure.code))
        ws.on("close", lambda code: seen.append(code))
        await ws.run(for_="5s")

    outcome = play(check, closing(1011, "oops", "a"))
    assert outcome.error is None
    assert outcome.codes == ["ws.closed"]
    assert seen == ["a", "ws.closed", 1011]


def test_a_lost_connection_is_an_error_and_a_close_with_1006() -> None:
    seen: list[Any] = []

    async def check(url: str) -> None:
        ws = WebSocket(url)
        ws.on("error", lambda error: seen.append(error.failure.code))
        ws.on("close", lambda code, reason: seen.append((code, reason)))
        await ws.run(for_="5s")

    outcome = play(check, raw=upgraded(Peer.reset))
    assert outcome.codes == ["ws.closed_abnormally"]
    assert seen == ["ws.closed_abnormally", (1006, "")]


def test_a_refused_connection_is_raised_without_an_error_handler() -> None:
    async def check() -> None:
        ws = WebSocket(refusing_url())
        ws.on("message", print)
        await ws.run(for_="5s")

    outcome = play(check)
    assert isinstance(outcome.error, ConnectError)
    assert outcome.codes == ["tcp.refused"]


def test_a_refused_connection_fails_the_check_with_an_error_handler_too() -> None:
    seen: list[Any] = []

    async def check() -> None:
        ws = WebSocket(refusing_url())
        ws.on("message", print)
        ws.on("error", lambda error: seen.append(error.failure.code))
        ws.on("close", lambda code, reason: seen.append((code, reason)))
        await ws.run(for_="5s")
        assert ws.ready_state is ws.CLOSED
        assert ws.close_code == 1006

    outcome = play(check)
    assert outcome.error is None
    assert outcome.codes == ["tcp.refused"]
    assert seen == ["tcp.refused", (1006, "")]


def test_many_messages_come_in_order_to_handlers_of_any_speed() -> None:
    async def server(ws: ServerConnection) -> None:
        for n in range(20_000):
            await ws.send(str(n))

    async def check(url: str) -> None:
        ws = WebSocket(url, max_queue=50)
        seen: list[int] = []

        @ws.on("message")
        async def received(message: str) -> None:
            seen.append(int(message))
            if not len(seen) % 1000:
                await asyncio.sleep(0.001)

        await ws.run()
        assert seen == list(range(20_000))

    outcome = play(check, server)
    assert outcome.passed, outcome.error


def test_a_server_faster_than_the_handlers_is_slowed_down() -> None:
    sent = 0

    async def server(ws: ServerConnection) -> None:
        nonlocal sent
        while True:
            await ws.send(b"x" * 1_000_000)
            sent += 1

    async def check(url: str) -> None:
        ws = WebSocket(url, max_queue=4, compression=False, timeouts={"close": "2s"})
        stuck = asyncio.Event()

        @ws.once("message")
        async def received() -> None:
            stuck.set()
            await asyncio.sleep(0.4)

        await ws.run(for_="200ms")

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    outcome = play(check, server)
    assert outcome.error is None
    assert sent < 200  # of the thousands that fit into that time
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak < 200_000


def test_the_end_of_its_time_comes_however_much_is_waiting_to_be_handled() -> None:
    async def server(ws: ServerConnection) -> None:
        while True:
            await ws.send("again")
            await asyncio.sleep(0)

    async def check(url: str) -> None:
        ws = WebSocket(url, max_queue=10)
        ws.on("message", lambda: asyncio.sleep(0.002))
        await ws.run(for_="100ms")

    outcome = play(check, server)
    assert outcome.passed
    assert not outcome.warnings  # the server's Close frame was read behind all the rest
    assert outcome.of(Closed)[0].clean


def test_an_opened_connection_can_be_run_too() -> None:
    seen: list[Any] = []

    async def check(url: str) -> None:
        async with connect(url) as ws:
            await ws.send("first")
            assert await ws.receive() == "first"
            ws.on("open", lambda: ws.send("second"))
            ws.on("message", seen.append)
            await ws.run(for_="50ms")

    assert play(check, echo).passed
    assert seen == ["second"]


def test_receiving_while_handlers_get_the_messages_is_a_mistake() -> None:
    async def check(url: str) -> None:
        ws = WebSocket(url)

        @ws.on("open")
        async def opened() -> None:
            await ws.receive()

        await ws.run(for_="5s")

    outcome = play(check, silent)
    assert isinstance(outcome.error, UsageError)
    assert "'message' handler" in str(outcome.error)
    assert outcome.codes == ["check.usage"]


def test_it_runs_once() -> None:
    async def check(url: str) -> None:
        ws = WebSocket(url)
        await ws.run(for_="10ms")
        await ws.run(for_="10ms")

    outcome = play(check, silent)
    assert str(outcome.error).startswith("WebSocket is not open: readyState 3 (CLOSED)")


def test_cancelling_the_run_leaves_nothing() -> None:
    async def check(url: str) -> None:
        async with asyncio.timeout(0.05):
            await WebSocket(url).run()

    outcome = play(check, silent)
    assert isinstance(outcome.error, TimeoutError)
    assert len(outcome.of(Closed)) == 1


def _yielding() -> Any:
    yield


@pytest.mark.parametrize(
    ("register", "message"),
    [
        (lambda ws: ws.on("mesage", print), 'a WebSocket has no event "mesage"; did you mean "me'),
        (lambda ws: ws.on("data"), 'a WebSocket has no event "data"; there are open, message, err'),
        (
            lambda ws: ws.on("message", "f"),
            'the handler of "message" must be a function',
        ),
        (
            lambda ws: ws.on("message", lambda data, is_binary: None),
            '<lambda>() requires 2 arguments, and a handler of "message" is given the message; '
            "binary messages are bytes, text is str",
        ),
        (
            lambda ws: ws.on("close", lambda a, b, c: None),
            '<lambda>() requires 3 arguments, and a handler of "close" is given the code and the',
        ),
        (lambda ws: ws.on("open", _yielding), "_yielding() has a yield in it, so calling it would"),
        (lambda ws: ws.off("mesage", print), 'a WebSocket has no event "mesage"'),
    ],
)
def test_what_cannot_be_a_handler_is_a_mistake(register: Any, message: str) -> None:
    async def check(url: str) -> None:
        ws = WebSocket(url)
        ws.close()
        with pytest.raises(UsageError) as caught:
            register(ws)
        assert str(caught.value).startswith(message)

    outcome = play(check, silent)
    assert outcome.error is None
    assert outcome.codes == ["check.usage"]
