"""Sending messages: what goes out, and what happens when the server does not take it."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from checkwire.model.errors import ConnectionClosed, TimedOut, UsageError
from support import frames
from support.connecting import SOON, opened
from support.frames import SeenFrame, text
from support.loops import Run, run, until
from support.observing import Recording
from support.pki import Pki
from support.rawserver import Peer, RawServer, Script, upgraded

BIG = bytes(4 * 1024 * 1024)


def keeping(kept: list[SeenFrame]) -> Script:
    """Keeps what comes, until the client closes."""

    def script(peer: Peer) -> None:
        while (seen := peer.read_frame()).opcode != frames.CLOSE:
            kept.append(seen)
        peer.send(frames.frame(frames.CLOSE, seen.payload))
        peer.fin()

    return upgraded(script)


def test_messages_go_out_masked_whole_and_in_order(on_each_loop: Run[Any]) -> None:
    seen, kept = Recording(), []

    async def check(server: RawServer) -> None:
        async with opened(server.url, seen) as connection:
            connection.send("text €")
            connection.send(b"\x00bytes")
            connection.send(bytearray(b"array"))
            connection.send(memoryview(b"view"))
            connection.send("")
            await connection.drain()
            await connection.close()

    with RawServer(keeping(kept)) as server:
        on_each_loop(check(server))
    assert [(f.opcode, f.payload.decode()) for f in kept] == [
        (frames.TEXT, "text €"),
        (frames.BINARY, "\x00bytes"),
        (frames.BINARY, "array"),
        (frames.BINARY, "view"),
        (frames.TEXT, ""),
    ]
    assert all(f.fin and f.masked and not f.rsv for f in kept)
    out = [f for f in seen.frames if f.direction == "out"]
    assert [f.opcode for f in out] == ["text", "binary", "binary", "binary", "text", "close"]
    assert [f.size for f in out] == [8, 6, 5, 4, 0, 2]
    assert (seen.closed.messages_out, seen.closed.bytes_out) == (5, 23)


@pytest.mark.parametrize("secure", [False, True])
def test_what_the_socket_does_not_take_at_once_goes_out_later(
    on_each_loop: Run[Any], pki: Pki, secure: bool
) -> None:
    kept: list[SeenFrame] = []

    async def check(server: RawServer) -> None:
        async with opened(server.url, ca=pki.ca, compression=False) as connection:
            for number in range(4):
                connection.send(bytes([number]) * len(BIG))
            await connection.drain()
            connection.send("last")
            await connection.close()

    tls = pki.server() if secure else None
    with RawServer(keeping(kept), tls=tls, receive_buffer=65536) as server:
        on_each_loop(check(server))
    assert [f.payload[:1] for f in kept] == [b"\0", b"\1", b"\2", b"\3", b"l"]
    assert all(len(set(f.payload)) == 1 and len(f.payload) == len(BIG) for f in kept[:4])


def test_text_that_is_no_utf8_is_the_checks_mistake() -> None:
    async def check(server: RawServer) -> None:
        async with opened(server.url) as connection:
            with pytest.raises(UsageError, match="cannot be sent as UTF-8"):
                connection.send("\ud800")
            connection.send("fine")
            assert (await connection.receive(5)).data == "fine"

    with RawServer(upgraded(Peer.echo)) as server:
        run(check(server))


def test_sending_on_a_closing_or_closed_connection_says_who_closed_it(
    on_each_loop: Run[Any],
) -> None:
    async def check(server: RawServer) -> None:
        async with opened(server.url) as connection:
            connection.start_closing()
            with pytest.raises(UsageError, match="readyState CLOSING"):
                connection.send("late")
            await connection.wait_closed()
            with pytest.raises(ConnectionClosed) as caught:
                connection.send("later")
            assert caught.value.failure.code == "check.usage"
        async with opened(server.url) as connection:
            connection.send("close!")
            await until(lambda: connection.close_code)
            with pytest.raises(ConnectionClosed) as caught:
                connection.send("late")
            assert (caught.value.code, caught.value.reason) == (4001, "enough")
            assert caught.value.failure.code == "ws.closed"

    def closing(peer: Peer) -> None:
        peer.read_frame()
        peer.say_goodbye(4001, "enough")

    with RawServer(upgraded(Peer.echo), upgraded(closing)) as server:
        on_each_loop(check(server))


def deaf(peer: Peer) -> None:
    """Reads nothing until it is told to."""
    peer.wait(peer.server.go)
    peer.echo()


@pytest.mark.parametrize("secure", [False, True])
def test_a_server_that_stopped_reading_is_named(
    on_each_loop: Run[Any], pki: Pki, secure: bool
) -> None:
    seen = Recording()

    async def check(server: RawServer) -> None:
        timeouts = {"send": SOON}
        given = {"ca": pki.ca, "compression": False, "timeouts": timeouts}
        async with opened(server.url, seen, **given) as connection:
            while not connection._pipe.congested:
                connection.send(BIG)
            with pytest.raises(TimedOut) as caught:
                await connection.drain()
            failure = caught.value.failure
            assert (failure.code, failure.phase, failure.connection) == (
                "ws.send_blocked",
                "open",
                1,
            )
            assert failure.evidence["unsent_bytes"] > 256 * 1024
            assert server.place in failure.message
            server.go.set()
            # It reads again: nothing was lost, and the connection is as good as before.
            assert len((await connection.receive(20)).data) == len(BIG)
            await connection.drain()

    tls = pki.server() if secure else None
    with RawServer(upgraded(deaf), tls=tls, receive_buffer=65536) as server:
        on_each_loop(check(server))
    assert seen.codes == ["ws.send_blocked"]


def test_a_server_that_reads_slowly_is_not_blocked(on_each_loop: Run[Any]) -> None:
    async def check(server: RawServer) -> None:
        async with opened(server.url, compression=False, timeouts={"send": 0.15}) as connection:
            connection.send(bytes(3 * 1024 * 1024))
            await connection.drain()

    def slow(peer: Peer) -> None:
        while peer.sock.recv(64 * 1024):
            peer.server.over.wait(0.01)

    with RawServer(upgraded(slow), receive_buffer=16384) as server:
        on_each_loop(check(server))


def test_a_server_that_reads_while_ever_more_is_sent_is_not_blocked() -> None:
    """What waits grows, and yet the server takes what it can."""
    seen = Recording()

    def slow(peer: Peer) -> None:
        while peer.sock.recv(16 * 1024):
            peer.server.over.wait(0.005)

    async def check(server: RawServer) -> None:
        timeouts = {"send": 0.1}
        async with opened(server.url, seen, compression=False, timeouts=timeouts) as connection:
            # More than what the kernel holds and a server takes that got far ahead of us.
            connection.send(bytes(64 * 1024 * 1024))
            draining = asyncio.ensure_future(connection.drain())
            for _ in range(5):
                connection.send(bytes(4 * 1024 * 1024))
                await asyncio.wait([draining], timeout=0.1)
            assert connection._pipe.congested
            assert not draining.done()
            draining.cancel()

    with RawServer(upgraded(slow), receive_buffer=16384) as server:
        run(check(server))
    assert seen.failures == []


def test_a_server_that_waits_for_the_check_to_read_is_not_to_blame() -> None:
    """It reads nothing while it cannot send; and the check takes nothing."""
    seen = Recording()

    def script(peer: Peer) -> None:
        peer.send(*[text("x")] * 10)
        peer.stay()

    async def check(server: RawServer) -> None:
        given: Any = {"queue_messages": 5, "compression": False, "timeouts": {"send": SOON}}
        async with opened(server.url, seen, **given) as connection:
            await until(lambda: connection._inbox.full)
            while not connection._pipe.congested:
                connection.send(BIG)
            with pytest.raises(TimedOut) as caught:
                await connection.drain()
            failure = caught.value.failure
            assert failure.code == "ws.slow_consumer"
            assert "has read nothing" in failure.message
            assert failure.evidence["messages_not_taken"] >= 5

    with RawServer(upgraded(script), receive_buffer=65536) as server:
        run(check(server))


def test_a_connection_that_ends_while_much_is_queued_says_so(on_each_loop: Run[Any]) -> None:
    seen = Recording()

    def script(peer: Peer) -> None:
        peer.wait(peer.server.go)
        peer.reset()

    async def check(server: RawServer) -> None:
        async with opened(server.url, seen, compression=False) as connection:
            while not connection._pipe.congested:
                connection.send(BIG)
            waiting = [asyncio.ensure_future(connection.drain()) for _ in range(3)]
            await asyncio.sleep(0)
            server.go.set()
            for drained in waiting:
                with pytest.raises(ConnectionClosed):
                    await drained
            assert connection._pipe.unwritten == 0

    with RawServer(upgraded(script), receive_buffer=65536) as server:
        on_each_loop(check(server))
    assert seen.codes == ["ws.closed_abnormally"]


def test_one_who_waits_to_send_may_give_up(on_each_loop: Run[Any]) -> None:
    async def check(server: RawServer) -> None:
        async with opened(server.url, compression=False) as connection:
            while not connection._pipe.congested:
                connection.send(BIG)
            impatient = asyncio.ensure_future(connection.drain())
            patient = asyncio.ensure_future(connection.drain())
            await asyncio.sleep(0)
            impatient.cancel()
            with pytest.raises(asyncio.CancelledError):
                await impatient
            reading = asyncio.ensure_future(connection.receive(20))
            server.go.set()
            await patient
            assert len((await reading).data) == len(BIG)

    with RawServer(upgraded(deaf), receive_buffer=65536) as server:
        on_each_loop(check(server))


def test_a_close_behind_a_full_socket_is_told_as_such(on_each_loop: Run[Any]) -> None:
    seen = Recording()

    async def check(server: RawServer) -> None:
        timeouts = {"close": SOON}
        async with opened(server.url, seen, compression=False, timeouts=timeouts) as connection:
            while not connection._pipe.congested:
                connection.send(BIG)
            await connection.close()

    with RawServer(upgraded(Peer.stay), receive_buffer=65536) as server:
        on_each_loop(check(server))
    (warning,) = seen.warnings
    assert warning.code == "ws.close_timeout"
    assert "stopped reading" in warning.message
    assert warning.evidence["unsent_bytes"] > 256 * 1024


def test_what_was_said_before_a_reset_is_heard_although_sending_fails(
    on_each_loop: Run[Any],
) -> None:
    """The write fails first: that must not hide the Close frame that waits to be read."""
    seen = Recording()

    def script(peer: Peer) -> None:
        peer.read_frame()
        peer.send(frames.text("last words"), frames.close(1011, "out of memory"))
        peer.delivered()
        peer.reset()
        peer.server.go.set()

    async def check(server: RawServer) -> None:
        async with opened(server.url, seen) as connection:
            connection.send("go")
            server.go.wait(20)  # The loop stands still: nothing has been read.
            connection.send("first")
            connection.send("second")
            assert (await connection.receive(5)).data == "last words"
            with pytest.raises(ConnectionClosed) as caught:
                await connection.receive(5)
            assert (caught.value.code, caught.value.reason) == (1011, "out of memory")

    with RawServer(upgraded(script)) as server:
        on_each_loop(check(server))
    assert seen.codes == ["ws.closed"]


def test_many_may_send_at_once(on_each_loop: Run[Any]) -> None:
    kept: list[SeenFrame] = []

    async def check(server: RawServer) -> None:
        async with opened(server.url, compression=False) as connection:

            async def one(name: int) -> None:
                for number in range(20):
                    connection.send(f"{name} {number} " + "x" * 20_000)
                    await connection.drain()

            await asyncio.gather(*[one(name) for name in range(10)])
            await connection.close()

    with RawServer(keeping(kept), receive_buffer=65536) as server:
        on_each_loop(check(server))
    numbers: dict[str, list[int]] = {}
    for seen in kept:
        name, number, rest = seen.payload.decode().split(" ")
        assert rest == "x" * 20_000
        numbers.setdefault(name, []).append(int(number))
    assert len(numbers) == 10
    assert all(order == list(range(20)) for order in numbers.values())
    assert threading.active_count() < 20
