"""Accepting connections, such that none is lost when the server stops.

``asyncio.Server`` (3.11) forgets, unclosed, what it accepted in the turn before it was closed, and
does not know of clients that are still in the TLS handshake.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from ssl import SSLContext

__all__ = ["Listener", "listen"]

_BACKLOG: Final = 4096
_BURST: Final = 256
"""How many connections to accept before others have their turn."""
_EXHAUSTED: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
_RETRY: Final = 0.5
"""Seconds after which to try again when this machine has no descriptors or memory left."""


class Listener:
    """Accepts on one listening socket, which it owns."""

    def __init__(
        self,
        listening: socket.socket,
        factory: Callable[[], asyncio.BaseProtocol],
        ssl: SSLContext | None,
    ) -> None:
        self._socket = listening
        self._factory = factory
        self._ssl = ssl
        self._loop = asyncio.get_running_loop()
        self._tasks: set[asyncio.Task[None]] = set()
        self._retry: asyncio.TimerHandle | None = None
        listening.setblocking(False)
        self._resume()

    async def close(self) -> None:
        """Accept no more. What was accepted has its protocol, or is closed."""
        self._loop.remove_reader(self._socket)
        if self._retry is not None:
            self._retry.cancel()
        self._socket.close()
        # A task that has not begun yet would not close its socket if it were cancelled.
        await asyncio.sleep(0)
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _resume(self) -> None:
        self._retry = None
        self._loop.add_reader(self._socket, self._accept)

    def _accept(self) -> None:
        for _ in range(_BURST):
            try:
                accepted, _ = self._socket.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                if error.errno not in _EXHAUSTED:
                    raise
                self._loop.remove_reader(self._socket)
                self._retry = self._loop.call_later(_RETRY, self._resume)
                return
            accepted.setblocking(False)
            task = self._loop.create_task(self._take(accepted))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _take(self, accepted: socket.socket) -> None:
        # A client that fails the TLS handshake, or is gone, is its own affair.
        with contextlib.suppress(OSError):
            await self._loop.connect_accepted_socket(self._factory, accepted, ssl=self._ssl)


async def listen(host: str, port: int) -> list[socket.socket]:
    """Listen on each address of a host that this machine has, on the same port everywhere.

    Raises:
        OSError: if none can be had, or the port is in use on one of them.
    """
    found = await asyncio.get_running_loop().getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )
    sockets: list[socket.socket] = []
    missing: OSError | None = None
    try:
        for family, _, _, _, address in found:
            wanted = sockets[0].getsockname()[1] if sockets else port
            try:
                listening = socket.create_server(
                    (str(address[0]), wanted), family=family, backlog=_BACKLOG
                )
            except OSError as error:
                # "localhost" may name ::1 where there is no IPv6.
                if error.errno not in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):
                    raise
                missing = error
            else:
                sockets.append(listening)
    except OSError:
        for opened in sockets:
            opened.close()
        raise
    if missing is not None and not sockets:
        raise missing
    return sockets
