"""Slow is not broken: thresholds that degrade a check instead of failing it."""

from checkwire import check, connect, env, expect


@check(every="30s", timeout="10s", degraded="5s", tags=["latency"])
async def latency():
    """Handshake, ping and echo are as quick as they should be."""
    async with connect(env["ECHO_URL"]) as ws:
        expect(ws.timings.upgrade).below("1s")

        round_trip = await ws.ping()
        expect(round_trip, "ping").below("500ms")
        # The server greets before it answers anything, so by now that has come.
        expect(ws.timings.first_message).below("1s")
