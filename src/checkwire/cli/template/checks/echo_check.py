"""A first check: connect, send, validate, close."""

from checkwire import check, connect, env, expect, step


@check(tags=["echo"])
async def echo():
    """The echo service answers with what it was sent."""
    # Opens the WebSocket; leaving the block closes it with a proper closing handshake.
    async with connect(env["ECHO_URL"]) as ws:
        async with step("greeting"):
            # Fails if nothing comes within two seconds.
            greeting = await ws.receive_text(within="2s")
            assert greeting.startswith("Request served by")

        async with step("echo"):
            await ws.send_json({"action": "echo", "id": 1})
            # The first message that fits; others are skipped, and kept in the transcript.
            reply = await ws.receive_json(where={"action": "echo"}, within="2s")
            assert reply["id"] == 1

        # Soft: if it does not hold, the check is degraded, and goes on.
        expect(ws.timings.open).below("1s")
