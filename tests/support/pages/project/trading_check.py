"""Checks of a market feed, played against the echo server."""

import asyncio
import struct

from checkwire import check, connect, env, expect, http, step

TRADE = {
    "op": "trade",
    "seq": 48213,
    "data": {"symbol": "BTC-USD", "price": "67120.50", "size": 0.012, "side": "buy"},
}
QUOTE = struct.Struct("!HIdQ")


@check(tags=["trading"])
async def order_updates():
    """A subscriber gets order updates."""
    async with step("log in"):
        reply = await http.post(f"{env['ECHO_HTTP']}/login?user=synthetic", json={"key": "demo"})
        assert reply.status == 200
    async with connect(env["ECHO_URL"], headers={"Authorization": "Bearer t0ken"}) as ws:
        async with step("subscribe"):
            await ws.receive_text()
            await ws.send_json({"op": "subscribe", "channel": "orders", "depth": 10})
            await ws.receive_json(where={"op": "subscribe"}, within="2s")
        async with step("first order"):
            await ws.send_json({"op": "order", "id": 7, "status": "filled", "size": 0.25})
            order = await ws.receive_json(where={"op": "order"}, within="2s")
            assert order["status"] in ("open", "filled", "cancelled")


@check(tags=["trading"])
async def ticker_subscribe():
    """The ticker sends trades with a price."""
    async with connect(env["ECHO_URL"] + "/v2/ws?feed=ticker") as ws:
        async with step("authenticate"):
            await ws.receive_text()
            await ws.send_json({"op": "auth", "token": env["WS_TOKEN"]})
            await ws.receive_json(where={"op": "auth"}, within="2s")
        async with step("subscribe"):
            await ws.send_json({"op": "subscribe", "channel": "trades", "symbol": "BTC-USD"})
            await ws.receive_json(where={"op": "subscribe"}, within="2s")
        async with step("expect trade"):
            await ws.send(QUOTE.pack(0x8007, 42, 67118.2, 1763913599118) * 12)
            await ws.receive_bytes(within="2s")
            await asyncio.sleep(0.65)
            await ws.ping()
            await asyncio.sleep(0.3)
            await ws.send_json(TRADE)
            trade = await ws.receive_json(where={"op": "trade"}, within="2s")
            assert isinstance(trade["data"]["price"], float)


@check(tags=["trading"])
async def quotes_in_binary():
    """Quotes come as packed bytes."""
    async with connect(env["ECHO_URL"]) as ws:
        await ws.receive_text()
        for number in range(6):
            await ws.send(QUOTE.pack(7, number, 67118.2 + number, 1763913599118))
            operation, *_ = QUOTE.unpack(await ws.receive_bytes(within="2s"))
            assert operation == 7


@check(tags=["chat"], degraded="300ms")
async def room_join():
    """A room can be joined, and quickly."""
    async with connect(env["ECHO_URL"]) as ws:
        async with step("join"):
            await ws.receive_text()
            await ws.send_json({"op": "join", "room": "lobby", "members": ["ada", "grace"]})
            await asyncio.sleep(0.35)
            await ws.receive_json(where={"op": "join"}, within="2s")
        expect(ws.timings.upgrade).below("2s")


@check(tags=["chat"])
async def presence_fanout():
    """Everyone hears who is there."""
    async with connect(env["ECHO_URL"]) as ws:
        await ws.receive_text()
        await ws.send_json({"op": "who"})
        reply = await ws.receive_json(where={"op": "who"}, within="2s")
        print("reply", reply)
        assert reply["members"][0] == "ada"


@check(tags=["chat"])
async def snapshot():
    """A snapshot comes after the subscription."""
    async with connect(env["ECHO_URL"]) as ws:
        await ws.receive_text()
        await ws.send_json({"op": "subscribe", "channel": "book", "symbol": "ETH-USD"})
        await ws.receive_json(where={"op": "snapshot", "bids": list}, within="700ms")


@check(tags=["tls"])
async def private_authority():
    """The certificate is right, and does not expire soon."""
    async with connect(env["ECHO_TLS_URL"], ca=env["ECHO_CA"]) as ws:
        expect.soft(ws.tls.days_left, "days left").above(14)
        await ws.receive_text(where=lambda text: text.startswith("Request served by"))


@check(tags=["tls"])
async def public_authority():
    """The certificate is one that browsers trust."""
    async with connect(env["ECHO_TLS_URL"]) as ws:
        await ws.receive_text()


@check(tags=["trading"], retries={"strategy": "fixed", "max": 1, "delay": "50ms"})
async def order_entry():
    """The order entry takes connections."""
    async with connect(env["REFUSED_URL"]) as ws:
        await ws.receive_text()


@check(tags=["chat"])
async def two_rooms():
    """A message of one member reaches the other."""
    async with connect(env["ECHO_URL"]) as one, connect(env["ECHO_URL"]) as two:
        for ws, name in ((one, "ada"), (two, "grace")):
            await ws.receive_text()
            await ws.send_json({"op": "say", "from": name, "text": "grüße, 你好 🙂 <b>&amp;</b>"})
            await ws.receive_json(where={"op": "say"}, within="2s")


@check(tags=["trading"])
async def burst():
    """Many messages in a row."""
    async with connect(env["ECHO_NEAR"]) as ws:
        await ws.receive_text()
        for number in range(320):
            await ws.send_json({"op": "tick", "seq": number})
            await ws.receive_json(where={"seq": number}, within="2s")


@check(tags=["trading"], timeout="60s")
async def slow_feed():
    """A feed that takes its time, to be watched while it runs."""
    async with connect(env["ECHO_URL"]) as ws, step("listen"):
        await ws.receive_text()
        for number in range(int(env.get("SLOW_MESSAGES", "3"))):
            await ws.send_json({"op": "tick", "seq": number})
            await ws.receive_json(where={"seq": number}, within="2s")
            await asyncio.sleep(0.4)
