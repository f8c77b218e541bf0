"""The echo server: listening, and shutting down in order."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Self

from checkwire.echo.exchange import Exchange
from checkwire.echo.http import HttpConnection
from checkwire.echo.listener import Listener, listen
from checkwire.echo.state import ServerState

if TYPE_CHECKING:
    from ssl import SSLContext
    from types import TracebackType

__all__ = ["EchoServer"]

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
        self._listeners: list[Listener] = []

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
        self._state = ServerState(
            hostname=socket.gethostname(), greeting=self._greeting, report=self._report
        )
        sockets = await listen(self.host, self.port)
        self.port = sockets[0].getsockname()[1]
        self._listeners = [
            Listener(listening, lambda: HttpConnection(self._state), self._ssl)
            for listening in sockets
        ]

    async def close(self) -> None:
        """Stop accepting, close WebSockets with 1001 and everything else, and wait for it."""
        for listener in self._listeners:
            await listener.close()
        self._listeners.clear()
        await self._state.close(_GRACE)

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
