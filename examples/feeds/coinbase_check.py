"""Coinbase's feed, where sequence numbers tell whether anything was lost."""

from checkwire import check, connect, env, step


@check(every="1m", tags=["feed", "coinbase"])
async def coinbase_heartbeat():
    """No ticker is missing between two heartbeats."""
    async with connect(env["COINBASE_URL"]) as ws:
        async with step("subscribe"):
            await ws.send_json(
                {
                    "type": "subscribe",
                    "product_ids": ["BTC-USD"],
                    "channels": ["heartbeat", "ticker"],
                }
            )
            answer = await ws.receive_json(where={"type": "subscriptions"}, within="5s")
            assert {channel["name"] for channel in answer["channels"]} == {"heartbeat", "ticker"}

        async with step("tickers without a gap"):
            sequence = None
            while True:
                message = await ws.receive_json(where={"product_id": "BTC-USD"}, within="5s")
                if message["type"] == "heartbeat" and sequence is not None:
                    # A heartbeat carries the number of the latest ticker.
                    assert message["sequence"] == sequence
                    break
                if message["type"] == "ticker":
                    assert sequence is None or message["sequence"] == sequence + 1
                    sequence = message["sequence"]
