"""A stand-in for Kraken's spot feed, ``wss://ws.kraken.com/v2``.

``status`` comes first. ``subscribe`` to ``ticker`` is acknowledged per symbol, then follow a
snapshot, updates, and a ``heartbeat`` about once a second while nothing else is to be said.
``ping`` is answered by ``pong``.

Shapes: https://docs.kraken.com/api/docs/websocket-v2/ticker
"""

from __future__ import annotations

import asyncio
import json
from contextlib import AbstractAsyncContextManager, suppress
from http import HTTPStatus
from itertools import cycle
from typing import Any

from market import Market
from serving import main, now, receive_until
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

RHYTHM = ((0.25, "trade"), (0.25, "trade"), (1.0, "silence"), (1.0, "silence"))
"""What happens after how many seconds, over and over."""
SYMBOLS = ("BTC/USD", "ETH/USD", "ALGO/USD")
CONNECTION_ID = 13_834_774_380_200_032_777


class Client:
    """One connection and the symbols it is subscribed to."""

    def __init__(self, ws: ServerConnection) -> None:
        self.ws = ws
        self.markets: dict[str, Market] = {}

    async def send(self, message: dict[str, Any]) -> None:
        await self.ws.send(json.dumps(message))

    async def run(self) -> None:
        status = {
            "version": "2.0.10",
            "system": "online",
            "api_version": "v2",
            "connection_id": CONNECTION_ID,
        }
        await self.send({"channel": "status", "type": "update", "data": [status]})
        loop = asyncio.get_running_loop()
        for pause, what in cycle(RHYTHM):
            due = loop.time() + pause
            while (message := await receive_until(self.ws, due)) is not None:
                await self.answer(message)
            if self.markets and what == "silence":
                await self.send({"channel": "heartbeat"})
            elif self.markets:
                for symbol in self.markets:
                    await self.ticker(symbol, "update")

    async def answer(self, message: str | bytes) -> None:
        arrived = now()
        try:
            request = json.loads(message)
            method = request["method"]
        except (ValueError, TypeError, KeyError):
            await self.send({"error": "Malformed request", "success": False})
            return
        number = {"req_id": request["req_id"]} if "req_id" in request else {}
        params = request.get("params", {})
        if method == "ping":
            await self.send({"method": "pong", **number, "time_in": arrived, "time_out": now()})
        elif method not in ("subscribe", "unsubscribe") or params.get("channel") != "ticker":
            await self.refuse(method, "Unsupported method or channel", arrived, number)
        else:
            for symbol in params.get("symbol", ()):
                await self.change(method, symbol, params.get("snapshot", True), arrived, number)

    async def change(
        self, method: str, symbol: str, snapshot: bool, arrived: str, number: dict[str, Any]
    ) -> None:
        """Subscribe to a symbol, or unsubscribe."""
        if symbol not in SYMBOLS:
            text = f"Currency pair not supported {symbol}"
            await self.refuse(method, text, arrived, number | {"symbol": symbol})
            return
        result: dict[str, Any] = {"channel": "ticker", "symbol": symbol}
        if method == "subscribe":
            result["snapshot"] = snapshot
            self.markets[symbol] = Market(symbol)
        else:
            self.markets.pop(symbol, None)
        times = {"time_in": arrived, "time_out": now()}
        await self.send({"method": method, "result": result, "success": True, **times, **number})
        if method == "subscribe" and snapshot:
            await self.ticker(symbol, "snapshot")

    async def refuse(self, method: str, text: str, arrived: str, more: dict[str, Any]) -> None:
        times = {"time_in": arrived, "time_out": now()}
        await self.send({"error": text, "method": method, "success": False, **times, **more})

    async def ticker(self, symbol: str, kind: str) -> None:
        market = self.markets[symbol]
        last = market.trade().price
        change = round(last - market.open, 2)
        data = {
            "symbol": symbol,
            "bid": market.bid,
            "bid_qty": market.size(),
            "ask": market.ask,
            "ask_qty": market.size(),
            "last": last,
            "volume": market.volume,
            "vwap": market.average,
            "low": market.low,
            "high": market.high,
            "change": change,
            "change_pct": round(100 * change / market.open, 2),
            "timestamp": now(),
        }
        await self.send({"channel": "ticker", "type": kind, "data": [data]})


def refuse_elsewhere(ws: ServerConnection, request: Request) -> Response | None:
    """Answer other paths by 404."""
    return None if request.path == "/v2" else ws.respond(HTTPStatus.NOT_FOUND, "")


async def handle(ws: ServerConnection) -> None:
    """Serve one client."""
    with suppress(ConnectionClosed):
        await Client(ws).run()


def kraken(port: int) -> AbstractAsyncContextManager[Server]:
    """Serve on 127.0.0.1."""
    return serve(
        handle,
        "127.0.0.1",
        port,
        process_request=refuse_elsewhere,
        server_header=None,
        close_timeout=1,
    )


if __name__ == "__main__":
    main(kraken, "/v2")
