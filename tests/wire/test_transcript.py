"""The record of frames: the first and the last ones kept, the middle counted, secrets masked."""

from __future__ import annotations

import zlib
from base64 import b64decode
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Opcode

from checkwire.model.events import FrameSeen, FramesSkipped
from checkwire.model.masking import MASK
from checkwire.wire.options import Limits
from checkwire.wire.session.recorder import FrameRecorder
from support import frames
from support.connecting import opened
from support.frames import BINARY, CONTINUATION, TEXT, frame, text
from support.loops import Run, run
from support.observing import Recording
from support.rawserver import Peer, RawServer, upgraded

SECRET = "s3cr3t/pässword"


async def exchange(url: str, seen: Recording, *messages: str | bytes, **given: Any) -> None:
    async with opened(url, seen, **given) as connection:
        for message in messages:
            connection.send(message)
            assert (await connection.receive(10)).data == message
        await connection.close()


# Bounds


def test_frames_are_numbered_in_both_directions_together(on_each_loop: Run[Any]) -> None:
    seen = Recording()
    with RawServer(upgraded(Peer.echo)) as server:
        on_each_loop(exchange(server.url, seen, "a", b"b"))
    assert [f.number for f in seen.frames] == [1, 2, 3, 4, 5, 6]
    assert [f.direction for f in seen.frames] == ["out", "in"] * 3
    times = [f.at_ns for f in seen.frames]
    assert times == sorted(times)


@pytest.mark.parametrize("keep", [0, 1, 5])
@pytest.mark.parametrize("count", [1, 9, 10, 11, 12, 300])
def test_the_first_and_the_last_frames_are_kept_and_the_middle_counted(
    keep: int, count: int
) -> None:
    seen = Recording()
    recorder = FrameRecorder(1, seen, Limits(frames=keep))
    for number in range(1, count + 1):
        size = number * 10
        added = recorder.add(
            number, "in", Opcode.TEXT, size, size, True, False, f"{number}", False, False
        )
        assert added == number
    recorder.flush(count + 1)
    assert recorder.number == count
    kept = [f.number for f in seen.frames]
    first, last = range(1, min(keep, count) + 1), range(max(keep, count - keep) + 1, count + 1)
    assert kept == [*first, *last]
    skipped = seen.of(FramesSkipped)
    middle = [number for number in range(1, count + 1) if number not in kept]
    assert sum(s.count for s in skipped) == len(middle)
    assert sum(s.size for s in skipped) == sum(number * 10 for number in middle)


def test_a_flood_is_told_from_time_to_time_and_nothing_twice() -> None:
    """What a process that is killed loses is little."""
    seen = Recording()
    recorder = FrameRecorder(1, seen, Limits(frames=10))
    for number in range(1, 5001):  # 5 s
        at_ns = number * 1_000_000
        recorder.add(at_ns, "in", Opcode.BINARY, 1, 1, True, False, b"x", True, False)
        told = seen.frames[-1].at_ns if seen.frames else 0
        assert at_ns - told < 250_000_000
    recorder.flush(6_000_000_000)
    numbers = [f.number for f in seen.frames]
    assert numbers == sorted(set(numbers))
    assert len(numbers) + sum(s.count for s in seen.of(FramesSkipped)) == 5000
    assert len(numbers) < 400


def test_a_flood_over_a_connection_is_counted_whole(on_each_loop: Run[Any]) -> None:
    seen = Recording()

    def script(peer: Peer) -> None:
        peer.send(text("x") * 5000)
        peer.echo()

    async def check(server: RawServer) -> None:
        async with opened(server.url, seen, frames=3) as connection:
            for _ in range(5000):
                await connection.receive(10)
            await connection.close()

    with RawServer(upgraded(script)) as server:
        on_each_loop(check(server))
    assert seen.closed.messages_in == 5000
    skipped = sum(event.count for event in seen.of(FramesSkipped))
    assert len(seen.frames) + skipped == 5002
    assert [f.opcode for f in seen.frames[-2:]] == ["close", "close"]


def test_payloads_are_cut_and_their_sizes_stay() -> None:
    seen = Recording()
    long, odd = "é" * 50, bytes(range(50))
    with RawServer(upgraded(Peer.echo)) as server:
        run(exchange(server.url, seen, long, odd, "short", payload=10))
    sent, back, binary, _, short, _ = seen.frames[:6]
    assert (sent.payload, sent.truncated, sent.size) == ("é" * 10, True, 100)
    assert (back.payload, back.truncated, back.size) == ("é" * 10, True, 100)
    assert b64decode(binary.payload or "") == odd[:10]
    assert (binary.base64, binary.truncated, binary.size) == (True, True, 50)
    assert (short.payload, short.truncated) == ("short", False)


def test_a_fragmented_message_is_shown_on_its_last_frame() -> None:
    seen = Recording()
    data = frame(TEXT, b"in ", fin=False), frame(CONTINUATION, b"pa"), frame(BINARY, b"", fin=False)

    def script(peer: Peer) -> None:
        peer.send(*data, frame(CONTINUATION, b"\x00\x01", fin=True))
        peer.echo()

    async def check(server: RawServer) -> None:
        async with opened(server.url, seen) as connection:
            await connection.receive(5)
            await connection.receive(5)

    with RawServer(upgraded(script)) as server:
        run(check(server))
    assert [f.payload for f in seen.frames[:4]] == [None, "in pa", None, "AAE="]
    assert [f.base64 for f in seen.frames[:4]] == [False, False, False, True]


# Compression


def test_sizes_on_the_wire_are_those_of_the_compressed_payload() -> None:
    seen = Recording()
    message = "abc" * 1000
    with RawServer(upgraded(Peer.echo, "Sec-WebSocket-Extensions: permessage-deflate")) as server:
        run(exchange(server.url, seen, message))
        sent, back = seen.frames[:2]
    assert sent.compressed
    assert back.compressed
    assert sent.size == back.size == 3000
    deflate = zlib.compressobj(wbits=-15, memLevel=5)
    packed = deflate.compress(message.encode()) + deflate.flush(zlib.Z_SYNC_FLUSH)
    assert sent.wire_size == back.wire_size == len(packed) - 4
    assert seen.frames[2].compressed is False  # Control frames never are.


# Times


def test_frames_of_one_read_say_that_their_time_is_the_last_ones(on_each_loop: Run[Any]) -> None:
    seen = Recording()

    def script(peer: Peer) -> None:
        peer.read_frame()
        peer.send(text("a"), text("b"), frame(frames.PING), text("c"))
        peer.read_frame()
        peer.send(text("alone"))
        peer.answer_goodbye()
        assert peer.read_to_end() == b""

    async def check(server: RawServer) -> None:
        async with opened(server.url, seen) as connection:
            connection.send("go")
            for _ in range(3):
                await connection.receive(5)
            await connection.receive(5)
            await connection.close()

    with RawServer(upgraded(script)) as server:
        on_each_loop(check(server))
    came = [f for f in seen.frames if f.direction == "in"]
    assert [f.coalesced for f in came] == [True, True, True, False, False, False]
    assert len({f.at_ns for f in came[:4]}) == 1
    assert seen.closed.coalesced == 3
    assert {f.clock for f in came} == {"kernel"}


def test_a_frame_with_the_beginning_of_the_next_one_is_coalesced_too(
    on_each_loop: Run[Any],
) -> None:
    seen = Recording()

    def script(peer: Peer) -> None:
        peer.read_frame()
        data = text("second")
        peer.send(text("first"), data[:3])
        peer.read_frame()
        peer.send(data[3:])
        peer.echo()

    async def check(server: RawServer) -> None:
        async with opened(server.url, seen) as connection:
            for message in ("first", "second"):
                connection.send("go")
                assert (await connection.receive(5)).data == message

    with RawServer(upgraded(script)) as server:
        on_each_loop(check(server))
    first, second = (f for f in seen.frames if f.direction == "in")
    assert (first.coalesced, second.coalesced) == (True, False)
    assert first.at_ns < second.at_ns


def test_a_frame_that_is_read_with_the_end_may_have_the_time_of_the_end(
    on_each_loop: Run[Any],
) -> None:
    """The kernel has only one time for both."""
    seen = Recording()

    def script(peer: Peer) -> None:
        peer.read_frame()
        peer.send(text("one"), text("two"))
        peer.delivered()
        peer.fin()
        peer.server.go.set()
        peer.read_to_end()

    async def check(server: RawServer) -> None:
        async with opened(server.url, seen) as connection:
            connection.send("go")
            server.go.wait(20)
            await connection.wait_closed()

    with RawServer(upgraded(script)) as server:
        on_each_loop(check(server))
    assert [f.coalesced for f in seen.frames if f.direction == "in"] == [True, True]


# Secrets


def shown(payload: str | bytes, limit: int, *secrets: str) -> str | bytes:
    """How a payload is told."""
    seen = Recording(*secrets)
    recorder = FrameRecorder(1, seen, Limits(payload=limit))
    opcode = Opcode.TEXT if isinstance(payload, str) else Opcode.BINARY
    recorder.add(0, "in", opcode, len(payload), 0, True, False, payload, False, False)
    (told,) = seen.frames
    assert told.payload is not None
    assert told.truncated == (len(payload) > limit)
    return b64decode(told.payload) if told.base64 else told.payload


def test_secrets_are_masked_in_messages_of_both_directions() -> None:
    seen = Recording(SECRET)
    with RawServer(upgraded(Peer.echo)) as server:
        run(exchange(server.url, seen, f"login {SECRET} now", f"login {SECRET}".encode()))
    assert SECRET not in str(seen.events)
    assert seen.frames[0].payload == f"login {MASK} now"
    assert seen.frames[1].payload == f"login {MASK} now"
    assert b64decode(seen.frames[2].payload or "").decode() == f"login {MASK}"
    assert seen.frames[0].size == len(f"login {SECRET} now".encode())


def test_secrets_are_masked_in_control_frames_and_close_reasons() -> None:
    seen = Recording(SECRET)

    async def check(server: RawServer) -> None:
        async with opened(server.url, seen) as connection:
            await connection.ping(SECRET.encode())
            await connection.close(1000, SECRET)

    with RawServer(upgraded(Peer.echo)) as server:
        run(check(server))
    assert SECRET not in str(seen.events)
    assert seen.closed.reason == MASK


@pytest.mark.parametrize("start", range(60, 105))
@pytest.mark.parametrize("binary", [False, True])
def test_a_secret_that_the_limit_cuts_is_masked(start: int, binary: bool) -> None:
    payload: str | bytes = "x" * start + SECRET + "y" * 100
    if binary:
        payload = str(payload).encode()
    told = shown(payload, 100, SECRET)
    if isinstance(told, bytes):
        told = told.decode("utf-8", "replace")
    assert "s3" not in told


def test_what_masking_makes_shorter_does_not_show_more() -> None:
    """A secret behind the limit stays there, even cut in two by what is kept for masking."""
    payload = SECRET * 3 + "x" * 55 + SECRET * 3
    for limit in range(20, 120):
        told = shown(payload, limit, SECRET)
        assert isinstance(told, str)
        assert "s3" not in told, limit
        assert len(told) <= limit


@given(
    st.text("abcé€", min_size=3, max_size=9),
    st.text("abcé€x", max_size=80),
    st.text("abcé€x", max_size=40),
    st.integers(0, 100),
    st.booleans(),
)
def test_no_part_of_a_secret_is_left_where_the_payload_is_cut(
    secret: str, before: str, after: str, limit: int, binary: bool
) -> None:
    payload = before + secret + after
    whole = shown(payload, 10_000, secret)
    told = shown(payload.encode() if binary else payload, limit, secret)
    if isinstance(told, bytes):
        assert isinstance(whole, str)
        assert whole.encode().startswith(told)
    else:
        assert isinstance(whole, str)
        assert whole.startswith(told)
    assert len(told) <= limit


@given(st.binary(max_size=60), st.integers(0, 70))
def test_any_bytes_are_told_as_they_are(data: bytes, limit: int) -> None:
    assert shown(data, limit) == data[:limit]


def test_events_can_be_encoded_whatever_came() -> None:
    from checkwire.model.events import decode_event, encode_event

    seen = Recording()
    odd = b"\xff\x00\xc3("
    with RawServer(upgraded(Peer.echo)) as server:
        run(exchange(server.url, seen, odd, "\x00\u2028\U0001f600"))
    for event in seen.events:
        assert decode_event(encode_event(event)) == event
    assert isinstance(seen.frames[0], FrameSeen)
