"""The asyncio client of ``websockets``. Usage: ``websockets_asyncio.py CA [--uvloop]``."""

from __future__ import annotations

import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from driver import MESSAGE, Client, run, tls_to
from websockets.asyncio.client import ClientConnection, connect
from websockets.version import version


class Websockets(Client):
    version = version

    def __init__(self, ca: str) -> None:
        self._ca = ca

    def _connect(self, url: str, **options: Any) -> connect:
        # Without keep-alive pings, which the others do not send either.
        return connect(
            url,
            ssl=tls_to(self._ca, url),
            proxy=None,
            ping_interval=None,
            **{"compression": None, **options},
        )

    async def cycle(self, url: str) -> None:
        async with self._connect(url) as connection:
            await connection.send(MESSAGE)
            assert await connection.recv() == MESSAGE

    async def receive(self, url: str, count: int, deflate: bool) -> None:
        compression = "deflate" if deflate else None
        async with self._connect(url, compression=compression) as connection:
            await connection.send(MESSAGE)
            for _ in range(count):
                await connection.recv()

    async def hold(self, url: str) -> Callable[[], Awaitable[object]]:
        connection: ClientConnection = await self._connect(url)
        return connection.close

    async def stamps(self, url: str, reply: bool) -> AsyncIterator[tuple[str, int, bool]]:
        async with self._connect(url) as connection:
            await connection.send(MESSAGE)
            async for message in connection:
                at_ns = time.time_ns()
                if reply:
                    await connection.send(MESSAGE)
                yield str(message), at_ns, False


if __name__ == "__main__":
    run(Websockets(sys.argv[1]))
