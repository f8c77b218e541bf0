"""The blocking twin: the same WebSocket for checks that are plain functions."""

from __future__ import annotations

import asyncio
import signal
import threading
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
    expect,
    log,
    step,
)
from checkwire import connect as connect_async
from checkwire.model.events import ConnectionClosed as Closed
from checkwire.model.events import ConnectionStarted, Logged
from checkwire.sync import BlockingWebSocket, WebSocket, connect
from support.rawserver import Peer, upgraded
from support.scene import play, refusing_url
from support.wsserver import closing, echo, silent, speaking


def test_it_does_all_that_the_awaited_one_does() -> None:
    def check(url: str) -> None:
        with step("all"), connect(url, subprotocols=["chat"]) as ws:
            assert isinstance(ws, BlockingWebSocket)
            assert ws.ready_state is ws.OPEN
            assert repr(ws) == f"<WebSocket {url} OPEN>"
            ws.send("text")
            assert ws.receive() == "text"
            assert ws.receive_text() == "text"
            ws.send(b"bytes")
            assert ws.receive_bytes(where=b"bytes", within="5s") == b"bytes"
            ws.send_json({"a": 1})
            assert ws.receive_json(where={"a": int}) == {"a": 1}
            assert ws.receive_json(within="10ms", default=None) is None
            ws.expect_silence("10ms")
            assert 0 < ws.ping() < 5
            assert ws.timings.open > 0
            assert ws.response.status == 101
            assert ws.subprotocol == "chat"
            assert ws.extensions
            assert ws.remote_address
            assert ws.tls is None
            assert (ws.close_code, ws.close_reason) == (None, "")
            assert ws.url == url
        assert ws.ready_state is ws.CLOSED
        assert ws.close_code == 1000

    async def server(ws: ServerConnection) -> None:
        async for message in ws:
            await ws.send(message)
            if message == "text":
                await ws.send("text")

    outcome = play(check, server, options={"subprotocols": ["chat"]})
    assert outcome.passed, outcome.error
    assert outcome.of(ConnectionStarted)[0].step == 1


def test_failures_are_told_with_their_place_in_the_script() -> None:
    def check(url: str) -> None:
        with connect(url) as ws:
            with suppress(TimedOut):
                ws.receive(within="10ms")
            with suppress(UsageError):
                ws.send({"a": 1})  # type: ignore[arg-type]
            with suppress(UsageError):
                ws.close(1005)
            with suppress(UsageError):
                ws.receive(where={"a": 1})
            with suppress(UsageError):
                ws.send_json({1, 2})

    outcome = play(check, silent)
    assert outcome.error is None
    assert outcome.codes == ["timeout.first_message", *["check.usage"] * 4]
    texts = [failed.failure.location.text for failed in outcome.counting if failed.failure.location]
    assert texts == [
        'ws.receive(within="10ms")',
        'ws.send({"a": 1})  # type: ignore[arg-type]',
        "ws.close(1005)",
        'ws.receive(where={"a": 1})',
        "ws.send_json({1, 2})",
    ]


def test_iterating_ends_with_a_normal_close_or_the_check_s_own() -> None:
    def check(url: str) -> list[Any]:
        with connect(url) as ws:
            return list(ws)

    def check_closing(url: str) -> None:
        with connect(url) as ws:
            for _ in ws:
                ws.close(4000)

    assert play(check, closing(1000, "", "a", b"b")).result == ["a", b"b"]
    assert play(check_closing, speaking("a")).passed
    assert isinstance(play(check, closing(1011, "", "a")).error, ConnectionClosed)


def test_a_close_can_be_waited_for() -> None:
    def check(url: str) -> Any:
        with connect(url) as ws:
            return ws.receive_close(1008, within="5s")

    outcome = play(check, closing(1008, "no"))
    assert outcome.passed
    assert outcome.result == (1008, "no")


def test_it_opens_and_closes_by_hand_too() -> None:
    def check(url: str) -> None:
        ws = WebSocket(url).open()
        ws.send("x")
        assert ws.receive() == "x"
        ws.close(4000, "done")
        ws.close()
        with pytest.raises(UsageError, match=r"WebSocket is not open: readyState 3 \(CLOSED\)"):
            ws.send("y")

    outcome = play(check, echo)
    assert outcome.codes == ["check.usage"]
    assert outcome.of(Closed)[0].sent_code == 4000


def test_a_refused_connection_leaves_no_thread() -> None:
    def check() -> None:
        with connect(refusing_url()):
            raise AssertionError

    outcome = play(check)
    assert isinstance(outcome.error, ConnectError)
    assert outcome.codes == ["tcp.refused"]


def test_an_exception_in_the_block_leaves_no_thread() -> None:
    def check(url: str) -> None:
        with connect(url):
            raise LookupError

    assert isinstance(play(check, silent).error, LookupError)


class TimeIsUp(BaseException):
    pass


def test_a_signal_that_ends_the_check_ends_what_it_waits_for() -> None:
    def alarmed(*_: object) -> None:
        raise TimeIsUp

    def check(url: str) -> None:
        previous = signal.signal(signal.SIGALRM, alarmed)
        signal.setitimer(signal.ITIMER_REAL, 0.1)
        try:
            with connect(url) as ws:
                ws.receive(within="20s")
        except TimeIsUp:
            log("ended")
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, previous)

    outcome = play(check, silent)
    assert outcome.logs == ["ended"]
    assert len(outcome.of(Closed)) == 1


def test_several_at_once() -> None:
    def check(url: str) -> None:
        with connect(url) as a, connect(url) as b:
            a.send("a")
            b.send("b")
            assert (b.receive(), a.receive()) == ("b", "a")

    assert play(check, echo).passed


def test_a_connection_left_open_is_let_go_of() -> None:
    threads = []

    def check(url: str) -> None:
        ws = WebSocket(url).open()
        threads.append(ws._portal)

    with pytest.raises(AssertionError, match="checkwire portal"):
        play(check, silent)
    threads[0].stop()


def test_handlers_are_called_in_order_in_the_thread_of_the_check() -> None:
    seen: list[Any] = []

    def check(url: str) -> None:
        ws = WebSocket(url)
        here = threading.current_thread()

        @ws.on("open")
        def opened() -> None:
            assert threading.current_thread() is here
            ws.send("hello")
            assert ws.ping() > 0

        @ws.on("message")
        def received(message: str) -> None:
            seen.append(message)
            log("got", message)
            ws.close(4000, "enough")

        ws.on("close", lambda code, reason: seen.append((code, reason)))
        with step("run"):
            ws.run(for_="5s")
        assert ws.ready_state is ws.CLOSED

    outcome = play(check, echo)
    assert outcome.passed, outcome.error
    assert seen == ["hello", (4000, "enough")]
    assert outcome.of(Logged)[0].step == 1


def test_the_event_style_fails_as_the_awaited_one_does() -> None:
    def silence(url: str) -> None:
        ws = WebSocket(url)
        ws.on("message", print)
        ws.run(for_="20ms")

    outcome = play(silence, silent)
    assert isinstance(outcome.error, MessageError)
    assert outcome.codes == ["message.none_received"]

    def lost(url: str) -> None:
        ws = WebSocket(url)
        ws.on("error", log)
        ws.run()

    assert play(lost, raw=upgraded(Peer.reset)).codes == ["ws.closed_abnormally"]
    assert play(lambda: lost(refusing_url())).codes == ["tcp.refused"]

    def raises(url: str) -> None:
        ws = WebSocket(url)
        ws.on("message", lambda: expect(1).equals(2))
        ws.run()

    assert play(raises, speaking("x")).codes == ["assertion.failed"]


def test_what_holds_for_a_message_does_not_make_up_for_the_one_before() -> None:
    def judge(message: str) -> None:
        with suppress(AssertionError):
            expect(message).equals("good")

    def check(url: str) -> None:
        ws = WebSocket(url)
        ws.on("message", judge)
        ws.run(for_="50ms")

    assert play(check, speaking("bad", "good")).codes == ["assertion.failed"]


def test_an_open_connection_can_be_run() -> None:
    def check(url: str) -> None:
        with connect(url) as ws:
            ws.on("open", lambda: ws.send("x"))
            ws.on("message", lambda: ws.close())
            ws.run()

    assert play(check, echo).passed


MISTAKES = [
    (
        lambda url: connect(url).send("x"),
        "WebSocket is not open: readyState 0 (CONNECTING); write `with connect(url) as ws:`",
    ),
    (lambda url: connect_async(url).__enter__(), "write `async with connect(...)`; a check that"),  # type: ignore[attr-defined]
    (lambda url: connect(url, heders={}), "connect() does not take 'heders'"),  # type: ignore[call-arg]
    (lambda url: connect(url).recv(), "a WebSocket has no 'recv': here it is receive()"),  # type: ignore[attr-defined]
    (lambda url: setattr(connect(url), "onmessage", print), "a WebSocket has no 'onmessage': her"),
]


@pytest.mark.parametrize(("mistake", "message"), MISTAKES)
def test_mistakes_are_told(mistake: Any, message: str) -> None:
    def check(url: str) -> None:
        mistake(url)

    outcome = play(check, silent)
    assert isinstance(outcome.error, UsageError)
    assert str(outcome.error).startswith(message)


def test_in_an_async_check_it_is_a_mistake() -> None:
    async def check(url: str) -> None:
        with connect(url):
            pass

    assert str(play(check, silent).error).startswith("checkwire.sync would block the event loop")


def test_with_async_it_is_a_mistake() -> None:
    async def check(url: str) -> None:
        async with connect(url):  # type: ignore[attr-defined]
            pass

    assert str(play(check, silent).error).startswith("write `with connect(...)`, without async")


def test_an_async_handler_is_a_mistake() -> None:
    async def received() -> None:
        await asyncio.sleep(0)

    def check(url: str) -> None:
        ws = WebSocket(url)
        ws.on("message", received)
        ws.run()

    assert str(play(check, speaking("x")).error).startswith('the handler of "message" is async')


def test_a_coroutine_in_a_plain_function_is_a_mistake() -> None:
    from checkwire import WebSocket as AsyncWebSocket

    def check(url: str) -> None:
        AsyncWebSocket(url).run(for_="1s")  # type: ignore[unused-coroutine]

    outcome = play(check, silent)
    assert outcome.codes == ["check.usage"]
    assert outcome.counting[0].failure.message.startswith("run() was called without await")
