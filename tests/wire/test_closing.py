"""Every way in which a connection ends, and who began it."""

from __future__ import annotations

import asyncio
import errno
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from checkwire.model.errors import ConnectionClosed, TimedOut, UsageError
from checkwire.model.events import ConnectionClosed as Closed
from checkwire.model.timers import Lapse
from checkwire.wire.opening import open_connection
from checkwire.wire.session.closing import diagnose_loss
from checkwire.wire.session.ends import Circumstances, close_name
from support import frames
from support.connecting import SOON, SOON_NS, opened, options
from support.frames import TEXT, SeenFrame, frame, text
from support.loops import Run, run, until
from support.observing import Recording
from support.pki import Pki
from support.rawserver import Peer, RawServer, Script, upgraded


async def until_closed(url: str, seen: Recording, **given: Any) -> None:
    """Say something, then wait for the server to end it."""
    async with opened(url, seen, **given) as connection:
        connection.send("go")
        await connection.wait_closed()


def after_hello(script: Script) -> Script:
    """Begins once the client has said something, so that the connection is open by then."""

    def whole(peer: Peer) -> None:
        peer.handshake()
        peer.read_frame()
        script(peer)

    return whole


@pytest.mark.parametrize("lost", [False, True])
def test_an_end_that_came_with_the_opening_is_no_time_after_it(lost: bool) -> None:
    seen = Recording()

    def script(peer: Peer) -> None:
        peer.handshake(then=b"" if lost else frames.close(1011, "no"))
        peer.fin()
        peer.read_to_end()

    async def check(server: RawServer) -> None:
        async with opened(server.url, seen) as connection:
            await connection.wait_closed()

    with RawServer(script) as server:
        run(check(server))
    failure = seen.failures[0]
    if not lost:
        assert failure.message.endswith("'no' as soon as it opened")
    assert " 0 ns " not in failure.message


# Closed by this side


@pytest.mark.parametrize("secure", [False, True])
def test_a_closing_handshake_of_this_side(on_each_loop: Run[Any], pki: Pki, secure: bool) -> None:
    seen = Recording()
    heard: list[SeenFrame] = []
    listened: list[Any] = []

    def script(peer: Peer) -> None:
        heard.append(peer.answer_goodbye())
        peer.fin()

    async def check(server: RawServer) -> None:
        async with opened(server.url, seen, ca=pki.ca) as connection:
            connection.on_closed = lambda code, reason: listened.append((code, reason))
            assert (connection.state.name, connection.close_code) == ("OPEN", None)
            await connection.close(3001, "that is all")
            assert (connection.state.name, connection.close_code) == ("CLOSED", 3001)
            assert connection.close_reason == "that is all"
            assert connection.failure is None

    with RawServer(upgraded(script), tls=pki.server() if secure else None) as server:
        on_each_loop(check(server))
    assert heard[0].payload == (3001).to_bytes(2, "big") + b"that is all"
    assert listened == [(3001, "that is all")]
    closed = seen.closed
    assert (closed.code, closed.reason, closed.sent_code) == (3001, "that is all", 3001)
    assert (closed.initiator, closed.clean) == ("local", True)
    assert closed is seen.events[-1]
    out, back = seen.frames
    close = seen.phases["close"]
    assert close.clock == "kernel"
    assert (close.at_ns, close.at_ns + close.duration_ns) == (out.at_ns, back.at_ns)
    assert seen.failures == seen.warnings == []


def test_closing_twice_does_no_harm(on_each_loop: Run[Any]) -> None:
    seen = Recording()

    async def check(server: RawServer) -> None:
        async with opened(server.url, seen) as connection:
            await asyncio.gather(connection.close(), connection.close(4000), connection.close())
            await connection.close()
            connection.abort()

    with RawServer(upgraded(Peer.echo)) as server:
        on_each_loop(check(server))
    assert seen.closed.sent_code == 1000


@pytest.mark.parametrize("code", [0, 999, 1004, 1005, 1006, 1015, 1016, 1999, 2999, 5000, 70000])
def test_a_code_that_must_not_be_sent_is_the_checks_mistake(code: int) -> None:
    async def check(server: RawServer) -> None:
        async with opened(server.url) as connection:
            with pytest.raises(UsageError, match="must not be sent"):
                await connection.close(code)
            connection.send("still open")
            assert (await connection.receive(5)).data == "still open"

    with RawServer(upgraded(Peer.echo)) as server:
        run(check(server))


def test_a_reason_that_is_too_long_is_the_checks_mistake() -> None:
    async def check(server: RawServer) -> None:
        async with opened(server.url) as connection:
            with pytest.raises(UsageError, match="123 bytes"):
                await connection.close(1000, "é" * 62)
            await connection.close(1000, "é" * 61 + "x")
            assert connection.close_reason == "é" * 61 + "x"

    with RawServer(upgraded(Peer.echo)) as server:
        run(check(server))


@pytest.mark.parametrize("code", [1000, 1001, 1002, 1003, 1007, 1011, 1014, 3000, 3999, 4999])
def test_every_code_that_may_be_sent_is(code: int) -> None:
    seen = Recording()

    async def check(server: RawServer) -> None:
        async with opened(server.url, seen) as connection:
            await connection.close(code)

    with RawServer(upgraded(Peer.echo)) as server:
        run(check(server))
    assert (seen.closed.sent_code, seen.closed.code) == (code, code)


def test_a_server_may_answer_with_another_code() -> None:
    seen = Recording()

    def script(peer: Peer) -> None:
        peer.read_frame()
        peer.send(frames.close(1011, "something was still to be done"))
        peer.fin()

    async def check(server: RawServer) -> None:
        async with opened(server.url, seen) as connection:
            await connection.close()

    with RawServer(upgraded(script)) as server:
        run(check(server))
    assert (seen.closed.sent_code, seen.closed.code, seen.closed.clean) == (1000, 1011, True)
    assert seen.failures == []
    (warning,) = seen.warnings
    assert (warning.code, warning.phase) == ("ws.closed", "close")
    assert "answered a Close frame of 1000 with 1011 (internal error)" in warning.message
    assert {
        "code": 1011,
        "reason": "something was still to be done",
        "name": "internal error",
        "reconnect": "later",
        "initiator": "local",
        "sent_code": 1000,
    }.items() <= warning.evidence.items()


@pytest.mark.parametrize("answer", [None, 1000, 4000])
def test_an_answer_with_our_code_or_a_normal_one_is_nothing_to_tell(answer: int | None) -> None:
    seen = Recording()

    def script(peer: Peer) -> None:
        peer.read_frame()
        peer.send(frames.close(answer))
        peer.fin()

    async def check(server: RawServer) -> None:
        async with opened(server.url, seen) as connection:
            await connection.close(4000)

    with RawServer(upgraded(script)) as server:
        run(check(server))
    assert seen.failures == seen.warnings == []


def test_an_answer_that_the_check_was_too_busy_to_see_is_no_timeout(on_each_loop: Run[Any]) -> None:
    seen = Recording()
    busy = threading.Event()

    def script(peer: Peer) -> None:
        goodbye = peer.read_frame()
        peer.send(frame(frames.PONG))
        peer.wait(busy)
        peer.send(frame(frames.CLOSE, goodbye.payload))
        peer.delivered()
        peer.server.go.set()
        peer.read_to_end()

    async def check(server: RawServer) -> None:
        async with opened(server.url, seen, timeouts={"close": 0.25}) as connection:

            def keep_the_loop(_: bytes) -> None:
                busy.set()
                server.go.wait(20)
                time.sleep(0.3)  # until the time for the answer is over

            connection.on_pong = keep_the_loop
            await connection.close()

    with RawServer(upgraded(script)) as server:
        on_each_loop(check(server))
    assert seen.closed.clean
    assert seen.warnings == []


def test_messages_may_come_until_the_servers_close_frame(on_each_loop: Run[Any]) -> None:
    def script(peer: Peer) -> None:
        peer.read_frame()
        peer.send(text("one"), frame(frames.PING, b"p"), text("two"), frames.close(1000))
        peer.send(text("too late"), frames.close(4000))
        peer.fin()

    async def check(server: RawServer) -> None:
        async with opened(server.url) as connection:
            await connection.close()
            assert [(await connection.receive(1)).data for _ in range(2)] == ["one", "two"]
            with pytest.raises(ConnectionClosed) as caught:
                await connection.receive(1)
            assert (caught.value.code, caught.value.failure.code) == (1000, "check.usage")

    with RawServer(upgraded(script)) as server:
        on_each_loop(check(server))


def test_a_close_that_is_not_answered_is_given_up_with_a_warning(on_each_loop: Run[Any]) -> None:
    seen = Recording()

    async def check(server: RawServer) -> None:
        async with opened(server.url, seen, timeouts={"close": SOON}) as connection:
            before = seen.timeline.now()
            await connection.close()
            assert seen.timeline.now() - before >= SOON_NS

    def ignoring(peer: Peer) -> None:
        while True:
            peer.read_frame()

    with RawServer(upgraded(ignoring)) as server:
        on_each_loop(check(server))
    assert seen.failures == []
    (warning,) = seen.warnings
    assert (warning.code, warning.phase, warning.connection) == ("ws.close_timeout", "close", 1)
    assert "within 0.3 s" in warning.message
    closed = seen.closed
    assert (closed.code, closed.sent_code, closed.clean) == (1006, 1000, False)
    assert closed.initiator == "local"
    assert "close" not in seen.phases


@pytest.mark.parametrize(("end", "how"), [(Peer.fin, "ended"), (Peer.reset, "reset")])
@pytest.mark.parametrize("secure", [False, True])
def test_a_server_that_ends_tcp_instead_of_answering_is_warned_of(
    on_each_loop: Run[Any], pki: Pki, end: Callable[[Peer], None], how: str, secure: bool
) -> None:
    seen = Recording()

    def script(peer: Peer) -> None:
        peer.read_frame()
        end(peer)

    async def check(server: RawServer) -> None:
        async with opened(server.url, seen, ca=pki.ca) as connection:
            await connection.close()

    with RawServer(upgraded(script), tls=pki.server() if secure else None) as server:
        on_each_loop(check(server))
    assert seen.failures == []
    (warning,) = seen.warnings
    assert (warning.code, warning.phase) == ("ws.closed_abnormally", "close")
    assert f"{how} the connection instead of answering the Close frame" in warning.message
    assert (seen.closed.initiator, seen.closed.clean, seen.closed.code) == ("local", False, 1006)


def test_a_server_that_keeps_tcp_after_the_handshake_is_left(on_each_loop: Run[Any]) -> None:
    seen = Recording()

    def script(peer: Peer) -> None:
        peer.answer_goodbye()
        assert peer.read_to_end() == b""

    async def check(server: RawServer) -> None:
        async with opened(server.url, seen, timeouts={"close": SOON}) as connection:
            await connection.close()

    with RawServer(upgraded(script)) as server:
        on_each_loop(check(server))
    assert seen.closed.clean
    assert seen.failures == seen.warnings == []


def test_who_waits_for_the_end_and_is_cancelled_ends_it(on_each_loop: Run[Any]) -> None:
    seen = Recording()

    async def check(server: RawServer) -> None:
        connection = await open_connection(server.url, options(), seen)
        closing = asyncio.ensure_future(connection.close())
        await asyncio.sleep(0)
        closing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await closing
        assert connection.state.name == "CLOSED"

    def ignoring(peer: Peer) -> None:
        peer.read_to_end()

    with RawServer(upgraded(ignoring)) as server:
        on_each_loop(check(server))
    assert (seen.closed.initiator, seen.closed.clean) == ("local", False)


def test_a_connection_can_be_cut(on_each_loop: Run[Any]) -> None:
    seen = Recording()

    async def check(server: RawServer) -> None:
        connection = await open_connection(server.url, options(), seen)
        connection.abort()
        assert (connection.state.name, connection.close_code) == ("CLOSED", 1006)
        connection.abort()
        with pytest.raises(ConnectionClosed):
            connection.send("x")
        with pytest.raises(ConnectionClosed):
            await connection.receive(1)

    with RawServer(upgraded(Peer.read_to_end)) as server:
        on_each_loop(check(server))
    assert (seen.closed.initiator, seen.closed.code, seen.closed.sent_code) == ("local", 1006, None)


def test_a_listener_may_end_the_connection_in_the_middle_of_a_read(on_each_loop: Run[Any]) -> None:
    seen, heard = Recording(), []

    def script(peer: Peer) -> None:
        peer.send(text("a"), text("b"), frame(frames.PING), text("c"))
        peer.read_to_end()

    async def check(server: RawServer) -> None:
        async with opened(server.url, seen) as connection:

            def listener(message: Any) -> None:
                heard.append(message.data)
                if message.data == "b":
                    connection.abort()

            connection.on_message = listener
            connection.send("go")
            await connection.wait_closed()

    with RawServer(after_hello(script)) as server:
        on_each_loop(check(server))
    assert heard == ["a", "b"]
    # Nothing comes after the last event.
    assert seen.events[-1] is seen.closed
    assert [f.payload for f in seen.frames] == ["go", "a", "b"]


def test_a_connection_that_nobody_holds_tells_of_its_end(on_each_loop: Run[Any]) -> None:
    seen = Recording()

    async def check(server: RawServer) -> None:
        connection = await open_connection(server.url, options(timeouts={"close": 0.05}), seen)
        connection.start_closing()
        del connection
        await until(lambda: seen.of(Closed))

    def ignoring(peer: Peer) -> None:
        peer.read_to_end()

    with RawServer(upgraded(ignoring)) as server:
        on_each_loop(check(server))
    assert seen.warned == ["ws.close_timeout"]


# Closed by the server


@pytest.mark.parametrize("secure", [False, True])
def test_a_closing_handshake_of_the_server(on_each_loop: Run[Any], pki: Pki, secure: bool) -> None:
    seen = Recording()
    answers: list[SeenFrame] = []

    def script(peer: Peer) -> None:
        peer.send(frames.close(1000, "done"))
        answers.append(peer.read_frame())
        peer.fin()
        assert peer.read_to_end() == b""

    with RawServer(after_hello(script), tls=pki.server() if secure else None) as server:
        on_each_loop(until_closed(server.url, seen, ca=pki.ca))
    assert answers[0].payload == (1000).to_bytes(2, "big") + b"done"
    closed = seen.closed
    assert (closed.code, closed.reason, closed.sent_code) == (1000, "done", 1000)
    assert (closed.initiator, closed.clean) == ("remote", True)
    assert seen.failures == seen.warnings == []
    # From the server's wish to the end of TCP.
    close = seen.phases["close"]
    assert close.at_ns == seen.frames[1].at_ns
    assert close.duration_ns > 0


@pytest.mark.parametrize(
    ("code", "reason", "name"),
    [
        (1008, "policy", "policy violation"),
        (1011, "crash", "internal error"),
        (3000, "who are you?", "unauthorized"),
        (3999, "", "registered code"),
        (4999, "enough", "private use"),
    ],
)
def test_a_close_that_is_not_normal_is_a_failure(code: int, reason: str, name: str) -> None:
    seen = Recording()
    with RawServer(after_hello(lambda peer: peer.say_goodbye(code, reason))) as server:
        run(until_closed(server.url, seen))
    (failure,) = seen.failures
    assert (failure.code, failure.phase, failure.connection) == ("ws.closed", "close", 1)
    assert f"closed the connection with {code} ({name})" in failure.message
    assert reason in failure.message
    assert failure.evidence["code"] == code
    assert failure.evidence["reason"] == reason
    assert failure.evidence["lifetime_ms"] >= 0
    assert (failure.evidence["initiator"], failure.evidence["sent_code"]) == ("remote", code)
    assert (seen.closed.code, seen.closed.reason, seen.closed.clean) == (code, reason, True)


@pytest.mark.parametrize("code", [1000, 1011])
def test_a_close_in_the_middle_of_a_message_is_told_as_the_close_it_is(
    on_each_loop: Run[Any], code: int
) -> None:
    seen = Recording()
    answers: list[SeenFrame] = []

    def script(peer: Peer) -> None:
        peer.send(frame(TEXT, b"beginning", fin=False), frames.close(code, "enough"))
        answers.append(peer.read_frame())
        peer.fin()

    with RawServer(after_hello(script)) as server:
        on_each_loop(until_closed(server.url, seen))
    assert answers[0].payload == code.to_bytes(2, "big") + b"enough"
    (failure,) = seen.failures
    assert failure.code == "ws.closed"
    assert failure.evidence["code"] == code
    assert failure.message.endswith("in the middle of a message")
    assert (seen.closed.code, seen.closed.clean, seen.closed.messages_in) == (code, True, 0)


def test_a_server_may_answer_a_close_in_the_middle_of_a_message(on_each_loop: Run[Any]) -> None:
    seen = Recording()

    def script(peer: Peer) -> None:
        peer.send(frame(TEXT, b"beginning", fin=False))
        peer.answer_goodbye()
        peer.fin()

    async def check(server: RawServer) -> None:
        async with opened(server.url, seen) as connection:
            await until(lambda: seen.frames)
            await connection.close()

    with RawServer(upgraded(script)) as server:
        on_each_loop(check(server))
    assert seen.failures == seen.warnings == []
    assert (seen.closed.code, seen.closed.clean) == (1000, True)


def test_a_close_without_a_code_is_normal(on_each_loop: Run[Any]) -> None:
    seen = Recording()
    answers: list[SeenFrame] = []

    def script(peer: Peer) -> None:
        peer.send(frames.close())
        answers.append(peer.read_frame())
        peer.fin()

    with RawServer(after_hello(script)) as server:
        on_each_loop(until_closed(server.url, seen))
    assert answers[0].payload == b""
    assert (seen.closed.code, seen.closed.sent_code, seen.closed.clean) == (1005, 1005, True)
    assert seen.failures == []


def test_who_waits_for_a_message_is_told_of_the_close(on_each_loop: Run[Any]) -> None:
    async def check(server: RawServer) -> None:
        async with opened(server.url) as connection:
            receiving = asyncio.ensure_future(connection.receive())
            connection.send("go")
            with pytest.raises(ConnectionClosed) as caught:
                await receiving
            error = caught.value
            assert (error.code, error.reason) == (1000, "no more")
            assert error.failure.code == "ws.closed"
            assert "while a message was awaited" in error.failure.message

    with RawServer(after_hello(lambda peer: peer.say_goodbye(1000, "no more"))) as server:
        on_each_loop(check(server))


def test_what_comes_after_the_close_frame_does_not_count(on_each_loop: Run[Any]) -> None:
    seen = Recording()

    def script(peer: Peer) -> None:
        peer.send(frames.close(1000), text("more"), frame(frames.PING), b"\xff" * 50)
        peer.read_frame()
        peer.send(b"garbage")
        peer.fin()
        assert peer.read_to_end() == b""

    async def check(server: RawServer) -> None:
        async with opened(server.url, seen) as connection:
            connection.send("go")
            await connection.wait_closed()
            with pytest.raises(ConnectionClosed):
                await connection.receive(1)

    with RawServer(after_hello(script)) as server:
        on_each_loop(check(server))
    assert [f.opcode for f in seen.frames] == ["text", "close", "close"]
    assert seen.failures == []


def test_a_server_that_closes_and_resets_has_closed(on_each_loop: Run[Any]) -> None:
    seen = Recording()

    def script(peer: Peer) -> None:
        peer.send(frames.close(1000, "bye"))
        peer.delivered()
        peer.reset()

    with RawServer(after_hello(script)) as server:
        on_each_loop(until_closed(server.url, seen))
    assert (seen.closed.code, seen.closed.reason, seen.closed.initiator) == (1000, "bye", "remote")
    assert seen.failures == []


def test_a_close_that_was_here_before_ours_is_the_servers(on_each_loop: Run[Any]) -> None:
    """Even if the check was too busy to notice."""
    seen = Recording()
    heard: list[SeenFrame] = []

    def script(peer: Peer) -> None:
        peer.read_frame()
        peer.send(frames.close(4002, "mine"))
        peer.delivered()
        peer.server.go.set()
        heard.append(peer.read_frame())
        peer.fin()
        assert peer.read_to_end() == b""

    async def check(server: RawServer) -> None:
        async with opened(server.url, seen) as connection:
            connection.send("go")
            server.go.wait(20)  # The server's Close frame is here, and not read yet.
            await connection.close(4001, "ours")

    with RawServer(upgraded(script)) as server:
        on_each_loop(check(server))
    assert heard[0].payload[:2] == (4002).to_bytes(2, "big")
    closed = seen.closed
    assert (closed.sent_code, closed.code, closed.reason) == (4002, 4002, "mine")
    assert (closed.initiator, closed.clean) == ("remote", True)
    assert seen.codes == ["ws.closed"]


def test_a_close_that_came_in_one_read_with_what_made_the_check_close_is_the_servers(
    on_each_loop: Run[Any],
) -> None:
    seen = Recording()

    def script(peer: Peer) -> None:
        peer.send(text("last"), frames.close(1011, "crash"))
        peer.read_to_end()

    async def check(server: RawServer) -> None:
        async with opened(server.url, seen, timeouts={"close": SOON}) as connection:
            connection.on_message = lambda _: connection.start_closing()
            connection.send("go")
            await connection.wait_closed()

    with RawServer(after_hello(script)) as server:
        on_each_loop(check(server))
    assert (seen.closed.sent_code, seen.closed.code) == (1000, 1011)
    assert seen.closed.initiator == "remote"
    assert seen.codes == ["ws.closed"]


def test_a_close_behind_a_full_queue_is_the_servers(on_each_loop: Run[Any]) -> None:
    seen = Recording()

    def script(peer: Peer) -> None:
        peer.send(*[text("x")] * 10)
        peer.wait(peer.server.go)
        peer.send(*[text("x")] * 10, frames.close(1011, "crash"))
        peer.delivered()
        heard.set()
        peer.read_to_end()

    heard = threading.Event()

    async def check(server: RawServer) -> None:
        timeouts = {"close": SOON}
        async with opened(server.url, seen, queue_messages=5, timeouts=timeouts) as connection:
            await until(lambda: connection._inbox.full)
            server.go.set()
            await until(heard.is_set)
            await connection.close()

    with RawServer(upgraded(script)) as server:
        on_each_loop(check(server))
    assert (seen.closed.sent_code, seen.closed.code) == (1011, 1011)
    assert seen.codes == ["ws.closed"]


@pytest.mark.parametrize("listening", [False, True])
@pytest.mark.parametrize("secure", [False, True])
def test_a_close_frame_behind_more_than_the_queue_holds_comes_through(
    on_each_loop: Run[Any], pki: Pki, secure: bool, listening: bool
) -> None:
    seen = Recording()

    def script(peer: Peer) -> None:
        while peer.read_frame().opcode != frames.CLOSE:
            pass
        for _ in range(100):
            peer.send(*[text("x" * 50_000)] * 2)
        peer.send(frames.close(1000))
        peer.fin()

    async def check(server: RawServer) -> None:
        async with opened(server.url, seen, ca=pki.ca, queue_messages=5) as connection:
            if listening:
                connection.on_message = lambda _: connection.pause()
            await connection.close()
            assert len(connection._inbox) <= 5

    with RawServer(upgraded(script), tls=pki.server() if secure else None) as server:
        on_each_loop(check(server))
    assert (seen.closed.clean, seen.closed.messages_in) == (True, 200)
    assert seen.warned == []


def test_what_is_kept_while_closing_has_no_gap(on_each_loop: Run[Any]) -> None:
    async def check(server: RawServer) -> None:
        async with opened(server.url, queue_messages=10) as connection:
            connection.start_closing()
            await until(lambda: connection._inbox.full)
            taken = [(await connection.receive(5)).data for _ in range(8)]
            server.go.set()
            await connection.wait_closed()
            taken += [(await connection.receive(5)).data for _ in range(2)]
            with pytest.raises(ConnectionClosed):
                await connection.receive(5)
            assert taken == [str(number) for number in range(10)]

    def script(peer: Peer) -> None:
        peer.read_frame()
        peer.send(*[text(str(number)) for number in range(20)])
        peer.wait(peer.server.go)
        peer.send(text("later"), frames.close(1000))
        peer.fin()

    with RawServer(upgraded(script)) as server:
        on_each_loop(check(server))


@pytest.mark.parametrize("end", [Peer.fin, Peer.reset])
@pytest.mark.parametrize("secure", [False, True])
def test_an_end_that_was_here_before_our_close_is_the_servers(
    on_each_loop: Run[Any], pki: Pki, end: Callable[[Peer], None], secure: bool
) -> None:
    seen = Recording()

    def script(peer: Peer) -> None:
        end(peer)
        peer.server.go.set()
        if end is Peer.fin:
            peer.read_to_end()

    async def check(server: RawServer) -> None:
        async with opened(server.url, seen, ca=pki.ca) as connection:
            connection.send("go")
            server.go.wait(20)
            await connection.close()

    with RawServer(after_hello(script), tls=pki.server() if secure else None) as server:
        on_each_loop(check(server))
    assert seen.codes == ["ws.closed_abnormally"]
    assert seen.failures[0].phase == "open"
    assert (seen.closed.initiator, seen.closed.sent_code) == ("remote", None)


# Ended without a word


@pytest.mark.parametrize(
    ("end", "ended", "said"),
    [(Peer.fin, "eof", "ended the connection"), (Peer.reset, "reset", "reset the connection")],
)
@pytest.mark.parametrize("secure", [False, True])
def test_an_end_without_a_close_frame_is_a_failure(
    on_each_loop: Run[Any],
    pki: Pki,
    end: Callable[[Peer], None],
    ended: str,
    said: str,
    secure: bool,
) -> None:
    seen = Recording()

    async def check(server: RawServer) -> None:
        async with opened(server.url, seen, ca=pki.ca) as connection:
            connection.send("go")
            with pytest.raises(ConnectionClosed) as caught:
                await connection.receive(10)
            assert caught.value.code == 1006
            assert caught.value.failure == connection.failure == seen.failures[0]

    with RawServer(after_hello(end), tls=pki.server() if secure else None) as server:
        on_each_loop(check(server))
    (failure,) = seen.failures
    assert (failure.code, failure.phase, failure.connection) == ("ws.closed_abnormally", "open", 1)
    assert said in failure.message
    assert "without a Close frame" in failure.message
    assert failure.evidence["ended"] == ended
    assert failure.evidence["code"] == 1006
    assert failure.evidence.get("errno") == (errno.ECONNRESET if ended == "reset" else None)
    closed = seen.closed
    assert (closed.code, closed.sent_code, closed.clean) == (1006, None, False)
    assert closed.initiator == "remote"


@pytest.mark.parametrize(
    ("part", "said"),
    [
        (frame(TEXT, b"he", length=5), "2 bytes of it came, 3 were missing"),
        (frame(TEXT, b"", length=5), "1 byte of it came, 5 were missing"),
        (b"\x81", "1 byte of it came, 1 were missing"),
        (frame(TEXT, b"x" * 1000, length=2000), "1000 bytes of it came, 1000 were missing"),
    ],
)
def test_a_frame_that_is_cut_is_told(part: bytes, said: str) -> None:
    seen = Recording()

    def script(peer: Peer) -> None:
        peer.send(part)
        peer.fin()
        peer.read_to_end()

    with RawServer(after_hello(script)) as server:
        run(until_closed(server.url, seen))
    (failure,) = seen.failures
    assert failure.code == "ws.closed_abnormally"
    assert failure.evidence["ended"] == "truncated"
    assert said in failure.message


def test_a_message_whose_last_fragment_is_missing_is_no_message() -> None:
    seen = Recording()

    def script(peer: Peer) -> None:
        peer.send(frame(TEXT, b"beginning", fin=False))
        peer.fin()
        peer.read_to_end()

    with RawServer(after_hello(script)) as server:
        run(until_closed(server.url, seen))
    assert seen.codes == ["ws.closed_abnormally"]
    assert seen.closed.messages_in == 0


def test_tls_that_breaks_off_is_told(on_each_loop: Run[Any], pki: Pki) -> None:
    """Bytes that are not TLS, in the middle of it."""
    import socket

    seen = Recording()

    def script(peer: Peer) -> None:
        socket.socket.send(peer.sock, b"plain text inside of TLS")
        peer.read_to_end()

    with RawServer(after_hello(script), tls=pki.server()) as server:
        on_each_loop(until_closed(server.url, seen, ca=pki.ca))
    (failure,) = seen.failures
    assert failure.code == "ws.closed_abnormally"
    assert failure.evidence["ended"] == "tls"
    assert failure.evidence["openssl"]
    assert "ended TLS" in failure.message


@pytest.mark.parametrize("number", [errno.ETIMEDOUT, errno.EHOSTUNREACH, errno.ENETUNREACH])
def test_a_path_that_is_gone_is_told_from_a_server_that_is(number: int) -> None:
    import os

    error = OSError(number, os.strerror(number))
    about = Circumstances(place="192.0.2.1:80", lapse=Lapse(lifetime=5.0, sent=2.0, received=3.0))
    failure = diagnose_loss(error, about, 0, None)
    assert failure.code == "ws.peer_lost"
    assert os.strerror(number).lower() in failure.message
    assert "2.00 s of silence" in failure.message
    assert failure.evidence["errno"] == number


@pytest.mark.parametrize(
    ("code", "name"),
    [(1000, "normal"), (1006, "abnormal"), (3456, "registered"), (4567, "private"), (1, "unknown")],
)
def test_codes_have_names(code: int, name: str) -> None:
    assert name in close_name(code)


# HTTP in the stream


ERROR_PAGE = b"HTTP/1.1 504 Gateway Time-out\r\nServer: awselb/2.0\r\n\r\n<html>"


@pytest.mark.parametrize("before", [b"", text("hello")])
def test_an_error_page_inside_of_the_stream_is_named(on_each_loop: Run[Any], before: bytes) -> None:
    seen = Recording()

    def script(peer: Peer) -> None:
        peer.send(before + ERROR_PAGE * 3)
        peer.read_to_end()

    with RawServer(after_hello(script)) as server:
        on_each_loop(until_closed(server.url, seen))
    (failure,) = seen.failures
    assert (failure.code, failure.phase) == ("ws.not_websocket", "open")
    assert "HTTP/1.1 504 Gateway Time-out" in failure.message
    assert failure.evidence["server"] == "awselb/2.0"
    assert seen.closed.sent_code == 1002


def test_a_message_that_begins_like_http_is_a_message(on_each_loop: Run[Any]) -> None:
    """Its header comes in a packet of its own."""
    payload = ERROR_PAGE.decode()

    def script(peer: Peer) -> None:
        data = text(payload)
        peer.send(data[: -len(payload)])
        peer.delivered()
        peer.read_frame()
        peer.send(payload.encode())
        peer.echo()

    async def check(server: RawServer) -> None:
        async with opened(server.url) as connection:
            connection.send("go")
            with pytest.raises(TimedOut):
                await connection.receive(0.05)
            connection.send("on")
            assert (await connection.receive(5)).data == payload
            await connection.close()

    with RawServer(after_hello(script)) as server:
        on_each_loop(check(server))
