"""The same as ``json_echo.mjs``: connect, send JSON, compare what comes back, close."""

import time

from checkwire import check, connect, env, log


@check
async def json_echo():
    """The server sends back what it gets."""
    log(str(time.monotonic_ns()))
    async with connect(env["WS_URL"]) as ws:
        await ws.send_json({"type": "echo", "id": 1})
        assert await ws.receive_json() == {"type": "echo", "id": 1}
