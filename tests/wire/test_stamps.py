"""What the kernel tells of packets: when they came, left, and were acknowledged."""

from __future__ import annotations

import asyncio
import socket
import time
from typing import Any

import pytest

from checkwire.model.events import Event, Handshake, Phase, RoundTrip
from checkwire.wire.kernel.stamps import (
    enable_receive_stamps,
    enable_send_stamps,
    keep_stamping,
    read_send_stamp,
    receive_stamp,
    stamp_request,
)
from checkwire.wire.kernel.tcp_info import read_tcp_info
from checkwire.wire.session.connection import Connection
from support.connecting import opened
from support.frames import text
from support.loops import Run, run, until
from support.observing import Recording
from support.pki import Pki
from support.rawserver import Peer, RawServer, Script, upgraded

MS = 1_000_000


@pytest.mark.parametrize("secure", [False, True])
def test_a_frames_time_is_the_kernels_however_late_it_is_read(
    on_each_loop: Run[Any], pki: Pki, secure: bool
) -> None:
    seen = Recording()

    def script(peer: Peer) -> None:
        peer.read_frame()
        peer.send(text("x"))
        peer.delivered()
        peer.server.go.set()
        peer.echo()

    async def check(server: RawServer) -> None:
        async with opened(server.url, seen, ca=pki.ca) as connection:
            connection.send("go")
            server.go.wait(20)
            here = seen.timeline.now()
            time.sleep(0.05)  # noqa: ASYNC251 - the loop is held up, the kernel is not
            message = await connection.receive(5)
            assert message.at_ns <= here
            assert seen.timeline.now() - message.at_ns >= 50 * MS

    with RawServer(upgraded(script), tls=pki.server() if secure else None) as server:
        on_each_loop(check(server))
    came = [f for f in seen.frames if f.direction == "in"]
    assert [f.clock for f in came] == ["kernel"]
    assert [f.clock for f in seen.frames if f.direction == "out"] == ["user"]
    assert {phase.clock for phase in seen.phases.values()} == {"kernel"}
    assert seen.closed.clock == "kernel"


class Dawdling(Recording):
    """Holds everything up after each phase, as a machine with too much to do does."""

    def take(self, event: Event) -> None:
        super().take(event)
        if isinstance(event, Phase):
            time.sleep(0.02)


def test_what_this_machine_needs_between_phases_is_in_none_of_them(
    on_each_loop: Run[Any], pki: Pki
) -> None:
    seen = Dawdling()

    async def check(server: RawServer) -> None:
        async with opened(server.url, seen, ca=pki.ca):
            pass

    with RawServer(upgraded(Peer.read_to_end), tls=pki.server()) as server:
        on_each_loop(check(server))
    phases = seen.phases
    whole = phases.pop("open")
    assert whole.duration_ns == sum(phase.duration_ns for phase in phases.values())
    assert list(phases) == ["tcp", "tls", "upgrade"]
    passed_ns = seen.one(Handshake).at_ns - whole.at_ns
    assert passed_ns >= whole.duration_ns + 40 * MS


@pytest.mark.parametrize("secure", [False, True])
def test_without_the_kernels_clock_all_times_are_taken_here(
    on_each_loop: Run[Any], pki: Pki, secure: bool
) -> None:
    seen = Recording()

    async def check(server: RawServer) -> None:
        async with opened(server.url, seen, ca=pki.ca, kernel_clock=False) as connection:
            connection.send("hello")
            connection.answered(await connection.receive(5))
            await connection.ping()
            await connection.close()

    with RawServer(upgraded(Peer.echo), tls=pki.server() if secure else None) as server:
        on_each_loop(check(server))
    assert {frame.clock for frame in seen.frames} == {"user"}
    assert {phase.clock for phase in seen.phases.values()} == {"user"}
    assert seen.closed.clock == "user"
    assert seen.delivered == []
    assert [(r.kind, r.network_ns) for r in seen.round_trips] == [("reply", None), ("ping", None)]
    assert all(r.duration_ns > 0 for r in seen.round_trips)


# Ways out


@pytest.mark.parametrize("secure", [False, True])
def test_the_kernel_tells_when_a_message_left_and_arrived(
    on_each_loop: Run[Any], pki: Pki, secure: bool
) -> None:
    seen = Recording()

    async def check(server: RawServer) -> None:
        async with opened(server.url, seen, ca=pki.ca) as connection:
            for number in range(1, 4):
                connection.send("hello")
                await until(lambda number=number: len(seen.delivered) == number)

    with RawServer(upgraded(Peer.read_to_end), tls=pki.server() if secure else None) as server:
        on_each_loop(check(server))
    assert [d.number for d in seen.delivered] == [1, 2, 3]
    for frame, delivered in zip(seen.frames, seen.delivered, strict=True):
        assert delivered.acked_ns is not None
        assert frame.at_ns - MS <= delivered.at_ns <= delivered.acked_ns


def late_answers(kind: str, *, at_once: bool) -> Script:
    """Answers only when it is told to; its kernel acknowledges at once, or as late as it may."""

    def script(peer: Peer) -> None:
        while True:
            # The kernel forgets it now and then.
            peer.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, int(at_once))
            peer.read_frame()
            peer.wait(peer.server.go)
            peer.server.go.clear()
            peer.send(text("answer") if kind == "reply" else b"\x8a\x04ping")

    return upgraded(script)


async def ask(connection: Connection, kind: str, seen: Recording, server: RawServer) -> RoundTrip:
    """One question, answered 20 ms after it was acknowledged."""
    known = len(seen.delivered)
    if kind == "ping":
        asking = asyncio.ensure_future(connection.ping(b"ping"))
    else:
        connection.send("question")
    await until(lambda: len(seen.delivered) > known)
    await asyncio.sleep(0.02)
    server.go.set()
    if kind == "ping":
        await asking
    else:
        connection.answered(await connection.receive(10))
    assert seen.round_trips[-1].kind == kind
    return seen.round_trips[-1]


@pytest.mark.parametrize("kind", ["reply", "ping"])
def test_a_round_trip_is_split_into_network_and_server(on_each_loop: Run[Any], kind: str) -> None:
    seen = Recording()

    async def check(server: RawServer) -> RoundTrip:
        async with opened(server.url, seen) as connection:
            while (trip := await ask(connection, kind, seen, server)).network_ns is None:
                assert len(seen.round_trips) < 20
            return trip

    with RawServer(late_answers(kind, at_once=True)) as server:
        trip = on_each_loop(check(server))
    assert trip.network_ns + trip.server_ns == trip.duration_ns
    assert trip.server_ns >= 15 * MS
    assert 0 <= trip.network_ns < 15 * MS
    assert trip.at_ns == seen.delivered[-1].at_ns
    assert trip.request == seen.delivered[-1].number


@pytest.mark.parametrize("kind", ["reply", "ping"])
def test_an_acknowledgement_held_back_splits_nothing(on_each_loop: Run[Any], kind: str) -> None:
    """40 ms, which are not the network's."""
    seen = Recording()

    async def check(server: RawServer) -> None:
        async with opened(server.url, seen) as connection:
            for _ in range(3):
                await ask(connection, kind, seen, server)

    with RawServer(late_answers(kind, at_once=False)) as server:
        on_each_loop(check(server))
    late = [d for d in seen.delivered if d.acked_ns is not None and d.acked_ns - d.at_ns > 5 * MS]
    assert late
    held_back = {d.number for d in late}
    trips = [trip for trip in seen.round_trips if trip.request in held_back]
    assert {(trip.network_ns, trip.server_ns) for trip in trips} == {(None, None)}
    assert all(trip.duration_ns >= 20 * MS for trip in trips)


def test_an_answer_is_told_where_it_is_certain_what_it_answers() -> None:
    seen = Recording()

    def script(peer: Peer) -> None:
        peer.send(text("greeting"))
        for answers in (["one"], ["two"], ["update", "three"], [], ["four", "five"]):
            peer.read_frame()
            peer.send(*map(text, answers))

    async def check(server: RawServer) -> None:
        async with opened(server.url, seen) as connection:
            await until(lambda: connection._incoming.messages)
            connection.send("first")
            # Had come before anything was sent, so it answers nothing.
            connection.answered(await connection.receive(5))
            connection.answered(await connection.receive(5))
            connection.send("second")
            connection.answered(await connection.receive(5))
            connection.send("third")
            await connection.receive(5)  # skipped
            connection.answered(await connection.receive(5))
            # Which of the two is answered first, nobody can tell.
            connection.send("fourth")
            connection.send("fifth")
            connection.answered(await connection.receive(5))
            connection.answered(await connection.receive(5))

    with RawServer(upgraded(script)) as server:
        run(check(server))
    payloads = {f.number: f.payload for f in seen.frames}
    assert [(payloads[r.request], payloads[r.answer]) for r in seen.round_trips] == [
        ("first", "one"),
        ("second", "two"),
        ("third", "three"),
    ]


def test_what_goes_out_in_pieces_is_delivered_with_the_last_one(on_each_loop: Run[Any]) -> None:
    seen = Recording()
    size = 16 * 1024 * 1024

    async def check(server: RawServer) -> None:
        async with opened(server.url, seen, compression=False) as connection:
            connection.send(bytes(size))
            assert connection._pipe.unwritten
            server.go.set()
            await until(lambda: len(seen.delivered) == 1)
            assert not connection._pipe.unwritten
            connection.send("after")
            await until(lambda: len(seen.delivered) == 2)

    def script(peer: Peer) -> None:
        peer.wait(peer.server.go)
        peer.read_to_end()

    with RawServer(upgraded(script), receive_buffer=65536) as server:
        on_each_loop(check(server))
    big, small = seen.delivered
    assert (big.number, small.number) == (1, 2)
    assert big.at_ns <= small.at_ns
    assert all(d.acked_ns is not None and d.acked_ns >= d.at_ns for d in seen.delivered)


def test_frames_written_together_are_told_apart(on_each_loop: Run[Any]) -> None:
    """A listener sends while pongs wait to be written."""
    seen = Recording()

    def script(peer: Peer) -> None:
        peer.read_frame()
        peer.send(b"\x89\x00" + text("a") + b"\x89\x00")
        peer.read_to_end()

    async def check(server: RawServer) -> None:
        async with opened(server.url, seen) as connection:
            connection.on_message = lambda message: connection.send("reply")
            connection.send("go")
            await until(lambda: len(seen.delivered) == 2)

    with RawServer(upgraded(script)) as server:
        on_each_loop(check(server))
    replies = [f.number for f in seen.frames if f.payload == "reply"]
    assert [d.number for d in seen.delivered] == [1, *replies]


def test_no_stamp_is_taken_for_that_of_another_frame(on_each_loop: Run[Any]) -> None:
    """Of sends that the kernel puts into one packet only the last one is stamped."""
    seen = Recording()

    async def check(server: RawServer) -> None:
        async with opened(server.url, seen, frames=1000) as connection:
            for number in range(300):
                connection.send(str(number))
                if number % 20 == 0:
                    await asyncio.sleep(0)
            for _ in range(300):
                await connection.receive(5)
            await until(lambda: seen.delivered and seen.delivered[-1].number == last())

    def last() -> int:
        return max(f.number for f in seen.frames if f.direction == "out")

    with RawServer(upgraded(Peer.echo)) as server:
        on_each_loop(check(server))
    out = {f.number: f.at_ns for f in seen.frames if f.direction == "out"}
    numbers = [d.number for d in seen.delivered]
    assert numbers == sorted(set(numbers))
    for delivered in seen.delivered:
        assert out[delivered.number] - MS <= delivered.at_ns <= (delivered.acked_ns or 0)


def test_events_that_belong_together_are_in_order(on_each_loop: Run[Any]) -> None:
    seen = Recording()

    async def check(server: RawServer) -> None:
        async with opened(server.url, seen) as connection:
            for _ in range(20):
                connection.send("x")
                await connection.receive(5)
            await connection.close()

    with RawServer(upgraded(Peer.echo)) as server:
        on_each_loop(check(server))
    handshake = seen.one(Handshake)
    times = [frame.at_ns for frame in seen.frames]
    assert times == sorted(times)
    assert handshake.at_ns <= times[0]
    assert times[-1] <= seen.closed.at_ns
    for trip in seen.round_trips:
        assert trip.at_ns + trip.duration_ns == times[trip.answer - 1]
        assert 0 < trip.duration_ns < 10_000 * MS


# The kernel's own


def pair() -> tuple[socket.socket, socket.socket]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        client = socket.socket()
        assert enable_receive_stamps(client)
        client.connect(listener.getsockname())
        return client, listener.accept()[0]


def test_a_read_comes_with_the_time_of_its_last_packet() -> None:
    client, server = pair()
    with client, server:
        before = time.time_ns()
        server.send(b"one")
        server.send(b"two")
        after = time.time_ns()
        time.sleep(0.01)
        client.settimeout(5)
        data, ancillary, _, _ = client.recvmsg(100, 256)
        assert data == b"onetwo"
        assert before <= receive_stamp(ancillary) <= after + MS
        assert receive_stamp([]) == 0


def test_a_send_is_stamped_by_the_offset_of_its_last_byte() -> None:
    client, server = pair()
    with client, server:
        assert enable_send_stamps(client)
        assert read_send_stamp(client) is None
        before = time.time_ns()
        client.send(b"not asked for")
        client.sendmsg((b"hello",), stamp_request(acked=True))
        server.settimeout(5)
        while len(server.recv(100, socket.MSG_PEEK)) < 18:
            pass
        stamps = []
        deadline = time.monotonic() + 5
        while len(stamps) < 2 and time.monotonic() < deadline:
            if (stamp := read_send_stamp(client)) is not None:
                stamps.append(stamp)
        left, arrived = sorted(stamps, key=lambda stamp: stamp.acked)
        assert (left.offset, arrived.offset) == (17, 17)
        assert (left.acked, arrived.acked) == (False, True)
        assert before <= left.stamp_ns <= arrived.stamp_ns


def test_sockets_that_are_not_tcp_have_no_stamps() -> None:
    with socket.socket(socket.AF_UNIX) as unix:
        assert not enable_receive_stamps(unix)
        assert read_tcp_info(unix) is None


def test_the_kernel_can_be_kept_stamping() -> None:
    keeper = keep_stamping()
    assert keeper is not None
    keeper.close()


def test_the_kernel_knows_a_connection() -> None:
    client, server = pair()
    with server:
        with client:
            info = read_tcp_info(client)
            assert info is not None
            assert 0 < info.rtt_ns < 5_000 * MS
            assert (info.unacked, info.retransmits, info.unsent) == (0, 0, 0)
        assert read_tcp_info(client) is None
