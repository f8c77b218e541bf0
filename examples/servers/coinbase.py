"""A stand-in for Coinbase Exchange's feed, ``wss://ws-feed.exchange.coinbase.com``.

Who does not subscribe within 5 seconds is disconnected. ``subscribe`` is answered by
``subscriptions``; then come ``heartbeat`` (once a second) and ``ticker``, with sequence numbers per
product that only rise: a heartbeat tells the latest one, so that a gap can be seen.

Shapes: https://docs.cdp.coinbase.com/exchange/websocket-feed/channels
"""

from __future__ import annotations

import asyncio
import json
from contextlib import AbstractAsyncContextManager, suppress
from typing import Any

from market import Market
from serving import main, now, receive_until
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed

SUBSCRIBE_WITHIN = 5.0
TICKER_EVERY = 0.1
HEARTBEATS = 10  # tickers per heartbeat
CHANNELS = ("heartbeat", "ticker")
PRODUCTS = ("BTC-USD", "ETH-USD", "ETH-BTC")


class Product:
    """A product as one client sees it."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.market = Market(name)
        self.sequence = 37_475_248_000
        self.last_trade = self.market.trade()

    def ticker(self) -> dict[str, Any]:
        trade = self.last_trade = self.market.trade()
        self.sequence += 1
        return {
            "type": "ticker",
            "sequence": self.sequence,
            "product_id": self.name,
            "price": f"{trade.price:.2f}",
            "open_24h": f"{self.market.open:.2f}",
            "volume_24h": f"{self.market.volume:.8f}",
            "low_24h": f"{self.market.low:.2f}",
            "high_24h": f"{self.market.high:.2f}",
            "volume_30d": f"{self.market.volume * 30:.8f}",
            "best_bid": f"{self.market.bid:.2f}",
            "best_bid_size": f"{self.market.size():.8f}",
            "best_ask": f"{self.market.ask:.2f}",
            "best_ask_size": f"{self.market.size():.8f}",
            "side": trade.side,
            "time": now(),
            "trade_id": trade.id,
            "last_size": f"{trade.size:.8f}",
        }

    def heartbeat(self) -> dict[str, Any]:
        return {
            "type": "heartbeat",
            "sequence": self.sequence,
            "last_trade_id": self.last_trade.id,
            "product_id": self.name,
            "time": now(),
        }


class Client:
    """One connection and its subscriptions: the products of each channel."""

    def __init__(self, ws: ServerConnection) -> None:
        self.ws = ws
        self.channels: dict[str, list[str]] = {}
        self.products: dict[str, Product] = {}

    async def send(self, message: dict[str, Any]) -> None:
        await self.ws.send(json.dumps(message))

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + SUBSCRIBE_WITHIN
        while not self.channels:
            message = await receive_until(self.ws, deadline)
            if message is None:
                await self.ws.close(1008, "no subscribe message within 5 seconds")
                return
            await self.send(self.answer(message))
        due, beat = loop.time(), 0
        while True:
            while (message := await receive_until(self.ws, due)) is not None:
                await self.send(self.answer(message))
            if beat % HEARTBEATS == 0:
                for name in self.channels.get("heartbeat", ()):
                    await self.send(self.products[name].heartbeat())
            for name in self.channels.get("ticker", ()):
                await self.send(self.products[name].ticker())
            due, beat = loop.time() + TICKER_EVERY, beat + 1

    def answer(self, message: str | bytes) -> dict[str, Any]:
        try:
            request = json.loads(message)
            kind, wanted = request["type"], list(channels_in(request))
        except (ValueError, TypeError, KeyError):
            return error("Malformed JSON", "")
        if kind not in ("subscribe", "unsubscribe"):
            return error("Invalid message", f"{kind} is not a valid type")
        for channel, products in wanted:
            if channel not in CHANNELS:
                return error("Failed to subscribe", f"{channel} is not a valid channel")
            for product in products:
                if product not in PRODUCTS:
                    return error("Failed to subscribe", f"{product} is not a valid product")
        for channel, products in wanted:
            kept = self.channels.get(channel, [])
            if kind == "subscribe":
                kept = [*kept, *(name for name in products if name not in kept)]
            else:
                kept = [name for name in kept if products and name not in products]
            self.channels[channel] = kept
            for name in kept:
                self.products.setdefault(name, Product(name))
        return {
            "type": "subscriptions",
            "channels": [
                {"name": channel, "product_ids": products}
                for channel, products in self.channels.items()
                if products
            ],
        }


def channels_in(request: dict[str, Any]) -> list[tuple[str, list[str]]]:
    """The channels of a request, each with its own products or those of the request."""
    common = request.get("product_ids", [])
    return [
        (channel, common)
        if isinstance(channel, str)
        else (channel["name"], channel.get("product_ids", common))
        for channel in request["channels"]
    ]


def error(message: str, reason: str) -> dict[str, Any]:
    """An answer that says no."""
    return {"type": "error", "message": message, "reason": reason}


async def handle(ws: ServerConnection) -> None:
    """Serve one client."""
    with suppress(ConnectionClosed):
        await Client(ws).run()


def coinbase(port: int) -> AbstractAsyncContextManager[Server]:
    """Serve on 127.0.0.1."""
    return serve(handle, "127.0.0.1", port, server_header=None, close_timeout=1)


if __name__ == "__main__":
    main(coinbase, "")
