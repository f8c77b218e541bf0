"""The echo server ends in order, and listens where it is told."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import gc
import socket
import ssl
import threading

import pytest
from websockets.asyncio.client import connect

from checkwire.echo import EchoServer
from checkwire.echo.certificate import make_certificate
from checkwire.echo.eventstream import EventStreamConnection
from support.echo_server import frame, running_echo
from support.processes import open_fds, wait_until


def test_open_websockets_are_closed_with_1001():
    async def run() -> list[tuple[int | None, str | None]]:
        async with EchoServer() as server, contextlib.AsyncExitStack() as stack:
            clients = [
                await stack.enter_async_context(connect(server.url, proxy=None)) for _ in range(3)
            ]
            await server.close()
            for client in clients:
                await client.wait_closed()
        return [(client.close_code, client.close_reason) for client in clients]

    assert asyncio.run(run()) == [(1001, "")] * 3


def test_nothing_is_echoed_once_the_server_has_said_good_bye():
    with running_echo() as server:
        client = server.open()
        watcher = threading.Thread(target=late_client, args=(client, found := []))
        watcher.start()
    watcher.join()
    assert found == [(0x88, b"\x03\xe9"), b""]
    assert [ex.close_code for ex in server.exchanges] == [1001]


def late_client(client, found: list[object]) -> None:
    """Read the Close, send one more message, and only then close."""
    with client:
        found.append(client.read_frame())
        client.send(frame(0x81, b"late") + frame(0x88, b"\x03\xe9"))
        found.append(client.read_to_end())


def test_clients_that_do_not_answer_the_good_bye_are_cut():
    with running_echo() as server:
        client = server.open()
        stuck = server.open()
        stuck.socket.settimeout(0.5)
        with pytest.raises(TimeoutError):
            stuck.send_forever(frame(0x82, bytes(1_000_000)))
    with client, stuck:
        assert client.read_frame() == (0x88, b"\x03\xe9")
        with contextlib.suppress(ConnectionResetError):
            assert client.read_to_end() == b""
    assert [ex.close_code for ex in server.exchanges] == [1001, 1001]


def test_event_streams_and_idle_connections_end():
    with running_echo() as server:
        stream, idle, half = server.connect(), server.connect(), server.connect()
        stream.send(b"GET /.sse HTTP/1.1\r\nHost: echo\r\n\r\n")
        stream.read_until(b"id: 2\n\n\r\n")
        idle.send(b"GET / HTTP/1.1\r\nHost: echo\r\n\r\n")
        idle.read_until(b"Host: echo\n")
        half.send(b"POST / HTTP/1.1\r\nContent-Le")
    with stream, idle, half:
        assert stream.read_to_end() == b"0\r\n\r\n"
        assert idle.read_to_end() == b""
        assert half.read_to_end() == b""


def test_an_event_stream_whose_client_left_is_forgotten():
    def streams() -> int:
        gc.collect()
        return sum(isinstance(found, EventStreamConnection) for found in gc.get_objects())

    with running_echo() as server:
        with server.connect() as client:
            client.send(b"GET /.sse HTTP/1.1\r\nHost: echo\r\n\r\n")
            client.read_until(b"id: 2\n")
            assert streams() == 1
        wait_until(lambda: streams() == 0)


def test_it_does_not_accept_any_more():
    with running_echo() as server:
        pass
    with pytest.raises(ConnectionRefusedError):
        server.connect()


def test_nothing_is_left_of_it():
    before = len(open_fds())
    with running_echo() as server:
        for _ in range(5):
            server.open().socket.close()
        hurried = [server.connect() for _ in range(50)]  # some are not even accepted yet
    for client in hurried:
        with client, contextlib.suppress(ConnectionResetError):
            assert client.read_to_end() == b""
    assert len(open_fds()) <= before  # What an earlier test left may go meanwhile.


def test_an_error_inside_the_block_closes_it_too():
    async def run() -> int:
        port = 0
        with contextlib.suppress(ZeroDivisionError):
            async with EchoServer() as server:
                port = server.port
                raise ZeroDivisionError
        return port

    port = asyncio.run(run())
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))


def test_a_port_in_use_is_an_error():
    async def run() -> None:
        async with EchoServer() as first, EchoServer(port=first.port):
            pass

    with pytest.raises(OSError) as caught:
        asyncio.run(run())
    assert caught.value.errno == errno.EADDRINUSE


def test_a_name_with_several_addresses_has_one_port_on_all_of_them():
    addresses = {info[4][0] for info in socket.getaddrinfo("localhost", 0)}

    async def run() -> list[str]:
        async with EchoServer("localhost") as server:
            found = []
            for address in addresses:
                _, writer = await asyncio.open_connection(address, server.port)
                found.append(address)
                writer.close()
            assert server.url == f"ws://localhost:{server.port}"
            return found

    assert set(asyncio.run(run())) == addresses


def test_ipv6_addresses_stand_in_brackets():
    async def run() -> str:
        async with EchoServer("::1") as server:
            async with connect(server.url, proxy=None) as ws:
                await ws.recv()
            return server.url.replace(str(server.port), "PORT")

    assert asyncio.run(run()) == "ws://[::1]:PORT"


@pytest.mark.parametrize("tls", [False, True])
def test_it_runs_on_uvloop_too(tls):
    uvloop = pytest.importorskip("uvloop")
    certificate = make_certificate() if tls else None

    async def run() -> int | None:
        async with EchoServer(ssl=certificate and certificate.context) as server:
            trust = certificate and ssl.create_default_context(
                cadata=certificate.authority.decode()
            )
            async with connect(server.url, ssl=trust, proxy=None) as ws:
                await ws.recv()
                await ws.send(b"x" * 500_000)
                assert await ws.recv() == b"x" * 500_000
                await server.close()
                await ws.wait_closed()
        return ws.close_code

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert runner.run(run()) == 1001
