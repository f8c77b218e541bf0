"""The smallest useful check: is the service there, and does it answer right?

It connects, sends a JSON message, validates the answer and closes.
"""

from checkwire import check, connect, env, expect, step


@check(every="1m", timeout="15s", tags=["echo"])
async def echo():
    """The echo service echoes."""
    async with connect(env["ECHO_URL"]) as ws:
        async with step("greeting"):
            greeting = await ws.receive_text(within="2s")
            assert greeting.startswith("Request served by")

        async with step("echo"):
            await ws.send_json({"action": "echo", "message": "hello", "id": 1})
            # What does not match (there is none here) would be skipped, and kept in the transcript.
            reply = await ws.receive_json(where={"action": "echo", "id": int}, within="2s")
            assert reply["message"] == "hello"

        # Soft: if it does not hold, the check goes on and is degraded, not failed.
        expect(ws.timings.open).below("2s")
