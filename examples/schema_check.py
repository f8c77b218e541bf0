"""Messages held to a JSON Schema."""

from checkwire import check, connect, env, expect

TRADE = {
    "type": "object",
    "required": ["symbol", "price", "size"],
    "properties": {
        "symbol": {"type": "string", "pattern": "^[A-Z]+-[A-Z]+$"},
        "price": {"type": "number", "exclusiveMinimum": 0},
        "size": {"type": "number", "minimum": 0},
    },
}


@check(every="1m", tags=["schema"])
async def trade_schema():
    """A trade looks as its schema says."""
    async with connect(env["ECHO_URL"]) as ws:
        await ws.send_json({"symbol": "BTC-USD", "price": 67118.2, "size": 0.25})
        trade = await ws.receive_json(where={"symbol": str}, within="2s")
        expect(trade).matches_schema(TRADE)
