"""Pings and pongs, in both directions."""

from __future__ import annotations

import asyncio
import os
import time
from typing import Any

import pytest

from checkwire.model.errors import ConnectionClosed, TimedOut, UsageError
from checkwire.model.failures import code_of
from checkwire.wire.session.connection import Connection
from support import frames
from support.connecting import SOON, SOON_NS, opened
from support.frames import PING, PONG, frame, text
from support.loops import Run, run, until
from support.observing import Recording
from support.rawserver import Peer, RawServer, upgraded


def test_a_ping_is_answered_by_itself(on_each_loop: Run[Any]) -> None:
    seen, heard, answers = Recording(), [], []

    def script(peer: Peer) -> None:
        for payload in (b"", b"hello", bytes(range(125))):
            peer.send(frame(PING, payload))
            answers.append(peer.read_frame())
        peer.echo()

    async def check(server: RawServer) -> None:
        async with opened(server.url, seen) as connection:
            connection.on_ping = heard.append
            await until(lambda: len(answers) == 3)
            await connection.close()

    with RawServer(upgraded(script)) as server:
        on_each_loop(check(server))
    assert [(a.opcode, a.payload) for a in answers] == [
        (PONG, b""),
        (PONG, b"hello"),
        (PONG, bytes(range(125))),
    ]
    assert all(answer.masked for answer in answers)
    assert len(heard) >= 2  # The first may come before anybody listens.
    assert [(f.direction, f.opcode) for f in seen.frames[:2]] == [("in", "ping"), ("out", "pong")]
    assert seen.closed.messages_in == 0


def test_every_one_of_many_pings_is_answered_in_order() -> None:
    answers = []

    def script(peer: Peer) -> None:
        peer.send(b"".join(frame(PING, bytes([n])) for n in range(100)))
        answers.extend(peer.read_frame() for _ in range(100))
        peer.echo()

    async def check(server: RawServer) -> None:
        async with opened(server.url) as connection:
            await until(lambda: len(answers) == 100)
            await connection.close()

    with RawServer(upgraded(script)) as server:
        run(check(server))
    assert [answer.payload for answer in answers] == [bytes([n]) for n in range(100)]


def test_a_pings_answer_is_a_round_trip(on_each_loop: Run[Any]) -> None:
    seen, pongs = Recording(), []

    async def check(server: RawServer) -> None:
        async with opened(server.url, seen) as connection:
            connection.on_pong = pongs.append
            round_trip = await connection.ping()
            assert round_trip == seen.round_trips[0]
            assert (await connection.ping(b"mine")).kind == "ping"

    with RawServer(upgraded(Peer.echo)) as server:
        on_each_loop(check(server))
    first, second = seen.round_trips
    assert (first.kind, first.request, first.answer) == ("ping", 1, 2)
    assert (second.request, second.answer) == (3, 4)
    assert first.duration_ns > 0
    ping, pong = seen.frames[:2]
    assert ping.at_ns <= first.at_ns <= pong.at_ns == first.at_ns + first.duration_ns
    assert (seen.frames[2].payload, pongs[1]) == ("mine", b"mine")


def test_pings_may_be_under_way_together(on_each_loop: Run[Any]) -> None:
    seen = Recording()

    async def check(server: RawServer) -> None:
        async with opened(server.url, seen) as connection:
            results = await asyncio.gather(*[connection.ping() for _ in range(50)])
            assert [r.request for r in results] == [r.request for r in seen.round_trips]
            assert len({r.answer for r in results}) == 50

    with RawServer(upgraded(Peer.echo)) as server:
        on_each_loop(check(server))


def test_a_pong_answers_the_pings_before_its_own_too(on_each_loop: Run[Any]) -> None:
    """RFC 6455 section 5.5.3."""

    def script(peer: Peer) -> None:
        last = [peer.read_frame() for _ in range(3)][-1]
        peer.send(frame(PONG, last.payload))
        peer.echo()

    async def check(server: RawServer) -> None:
        async with opened(server.url) as connection:
            results = await asyncio.gather(*[connection.ping() for _ in range(3)])
            assert [result.answer for result in results] == [4, 4, 4]

    with RawServer(upgraded(script)) as server:
        on_each_loop(check(server))


def test_a_pong_that_nobody_asked_for_answers_nothing(on_each_loop: Run[Any]) -> None:
    seen, pongs = Recording(), []

    def script(peer: Peer) -> None:
        peer.read_frame()
        peer.send(frame(PONG, b"unasked"), frame(PONG), text("done"))
        peer.echo()

    async def check(server: RawServer) -> None:
        async with opened(server.url, seen) as connection:
            connection.on_pong = pongs.append
            with pytest.raises(TimedOut):
                await connection.ping(b"asked", timeout=SOON)
            assert (await connection.receive(5)).data == "done"

    with RawServer(upgraded(script)) as server:
        on_each_loop(check(server))
    assert pongs == [b"unasked", b""]
    assert seen.round_trips == []


def test_a_ping_is_remembered_until_its_pong(on_each_loop: Run[Any]) -> None:
    """However much is sent in between."""

    def script(peer: Peer) -> None:
        ping = peer.read_frame()
        for _ in range(500):
            peer.read_frame()
        peer.send(frame(PONG, ping.payload))
        peer.echo()

    async def check(server: RawServer) -> None:
        async with opened(server.url) as connection:
            pinging = asyncio.ensure_future(connection.ping(timeout=10))
            await asyncio.sleep(0)
            for _ in range(500):
                connection.send("x")
            assert (await pinging).answer == 502

    with RawServer(upgraded(script)) as server:
        on_each_loop(check(server))


@pytest.mark.parametrize("payload", [bytes(126), bytes(70_000)])
def test_a_ping_that_is_too_long_is_the_checks_mistake(payload: bytes) -> None:
    async def check(server: RawServer) -> None:
        async with opened(server.url) as connection:
            with pytest.raises(UsageError, match="at most 125 bytes"):
                await connection.ping(payload)
            assert (await connection.ping(bytes(125))).duration_ns > 0

    with RawServer(upgraded(Peer.echo)) as server:
        run(check(server))


def test_a_payload_can_be_under_way_only_once() -> None:
    async def check(server: RawServer) -> None:
        async with opened(server.url) as connection:
            first = asyncio.ensure_future(connection.ping(b"x"))
            await asyncio.sleep(0)
            with pytest.raises(UsageError, match="is under way"):
                await connection.ping(b"x")
            await first
            await connection.ping(b"x")

    with RawServer(upgraded(Peer.echo)) as server:
        run(check(server))


def test_a_process_that_is_frozen_answers_no_ping(on_each_loop: Run[Any]) -> None:
    seen = Recording()

    async def check(server: RawServer) -> None:
        async with opened(server.url, seen, timeouts={"pong": SOON}) as connection:
            before = seen.timeline.now()
            with pytest.raises(TimedOut) as caught:
                await connection.ping()
            assert seen.timeline.now() - before >= SOON_NS
            failure = caught.value.failure
            assert (failure.code, failure.phase) == ("ws.no_pong", "open")
            assert "its kernel acknowledged it" in failure.message
            evidence = failure.evidence
            assert (evidence["waited_ms"], evidence["place"]) == (300, server.place)
            assert (evidence["acknowledged"], evidence["unacknowledged_segments"]) == (True, 0)
            # A late pong finds nobody; the next ping is another matter.
            server.go.set()
            await connection.ping(timeout=10)

    def script(peer: Peer) -> None:
        peer.wait(peer.server.go)
        peer.echo()

    with RawServer(upgraded(script)) as server:
        on_each_loop(check(server))
    assert seen.codes == ["ws.no_pong"]
    assert len(seen.round_trips) == 1


def test_a_ping_behind_a_full_socket_has_not_left() -> None:
    seen = Recording()

    async def check(server: RawServer) -> None:
        timeouts = {"pong": SOON}
        async with opened(server.url, seen, compression=False, timeouts=timeouts) as connection:
            while not connection._pipe.congested:
                connection.send(bytes(4 * 1024 * 1024))
            with pytest.raises(TimedOut) as caught:
                await connection.ping()
            assert caught.value.failure.code in ("ws.send_blocked", "ws.peer_lost")

    with RawServer(upgraded(Peer.stay), receive_buffer=65536) as server:
        run(check(server))


def test_a_pong_behind_messages_that_are_not_taken_is_not_the_servers_fault() -> None:
    seen = Recording()

    def script(peer: Peer) -> None:
        peer.send(*[text("x")] * 10)
        peer.server.go.set()
        peer.echo()

    async def check(server: RawServer) -> None:
        timeouts = {"pong": SOON}
        async with opened(server.url, seen, queue_messages=5, timeouts=timeouts) as connection:
            await until(lambda: connection._inbox.full)
            with pytest.raises(TimedOut) as caught:
                await connection.ping()
            failure = caught.value.failure
            assert (failure.code, failure.phase) == ("ws.slow_consumer", "open")
            assert code_of(failure.code).is_error
            assert "wait for the check to take them" in failure.message
            assert failure.evidence["messages_not_taken"] >= 5

    with RawServer(upgraded(script)) as server:
        run(check(server))


def test_a_pong_that_the_check_was_too_busy_to_see_counts(on_each_loop: Run[Any]) -> None:
    seen = Recording()

    def script(peer: Peer) -> None:
        peer.send(frame(PONG, peer.read_frame().payload))
        peer.delivered()
        peer.server.go.set()
        peer.echo()

    async def check(server: RawServer) -> None:
        async with opened(server.url, seen) as connection:
            pinging = asyncio.ensure_future(connection.ping(timeout=0.05))
            await asyncio.sleep(0)
            server.go.wait(20)
            time.sleep(0.1)  # noqa: ASYNC251 - until the time for the pong is over
            assert (await pinging).duration_ns > 0

    with RawServer(upgraded(script)) as server:
        on_each_loop(check(server))
    assert seen.failures == []


def test_a_frozen_process_is_told_from_a_lost_path_whatever_else_is_sent() -> None:
    """What was sent a moment ago is not acknowledged yet: that says nothing of the ping."""
    seen = Recording()

    async def check(server: RawServer) -> None:
        async with opened(server.url, seen) as connection:
            talking = asyncio.ensure_future(chatter(connection))
            with pytest.raises(TimedOut) as caught:
                await connection.ping(timeout=SOON)
            assert caught.value.failure.code == "ws.no_pong"
            assert "its kernel acknowledged it" in caught.value.failure.message
            talking.cancel()

    async def chatter(connection: Connection) -> None:
        while True:
            connection.send("tick")
            await asyncio.sleep(0)

    with RawServer(upgraded(Peer.stay)) as server:
        run(check(server))


def test_a_ping_behind_what_a_slow_server_reads_has_not_left() -> None:
    seen = Recording()

    def slow(peer: Peer) -> None:
        while peer.sock.recv(16 * 1024):
            peer.server.over.wait(0.01)

    async def check(server: RawServer) -> None:
        async with opened(server.url, seen, compression=False) as connection:
            connection.send(bytes(32 * 1024 * 1024))
            with pytest.raises(TimedOut) as caught:
                await connection.ping(timeout=SOON)
            failure = caught.value.failure
            assert failure.code == "ws.send_blocked"
            assert "a ping has not left yet, behind" in failure.message
            assert "has read nothing" not in failure.message
            assert failure.evidence["unsent_bytes"] > 1024 * 1024

    with RawServer(upgraded(slow), receive_buffer=16384) as server:
        run(check(server))


def test_a_pong_has_the_time_at_which_it_leaves(on_each_loop: Run[Any]) -> None:
    """Not that at which the ping came, however late it is read."""
    seen = Recording()
    noticed: list[int] = []

    def script(peer: Peer) -> None:
        peer.read_frame()
        peer.send(frame(PING))
        peer.delivered()
        peer.server.go.set()
        peer.read_frame()
        peer.echo()

    async def check(server: RawServer) -> None:
        async with opened(server.url, seen) as connection:
            connection.send("go")
            server.go.wait(20)
            time.sleep(0.02)  # noqa: ASYNC251 - the check is busy
            noticed.append(seen.timeline.now())
            await until(lambda: len(seen.frames) == 3)
            await connection.close()

    with RawServer(upgraded(script)) as server:
        on_each_loop(check(server))
    ping, pong = seen.frames[1:3]
    assert (ping.opcode, pong.opcode) == ("ping", "pong")
    assert ping.at_ns < noticed[0] <= pong.at_ns


def test_a_server_that_pings_and_never_reads_takes_no_memory(on_each_loop: Run[Any]) -> None:
    """The latest ping is answered once it reads (RFC 6455 section 5.5.3)."""
    seen, answers = Recording(), []

    def script(peer: Peer) -> None:
        peer.read_frame()
        for _ in range(400):
            peer.send(frame(PING, bytes(125)) * 500)
        peer.send(frame(PING, b"latest"), text("that is all"))
        peer.wait(peer.server.go)
        while (seen := peer.read_frame()).payload != b"latest":
            answers.append(seen.payload)
        answers.append(seen.payload)
        peer.echo()

    async def check(server: RawServer) -> None:
        async with opened(server.url, seen) as connection:
            connection.send("go")
            assert (await connection.receive(20)).data == "that is all"
            assert connection._pipe.unwritten < 1024 * 1024
            server.go.set()
            await until(lambda: answers and answers[-1] == b"latest")
            await connection.close()

    with RawServer(upgraded(script), receive_buffer=16384) as server:
        on_each_loop(check(server))
    assert len(answers) < 200_000
    assert seen.failures == []


def test_a_ping_ends_with_its_connection(on_each_loop: Run[Any]) -> None:
    def script(peer: Peer) -> None:
        peer.read_frame()
        peer.say_goodbye(1001, "going")

    def mute(peer: Peer) -> None:
        peer.answer_goodbye()

    async def check(server: RawServer) -> None:
        async with opened(server.url) as connection:
            with pytest.raises(ConnectionClosed) as caught:
                await connection.ping()
            assert (caught.value.code, caught.value.reason) == (1001, "going")
            with pytest.raises(ConnectionClosed):
                await connection.ping()
        async with opened(server.url, timeouts={"close": SOON}) as connection:
            pinging = asyncio.ensure_future(connection.ping())
            await asyncio.sleep(0)
            await connection.close()
            with pytest.raises(ConnectionClosed):
                await pinging

    with RawServer(upgraded(script), upgraded(mute)) as server:
        on_each_loop(check(server))


def test_a_ping_that_is_given_up_is_forgotten(on_each_loop: Run[Any]) -> None:
    async def check(server: RawServer) -> None:
        async with opened(server.url) as connection:
            pinging = asyncio.ensure_future(connection.ping(b"x"))
            await asyncio.sleep(0)
            pinging.cancel()
            with pytest.raises(asyncio.CancelledError):
                await pinging
            assert not connection._pings.waiting
            await connection.ping(b"x")

    with RawServer(upgraded(Peer.echo)) as server:
        on_each_loop(check(server))


def test_control_frames_show_what_is_in_them() -> None:
    seen = Recording()
    odd = os.urandom(20) + b"\xff"

    def script(peer: Peer) -> None:
        peer.send(frame(PONG, b"readable"), frame(PONG, odd), frame(PONG), frames.close(1000, "ok"))
        peer.read_to_end()

    async def check(server: RawServer) -> None:
        async with opened(server.url, seen, timeouts={"close": SOON}) as connection:
            await connection.wait_closed()

    with RawServer(upgraded(script)) as server:
        run(check(server))
    shown = [(f.payload, f.base64) for f in seen.frames]
    assert shown[0] == ("readable", False)
    assert shown[1][1]
    assert shown[2:] == [(None, False), ("1000 ok", False), ("1000 ok", False)]
