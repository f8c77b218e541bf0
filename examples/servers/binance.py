"""A stand-in for Binance's trade streams, ``wss://stream.binance.com:9443/ws/btcusdt@trade``.

Trades come at once, raw at ``/ws/<stream>`` and wrapped at ``/stream?streams=<stream>/<stream>``;
``SUBSCRIBE``, ``UNSUBSCRIBE`` and ``LIST_SUBSCRIPTIONS`` are answered; the server pings.

Shapes: https://developers.binance.com/docs/binance-spot-api-docs/web-socket-streams
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import time
from contextlib import AbstractAsyncContextManager, suppress
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs, urlsplit

from market import Market
from serving import main, receive_until
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

TRADE_EVERY = 0.05
PING_EVERY = 20.0
PONG_WITHIN = 60.0
STREAM = re.compile(r"[a-z0-9]+@trade")
METHODS = ("SUBSCRIBE", "UNSUBSCRIBE", "LIST_SUBSCRIPTIONS")


class Client:
    """One connection: what it is subscribed to, and in which form it wants it."""

    def __init__(self, ws: ServerConnection, streams: list[str], combined: bool) -> None:
        self.ws = ws
        self.combined = combined
        self.streams: dict[str, Market] = {}
        self.subscribe(streams)

    def subscribe(self, streams: list[str]) -> None:
        for stream in streams:
            self.streams.setdefault(stream, Market(stream))

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            while (message := await receive_until(self.ws, due)) is not None:
                await self.ws.send(json.dumps(self.answer(message)))
            for stream, market in self.streams.items():
                await self.ws.send(json.dumps(self.event(stream, market)))
            due = loop.time() + TRADE_EVERY

    def event(self, stream: str, market: Market) -> dict[str, Any]:
        trade = market.trade()
        milliseconds = time.time_ns() // 1_000_000
        event = {
            "e": "trade",
            "E": milliseconds,
            "s": stream.partition("@")[0].upper(),
            "t": trade.id,
            "p": f"{trade.price:.8f}",
            "q": f"{trade.size:.8f}",
            "T": milliseconds,
            "m": trade.side == "sell",
            "M": True,
        }
        return {"stream": stream, "data": event} if self.combined else event

    def answer(self, message: str | bytes) -> dict[str, Any]:
        try:
            request = json.loads(message)
        except ValueError:
            return error(3, "Invalid JSON: expected value at line 1 column 1")
        if not isinstance(request, dict) or "method" not in request:
            return error(2, "Invalid request: missing field `method`")
        number, streams = request.get("id"), request.get("params", [])
        match request["method"]:
            case "SUBSCRIBE":
                self.subscribe([name for name in streams if STREAM.fullmatch(name)])
                return {"result": None, "id": number}
            case "UNSUBSCRIBE":
                for name in streams:
                    self.streams.pop(name, None)
                return {"result": None, "id": number}
            case "LIST_SUBSCRIPTIONS":
                return {"result": list(self.streams), "id": number}
            case other:
                expected = ", ".join(f"`{name}`" for name in METHODS)
                text = f"Invalid request: unknown variant {other}, expected one of {expected}"
                return error(2, text, number)


def error(code: int, text: str, number: object = None) -> dict[str, Any]:
    """An answer that says no."""
    return {"error": {"code": code, "msg": text}, "id": number}


def streams_of(target: str) -> tuple[list[str], bool] | None:
    """What a URL subscribes to, and whether combined; ``None`` if there is no such place."""
    url = urlsplit(target)
    if url.path == "/stream":
        names = parse_qs(url.query).get("streams", [""])[0].split("/")
        return [name for name in names if STREAM.fullmatch(name)], True
    if url.path == "/ws":
        return [], False
    if url.path.startswith("/ws/"):
        names = url.path.removeprefix("/ws/").split("/")
        return [name for name in names if STREAM.fullmatch(name)], False
    return None


def refuse_elsewhere(ws: ServerConnection, request: Request) -> Response | None:
    """Answer other paths by 404."""
    return ws.respond(HTTPStatus.NOT_FOUND, "") if streams_of(request.path) is None else None


async def handle(ws: ServerConnection) -> None:
    """Serve one client."""
    assert ws.request is not None
    found = streams_of(ws.request.path)
    assert found is not None
    with suppress(ConnectionClosed):
        await Client(ws, *found).run()


def binance(port: int, ping_every: float = PING_EVERY) -> AbstractAsyncContextManager[Server]:
    """Serve on 127.0.0.1."""
    return serve(
        handle,
        "127.0.0.1",
        port,
        process_request=refuse_elsewhere,
        ping_interval=ping_every,
        ping_timeout=PONG_WITHIN,
        server_header=None,
        close_timeout=1,
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--ping-every", type=float, default=PING_EVERY, metavar="SECONDS")
    main(binance, "/ws/btcusdt@trade", parser)
