"""The same as ``echo.mjs``: connect, send, compare what comes back, close."""

from checkwire import check, connect, env


@check
async def echo():
    """The server sends back what it gets."""
    async with connect(env["WS_URL"]) as ws:
        await ws.send("hello")
        assert await ws.receive() == "hello"
