"""The same with event handlers, for those who know npm's `ws`."""

import json

from checkwire import WebSocket, check, env, log


@check(tags=["echo"])
async def echo_events():
    """The echo service answers, seen through event handlers."""
    ws = WebSocket(env["ECHO_URL"])

    @ws.on("open")
    def opened():
        ws.send(json.dumps({"action": "echo", "id": 2}))

    @ws.on("message")
    def received(message):
        if message.startswith("{"):  # The greeting is plain text.
            assert json.loads(message)["id"] == 2

    @ws.on("close")
    def closed(code, reason):
        log("closed", code=code, reason=reason)

    await ws.run(for_="1s")
