"""What the stand-ins share: being started from the command line, and keeping time."""

from __future__ import annotations

import argparse
import asyncio
import signal
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime

from websockets.asyncio.server import Server, ServerConnection

__all__ = ["Serve", "main", "now", "port_of", "receive_until", "stop_on_signal"]

Serve = Callable[..., AbstractAsyncContextManager[Server]]
"""Starts a server on a ``port`` of 127.0.0.1, 0 for any free one, while the block lasts."""


def main(serve: Serve, path: str, parser: argparse.ArgumentParser | None = None) -> None:
    """Run one stand-in alone until Ctrl-C or SIGTERM; the options of the parser go to it."""
    parser = parser or argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=0, help="default: any free one")
    options = vars(parser.parse_args())

    async def run() -> None:
        stop = stop_on_signal()
        async with serve(**options) as server:
            print(f"Listening on ws://127.0.0.1:{port_of(server)}{path}", flush=True)
            await stop.wait()

    asyncio.run(run())


def stop_on_signal() -> asyncio.Event:
    """Set by Ctrl-C or SIGTERM. Ask for it before saying that the server is there."""
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop


def port_of(server: Server) -> int:
    """The port it really listens on."""
    return int(server.sockets[0].getsockname()[1])


async def receive_until(ws: ServerConnection, when: float) -> str | bytes | None:
    """The next message, or ``None`` once that instant of the event loop's clock has come."""
    try:
        async with asyncio.timeout_at(when):
            return await ws.recv()
    except TimeoutError:
        return None


def now() -> str:
    """The time as feeds write it: ``2026-11-23T18:00:00.123456Z``."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
