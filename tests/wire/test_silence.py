"""Nothing comes: a silent feed, a frozen process and a lost path are three different failures."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from checkwire.model.errors import ConnectionClosed, TimedOut
from checkwire.model.failures import Failure
from checkwire.wire.session.connection import Connection
from support.connecting import opened
from support.farside import in_a_namespace, in_a_process
from support.frames import PING, PONG, frame, text
from support.loops import Run, run, until
from support.observing import Recording
from support.pki import Pki
from support.rawserver import Peer, RawServer, upgraded
from support.sentences import assert_explained

WAIT = 1.0
"""Seconds; long enough for a ping in the last part of it."""


async def silence_on(connection: Connection, wait: float = WAIT, **given: Any) -> Failure:
    """The failure of a wait for a message that does not come; told at its own end."""
    began = time.monotonic()
    with pytest.raises(TimedOut) as caught:
        await connection.receive(wait, **given)
    assert wait - 0.01 <= time.monotonic() - began < wait + 5
    failure = caught.value.failure
    assert failure.phase == "open"
    assert failure.evidence["place"] == connection.place
    assert failure.connection == connection.number
    assert_explained(failure)
    return failure


def test_a_silent_server_that_answers_pings_is_only_silent(on_each_loop: Run[Any]) -> None:
    seen, heard = Recording(), []

    async def check(server: RawServer) -> None:
        async with opened(server.url, seen) as connection:
            connection.on_pong = heard.append
            failure = await silence_on(connection)
            assert failure.code == "timeout.first_message"
            assert "The server still answers pings: in " in failure.message
            assert failure.evidence["ping"] == "answered"
            assert 0 < failure.evidence["pong_ms"] < 600
            assert failure.evidence["messages_in"] == 0
            connection.send("hello")
            assert (await connection.receive(5)).data == "hello"
            failure = await silence_on(connection)
            assert failure.code == "timeout.message"
            assert "1 before, the last frame " in failure.message
            # The ping is Checkwire's own: it does not end the silence that it is to explain.
            assert failure.evidence["idle_ms"] >= 990
            assert failure.evidence["messages_in"] == failure.evidence["messages_out"] == 1

    with RawServer(upgraded(Peer.echo)) as server:
        on_each_loop(check(server))
    assert heard == []
    assert seen.round_trips == []
    assert [f.probe for f in seen.frames] == [True, True, False, False, True, True]
    ping, pong = seen.frames[:2]
    assert (ping.direction, ping.opcode, pong.opcode) == ("out", "ping", "pong")
    assert ping.payload is not None
    assert ping.payload.startswith("checkwire probe ")
    assert pong.payload == ping.payload


def test_a_frozen_process_is_told_while_a_message_is_awaited() -> None:
    async def check() -> None:
        with in_a_process() as server:
            async with opened(server.url) as connection:
                server.freeze()
                failure = await silence_on(connection)
                assert failure.code == "ws.no_pong"
                assert "its kernel acknowledged it" in failure.message
                assert failure.evidence["acknowledged"] is True
                assert failure.evidence["unacknowledged_segments"] == 0
                server.thaw()
                # The pong that comes now finds nobody, and harms nobody.
                connection.send("awake")
                assert (await connection.receive(10)).data == "awake"
                assert (await silence_on(connection)).code == "timeout.message"

    run(check())


@pytest.mark.parametrize("sent", [0, 1])
def test_a_lost_path_is_told_while_a_message_is_awaited(sent: int) -> None:
    script = f"""
        import asyncio
        from checkwire.model.failures import code_of
        from support.connecting import opened
        from support.farside import across_a_network
        from tests_wire import silence_on

        async def check():
            with across_a_network() as server:
                async with opened(server.url) as connection:
                    connection.send("hello")
                    await connection.receive(10)
                    server.cut()
                    for _ in range({sent}):
                        connection.send("into the void")
                    failure = await silence_on(connection, 2.5)
                    print(failure.code, code_of(failure.code).blame)
                    print(failure.message)
                    print(failure.evidence["acknowledged"], failure.evidence["ping"])

        asyncio.run(check())
    """
    script = script.replace("from tests_wire", "from wire.test_silence")
    code, message, evidence = in_a_namespace(script)
    assert code == "ws.peer_lost path"
    assert "its kernel acknowledges nothing any more" in message
    assert evidence == "False unanswered"


@pytest.mark.parametrize("sent", [0, 1])
def test_a_ping_on_a_lost_path_is_not_one_that_was_not_read(sent: int) -> None:
    """Whatever else was sent before it, and is not acknowledged either."""
    script = f"""
        import asyncio
        from checkwire.model.errors import TimedOut
        from support.connecting import opened
        from support.farside import across_a_network

        async def check():
            with across_a_network() as server:
                async with opened(server.url) as connection:
                    server.cut()
                    for _ in range({sent}):
                        connection.send(bytes(100_000))
                    try:
                        await connection.ping(timeout=2)
                    except TimedOut as error:
                        print(error.failure.code, error.failure.message)

        asyncio.run(check())
    """
    (told,) = in_a_namespace(script)
    assert told.startswith("ws.peer_lost 10.77.0.2:")
    assert "has not acknowledged a ping for 2 s" in told


def test_what_cannot_be_sent_on_a_lost_path_is_not_left_unread() -> None:
    script = """
        import asyncio
        from checkwire.model.errors import TimedOut
        from support.connecting import opened
        from support.farside import across_a_network

        async def check():
            with across_a_network() as server:
                timeouts = {"send": 1.5}
                async with opened(server.url, compression=False, timeouts=timeouts) as connection:
                    server.cut()
                    connection.send(bytes(16 * 1024 * 1024))
                    try:
                        await connection.drain()
                    except TimedOut as error:
                        print(error.failure.code, error.failure.message)

        asyncio.run(check())
    """
    (told,) = in_a_namespace(script)
    assert told.startswith("ws.peer_lost 10.77.0.2:")
    assert "has acknowledged nothing for 1.5 s" in told


def test_inside_of_tls_it_is_the_same(pki: Pki) -> None:
    async def check() -> None:
        with RawServer(upgraded(Peer.echo), tls=pki.server()) as server:
            async with opened(server.url, ca=pki.ca) as connection:
                failure = await silence_on(connection)
                assert failure.code == "timeout.first_message"
                assert failure.evidence["ping"] == "answered"
        with RawServer(upgraded(Peer.stay), tls=pki.server()) as server:
            async with opened(server.url, ca=pki.ca) as connection:
                failure = await silence_on(connection)
                assert failure.code == "ws.no_pong"
                assert failure.evidence["acknowledged"] is True

    run(check())


def test_who_sends_is_not_frozen_even_if_it_does_not_answer_pings() -> None:
    def trickling(peer: Peer) -> None:
        peer.send(text("x" * 1000)[:100])
        while peer.read_frame().opcode != PING:
            pass
        peer.send(b"xxx")
        peer.stay()

    async def check(server: RawServer) -> None:
        async with opened(server.url) as connection:
            failure = await silence_on(connection)
            assert failure.code == "timeout.first_message"
            assert "It goes on sending, but did not answer a ping" in failure.message
            assert failure.evidence["bytes_since_ping"] == 3

    with RawServer(upgraded(trickling)) as server:
        run(check(server))


@pytest.mark.parametrize("begun", [2, 100], ids=["header", "part"])
def test_no_pong_is_expected_in_the_middle_of_a_frame(begun: int) -> None:
    """None can come there (RFC 6455 section 5.4 lets them between frames only)."""

    async def check(server: RawServer) -> None:
        async with opened(server.url) as connection:
            connection.send("go")
            failure = await silence_on(connection)
            assert failure.code == "timeout.first_message"
            assert failure.evidence["ping"] == "unanswered"
            assert failure.evidence["acknowledged"] is True

    def script(peer: Peer) -> None:
        peer.read_frame()
        peer.send(text("x" * 100)[:begun])
        peer.stay()

    with RawServer(upgraded(script)) as server:
        run(check(server))


def test_a_server_that_ignores_pings_fails_no_check_for_it() -> None:
    """A message that comes in time counts, and silence after it is taken for no more than that."""
    seen = Recording()

    def ignoring(peer: Peer) -> None:
        while peer.read_frame().opcode != PING:
            pass
        peer.send(text("late, but in time"))
        peer.stay()

    async def check(server: RawServer) -> None:
        async with opened(server.url, seen) as connection:
            assert (await connection.receive(5)).data == "late, but in time"
            failure = await silence_on(connection)
            assert failure.code == "timeout.message"
            assert "It does not answer pings" in failure.message
            assert failure.evidence["ping"] == "ignored"

    with RawServer(upgraded(ignoring)) as server:
        run(check(server))
    assert seen.failures == []
    assert len([f for f in seen.frames if f.opcode == "ping"]) == 1


@pytest.mark.parametrize("given", [{"wait": 0.4}, {"probe": False}], ids=["short", "told not to"])
def test_a_wait_may_be_without_a_ping(given: dict[str, Any]) -> None:
    seen = Recording()

    async def check(server: RawServer) -> None:
        async with opened(server.url, seen) as connection:
            failure = await silence_on(connection, **given)
            assert failure.code == "timeout.first_message"
            assert failure.evidence["ping"] == "none"

    with RawServer(upgraded(Peer.stay)) as server:
        run(check(server))
    assert seen.frames == []


def test_pings_can_be_left_out_on_a_connection() -> None:
    seen = Recording()

    async def check(server: RawServer) -> None:
        async with opened(server.url, seen, probe=False) as connection:
            assert (await silence_on(connection)).code == "timeout.first_message"

    with RawServer(upgraded(Peer.stay)) as server:
        run(check(server))
    assert seen.frames == []


def test_nothing_is_sent_behind_a_close_frame() -> None:
    """RFC 6455 section 5.5.1."""
    seen, answers = Recording(), []

    def script(peer: Peer) -> None:
        answers.append(peer.read_frame())
        peer.server.go.set()
        answers.append(peer.read_to_end())

    async def check(server: RawServer) -> None:
        async with opened(server.url, seen, timeouts={"close": 10}) as connection:
            connection.start_closing()
            assert (await silence_on(connection)).evidence["ping"] == "none"

    with RawServer(upgraded(script)) as server:
        run(check(server))
    assert [f.opcode for f in seen.frames] == ["close"]
    assert answers[1] == b""


def test_the_checks_own_pings_are_not_disturbed() -> None:
    """Even by a server that answers the latest one only (RFC 6455 section 5.5.3)."""
    seen, heard = Recording(), []

    def lazy(peer: Peer) -> None:
        peer.read_frame()
        peer.send(frame(PONG, peer.read_frame().payload))
        peer.echo()

    async def check(server: RawServer) -> None:
        async with opened(server.url, seen) as connection:
            connection.on_pong = heard.append
            pinging = asyncio.ensure_future(connection.ping(b"mine", timeout=20))
            await asyncio.sleep(0)
            assert (await silence_on(connection)).evidence["ping"] == "answered"
            assert (await pinging).request == 1
            await connection.ping(b"mine too", timeout=20)

    with RawServer(upgraded(lazy)) as server:
        run(check(server))
    assert [trip.request for trip in seen.round_trips] == [1, 4]
    assert heard == [b"mine too"]


def test_a_ping_costs_no_message_and_no_time() -> None:
    """A wait that is cancelled, or ends with a message or the connection, leaves nothing behind."""

    def script(peer: Peer) -> None:
        peer.send(frame(PONG, peer.read_frame().payload), text("came"))
        peer.read_frame()
        peer.server.go.set()
        peer.read_frame()
        peer.say_goodbye()

    async def check(server: RawServer) -> None:
        async with opened(server.url) as connection:
            assert (await connection.receive(2)).data == "came"
            assert not connection._pings.waiting
            waiting = asyncio.ensure_future(connection.receive(2))
            await until(server.go.is_set)
            assert connection._pings.waiting
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
            assert not connection._pings.waiting
            with pytest.raises(ConnectionClosed):
                await connection.receive(2)
            assert not connection._pings.waiting

    with RawServer(upgraded(script)) as server:
        run(check(server))


def test_a_server_that_reads_nothing_is_told_from_a_frozen_one() -> None:
    """Its window is full: the ping has not even left."""

    async def check(server: RawServer) -> None:
        async with opened(server.url, compression=False) as connection:
            while not connection._pipe.congested:
                connection.send(bytes(1024 * 1024))
            failure = await silence_on(connection, 2)
            assert failure.code == "ws.send_blocked"
            assert failure.evidence["unsent_bytes"] > 256 * 1024

    with RawServer(upgraded(Peer.stay), receive_buffer=16384) as server:
        run(check(server))


def test_silence_is_measured_by_the_clock_of_whoever_waits() -> None:
    """A check that keeps the event loop busy to the end of its wait learns nothing more of it."""

    async def check(server: RawServer) -> None:
        async with opened(server.url) as connection:
            waiting = asyncio.ensure_future(silence_on(connection))
            await asyncio.sleep(0)
            time.sleep(WAIT + 0.1)  # noqa: ASYNC251 - the check is busy
            failure = await waiting
            assert failure.code == "timeout.first_message"
            assert failure.evidence["ping"] == "none"

    with RawServer(upgraded(Peer.stay)) as server:
        run(check(server))
