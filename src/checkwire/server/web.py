"""Serving the application in the service's own process and event loop."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
from collections.abc import Iterator
from typing import Any

import uvicorn

from checkwire.model.errors import UsageError
from checkwire.model.places import host_and_port

__all__ = ["WebServer", "listen"]

_BACKLOG = 512


def listen(host: str, port: int) -> socket.socket:
    """A socket that takes connections.

    Args:
        host: an address, or a name of this machine.
        port: 0 for any free one.

    Raises:
        UsageError: it cannot be had; the sentence says what to do.
    """
    place = host_and_port(host, port)
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as error:
        raise UsageError(f"--host {host}: {error.strerror}") from None
    family, kind, protocol, _, address = found[0]
    sock = socket.socket(family, kind, protocol)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(address)
        sock.listen(_BACKLOG)
        sock.setblocking(False)
    except OSError as error:
        sock.close()
        if error.errno == errno.EADDRINUSE:
            why = f"{place} is in use: stop what uses it, or take another port with --port"
        elif error.errno == errno.EACCES:
            why = f"{place} may not be listened on by this user: take a port above 1023"
        elif error.errno == errno.EADDRNOTAVAIL:
            why = f"{host} is no address of this machine"
        else:
            why = f"{place} cannot be listened on: {error.strerror}"
        raise UsageError(why) from None
    return sock


class WebServer(uvicorn.Server):
    """Uvicorn, without a hand on the process's signals and logs."""

    def __init__(self, app: Any) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                log_config=None,
                access_log=False,
                lifespan="off",
                server_header=False,
                timeout_graceful_shutdown=3,
                timeout_keep_alive=30,
            )
        )
        self._stopping = asyncio.Event()

    async def main_loop(self) -> None:
        """Renew the ``Date`` header once a second, until it is to end.

        Uvicorn wakes ten times a second, to see whether somebody wants it to end.
        """
        while not await self.on_tick(0):
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), 1.0)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave them to the service."""
        yield

    def stop(self) -> None:
        """Finish what is being answered, and end. Streams are to be ended before."""
        self.should_exit = True
        self._stopping.set()
