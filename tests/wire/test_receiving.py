"""Receiving messages: whole, in order, bounded, one reader at a time."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
import tracemalloc
import zlib
from typing import Any

import pytest
from websockets.frames import Frame, Opcode

from checkwire.model.errors import ConnectionClosed, TimedOut, UsageError
from checkwire.model.events import FrameSeen, Phase
from checkwire.wire.session.assembly import Assembler
from checkwire.wire.session.connection import Connection
from support import frames
from support.connecting import SOON, SOON_NS, opened
from support.frames import BINARY, CONTINUATION, PING, PONG, TEXT, frame, text
from support.loops import Run, run, until
from support.observing import Recording
from support.pki import Pki
from support.rawserver import Peer, RawServer, Script, upgraded

DEFLATE = "Sec-WebSocket-Extensions: permessage-deflate"


def sending(*data: bytes) -> Script:
    """Sends this in one go, then behaves."""

    def script(peer: Peer) -> None:
        peer.send(*data)
        peer.echo()

    return upgraded(script)


def when_asked(*data: bytes) -> Script:
    """Sends this in one go, once something has come; so in no packet with the upgrade's answer."""

    def script(peer: Peer) -> None:
        peer.read_frame()
        peer.send(*data)

    return upgraded(script, DEFLATE)


async def received(connection: Connection, count: int) -> list[str | bytes]:
    return [(await connection.receive(10)).data for _ in range(count)]


async def left_open(connection: Connection) -> None:
    """The connection still works: nothing broke it."""
    connection.send("still there?")
    assert (await connection.receive(10)).data == "still there?"
    await connection.close()


# Messages


def test_messages_come_in_order_with_their_types_and_times(on_each_loop: Run[Any]) -> None:
    seen = Recording()

    async def check(server: RawServer) -> None:
        async with opened(server.url, seen) as connection:
            assert await received(connection, 4) == ["one", b"\x00two", "", "dreißig €"]
            await connection.close()

    data = text("one"), frame(BINARY, b"\x00two"), text(""), text("dreißig €")
    with RawServer(sending(*data)) as server:
        on_each_loop(check(server))
    assert [f.opcode for f in seen.frames[:4]] == ["text", "binary", "text", "text"]
    assert [f.size for f in seen.frames[:4]] == [3, 4, 0, 12]
    assert (seen.closed.messages_in, seen.closed.bytes_in) == (4, 19)


def test_a_message_says_when_it_came_and_in_which_frame(on_each_loop: Run[Any]) -> None:
    seen = Recording()

    async def check(server: RawServer) -> None:
        async with opened(server.url, seen) as connection:
            connection.send("ask")
            message = await connection.receive(5)
            assert message.frame == 2
            assert message.at_ns == seen.frames[1].at_ns

    with RawServer(upgraded(Peer.echo)) as server:
        on_each_loop(check(server))
    first = seen.phases["first_message"]
    assert first.clock == "kernel"
    assert first.at_ns + first.duration_ns == seen.frames[1].at_ns


def test_only_the_first_message_is_a_phase() -> None:
    seen = Recording()

    async def check(server: RawServer) -> None:
        async with opened(server.url, seen) as connection:
            await received(connection, 3)

    with RawServer(sending(text("a"), text("b"), text("c"))) as server:
        run(check(server))
    assert [p.name for p in seen.of(Phase)].count("first_message") == 1


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65535, 65536, 3_000_000])
def test_messages_of_all_sizes_come_whole(on_each_loop: Run[Any], size: int) -> None:
    async def check(server: RawServer) -> None:
        async with opened(server.url) as connection:
            assert await received(connection, 2) == ["x" * size, b"y" * size]
            await left_open(connection)

    with RawServer(sending(text("x" * size), frame(BINARY, b"y" * size))) as server:
        on_each_loop(check(server))


def test_fragments_make_one_message_also_with_others_in_between(on_each_loop: Run[Any]) -> None:
    seen = Recording()
    data = (
        frame(TEXT, "grö".encode(), fin=False),
        frame(PING, b"between"),
        frame(CONTINUATION, b"", fin=False),
        frame(CONTINUATION, "ß".encode()[:1], fin=False),
        frame(PONG),
        frame(CONTINUATION, "ß".encode()[1:] + b"e"),
        text("next"),
    )

    async def check(server: RawServer) -> None:
        async with opened(server.url, seen) as connection:
            assert await received(connection, 2) == ["größe", "next"]
            await left_open(connection)

    with RawServer(sending(*data)) as server:
        on_each_loop(check(server))
    parts = [f for f in seen.frames if f.direction == "in"][:7]
    assert [f.opcode for f in parts] == [
        "text", "ping", "continuation", "continuation", "pong", "continuation", "text",
    ]  # fmt: skip
    assert [f.fin for f in parts] == [False, True, False, False, True, True, True]
    assert [f.payload for f in parts] == [None, "between", None, None, None, "größe", "next"]
    assert seen.closed.messages_in == 3


@pytest.mark.parametrize("secure", [False, True])
def test_what_comes_byte_by_byte_comes_whole(
    on_each_loop: Run[Any], pki: Pki, secure: bool
) -> None:
    def script(peer: Peer) -> None:
        peer.drip(text("one") + frame(BINARY, b"two" * 42) + frame(PING, b"p") + text("€"))
        peer.echo()

    async def check(server: RawServer) -> None:
        async with opened(server.url, ca=pki.ca) as connection:
            assert await received(connection, 3) == ["one", b"two" * 42, "€"]
            await left_open(connection)

    with RawServer(upgraded(script), tls=pki.server() if secure else None) as server:
        on_each_loop(check(server))


def test_a_read_that_fills_the_buffer_exactly_is_not_the_last(on_each_loop: Run[Any]) -> None:
    """The socket is edge-triggered: who stops too early is not told again."""
    from checkwire.wire.socket_pipe import _READ_SIZE

    async def check(server: RawServer) -> None:
        async with opened(server.url, compression=False) as connection:
            for _ in range(3):
                time.sleep(0.02)  # noqa: ASYNC251 - so that much has gathered
                assert len(await received(connection, 6)) == 6
                server.go.set()
            await left_open(connection)

    def script(peer: Peer) -> None:
        for _ in range(3):
            for size in (_READ_SIZE, _READ_SIZE, _READ_SIZE - 10, 2 * _READ_SIZE, 100, 100):
                peer.send(frame(BINARY, b"x" * (size - (4 if size < 65536 else 10))))
            peer.wait(peer.server.go)
            peer.server.go.clear()
        peer.echo()

    with RawServer(upgraded(script)) as server:
        on_each_loop(check(server))


def test_urgent_data_of_tcp_holds_nothing_up(on_each_loop: Run[Any]) -> None:
    """A read stops at its mark; what is behind must be read without being told of."""

    def script(peer: Peer) -> None:
        for _ in range(20):
            peer.read_frame()
            peer.send(text("before"))
            peer.sock.send(b"!", socket.MSG_OOB)
            peer.send(text("after"))
        peer.echo()

    async def check(server: RawServer) -> None:
        async with opened(server.url) as connection:
            for _ in range(20):
                connection.send("go")
                time.sleep(0.001)  # noqa: ASYNC251 - so that all has gathered
                assert await received(connection, 2) == ["before", "after"]
            await left_open(connection)

    with RawServer(upgraded(script)) as server:
        on_each_loop(check(server))


# Waiting


@pytest.mark.parametrize(
    ("data", "code", "said"),
    [
        ([], "timeout.first_message", "sent no message within 0.3 s"),
        ([text("one")], "timeout.message", "1 before"),
        ([frame(TEXT, b"half", length=10)], "timeout.first_message", "unfinished frame"),
    ],
)
def test_silence_is_told_with_what_there_was(
    on_each_loop: Run[Any], data: list[bytes], code: str, said: str
) -> None:
    seen = Recording()

    async def check(server: RawServer) -> None:
        async with opened(server.url, seen) as connection:
            before = seen.timeline.now()
            if code == "timeout.message":
                await connection.receive(5)
            with pytest.raises(TimedOut) as caught:
                await connection.receive(SOON)
            assert seen.timeline.now() - before >= SOON_NS
            failure = caught.value.failure
            assert (failure.code, failure.phase, failure.connection) == (code, "open", 1)
            assert said in failure.message
            assert failure.evidence["waited_ms"] == 300
            assert failure.evidence["unacknowledged_segments"] == 0

    with RawServer(sending(*data)) as server:
        on_each_loop(check(server))
    # Waiting in vain is for the script to judge.
    assert seen.failures == []


def test_waiting_in_vain_harms_nothing(on_each_loop: Run[Any]) -> None:
    async def check(server: RawServer) -> None:
        async with opened(server.url) as connection:
            for _ in range(3):
                with pytest.raises(TimedOut):
                    await connection.receive(0.01)
            with pytest.raises(TimedOut):
                await connection.receive(0)
            await left_open(connection)

    with RawServer(upgraded(Peer.echo)) as server:
        on_each_loop(check(server))


class Cancelling(Recording):
    """Cancels a task when a frame comes: at once, or just before the reader would wake up."""

    task: asyncio.Future[Any] | None = None
    later = False

    def take(self, event: Any) -> None:
        if isinstance(event, FrameSeen) and event.direction == "in" and self.task is not None:
            if self.later:
                asyncio.get_running_loop().call_soon(self.task.cancel)
            else:
                self.task.cancel()


@pytest.mark.parametrize("later", [False, True])
def test_a_reader_that_is_cancelled_takes_no_message_with_it(
    on_each_loop: Run[Any], later: bool
) -> None:
    seen = Cancelling()
    seen.later = later

    async def check(server: RawServer) -> None:
        async with opened(server.url, seen) as connection:
            for number in range(20):
                seen.task = asyncio.ensure_future(connection.receive())
                await asyncio.sleep(0)
                connection.send(str(number))
                with pytest.raises(asyncio.CancelledError):
                    await seen.task
                seen.task = None
                assert (await connection.receive(10)).data == str(number)

    with RawServer(upgraded(Peer.echo)) as server:
        on_each_loop(check(server))


def test_two_readers_at_once_are_a_mistake(on_each_loop: Run[Any]) -> None:
    async def check(server: RawServer) -> None:
        async with opened(server.url) as connection:
            first = asyncio.ensure_future(connection.receive(10))
            await asyncio.sleep(0)
            with pytest.raises(UsageError, match="another task is receiving"):
                await connection.receive(10)
            connection.send("for the first")
            assert (await first).data == "for the first"

    with RawServer(upgraded(Peer.echo)) as server:
        on_each_loop(check(server))


def test_a_listener_gets_the_messages_those_that_wait_first(on_each_loop: Run[Any]) -> None:
    async def check(server: RawServer) -> None:
        async with opened(server.url) as connection:
            await until(lambda: len(connection._inbox) == 2)
            heard: list[Any] = []
            connection.on_message = lambda message: heard.append(message.data)
            assert heard == ["a", "b"]
            connection.send("c")
            await until(lambda: len(heard) == 3)
            with pytest.raises(UsageError, match="'message' handler"):
                await connection.receive(1)
            connection.on_message = None
            await left_open(connection)

    with RawServer(sending(text("a"), text("b"))) as server:
        on_each_loop(check(server))


def test_a_listener_that_fails_costs_no_other_message(on_each_loop: Run[Any]) -> None:
    problems: list[Any] = []
    heard: list[Any] = []

    def listener(message: Any) -> None:
        heard.append(message.data)
        if message.data in ("b", "c"):
            raise RuntimeError(message.data)

    async def check(server: RawServer) -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: problems.append(context["exception"]))
        async with opened(server.url) as connection, opened(server.url) as other:
            connection.on_message = listener
            other.on_ping = listener
            connection.send("go")
            other.send("go")
            await until(lambda: len(heard) == 4)
            assert (await other.receive(5)).data == "d"
            connection.on_message = None
            await left_open(connection)

    def script(peer: Peer) -> None:
        peer.read_frame()
        peer.send(text("a"), text("b"), text("c"), text("d"))
        peer.echo()

    def pinging(peer: Peer) -> None:
        peer.read_frame()
        peer.send(text("d"))
        peer.echo()

    with RawServer(upgraded(script), upgraded(pinging)) as server:
        on_each_loop(check(server))
    assert heard == ["a", "b", "c", "d"]
    assert [str(problem) for problem in problems] == ["b", "c"]


# Breaking the rules


@pytest.mark.parametrize(
    ("wrong", "limit", "code", "sent_code"),
    [
        ([frame(TEXT, b"\xff")], None, "ws.invalid_utf8", 1007),
        (
            [frame(TEXT, b"x", fin=False), frame(CONTINUATION, b"\xc3")],
            None,
            "ws.invalid_utf8",
            1007,
        ),
        (
            [frame(BINARY, b"x" * 600, fin=False), frame(CONTINUATION, b"x" * 401)],
            1000,
            "ws.too_big",
            1009,
        ),
    ],
)
def test_what_follows_a_message_that_is_refused_is_not_answered(
    on_each_loop: Run[Any], wrong: list[bytes], limit: int | None, code: str, sent_code: int
) -> None:
    """Also when it came in the same read (RFC 6455 section 7.1.7)."""
    seen = Recording()
    heard: list[tuple[int, bytes]] = []

    def script(peer: Peer) -> None:
        peer.send(frame(PING, b"before"), *wrong, frame(PING, b"after"), frames.close(1000))
        while (answer := peer.read_frame()).opcode != frames.CLOSE:
            heard.append((answer.opcode, answer.payload))
        heard.append((answer.opcode, answer.payload[:2]))
        peer.fin()

    async def check(server: RawServer) -> None:
        async with opened(server.url, seen, message=limit) as connection:
            with pytest.raises(ConnectionClosed):
                await connection.receive(10)
            await connection.wait_closed()

    with RawServer(upgraded(script)) as server:
        on_each_loop(check(server))
    assert heard == [(PONG, b"before"), (frames.CLOSE, sent_code.to_bytes(2, "big"))]
    assert seen.codes == [code]
    assert (seen.closed.code, seen.closed.sent_code, seen.closed.clean) == (1006, sent_code, False)


def test_text_that_speaks_of_http_is_text() -> None:
    seen = Recording()

    async def check(server: RawServer) -> None:
        async with opened(server.url, seen) as connection:
            with pytest.raises(ConnectionClosed):
                await connection.receive(10)

    with RawServer(sending(frame(TEXT, b"HTTP/1.1 200 OK \xff"))) as server:
        run(check(server))
    assert seen.codes == ["ws.invalid_utf8"]


# Bounds


def test_a_message_over_the_limit_is_refused_before_it_comes(on_each_loop: Run[Any]) -> None:
    seen = Recording()
    told: list[frames.SeenFrame] = []

    def script(peer: Peer) -> None:
        peer.send(frame(BINARY, b"", length=64 * 1024 * 1024))
        told.append(peer.read_frame())
        peer.read_to_end()

    async def check(server: RawServer) -> None:
        async with opened(server.url, seen) as connection:
            with pytest.raises(ConnectionClosed) as caught:
                await connection.receive(10)
            assert caught.value.failure.code == "ws.too_big"
            await connection.wait_closed()

    tracemalloc.start()
    try:
        with RawServer(upgraded(script)) as server:
            on_each_loop(check(server))
        assert tracemalloc.get_traced_memory()[1] < 8 * 1024 * 1024
    finally:
        tracemalloc.stop()
    (failure,) = seen.failures
    assert "67,108,864 bytes, over the limit of 16,777,216" in failure.message
    assert told[0].payload[:2] == (1009).to_bytes(2, "big")
    assert (seen.closed.sent_code, seen.closed.code) == (1009, 1006)
    assert seen.closed.initiator == "local"


@pytest.mark.parametrize("size", [1001, 1125, 1126, 2000])
@pytest.mark.parametrize("fragmented", [False, True])
def test_the_server_is_told_the_limit_that_was_set(size: int, fragmented: bool) -> None:
    told: list[frames.SeenFrame] = []
    message = frame(BINARY, bytes(size))
    if fragmented:
        message = frame(BINARY, bytes(600), fin=False) + frame(CONTINUATION, bytes(size - 600))

    def script(peer: Peer) -> None:
        peer.send(message)
        told.append(peer.read_frame())
        peer.fin()

    async def check(server: RawServer) -> None:
        async with opened(server.url, message=1000) as connection:
            await connection.wait_closed()

    with RawServer(upgraded(script)) as server:
        run(check(server))
    assert told[0].payload[2:] == b"message exceeds the limit of 1000 bytes"


def test_the_limit_is_that_of_the_message_not_of_its_fragments() -> None:
    seen = Recording()
    data = [frame(BINARY, b"x" * 600, fin=False), frame(CONTINUATION, b"x" * 401)]

    async def check(server: RawServer) -> None:
        async with opened(server.url, seen, message=1000) as connection:
            with pytest.raises(ConnectionClosed):
                await connection.receive(10)

    with RawServer(sending(*data)) as server:
        run(check(server))
    assert seen.codes == ["ws.too_big"]


def refuses(wrong: bytes, seen: Recording) -> None:
    """What stands before the wrong frame is received, what stands behind it is not."""

    async def check(server: RawServer) -> None:
        async with opened(server.url, seen, message=1000) as connection:
            connection.send("go")
            assert await received(connection, 1) == ["before"]
            with pytest.raises(ConnectionClosed):
                await connection.receive(10)

    with RawServer(when_asked(text("before"), wrong, text("behind"))) as server:
        run(check(server))


@pytest.mark.parametrize("compressed", [False, True])
def test_a_whole_message_over_the_limit_is_refused_too(compressed: bool) -> None:
    seen = Recording()
    deflate = zlib.compressobj(wbits=-15)
    large = b"x" * 1001
    if compressed:
        large = deflate.compress(large) + deflate.flush(zlib.Z_SYNC_FLUSH)[:-4]
    refuses(frame(BINARY, large, rsv=4 if compressed else 0), seen)
    assert seen.codes == ["ws.too_big"]
    assert seen.closed.sent_code == 1009


def test_what_cannot_be_inflated_breaks_the_protocol() -> None:
    seen = Recording()
    refuses(frame(TEXT, b"\xff" * 40, rsv=4), seen)
    assert seen.codes == ["ws.bad_compression"]
    assert seen.closed.sent_code == 1002


def test_a_message_of_just_the_limit_is_welcome() -> None:
    data = [
        frame(BINARY, b"x" * 1000),
        frame(BINARY, b"y" * 600, fin=False),
        frame(CONTINUATION, b"y" * 400, fin=False),
        frame(PING, b"in between"),
        frame(CONTINUATION, b""),
    ]

    async def check(server: RawServer) -> None:
        async with opened(server.url, message=1000) as connection:
            assert await received(connection, 2) == [b"x" * 1000, b"y" * 1000]
            await left_open(connection)

    with RawServer(sending(*data)) as server:
        run(check(server))


def test_without_a_limit_any_message_is_welcome() -> None:
    async def check(server: RawServer) -> None:
        async with opened(server.url, message=None) as connection:
            (data,) = await received(connection, 1)
            assert len(data) == 20_000_000

    with RawServer(sending(frame(BINARY, bytes(20_000_000)))) as server:
        run(check(server))


def test_a_deflate_bomb_is_refused_before_it_is_inflated(on_each_loop: Run[Any]) -> None:
    seen = Recording()
    deflate = zlib.compressobj(9, wbits=-15)
    zeros = bytes(1024 * 1024)
    bomb = b"".join(deflate.compress(zeros) for _ in range(200))
    bomb += deflate.flush(zlib.Z_SYNC_FLUSH)[:-4]
    assert len(bomb) < 300_000

    async def check(server: RawServer) -> None:
        async with opened(server.url, seen) as connection:
            with pytest.raises(ConnectionClosed):
                await connection.receive(20)

    def script(peer: Peer) -> None:
        peer.handshake(DEFLATE)
        peer.send(frame(BINARY, bomb, rsv=4))
        peer.read_to_end()

    tracemalloc.start()
    try:
        with RawServer(script) as server:
            on_each_loop(check(server))
        assert tracemalloc.get_traced_memory()[1] < 60 * 1024 * 1024
    finally:
        tracemalloc.stop()
    assert seen.codes == ["ws.too_big"]
    assert seen.closed.sent_code == 1009


# Compression


def test_compressed_messages_are_inflated_and_their_sizes_told(on_each_loop: Run[Any]) -> None:
    seen = Recording()
    long = "hello " * 1000

    def script(peer: Peer) -> None:
        peer.handshake(DEFLATE)
        packed = frames.deflated(long.encode())
        peer.send(frame(TEXT, packed, rsv=4))
        peer.send(frame(TEXT, packed[:10], fin=False, rsv=4), frame(CONTINUATION, packed[10:]))
        peer.send(text("not compressed"))
        peer.echo()

    async def check(server: RawServer) -> None:
        async with opened(server.url, seen) as connection:
            assert await received(connection, 3) == [long, long, "not compressed"]
            connection.send(long)
            assert await received(connection, 1) == [long]
            await connection.close()

    with RawServer(script) as server:
        on_each_loop(check(server))
    whole, first, second, plain, out, back = seen.frames[:6]
    assert (whole.size, whole.compressed, whole.payload) == (6000, True, long[:4096])
    assert 10 < whole.wire_size < 100
    assert (first.compressed, first.wire_size) == (True, 10)
    assert first.size + second.size == 6000
    assert (plain.size, plain.wire_size, plain.compressed) == (14, 14, False)
    assert (out.size, out.compressed, out.direction) == (6000, True, "out")
    assert out.wire_size == back.wire_size < 100
    assert back.compressed


@pytest.mark.parametrize(
    "parameters",
    [
        "",
        "; server_no_context_takeover",
        "; client_no_context_takeover",
        "; server_max_window_bits=9; client_max_window_bits=9",
    ],
)
def test_every_form_of_compression_works_for_many_messages(parameters: str) -> None:
    def script(peer: Peer) -> None:
        peer.handshake(DEFLATE + parameters)
        bits = -9 if "bits" in parameters else -15
        inflate = zlib.decompressobj(wbits=bits)
        deflate = zlib.compressobj(wbits=bits)
        while (seen := peer.read_frame()).opcode != frames.CLOSE:
            if "client_no" in parameters:
                inflate = zlib.decompressobj(wbits=bits)
            if "server_no" in parameters:
                deflate = zlib.compressobj(wbits=bits)
            assert seen.rsv == 4
            data = inflate.decompress(seen.payload + b"\x00\x00\xff\xff")
            packed = deflate.compress(data) + deflate.flush(zlib.Z_SYNC_FLUSH)
            peer.send(frame(seen.opcode, packed[:-4], rsv=4))
        peer.send(frame(frames.CLOSE, seen.payload))
        peer.fin()

    async def check(server: RawServer) -> None:
        async with opened(server.url) as connection:
            for number in range(30):
                message = f"message {number} " * 50
                connection.send(message)
                assert await received(connection, 1) == [message]
            await connection.close()

    with RawServer(script) as server:
        run(check(server))


# Backpressure


def flooding(count: int, size: int) -> Script:
    """Numbered messages, as many and as fast as they go."""

    def script(peer: Peer) -> None:
        for number in range(count):
            peer.send(frame(BINARY, number.to_bytes(4, "big") + bytes(size - 4)))
            peer.sent = number  # type: ignore[attr-defined]
        peer.echo()

    return script


async def stalled(server: RawServer) -> int:
    """Wait until the server can send no more; how many messages it had sent by then."""
    last = -1
    while (now := getattr(server.peers[0], "sent", -1)) != last or now < 0:
        last = now
        await asyncio.sleep(0.2)
    return last


@pytest.mark.parametrize("secure", [False, True])
@pytest.mark.parametrize(
    "bounds", [{"queue_messages": 5}, {"queue_bytes": 200_000}, {"queue_messages": 1}]
)
def test_a_reader_that_is_slow_stops_the_server_and_loses_nothing(
    on_each_loop: Run[Any], pki: Pki, secure: bool, bounds: dict[str, int]
) -> None:
    count, size = 400, 50_000

    async def check(server: RawServer) -> None:
        async with opened(server.url, ca=pki.ca, **bounds) as connection:
            sent = await stalled(server)
            assert sent < count - 1, "the server was never stopped"
            held = len(connection._inbox)
            assert held < 20
            for number in range(count):
                message = await connection.receive(10)
                assert int.from_bytes(message.data[:4], "big") == number  # type: ignore[arg-type]
                if number == count // 2:
                    await asyncio.sleep(0.05)
            await left_open(connection)

    tls = pki.server() if secure else None
    with RawServer(upgraded(flooding(count, size)), tls=tls, receive_buffer=65536) as server:
        on_each_loop(check(server))


def test_backpressure_holds_from_the_first_read_on(on_each_loop: Run[Any]) -> None:
    """Also when the queue is full before the connection is anybody's."""

    def script(peer: Peer) -> None:
        peer.handshake(then=text("a") + text("b") + text("c"))
        flooding(400, 50_000)(peer)

    async def check(server: RawServer) -> None:
        async with opened(server.url, queue_messages=3) as connection:
            assert await stalled(server) < 399
            assert 3 <= len(connection._inbox) < 10
            assert await received(connection, 3) == ["a", "b", "c"]
            assert len(await received(connection, 400)) == 400
            await left_open(connection)

    with RawServer(script) as server:
        on_each_loop(check(server))


def test_the_end_behind_a_full_queue_comes_after_its_messages(on_each_loop: Run[Any]) -> None:
    seen = Recording()

    def script(peer: Peer) -> None:
        peer.send(*[text(str(number)) for number in range(100)], frames.close(1000, "done"))
        peer.fin()
        peer.read_to_end()

    async def check(server: RawServer) -> None:
        async with opened(server.url, seen, queue_messages=3) as connection:
            await until(lambda: len(connection._inbox))
            assert await received(connection, 100) == [str(number) for number in range(100)]
            with pytest.raises(ConnectionClosed) as caught:
                await connection.receive(5)
            assert (caught.value.code, caught.value.reason) == (1000, "done")
            await connection.wait_closed()

    with RawServer(upgraded(script)) as server:
        on_each_loop(check(server))
    assert seen.failures == []
    assert seen.closed.clean


def test_a_reset_behind_a_full_queue_comes_after_its_messages(on_each_loop: Run[Any]) -> None:
    seen = Recording()

    def script(peer: Peer) -> None:
        for number in range(20):
            peer.send(frame(BINARY, number.to_bytes(4, "big") + bytes(1_000)))
        peer.delivered()
        peer.wait(peer.server.go)
        peer.reset()

    async def check(server: RawServer) -> None:
        async with opened(server.url, seen, queue_messages=3) as connection:
            await until(lambda: len(connection._inbox) >= 3)
            server.go.set()
            await until(lambda: server.peers[0].sock.fileno() < 0)
            messages = await received(connection, 20)
            assert [int.from_bytes(m[:4], "big") for m in messages] == list(range(20))  # type: ignore[arg-type]
            with pytest.raises(ConnectionClosed) as caught:
                await connection.receive(5)
            assert caught.value.failure.code == "ws.closed_abnormally"

    with RawServer(upgraded(script)) as server:
        on_each_loop(check(server))
    assert seen.codes == ["ws.closed_abnormally"]


def test_a_flood_while_closing_is_not_kept(on_each_loop: Run[Any]) -> None:
    def script(peer: Peer) -> None:
        while not peer.server.over.is_set():
            peer.send(frame(BINARY, bytes(10_000)))

    async def check(server: RawServer) -> None:
        async with opened(server.url, queue_messages=10, timeouts={"close": SOON}) as connection:
            await until(lambda: connection._inbox.full)
            held = len(connection._inbox)
            await connection.close()
            assert len(connection._inbox) == held

    with RawServer(upgraded(script)) as server:
        on_each_loop(check(server))


def test_reading_can_be_paused_by_hand(on_each_loop: Run[Any]) -> None:
    heard: list[Any] = []

    async def check(server: RawServer) -> None:
        async with opened(server.url) as connection:
            connection.on_message = heard.append
            connection.pause()
            sent = await stalled(server)
            before = len(heard)
            assert sent < 399
            connection.resume()
            await until(lambda: len(heard) == 400)
            assert before < 400
            connection.on_message = None
            await left_open(connection)

    with RawServer(upgraded(flooding(400, 50_000))) as server:
        on_each_loop(check(server))


def test_a_message_that_the_check_was_too_busy_to_see_is_in_time(on_each_loop: Run[Any]) -> None:
    busy = threading.Event()

    def script(peer: Peer) -> None:
        peer.read_frame()
        peer.send(frame(PONG))
        peer.wait(busy)
        peer.send(text("in time"))
        peer.delivered()
        peer.server.go.set()
        peer.echo()

    async def check(server: RawServer) -> None:
        async with opened(server.url) as connection:

            def keep_the_loop(_: bytes) -> None:
                busy.set()
                server.go.wait(20)
                time.sleep(0.3)  # until the time for the message is over

            connection.on_pong = keep_the_loop
            connection.send("go")
            assert (await connection.receive(0.25)).data == "in time"

    with RawServer(upgraded(script)) as server:
        on_each_loop(check(server))


@pytest.mark.parametrize("opcode", [TEXT, BINARY])
def test_fragments_take_no_more_memory_than_what_they_hold(opcode: int) -> None:
    assembler = Assembler()
    assembler.add(Frame(Opcode(opcode), bytearray(b"begun\r\n"), fin=False))
    tracemalloc.start()
    try:
        for _ in range(20_000):
            assembler.add(Frame(Opcode.CONT, bytearray(), fin=False))
            assembler.add(Frame(Opcode.CONT, bytearray(b"x"), fin=False))
        assert tracemalloc.get_traced_memory()[0] < 200_000
    finally:
        tracemalloc.stop()
    message = assembler.add(Frame(Opcode.CONT, bytearray(b"\n"), fin=True))
    whole = b"begun\r\n" + b"x" * 20_000 + b"\n"
    assert message == (whole.decode() if opcode == TEXT else whole)


def test_a_close_reason_that_is_no_utf8_is_told_as_such(on_each_loop: Run[Any]) -> None:
    seen = Recording()

    async def check(server: RawServer) -> None:
        async with opened(server.url, seen) as connection:
            connection.send("go")
            await connection.wait_closed()

    with RawServer(when_asked(frames.close(1011, b"ca\xffe"))) as server:
        on_each_loop(check(server))
    (failure,) = seen.failures
    assert (failure.code, failure.phase) == ("ws.invalid_utf8", "close")
    assert (
        "a Close frame whose reason is not UTF-8: invalid start byte at byte 2" in failure.message
    )
    assert "Text frames" not in failure.hint
    assert seen.closed.sent_code == 1007
