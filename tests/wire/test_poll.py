"""Knowing when sockets are ready, with epoll and without."""

from __future__ import annotations

import asyncio
import select
import socket
from contextlib import suppress
from functools import partial
from typing import Any

import pytest

from checkwire.wire.poll import READABLE, WRITABLE, poller_of
from support.connecting import opened
from support.frames import text
from support.loops import Run, run, until
from support.observing import Recording
from support.pki import Pki
from support.rawserver import Peer, RawServer, upgraded


def test_an_error_in_one_callback_does_not_silence_the_other_sockets(
    on_each_loop: Run[Any],
) -> None:
    """They were told together, and would not be told again."""
    problems: list[Any] = []
    told: set[int] = set()

    async def check() -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: problems.append(context["exception"]))
        poller = poller_of(loop)
        pairs = [socket.socketpair() for _ in range(5)]

        def ready(fd: int, events: int) -> None:
            if events & READABLE:
                told.add(fd)
                raise RuntimeError(fd)

        for ours, _ in pairs:
            ours.setblocking(False)
            poller.register(ours.fileno(), partial(ready, ours.fileno()))
        for _, theirs in pairs:
            theirs.send(b"x")
        await until(lambda: len(told) == 5)
        for ours, theirs in pairs:
            poller.unregister(ours.fileno())
            ours.close()
            theirs.close()

    on_each_loop(check())
    assert len(problems) == 5


def test_a_callback_may_close_a_socket_of_the_same_batch(on_each_loop: Run[Any]) -> None:
    told: list[int] = []

    async def check() -> None:
        poller = poller_of(asyncio.get_running_loop())
        pairs = [socket.socketpair() for _ in range(5)]
        fds = [ours.fileno() for ours, _ in pairs]

        def ready(fd: int, events: int) -> None:
            if events & READABLE:
                told.append(fd)
                for other in fds:
                    poller.unregister(other)

        for ours, _ in pairs:
            ours.setblocking(False)
            poller.register(ours.fileno(), partial(ready, ours.fileno()))
        for _, theirs in pairs:
            theirs.send(b"x")
        await until(lambda: told)
        await asyncio.sleep(0.01)
        for pair in pairs:
            for sock in pair:
                sock.close()

    on_each_loop(check())
    assert len(told) == 1


# Without epoll


@pytest.fixture
def without_epoll(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on macOS. The event loops have theirs by now."""
    monkeypatch.delattr(select, "epoll")


@pytest.mark.usefixtures("without_epoll")
@pytest.mark.parametrize("secure", [False, True])
def test_connections_work_without_epoll(on_each_loop: Run[Any], pki: Pki, secure: bool) -> None:
    seen = Recording()

    async def check(server: RawServer) -> None:
        assert type(poller_of(asyncio.get_running_loop())).__name__ == "_LoopPoller"
        given = {"ca": pki.ca, "kernel_clock": False, "compression": False}
        async with opened(server.url, seen, **given) as connection:
            for size in (0, 5, 3_000_000):
                connection.send(bytes(size))
                await connection.drain()
                assert (await connection.receive(10)).data == bytes(size)
            await connection.close()

    tls = pki.server() if secure else None
    with RawServer(upgraded(Peer.echo), tls=tls, receive_buffer=65536) as server:
        on_each_loop(check(server))
    assert seen.closed.clean


@pytest.mark.usefixtures("without_epoll")
def test_a_paused_or_ended_socket_does_not_keep_the_loop_busy(on_each_loop: Run[Any]) -> None:
    calls = 0

    def script(peer: Peer) -> None:
        peer.read_frame()
        peer.send(text("a"), text("b"))
        peer.delivered()
        peer.read_frame()
        peer.fin()
        peer.read_to_end()

    async def check(server: RawServer) -> None:
        nonlocal calls
        async with opened(server.url, kernel_clock=False, queue_messages=1) as connection:
            connection.send("go")
            await until(lambda: connection._inbox.full)
            connection.send("end")
            poller = poller_of(asyncio.get_running_loop())
            ((fd, ready),) = poller._ready.items()

            def counting(events: int) -> None:
                nonlocal calls
                calls += 1
                ready(events)

            poller._ready[fd] = counting
            await asyncio.sleep(0.1)
            assert calls == 0, "a paused socket is not looked at"
            assert [(await connection.receive(5)).data for _ in range(2)] == ["a", "b"]
            await connection.wait_closed()

    with RawServer(upgraded(script)) as server:
        on_each_loop(check(server))
    assert calls < 10


@pytest.mark.usefixtures("without_epoll")
def test_writing_is_waited_for_without_epoll() -> None:
    events: list[int] = []

    async def check() -> None:
        loop = asyncio.get_running_loop()
        poller = poller_of(loop)
        ours, theirs = socket.socketpair()
        with ours, theirs:
            ours.setblocking(False)
            poller.register(ours.fileno(), events.append)
            with suppress(BlockingIOError):
                while True:
                    ours.send(bytes(65536))
            poller.want_write(ours.fileno())
            await asyncio.sleep(0.01)
            assert events == []
            theirs.setblocking(False)
            with suppress(BlockingIOError):
                while True:
                    theirs.recv(65536)
            await until(lambda: events)
            await asyncio.sleep(0.01)
            assert events == [WRITABLE]
            poller.unregister(ours.fileno())

    run(check())
