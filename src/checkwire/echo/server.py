"""The echo server: listening, and shutting down in order."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Self

from checkwire.echo.exchange import Exchange
from checkwire.echo.http import HttpConnection
from checkwire.echo.state import ServerState

if TYPE_CHECKING:
    from ssl import SSLContext
    from types import TracebackType

__all__ = ["EchoServer"]

_BACKLOG: Final = 4096
_GRACE: Final = 1.0
"""Seconds that clients have for their side of the closing handshake when the server stops."""


class EchoServer:
    """A local stand-in for echo.websocket.org, see :mod:`checkwire.echo`.

    Example::

        async with EchoServer() as server:
            print(server.url)

    Args:
        host: an address or a name to listen on; a name with several addresses means all of them.
        port: 0 for any free one, which :attr:`port` then tells.
        ssl: to serve ``wss`` and ``https``; see :mod:`checkwire.echo.certificate`.
        greeting: whether to say ``Request served by <hostname>`` first. Without it nothing is
            sent before the first echo; with it, a client may send the header
            ``X-Send-Server-Hostname: false`` and gets an empty message instead.
        report: called with each :class:`Exchange` when it is over.
    """

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        ssl: SSLContext | None = None,
        greeting: bool = True,
        report: Callable[[Exchange], None] | None = None,
    ) -> None:
        self.host = host
        self.port = port
        self._ssl = ssl
        self._greeting = greeting
        self._report = report
        self._state: ServerState
        self._listeners: list[asyncio.Server] = []

    @property
    def url(self) -> str:
        """Where its WebSockets are: ``ws://127.0.0.1:8080``."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'ws' if self._ssl is None else 'wss'}://{host}:{self.port}"

    async def start(self) -> None:
        """Listen.

        Raises:
            OSError: if it cannot: the port is in use, the address is not of this machine
                (``socket.gaierror``: not known at all).
        """
        loop = asyncio.get_running_loop()
        self._state = ServerState(
            hostname=socket.gethostname(), greeting=self._greeting, report=self._report
        )
        sockets = _listen(await _addresses(self.host, self.port))
        self.port = sockets[0].getsockname()[1]
        for listening in sockets:
            self._listeners.append(
                await loop.create_server(
                    lambda: HttpConnection(self._state),
                    sock=listening,
                    ssl=self._ssl,
                    backlog=_BACKLOG,
                )
            )

    async def close(self) -> None:
        """Stop accepting, close WebSockets with 1001 and everything else, and wait for it."""
        for listener in self._listeners:
            listener.close()
        await self._state.close(_GRACE)
        for listener in self._listeners:
            await listener.wait_closed()
        self._listeners.clear()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()


async def _addresses(host: str, port: int) -> list[tuple[socket.AddressFamily, str, int]]:
    found = await asyncio.get_running_loop().getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )
    return [(family, str(address[0]), port) for family, _, _, _, address in found]


def _listen(addresses: list[tuple[socket.AddressFamily, str, int]]) -> list[socket.socket]:
    """Listen on each address that this machine has, all on the same port."""
    sockets: list[socket.socket] = []
    missing: OSError | None = None
    try:
        for family, address, port in addresses:
            try:
                if sockets:
                    port = sockets[0].getsockname()[1]
                sockets.append(
                    socket.create_server((address, port), family=family, backlog=_BACKLOG)
                )
            except OSError as error:
                # "localhost" may name ::1 where there is no IPv6.
                if error.errno not in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):
                    raise
                missing = error
    except OSError:
        for opened in sockets:
            opened.close()
        raise
    if not sockets and missing is not None:
        raise missing
    return sockets
