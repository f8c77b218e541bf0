"""What the connections of one server share, and how they all come to an end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final, Protocol

from checkwire.echo.exchange import Exchange

__all__ = ["Connection", "ServerState"]

_BUFFER: Final = 256 * 1024


class Connection(Protocol):
    """An open connection, in whatever state it is."""

    def go_away(self) -> None:
        """End it politely: the server shuts down."""

    def abort(self) -> None:
        """End it now."""


class ServerState:
    """Shared by the connections of one server.

    Attributes:
        hostname: in ``Request served by <hostname>``.
        greeting: whether to tell it, unasked.
        report: told of each exchange when it is over.
        buffer: where WebSockets receive. One is enough: asyncio asks for it, fills it and hands it
            over without a pause in between, and nobody keeps a view on it.
    """

    def __init__(
        self, *, hostname: str, greeting: bool, report: Callable[[Exchange], None] | None
    ) -> None:
        self.hostname = hostname
        self.greeting = greeting
        self.report = report
        self.buffer = memoryview(bytearray(_BUFFER))
        self._open: set[Connection] = set()
        self._closing = False
        self._empty = asyncio.Event()
        self._empty.set()

    def opened(self, connection: Connection) -> None:
        """Take note of a connection; one that comes too late is ended at once."""
        self._open.add(connection)
        self._empty.clear()
        if self._closing:
            connection.abort()

    def handed_over(self, old: Connection, new: Connection) -> None:
        """A connection changed its state: another object looks after it from now on."""
        self._open.add(new)
        self._open.discard(old)

    def closed(self, connection: Connection) -> None:
        """The connection is gone."""
        self._open.discard(connection)
        if not self._open:
            self._empty.set()

    async def close(self, grace: float) -> None:
        """End all connections; those still there after ``grace`` seconds are cut."""
        self._closing = True
        for connection in tuple(self._open):
            connection.go_away()
        try:
            async with asyncio.timeout(grace):
                await self._empty.wait()
        except TimeoutError:
            for connection in tuple(self._open):
                connection.abort()
            await self._empty.wait()
