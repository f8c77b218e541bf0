"""Binance's trade stream: https://developers.binance.com/docs/binance-spot-api-docs"""

import time

from checkwire import check, connect, env, expect, step


@check(every="30s", tags=["feed", "binance"])
async def binance_trades():
    """Trades come, in order, and are fresh."""
    async with connect(env["BINANCE_URL"]) as ws:
        async with step("first trade"):
            # Nothing has to be sent: the stream's name is in the URL.
            first = await ws.receive_json(where={"e": "trade", "s": "BTCUSDT"}, within="10s")
            assert float(first["p"]) > 0
            expect(time.time() - first["T"] / 1000, "age of the trade").below("5s")

        async with step("ids rise"):
            last = first["t"]
            for _ in range(5):
                trade = await ws.receive_json(where={"e": "trade"}, within="10s")
                assert trade["t"] > last
                last = trade["t"]


@check(tags=["feed", "binance"])
async def binance_subscriptions():
    """Streams can be added on an open connection."""
    async with connect(env["BINANCE_URL"]) as ws:
        await ws.send_json({"method": "SUBSCRIBE", "params": ["ethusdt@trade"], "id": 1})
        # Trades of the first stream come in between; they are skipped.
        reply = await ws.receive_json(where={"id": 1}, within="5s")
        assert reply["result"] is None
        await ws.receive_json(where={"e": "trade", "s": "ETHUSDT"}, within="10s")
