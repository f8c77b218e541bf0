"""Sending, pinging and closing, also when that cannot be."""

from __future__ import annotations

import asyncio
import math
from contextlib import suppress
from typing import Any

import pytest

from checkwire import ConnectionClosed, TimedOut, UsageError, WebSocket, connect
from checkwire.model.events import ConnectionClosed as Closed
from checkwire.model.events import FrameSeen
from support.loops import until
from support.rawserver import Peer, upgraded
from support.scene import play
from support.wsserver import closing, echo, serving, silent, speaking

DEAF = upgraded(Peer.read_to_end)
"""Reads all, and answers nothing."""


def _rude(peer: Peer) -> None:
    peer.read(1)
    peer.say_goodbye()


RUDE = upgraded(_rude)
"""Closes normally as soon as anything comes."""


def test_text_and_binary_of_every_kind_are_sent() -> None:
    async def check(url: str) -> None:
        async with connect(url) as ws:
            for data in ("grüße", b"\x00\xff", bytearray(b"ab"), memoryview(b"cd")):
                await ws.send(data)
                reply = await ws.receive()
                assert reply == (data if isinstance(data, str) else bytes(data))

    assert play(check, echo).passed


def test_it_is_sent_without_being_awaited() -> None:
    async def check(url: str) -> None:
        async with connect(url) as ws:
            ws.send("now")
            assert await ws.receive() == "now"

    assert play(check, echo).passed


def test_awaiting_waits_while_a_server_does_not_read() -> None:
    async def check(url: str) -> None:
        async with connect(url, timeouts={"close": "50ms"}) as ws:
            with suppress(TimeoutError):
                async with asyncio.timeout(0.3):
                    for _ in range(1000):
                        await ws.send(b"x" * 100_000)
                    raise AssertionError("100 MB were not waited for")

    outcome = play(check, raw=upgraded(Peer.stay))
    assert outcome.error is None


def test_json_is_sent_as_compact_text() -> None:
    async def check(url: str) -> None:
        async with connect(url) as ws:
            await ws.send_json({"a": [1, None, "ü"]})
            assert await ws.receive_text() == '{"a":[1,null,"ü"]}'
            await ws.send_json("{not json}")
            assert await ws.receive_text() == '"{not json}"'

    assert play(check, echo).passed


@pytest.mark.parametrize(
    ("send", "message"),
    [
        (
            lambda ws: ws.send({"a": 1}),
            "send() takes str or bytes, not dict; send_json() sends any value as JSON",
        ),
        (lambda ws: ws.send(None), "send() takes str or bytes, not NoneType; send_json()"),
        (lambda ws: ws.send_json({1, 2}), "send_json() cannot write this as JSON: Object of type"),
        (lambda ws: ws.send_json(math.nan), "send_json() cannot write this as JSON: Out of range"),
        (lambda ws: ws.send_json("\ud800"), "send_json() cannot write this as JSON: 'utf-8'"),
        (lambda ws: ws.send_json('{"a": 1}'), "send_json() got JSON text already: send() sends it"),
        (lambda ws: ws.close("bye"), "close() takes a code and a reason: close(1000, 'done')"),
        (lambda ws: ws.close(1005), "close code 1005 must not be sent"),
        (lambda ws: ws.close(1000, "x" * 124), "a close reason holds at most 123 bytes"),
    ],
)
def test_what_cannot_be_sent_is_a_mistake_told_even_if_swallowed(send: Any, message: str) -> None:
    async def check(url: str) -> None:
        async with connect(url) as ws:
            with pytest.raises(UsageError) as caught:
                send(ws)
            assert str(caught.value).startswith(message)

    outcome = play(check, echo)
    assert outcome.error is None
    assert outcome.failure.code == "check.usage"
    assert outcome.failure.message.startswith(message)


def test_text_that_is_no_unicode_cannot_be_sent() -> None:
    async def check(url: str) -> None:
        async with connect(url) as ws:
            ws.send("\ud800")

    outcome = play(check, echo)
    assert isinstance(outcome.error, UsageError)
    assert outcome.codes == ["check.usage"]


async def _connecting(url: str) -> WebSocket:
    return WebSocket(url)


async def _closing(url: str) -> WebSocket:
    ws = await connect(url)
    ws.close()
    return ws


async def _closed(url: str) -> WebSocket:
    ws = await connect(url)
    await ws.close()
    return ws


@pytest.mark.parametrize(
    ("make", "state"),
    [(_connecting, "0 (CONNECTING)"), (_closing, "2 (CLOSING)"), (_closed, "3 (CLOSED)")],
)
@pytest.mark.parametrize("use", ["send", "send_json", "ping"])
def test_sending_on_a_websocket_that_is_not_open_says_its_ready_state(
    make: Any, state: str, use: str
) -> None:
    async def check(url: str) -> None:
        ws = await make(url)
        try:
            if use == "ping":
                await ws.ping()
            else:
                getattr(ws, use)("x")
        finally:
            await ws.close()

    outcome = play(check, echo)
    assert isinstance(outcome.error, UsageError)
    assert str(outcome.error).startswith(f"WebSocket is not open: readyState {state}; ")
    assert outcome.codes == ["check.usage"]
    location = outcome.failure.location
    assert location is not None
    assert location.path.endswith("test_sending.py")


@pytest.mark.parametrize("code", [1000, 1011])
def test_sending_after_the_server_closed_blames_the_server_even_if_swallowed(code: int) -> None:
    async def check(url: str) -> None:
        ws = await connect(url)
        await until(lambda: ws.ready_state is not ws.OPEN)
        for _ in range(2):
            with pytest.raises(ConnectionClosed) as caught:
                ws.send("x")
            assert caught.value.code == code

    outcome = play(check, closing(code, "no more"))
    assert outcome.error is None
    assert outcome.failure.code == "ws.closed"
    assert f"closed the connection with {code}" in outcome.failure.message


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_a_ping_gives_its_round_trip(loop: str) -> None:
    async def check(url: str) -> None:
        async with connect(url) as ws:
            round_trip = await ws.ping()
            assert 0 < round_trip < 5
            assert round_trip.network is None or round_trip.network <= round_trip
            await ws.ping("text")
            await ws.ping(b"bytes", within="5s")

    outcome = play(check, silent, loop=loop)
    assert outcome.passed
    assert outcome.verifications == 3
    pings = [f.payload for f in outcome.of(FrameSeen) if f.opcode == "ping"]
    assert pings[1] == "text"


def test_a_ping_that_is_not_answered_fails_the_check_even_if_swallowed() -> None:
    async def check(url: str) -> None:
        async with connect(url, timeouts={"pong": "50ms", "close": "50ms"}) as ws:
            with pytest.raises(TimedOut):
                await ws.ping()

    outcome = play(check, raw=DEAF)
    assert outcome.error is None
    assert outcome.failure.code == "ws.no_pong"
    assert "0.05 s" in outcome.failure.message


def test_a_ping_that_cannot_be_is_a_mistake() -> None:
    async def check(url: str) -> None:
        async with connect(url) as ws:
            await ws.ping(b"x" * 126)

    outcome = play(check, silent)
    assert str(outcome.error).startswith("a ping holds at most 125 bytes")
    assert outcome.codes == ["check.usage"]


def test_a_normal_close_that_ends_a_ping_is_told_even_if_swallowed() -> None:
    async def check(url: str) -> None:
        async with connect(url) as ws:
            with pytest.raises(ConnectionClosed):
                await ws.ping()

    outcome = play(check, raw=RUDE)
    assert outcome.codes == ["ws.closed"]


def test_closing_begins_without_being_awaited() -> None:
    async def check(url: str) -> None:
        async with connect(url) as ws:
            done = ws.close(4001, "later")
            assert ws.ready_state is ws.CLOSING
            await done
            assert ws.ready_state is ws.CLOSED
            await done

    outcome = play(check, silent)
    assert outcome.passed
    assert outcome.of(Closed)[0].sent_code == 4001


def test_what_came_before_is_received_after_closing() -> None:
    async def check(url: str) -> None:
        ws = await connect(url)
        await ws.ping()
        await ws.close()
        assert await ws.receive() == "hello"
        await ws.receive()

    outcome = play(check, speaking("hello"))
    assert isinstance(outcome.error, ConnectionClosed)
    assert outcome.failure.code == "check.usage"
    assert "the check itself had closed" in outcome.failure.message


def test_an_unanswered_close_is_a_warning() -> None:
    async def check(url: str) -> None:
        async with connect(url, timeouts={"close": "50ms"}):
            pass

    outcome = play(check, raw=DEAF)
    assert outcome.passed
    assert [warning.code for warning in outcome.warnings] == ["ws.close_timeout"]


def test_an_exception_in_the_block_wins_over_a_server_that_does_not_close() -> None:
    async def check(url: str) -> None:
        async with connect(url, timeouts={"close": "0.05s"}):
            raise LookupError("mine")

    outcome = play(check, raw=DEAF)
    assert isinstance(outcome.error, LookupError)
    assert len(outcome.of(Closed)) == 1


def test_cancelling_a_close_ends_the_connection_at_once() -> None:
    async def check(url: str) -> None:
        async with asyncio.timeout(0.05), connect(url):
            pass

    outcome = play(check, raw=DEAF)
    assert isinstance(outcome.error, TimeoutError)
    assert len(outcome.of(Closed)) == 1


def test_connections_of_one_attempt_are_numbered() -> None:
    async def check(url: str) -> None:
        async with serving(echo) as other, connect(url) as a, connect(other) as b:
            await a.send("a")
            await b.send("b")
            assert (await b.receive(), await a.receive()) == ("b", "a")

    outcome = play(check, echo)
    assert outcome.passed
    assert {event.connection for event in outcome.of(FrameSeen)} == {1, 2}
