"""What proves that a server broke the protocol: the rule, and the frame that did, byte by byte."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from checkwire.model.errors import ConnectionClosed, TimedOut
from checkwire.model.failures import Failure
from support import frames
from support.connecting import SOON, opened
from support.frames import frame, text
from support.loops import Run, run
from support.observing import Recording
from support.rawserver import Peer, RawServer, upgraded

PAGE = (
    b"HTTP/1.1 504 Gateway Time-out\r\nServer: awselb/2.0\r\nVia: 1.1 edge\r\n"
    b"Content-Length: 6\r\n\r\n<html>"
)


async def failure_on(server: RawServer, seen: Recording) -> Failure:
    """With what the connection ends by itself."""
    async with opened(server.url, seen, timeouts={"close": SOON}) as connection:
        with suppress(ConnectionClosed):
            connection.send("go")
        await connection.wait_closed()
    (failure,) = seen.failures
    assert failure.connection == 1
    assert failure.evidence["place"] == server.place
    return failure


def sending(send: Callable[[Peer], None], *, early: bool = False) -> RawServer:
    """A server that sends this, once it is spoken to or as soon as it may."""

    def script(peer: Peer) -> None:
        if not early:
            peer.read_frame()
        send(peer)
        peer.read_to_end()

    return RawServer(upgraded(script))


BEFORE = text("x" * 200)
FRAGMENT = frame(frames.TEXT, b"begun", fin=False)
OPCODE = frame(3, b"what?" * 10)
IN_16 = frame(frames.TEXT, b"hello", width=16)
IN_64 = frame(frames.BINARY, bytes(65535), width=64)
PING_IN_16 = frame(frames.PING, width=16)
FIRST_BIT = frame(frames.BINARY, b"x" * 40, length=1 << 63)


@pytest.mark.parametrize(
    ("sent", "offset", "bad", "section", "code"),
    [
        (BEFORE + OPCODE, len(BEFORE), OPCODE, "RFC 6455 5.2", 1002),
        (BEFORE + IN_16, len(BEFORE), IN_16, "RFC 6455 5.2", 1002),
        (BEFORE + IN_64, len(BEFORE), IN_64, "RFC 6455 5.2", 1002),
        (BEFORE + FRAGMENT + PING_IN_16, 211, PING_IN_16, "RFC 6455 5.2", 1002),
        (FIRST_BIT, 0, FIRST_BIT, "RFC 6455 5.2", 1002),
        (BEFORE + FRAGMENT + text("x"), 211, text("x"), "RFC 6455 5.4", 1002),
        (frame(frames.PING, b"ok") + frame(0, b"!"), 4, frame(0, b"!"), "RFC 6455 5.4", 1002),
        (BEFORE + frames.close(1005), 204, frames.close(1005), "RFC 6455 7.4", 1002),
        (BEFORE + frame(1, b"\xff"), 204, frame(1, b"\xff"), "RFC 6455 8.1", 1007),
    ],
    ids=[
        "opcode",
        "16 bits",
        "64 bits",
        "ping",
        "first bit",
        "continuation",
        "continued",
        "code",
        "utf-8",
    ],
)
@pytest.mark.parametrize("how", ["at once", "byte by byte", "with the 101"])
def test_the_frame_that_broke_a_rule_is_in_the_evidence(
    how: str, sent: bytes, offset: int, bad: bytes, section: str, code: int
) -> None:
    assert sent[offset:] == bad
    seen = Recording()

    def script(peer: Peer) -> None:
        peer.handshake(then=sent if how == "with the 101" else b"")
        if how == "at once":
            peer.send(sent + text("more"))
        elif how == "byte by byte":
            peer.drip(sent)
        peer.read_to_end()

    with RawServer(script) as server:
        failure = run(failure_on(server, seen))
    evidence = failure.evidence
    assert failure.code == ("ws.invalid_utf8" if code == 1007 else "ws.protocol_error")
    assert evidence["frame_offset"] == offset
    # What comes byte by byte is refused as soon as it breaks the rule.
    shown = bytes.fromhex(evidence["frame_bytes"])
    assert shown == (bad[: len(shown)] if how == "byte by byte" else bad[:32])
    assert len(shown) >= 2
    assert evidence["section"] == section
    assert section in failure.message
    assert evidence["sent_code"] == code
    assert evidence["messages_in"] == sent.startswith(BEFORE)
    assert evidence["bytes_in"] >= 200 * sent.startswith(BEFORE)


def test_of_a_long_frame_its_beginning_is_shown() -> None:
    seen = Recording()
    sent = frame(frames.TEXT, b"a" * 5000 + b"\xff")
    with sending(lambda peer: peer.send(BEFORE, sent[:40], sent[40:])) as server:
        failure = run(failure_on(server, seen))
    assert failure.evidence["frame_bytes"] == sent[:32].hex(" ")
    assert (failure.evidence["frame_offset"], failure.evidence["offset"]) == (204, 5000)


def test_no_part_of_a_secret_is_shown_in_hex() -> None:
    seen = Recording("hunter2hunter2hunter2")
    sent = frame(frames.TEXT, b"password is: hunter2hunter2hunter2 \xff")
    with sending(lambda peer: peer.send(sent)) as server:
        failure = run(failure_on(server, seen))
    assert b"hunter2".hex(" ") not in failure.evidence["frame_bytes"]


# HTTP in the stream


def whole(peer: Peer) -> None:
    peer.send(PAGE)


def behind_a_message(peer: Peer) -> None:
    peer.send(text("hello") + PAGE)


def in_two(peer: Peer) -> None:
    peer.send(PAGE[:3])
    peer.delivered()
    peer.send(PAGE[3:])


def byte_by_byte(peer: Peer) -> None:
    peer.drip(PAGE)


@pytest.mark.parametrize("send", [whole, behind_a_message, in_two, byte_by_byte])
@pytest.mark.parametrize("early", [False, True])
def test_http_where_a_frame_should_begin_is_named(
    on_each_loop: Run[Any], send: Callable[[Peer], None], early: bool
) -> None:
    seen = Recording()

    async def check(server: RawServer) -> None:
        failure = await failure_on(server, seen)
        assert (failure.code, failure.phase) == ("ws.not_websocket", "open")
        assert "sent HTTP inside the open WebSocket: HTTP/1.1 504 Gateway Time-out" in (
            failure.message
        )
        evidence = failure.evidence
        assert (evidence["status"], evidence["reason"]) == (504, "Gateway Time-out")
        assert evidence["first_bytes"] == PAGE[:32].hex(" ")[: len(evidence["first_bytes"])]
        assert evidence["sent_code"] == 1002
        if send is not byte_by_byte:
            assert (evidence["server"], evidence["via"]) == ("awselb/2.0", "1.1 edge")
            assert ["Content-Length", "6"] in evidence["headers"]
            assert evidence["body"] == "<html>"
            assert failure.message.endswith(" (Server: awselb/2.0)")

    with sending(send, early=early) as server:
        on_each_loop(check(server))


def test_http_in_the_middle_of_a_frame_is_named_when_the_connection_ends() -> None:
    seen = Recording()

    def script(peer: Peer) -> None:
        peer.read_frame()
        peer.send(text("x" * 1000)[:300], PAGE)
        peer.fin()
        peer.read_to_end()

    with RawServer(upgraded(script)) as server:
        failure = run(failure_on(server, seen))
    assert failure.code == "ws.not_websocket"
    assert "sent HTTP in the middle of a frame: HTTP/1.1 504" in failure.message
    assert failure.evidence["status"] == 504
    assert failure.evidence["server"] == "awselb/2.0"


@pytest.mark.parametrize("sent", [text("x" * 1000)[:300] + PAGE, b"HTTP/1.1 504"])
def test_http_of_which_no_more_comes_is_named_when_the_wait_is_over(sent: bytes) -> None:
    async def check(server: RawServer) -> None:
        async with opened(server.url) as connection:
            connection.send("go")
            with pytest.raises(TimedOut) as caught:
                await connection.receive(SOON)
            assert caught.value.failure.code == "ws.not_websocket"
            assert "HTTP/1.1 504" in caught.value.failure.message

    with sending(lambda peer: peer.send(sent)) as server:
        run(check(server))


def test_a_frame_that_begins_as_http_does_and_goes_on_otherwise_is_a_broken_frame() -> None:
    seen = Recording()
    with sending(lambda peer: peer.drip(b"HTTX" + bytes(200))) as server:
        failure = run(failure_on(server, seen))
    assert failure.code == "ws.protocol_error"
    assert failure.evidence["frame_bytes"].startswith(b"HTTX".hex(" "))
    assert failure.evidence["frame_offset"] == 0


def test_a_connection_that_ends_in_what_may_have_been_http_ended_in_a_frame() -> None:
    seen = Recording()

    def script(peer: Peer) -> None:
        peer.read_frame()
        peer.send(b"HTT")
        peer.fin()
        peer.read_to_end()

    with RawServer(upgraded(script)) as server:
        failure = run(failure_on(server, seen))
    assert failure.code == "ws.closed_abnormally"
    assert failure.evidence["ended"] == "truncated"
