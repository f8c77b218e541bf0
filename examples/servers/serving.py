"""What the stand-ins share: being started from the command line, and keeping time."""

from __future__ import annotations

import argparse
import asyncio
import logging
import signal
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime

from websockets.asyncio.server import Server, ServerConnection

__all__ = ["Serve", "main", "now", "port_of", "receive_until", "until_stopped"]

Serve = Callable[[int], AbstractAsyncContextManager[Server]]
"""Starts a server on a port of 127.0.0.1 (0 for any free one) for as long as the block lasts."""

# A client that hangs up in the handshake, as those do that look whether the port is open, is no
# error of ours.
logging.getLogger("websockets").setLevel(logging.CRITICAL)


def main(serve: Serve, path: str) -> None:
    """Run one stand-in alone until Ctrl-C or SIGTERM."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=0, help="default: any free one")
    port = parser.parse_args().port

    async def run() -> None:
        async with serve(port) as server:
            print(f"Listening on ws://127.0.0.1:{port_of(server)}{path}", flush=True)
            await until_stopped()

    asyncio.run(run())


async def until_stopped() -> None:
    """Wait for Ctrl-C or SIGTERM."""
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await stop.wait()


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
