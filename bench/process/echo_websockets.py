"""The same as ``echo.mjs``, with the asyncio client of websockets."""

import asyncio
import os

from websockets.asyncio.client import connect


async def main() -> None:
    async with connect(os.environ["WS_URL"]) as ws:
        await ws.send("hello")
        assert await ws.recv() == "hello"


asyncio.run(main())
