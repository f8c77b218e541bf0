"""The WebSocket client of aiohttp. Usage: ``aiohttp_client.py CA [--uvloop]``."""

from __future__ import annotations

import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable

import aiohttp
from driver import MESSAGE, Client, run, tls_to


class Aiohttp(Client):
    version = aiohttp.__version__

    def __init__(self, ca: str) -> None:
        self._ca = ca
        self._session: aiohttp.ClientSession | None = None

    async def _connect(self, url: str, compress: int = 0) -> aiohttp.ClientWebSocketResponse:
        if self._session is None:
            connector = aiohttp.TCPConnector(limit=0)
            self._session = aiohttp.ClientSession(connector=connector)
        tls = tls_to(self._ca, url)
        return await self._session.ws_connect(
            url, ssl=True if tls is None else tls, compress=compress
        )

    async def cycle(self, url: str) -> None:
        async with await self._connect(url) as connection:
            await connection.send_str(MESSAGE)
            assert await connection.receive_str() == MESSAGE

    async def receive(self, url: str, count: int, deflate: bool) -> None:
        async with await self._connect(url, 15 if deflate else 0) as connection:
            await connection.send_str(MESSAGE)
            for _ in range(count):
                await connection.receive_str()

    async def hold(self, url: str) -> Callable[[], Awaitable[object]]:
        connection = await self._connect(url)
        return connection.close

    async def end(self) -> None:
        if self._session is not None:
            await self._session.close()

    async def stamps(self, url: str, reply: bool) -> AsyncIterator[tuple[str, int, bool]]:
        async with await self._connect(url) as connection:
            await connection.send_str(MESSAGE)
            async for message in connection:
                at_ns = time.time_ns()
                if reply:
                    await connection.send_str(MESSAGE)
                yield message.data, at_ns, False


if __name__ == "__main__":
    run(Aiohttp(sys.argv[1]))
