"""The same in the event style, name for name as with npm's `ws`.

The handlers swallow nothing that matters: a refused connection, an abnormal close, a silent server
and an assertion that never held fail this check, even if a handler only logs them.
"""

import json

from checkwire import WebSocket, check, env, log


@check(every="1m", timeout="15s", tags=["echo"])
async def echo_events():
    """The echo service echoes, seen through event handlers."""
    ws = WebSocket(env["ECHO_URL"])

    @ws.on("open")
    def opened():
        log("connected", ready_state=ws.ready_state.name)
        ws.send(json.dumps({"action": "echo", "message": "hello"}))

    @ws.on("message")
    def received(message):
        try:
            data = json.loads(message)
        except json.JSONDecodeError:
            log("not JSON", text=message)  # The greeting is plain text.
            return
        assert data["action"] == "echo"
        assert data["message"] == "hello"

    @ws.on("error")
    def failed(error):
        log.error("connection failed", error=error)

    @ws.on("close")
    def closed(code, reason):
        log("closed", code=code, reason=reason)

    await ws.run(for_="1s")
