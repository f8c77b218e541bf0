"""WebSocket servers on loopback for checks, by `websockets`' own asyncio server."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

__all__ = ["Handler", "closing", "echo", "served", "serving", "silent", "speaking"]

Handler = Callable[[ServerConnection], Awaitable[None]]

_logger = logging.getLogger("tests.wsserver")
_logger.disabled = True  # A client that vanishes is what many tests are about.


@contextlib.asynccontextmanager
async def serving(handler: Handler, **options: Any) -> AsyncIterator[str]:
    """A server on the running loop; gives its URL. The options are those of ``serve``."""

    async def forgiving(ws: ServerConnection) -> None:
        with contextlib.suppress(ConnectionClosed):
            await handler(ws)

    options = {"close_timeout": 1, "ping_interval": None} | options
    scheme = "ws" if options.get("ssl") is None else "wss"
    async with serve(forgiving, "127.0.0.1", 0, logger=_logger, **options) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        yield f"{scheme}://127.0.0.1:{port}/"


@contextlib.contextmanager
def served(handler: Handler, **options: Any) -> Iterator[str]:
    """The same in a thread of its own, for checks that are plain functions."""
    ready = threading.Event()
    url = ""
    ended: asyncio.Event
    loop = asyncio.new_event_loop()

    async def work() -> None:
        nonlocal url, ended
        ended = asyncio.Event()
        async with serving(handler, **options) as url:
            ready.set()
            await ended.wait()

    def run() -> None:
        with contextlib.closing(loop):
            loop.run_until_complete(work())

    thread = threading.Thread(target=run, name="ws server")
    thread.start()
    assert ready.wait(10)
    try:
        yield url
    finally:
        loop.call_soon_threadsafe(ended.set)
        thread.join(10)


async def echo(ws: ServerConnection) -> None:
    """Sends back what comes."""
    async for message in ws:
        await ws.send(message)


async def silent(ws: ServerConnection) -> None:
    """Says nothing, and stays."""
    await ws.wait_closed()


def speaking(*messages: str | bytes) -> Handler:
    """Says this, and stays."""

    async def handler(ws: ServerConnection) -> None:
        for message in messages:
            await ws.send(message)
        await ws.wait_closed()

    return handler


def closing(code: int = 1000, reason: str = "", *messages: str | bytes) -> Handler:
    """Says this, and closes."""

    async def handler(ws: ServerConnection) -> None:
        for message in messages:
            await ws.send(message)
        await ws.close(code, reason)

    return handler
