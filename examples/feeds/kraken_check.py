"""Kraken's v2 feed: status, subscription, snapshot, updates, heartbeats."""

from checkwire import check, connect, env, step


@check(every="1m", tags=["feed", "kraken"])
async def kraken_ticker():
    """A subscription gives a snapshot at once, and then updates."""
    async with connect(env["KRAKEN_URL"]) as ws:
        async with step("status"):
            status = await ws.receive_json(where={"channel": "status"}, within="5s")
            assert status["data"][0]["system"] == "online"

        async with step("subscribe"):
            params = {"channel": "ticker", "symbol": ["BTC/USD"]}
            await ws.send_json({"method": "subscribe", "params": params})
            ack = await ws.receive_json(where={"method": "subscribe"}, within="5s")
            assert ack["success"] is True

        async with step("snapshot"):
            ticker = {"channel": "ticker", "data": [{"symbol": "BTC/USD", "bid": float}]}
            snapshot = await ws.receive_json(where={**ticker, "type": "snapshot"}, within="5s")
            quote = snapshot["data"][0]
            assert quote["bid"] <= quote["ask"]

        async with step("update"):
            await ws.receive_json(where={**ticker, "type": "update"}, within="10s")

        async with step("heartbeat"):
            await ws.receive_json(where={"channel": "heartbeat"}, within="10s")
