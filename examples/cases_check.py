"""One function, several checks: a check for each case, with a history of its own."""

from checkwire import check, connect, env


@check(
    every="1m",
    tags=["echo"],
    cases={
        "text": {"message": "hello"},
        "unicode": {"message": "grüße, 你好, 🙂"},
        "long": {"message": "x" * 100_000},
    },
)
async def echo_of(message: str):
    """The echo service echoes this, too."""
    async with connect(env["ECHO_URL"]) as ws:
        await ws.receive_text()  # the greeting
        await ws.send(message)
        assert await ws.receive_text(within="2s") == message
