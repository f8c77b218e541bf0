"""A measured connection and the server's end of it in one event loop.

So a test says exactly which bytes the client reads at once: it sends some, and goes on when they
have been read.
"""

from __future__ import annotations

import asyncio
import fcntl
import socket
import ssl
import struct
import termios
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Any

from checkwire.wire.observer import Observer
from checkwire.wire.opening import open_connection
from checkwire.wire.session.connection import Connection
from support.connecting import options
from support.loops import PATIENCE
from support.rawserver import accept_key

__all__ = ["Far", "answered", "feed", "paired"]


class Far:
    """The server's end.

    Attributes:
        sock: its socket, non-blocking.
    """

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock

    async def read(self) -> bytes:
        """What came; nothing if the client has ended."""
        async with asyncio.timeout(PATIENCE):
            return await asyncio.get_running_loop().sock_recv(self.sock, 65536)

    async def send(self, data: bytes) -> None:
        """Send; it need not have been read."""
        async with asyncio.timeout(PATIENCE):
            await asyncio.get_running_loop().sock_sendall(self.sock, data)

    def fin(self) -> None:
        self.sock.shutdown(socket.SHUT_WR)

    def reset(self) -> None:
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()


@asynccontextmanager
async def answered(
    answer: Callable[[Far], Awaitable[None]],
    observer: Observer | None = None,
    scheme: str = "ws",
    **given: Any,
) -> AsyncIterator[tuple[asyncio.Future[Connection], Far]]:
    """A connection that is being opened to a server that answers like this."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(1)
        listener.setblocking(False)
        url = f"{scheme}://127.0.0.1:{listener.getsockname()[1]}/"
        opening = asyncio.ensure_future(open_connection(url, options(**given), observer))
        sock, _ = await asyncio.get_running_loop().sock_accept(listener)
    sock.setblocking(False)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    answering = asyncio.ensure_future(answer(Far(sock)))
    try:
        yield opening, Far(sock)
    finally:
        answering.cancel()
        opening.cancel()
        await asyncio.gather(answering, opening, return_exceptions=True)
        if not opening.cancelled() and opening.exception() is None:
            opening.result().abort()
        sock.close()


@asynccontextmanager
async def paired(
    observer: Observer | None = None, *headers: str, **given: Any
) -> AsyncIterator[tuple[Connection, Far]]:
    """An open connection and its server's end."""

    async def accept(far: Far) -> None:
        request = b""
        while not request.endswith(b"\r\n\r\n"):
            request += await far.read()
        key = request.partition(b"Sec-WebSocket-Key: ")[2][:24].decode()
        lines = [
            "HTTP/1.1 101 Switching Protocols",
            "Upgrade: websocket",
            "Connection: Upgrade",
            f"Sec-WebSocket-Accept: {accept_key(key)}",
            *headers,
        ]
        await far.send("\r\n".join([*lines, "", ""]).encode())

    async with answered(accept, observer, **given) as (opening, far):
        yield await opening, far


def unread(sock: socket.socket) -> int:
    """Bytes that the socket holds for its reader."""
    if sock.fileno() < 0:
        return 0
    (count,) = struct.unpack("i", fcntl.ioctl(sock, termios.FIONREAD, bytes(4)))
    return int(count)


async def feed(connection: Connection, far: Far, chunks: Iterable[bytes]) -> None:
    """Send these, each so that it is read alone, until the client ends the connection."""
    ours = connection._pipe.socket
    for chunk in chunks:
        if not chunk:
            continue
        try:
            await far.send(chunk)
        except OSError:
            return
        async with asyncio.timeout(PATIENCE):
            while unread(ours):  # noqa: ASYNC110 - it is the kernel's doing
                await asyncio.sleep(0)
            await asyncio.sleep(0)


def tls_server(context: ssl.SSLContext) -> tuple[ssl.SSLObject, ssl.MemoryBIO, ssl.MemoryBIO]:
    """A server's TLS session between two buffers: what comes, and what goes."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    return context.wrap_bio(incoming, outgoing, server_side=True), incoming, outgoing
