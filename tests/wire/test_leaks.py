"""Nothing is left after any end. Every test of this folder is watched for sockets, epoll sets,
threads and pollers (see conftest.py); these provoke the ends on purpose, many times over.
"""

from __future__ import annotations

import asyncio
import gc
import socket
import threading
import tracemalloc
import weakref
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest

from checkwire.model.errors import CheckwireError
from checkwire.model.events import ConnectionClosed, ConnectionStarted
from checkwire.wire.opening import open_connection
from checkwire.wire.session.connection import Connection
from support import frames
from support.connecting import opened, options
from support.loops import Run, run, until
from support.observing import Recording
from support.pki import Pki
from support.proxyserver import HttpProxy, Socks5Proxy
from support.rawserver import Peer, RawServer, Script, answering, dead_address, upgraded


@contextmanager
def everything_told(*seen: Recording) -> Iterator[None]:
    """Every connection that was started has ended, and no task is left behind."""
    before = asyncio.all_tasks()
    yield
    assert asyncio.all_tasks() <= before
    for recording in seen:
        started = [e.connection for e in recording.of(ConnectionStarted)]
        ended = [e.connection for e in recording.of(ConnectionClosed)]
        assert started == ended
        assert isinstance(recording.events[-1], ConnectionClosed)


async def live(url: str, seen: Recording, **given: Any) -> None:
    """A whole life: open, talk, close."""
    async with opened(url, seen, **given) as connection:
        connection.send("hello")
        await connection.receive(10)
        await connection.ping()
        await connection.close()


# Success


@pytest.mark.parametrize("secure", [False, True])
def test_nothing_is_left_of_hundreds_of_lives(
    on_each_loop: Run[Any], pki: Pki, secure: bool
) -> None:
    async def check(server: RawServer) -> None:
        for _ in range(10):
            seen = [Recording() for _ in range(20)]
            with everything_told(*seen):
                await asyncio.gather(*[live(server.url, s, ca=pki.ca) for s in seen])

    tls = pki.server() if secure else None
    with RawServer(upgraded(Peer.echo), tls=tls) as server:
        on_each_loop(check(server))
    assert len(server.peers) == 200


def test_a_connection_that_has_ended_is_freed_at_once() -> None:
    """Without the garbage collector, which is off in these tests."""
    gone: list[weakref.ref[Connection]] = []

    async def check(server: RawServer) -> None:
        for _ in range(5):
            connection = await open_connection(server.url, options())
            connection.send("hello")
            await connection.receive(5)
            await connection.close()
            gone.append(weakref.ref(connection))
            del connection
            await asyncio.sleep(0)
        assert [ref() for ref in gone] == [None] * 5

    with RawServer(upgraded(Peer.echo)) as server:
        run(check(server))


def test_memory_does_not_grow_with_the_number_of_connections() -> None:
    async def check(server: RawServer) -> None:
        async def some(count: int) -> None:
            for _ in range(count):
                async with opened(server.url) as connection:
                    connection.send("hello")
                    await connection.receive(5)
                    await connection.close()
            server.peers.clear()
            server._threads[:] = [t for t in server._threads if t.is_alive()]
            gc.collect()

        await some(20)
        tracemalloc.start()
        try:
            await some(20)
            before = tracemalloc.get_traced_memory()[0]
            await some(100)
            assert tracemalloc.get_traced_memory()[0] - before < 30_000
        finally:
            tracemalloc.stop()

    with RawServer(upgraded(Peer.echo)) as server:
        run(check(server))


# Failures


def violating(data: bytes) -> Script:
    def script(peer: Peer) -> None:
        peer.send(data)
        peer.read_to_end()

    return upgraded(script)


def vanishing(peer: Peer) -> None:
    peer.read_frame()
    peer.reset()


FAILURES: dict[str, Script] = {
    "closed at once": Peer.close,
    "reset at once": Peer.reset,
    "not HTTP": lambda peer: peer.send(b"SSH-2.0-x\r\n"),
    "refused": answering("HTTP/1.1 403 Forbidden", b"no"),
    "bad accept": answering(
        "HTTP/1.1 101 Switching Protocols",
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Accept: x",
    ),
    "reset when open": upgraded(vanishing),
    "ended when open": upgraded(Peer.fin),
    "violation": violating(b"\xff\xff\xff\xff"),
    "too big": violating(frames.frame(frames.BINARY, b"", length=1 << 40)),
    "closed with a code": upgraded(lambda peer: peer.say_goodbye(4000, "no")),
}


@pytest.mark.parametrize("secure", [False, True])
@pytest.mark.parametrize("name", FAILURES)
def test_nothing_is_left_of_a_failure(
    on_each_loop: Run[Any], pki: Pki, name: str, secure: bool
) -> None:
    async def life(url: str, seen: Recording) -> None:
        async with opened(url, seen, ca=pki.ca, timeouts={"close": 0.05}) as connection:
            connection.send("hello")
            await connection.receive(10)

    async def once(url: str, seen: Recording) -> None:
        with pytest.raises(CheckwireError):
            await life(url, seen)

    async def check(server: RawServer) -> None:
        for _ in range(2):
            seen = [Recording() for _ in range(10)]
            with everything_told(*seen):
                await asyncio.gather(*[once(server.url, s) for s in seen])

    tls = pki.server() if secure else None
    with RawServer(FAILURES[name], tls=tls) as server:
        on_each_loop(check(server))


@pytest.mark.parametrize("kind", ["expired", "self_signed"])
def test_nothing_is_left_of_a_certificate_that_is_not_trusted(
    on_each_loop: Run[Any], pki: Pki, kind: str
) -> None:
    async def once(url: str, seen: Recording) -> None:
        with pytest.raises(CheckwireError):
            await open_connection(url, options(ca=pki.ca), seen)

    async def check(server: RawServer) -> None:
        seen = [Recording() for _ in range(20)]
        with everything_told(*seen):
            await asyncio.gather(*[once(server.url, s) for s in seen])

    with RawServer(Peer.read_to_end, tls=getattr(pki, kind)()) as server:
        on_each_loop(check(server))


# Cancellation


class _Place:
    """Where a connection hangs until it is cancelled.

    Attributes:
        url, given: what to connect to, and how.
        reached: whether it hangs there by now.
    """

    def __init__(self, url: str, reached: Callable[[], object], **given: Any) -> None:
        self.url, self.reached, self.given = url, reached, given


def _silent_resolver(stack: ExitStack) -> Callable[[str, int], list[Any]]:
    done = threading.Event()
    stack.callback(done.set)

    def silent(name: str, port: int) -> list[Any]:
        done.wait(20)
        return []

    return silent


def _two_dead(four: int, six: int) -> Callable[[str, int], list[Any]]:
    def look_up(name: str, port: int) -> list[Any]:
        return [
            (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("::1", six, 0, 0)),
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", four)),
        ]

    return look_up


def _hang(phase: str, pki: Pki, stack: ExitStack) -> _Place:
    """A place that a connection does not get past."""

    def server(*scripts: Script, **how: Any) -> RawServer:
        return stack.enter_context(RawServer(*scripts, **how))

    def half_tls(peer: Peer) -> None:
        peer.read(100)
        peer.send(b"\x16\x03\x03\x01\x00")
        peer.stay()

    match phase:
        case "dns":
            resolver = _silent_resolver(stack)
            return _Place(
                "ws://name.test/",
                lambda: any(t.name == "dns name.test" for t in threading.enumerate()),
                resolver=resolver,
            )
        case "tcp":
            port = stack.enter_context(dead_address())
            return _Place(f"ws://127.0.0.1:{port}/", lambda: True)
        case "happy eyeballs":
            four = stack.enter_context(dead_address())
            six = stack.enter_context(dead_address("::1"))
            return _Place(
                "ws://name.test/", lambda: True, resolver=_two_dead(four, six), happy_eyeballs=0.001
            )
        case "http proxy" | "socks proxy" | "tls proxy":
            front = server(Peer.stay)
            scheme = {"http proxy": "http", "socks proxy": "socks5h", "tls proxy": "https"}[phase]
            url = f"{scheme}://{front.place}"
            return _Place("ws://name.test/", lambda: front.peers, proxy=url)
        case "tls behind a proxy":
            front = server(HttpProxy())
            silent = server(Peer.stay)
            url = f"http://{front.place}"
            return _Place(f"wss://{silent.place}/", lambda: silent.peers, proxy=url)
        case "upgrade behind a proxy":
            front = server(Socks5Proxy())
            silent = server(Peer.stay)
            url = f"socks5://{front.place}"
            return _Place(f"ws://{silent.place}/", lambda: silent.peers, proxy=url)
        case "tls":
            silent = server(half_tls)
            return _Place(f"wss://{silent.place}/", lambda: silent.peers)
        case "second look at a certificate":
            looked = server(Peer.read_to_end, Peer.read_to_end, tls=pki.expired())
            # The second one shakes no hands.
            looked._tls, context = None, looked._tls

            def first(peer: Peer) -> None:
                assert context is not None
                peer.sock = context.wrap_socket(peer.sock, server_side=True)
                peer.read_to_end()

            looked._scripts = (first, Peer.stay)
            return _Place(f"wss://{looked.place}/", lambda: len(looked.peers) == 2, ca=pki.ca)
        case "cross-check":
            silent = server(Peer.read_head, Peer.stay)
            return _Place(silent.url, lambda: len(silent.peers) == 2)
        case "upgrade":
            silent = server(Peer.stay)
            return _Place(silent.url, lambda: silent.peers)
        case "upgrade in tls":
            silent = server(Peer.stay, tls=pki.server())
            return _Place(silent.url, lambda: silent.peers, ca=pki.ca)
        case "body of a refusal":
            half = server(lambda peer: (peer.send(b"HTTP/1.1 404 No\r\n\r\n"), peer.stay()))  # type: ignore[func-returns-value]
            return _Place(half.url, lambda: half.peers)
        case "after a redirect":
            silent = server(Peer.stay)
            turn = server(answering("HTTP/1.1 302 Found", f"Location: {silent.url}"))
            return _Place(turn.url, lambda: silent.peers, follow_redirects=1)
    raise AssertionError(phase)


PHASES = [
    "dns", "tcp", "happy eyeballs", "http proxy", "socks proxy", "tls proxy",
    "tls behind a proxy", "upgrade behind a proxy", "tls", "second look at a certificate",
    "cross-check", "upgrade", "upgrade in tls", "body of a refusal", "after a redirect",
]  # fmt: skip


FAILED_BEFORE = {
    "second look at a certificate": ["tls.certificate_expired"],
    "cross-check": ["upgrade.closed"],
}


@pytest.mark.parametrize("phase", PHASES)
def test_nothing_is_left_when_opening_is_cancelled(
    on_each_loop: Run[Any], pki: Pki, phase: str
) -> None:
    async def check(place: _Place) -> None:
        seen = Recording()
        with everything_told(seen):
            opening = asyncio.ensure_future(
                open_connection(place.url, options(**place.given), seen)
            )
            await until(place.reached)
            await asyncio.sleep(0.02)
            assert not opening.done(), opening
            opening.cancel()
            with pytest.raises(asyncio.CancelledError):
                await opening
        # What had failed before is told all the same.
        assert seen.codes == FAILED_BEFORE.get(phase, [])

    with ExitStack() as stack:
        on_each_loop(check(_hang(phase, pki, stack)))


@pytest.mark.parametrize("secure", [False, True])
@pytest.mark.parametrize("delay", range(0, 60, 3))
def test_nothing_is_left_when_opening_is_cancelled_at_any_moment(
    on_each_loop: Run[Any], pki: Pki, secure: bool, delay: int
) -> None:
    """After so many turns of the event loop; most of these end before it is open."""

    async def check(server: RawServer) -> None:
        for _ in range(5):
            seen = Recording()
            with everything_told(seen):
                opening = asyncio.ensure_future(
                    open_connection(server.url, options(ca=pki.ca), seen)
                )
                for _ in range(delay):
                    await asyncio.sleep(0)
                opening.cancel()
                try:
                    connection = await opening
                except asyncio.CancelledError:
                    if not seen.events:  # It had not begun.
                        seen.emit(ConnectionStarted(at_ns=0, connection=0, url=""))
                        seen.emit(ConnectionClosed(at_ns=0, connection=0))
                else:
                    connection.abort()

    tls = pki.server() if secure else None
    with RawServer(upgraded(Peer.echo), tls=tls) as server:
        on_each_loop(check(server))


async def _receiving(connection: Connection) -> None:
    await connection.receive()


async def _pinging(connection: Connection) -> None:
    await connection.ping(timeout=20)


async def _draining(connection: Connection) -> None:
    while not connection._pipe.congested:
        connection.send(bytes(4 * 1024 * 1024))
    await connection.drain()


async def _closing(connection: Connection) -> None:
    await connection.close()


async def _waiting(connection: Connection) -> None:
    await connection.wait_closed()


@pytest.mark.parametrize("secure", [False, True])
@pytest.mark.parametrize("what", [_receiving, _pinging, _draining, _closing, _waiting])
def test_nothing_is_left_when_an_open_connection_is_cancelled(
    on_each_loop: Run[Any], pki: Pki, what: Callable[[Connection], Any], secure: bool
) -> None:
    async def work(url: str, seen: Recording) -> None:
        async with opened(url, seen, ca=pki.ca, compression=False) as connection:
            await what(connection)

    async def check(server: RawServer) -> None:
        seen = [Recording() for _ in range(5)]
        with everything_told(*seen):
            tasks = [asyncio.ensure_future(work(server.url, s)) for s in seen]
            await until(lambda: all(s.of(ConnectionStarted) and "open" in s.phases for s in seen))
            await asyncio.sleep(0.05)
            for task in tasks:
                task.cancel()
            results = await asyncio.gather(*tasks, return_exceptions=True)
            assert {type(result) for result in results} == {asyncio.CancelledError}

    tls = pki.server() if secure else None
    with RawServer(upgraded(Peer.stay), tls=tls, receive_buffer=65536) as server:
        on_each_loop(check(server))


@pytest.mark.parametrize("secure", [False, True])
def test_nothing_is_left_of_a_phase_that_times_out(
    on_each_loop: Run[Any], pki: Pki, secure: bool
) -> None:
    async def once(url: str, seen: Recording) -> None:
        given = options(timeouts={"tls": 0.02, "upgrade": 0.02})
        with pytest.raises(CheckwireError):
            await open_connection(url, given, seen)

    async def check(server: RawServer) -> None:
        url = f"{'wss' if secure else 'ws'}://{server.place}/"
        seen = [Recording() for _ in range(20)]
        with everything_told(*seen):
            await asyncio.gather(*[once(url, s) for s in seen])

    with RawServer(Peer.stay) as server:
        on_each_loop(check(server))


def test_a_connection_can_be_let_go_after_its_loop(on_each_loop: Run[Any]) -> None:
    seen = Recording()

    async def check(server: RawServer) -> Connection:
        return await open_connection(server.url, options(), seen)

    with RawServer(upgraded(Peer.read_to_end)) as server:
        connection: Any = on_each_loop(check(server))
        connection.abort()
    assert seen.closed.initiator == "local"
