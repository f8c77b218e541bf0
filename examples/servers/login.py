"""A small service with a login: HTTP and WebSockets on one port.

- ``POST /login`` with ``{"key": "demo-key"}`` gives ``{"token": ...}``; another key gives 401.
- ``GET /me`` with ``Authorization: Bearer <token>`` says who that is.
- ``/orders``, a WebSocket, wants the same header (401 without it). ``{"action": "subscribe",
  "channel": "updates"}`` is acknowledged, then come the updates of orders.
- ``/chat`` speaks the subprotocol ``chat.v2`` and no other: who does not offer it gets 400.
- ``/binary`` takes ``!HI`` (operation, id) and answers ``!HIdQ`` (operation with its first bit set,
  the id, a price, nanoseconds since 1970).
"""

from __future__ import annotations

import asyncio
import json
import struct
import time
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager, suppress
from http import HTTPStatus
from itertools import cycle

import h11
from market import Market
from serving import main, receive_until
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed, NegotiationError
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

API_KEY = "demo-key"
TOKEN = "demo-token-5f2c81"
SUBPROTOCOL = Subprotocol("chat.v2")
ORDER_EVERY = 0.1
QUERY = struct.Struct("!HI")
REPLY = struct.Struct("!HIdQ")


class Connection(ServerConnection):
    """A connection that may also bring a POST: ``websockets`` itself takes GET requests alone."""

    post: h11.Connection | None = None
    target = b""
    body = b""

    def data_received(self, data: bytes) -> None:
        """Take a POST aside; the rest is for ``websockets``."""
        if self.post is None and data.startswith(b"POST "):
            self.post = h11.Connection(h11.SERVER)
        if self.post is None:
            super().data_received(data)
            return
        try:
            self.post.receive_data(data)
            self.read_post(self.post)
        except h11.RemoteProtocolError:
            self.transport.close()

    def read_post(self, http: h11.Connection) -> None:
        while True:
            event = http.next_event()
            if isinstance(event, h11.Request):
                self.target = event.target
            elif isinstance(event, h11.Data):
                self.body += event.data
            else:
                break
        if isinstance(event, h11.EndOfMessage):
            status, answer = log_in(self.target.decode(), self.body)
            content = json.dumps(answer).encode()
            headers = [
                ("Content-Type", "application/json"),
                ("Content-Length", str(len(content))),
                ("Connection", "close"),
            ]
            head = h11.Response(status_code=status, reason=status.phrase, headers=headers)
            for part in (head, h11.Data(content), h11.EndOfMessage()):
                self.transport.write(http.send(part) or b"")
            self.transport.close()


def log_in(target: str, body: bytes) -> tuple[HTTPStatus, dict[str, str]]:
    """Answer a POST."""
    if target != "/login":
        return HTTPStatus.NOT_FOUND, {"error": f"no such resource: {target}"}
    try:
        key = json.loads(body)["key"]
    except (ValueError, TypeError, KeyError):
        return HTTPStatus.BAD_REQUEST, {"error": 'send {"key": "..."}'}
    if key != API_KEY:
        return HTTPStatus.UNAUTHORIZED, {"error": "wrong key"}
    return HTTPStatus.OK, {"token": TOKEN}


def answer_get(ws: ServerConnection, request: Request) -> Response | None:
    """Answer what is no WebSocket, and who may not have one."""
    known = request.headers.get("Authorization") == f"Bearer {TOKEN}"
    match request.path:
        case "/me" if known:
            return as_json(ws, HTTPStatus.OK, {"name": "demo"})
        case "/me" | "/orders" if not known:
            return as_json(ws, HTTPStatus.UNAUTHORIZED, {"error": "missing or wrong token"})
        case "/orders" | "/chat" | "/binary":
            return None
        case path:
            return as_json(ws, HTTPStatus.NOT_FOUND, {"error": f"no such resource: {path}"})


def as_json(ws: ServerConnection, status: HTTPStatus, content: dict[str, str]) -> Response:
    """A response in JSON."""
    response = ws.respond(status, json.dumps(content))
    del response.headers["Content-Type"]
    response.headers["Content-Type"] = "application/json"
    return response


def select_subprotocol(ws: ServerConnection, offered: Sequence[Subprotocol]) -> Subprotocol | None:
    """Insist on ours for the chat; elsewhere there are none."""
    if ws.request is None or ws.request.path != "/chat":
        return None
    if SUBPROTOCOL not in offered:
        raise NegotiationError(f"this is {SUBPROTOCOL}, offered was {', '.join(offered) or 'none'}")
    return SUBPROTOCOL


async def orders(ws: ServerConnection) -> None:
    """Updates of orders, once subscribed."""
    market, number, subscribed = Market("orders"), 0, False
    loop = asyncio.get_running_loop()
    for status in cycle(("open", "open", "filled", "open", "cancelled")):
        due = loop.time() + ORDER_EVERY
        while (message := await receive_until(ws, due)) is not None:
            match json.loads(message):
                case {"action": "subscribe", "channel": "updates"}:
                    subscribed = True
                    await ws.send(json.dumps({"type": "ack", "channel": "updates"}))
                case {"action": action}:
                    text = f"cannot {action}: subscribe to the channel updates"
                    await ws.send(json.dumps({"type": "error", "message": text}))
                case _:
                    await ws.send(json.dumps({"type": "error", "message": "no action"}))
        if subscribed:
            trade, number = market.trade(), number + 1
            update = {
                "type": "order",
                "sequence": number,
                "id": f"A-{1000 + number // 2}",
                "side": trade.side,
                "price": f"{trade.price:.2f}",
                "quantity": f"{trade.size:.8f}",
                "status": status,
            }
            await ws.send(json.dumps(update))


async def chat(ws: ServerConnection) -> None:
    """A room with an echo."""
    await ws.send(json.dumps({"type": "welcome", "protocol": ws.subprotocol}))
    async for message in ws:
        text = json.loads(message)["say"]
        await ws.send(json.dumps({"type": "message", "from": "you", "text": text}))


async def binary(ws: ServerConnection) -> None:
    """Prices, in binary."""
    market = Market("binary")
    async for message in ws:
        if isinstance(message, str) or len(message) != QUERY.size:
            await ws.close(1003, f"send {QUERY.size} bytes: {QUERY.format}")
            return
        operation, number = QUERY.unpack(message)
        price = market.trade().price
        await ws.send(REPLY.pack(operation | 0x8000, number, price, time.time_ns()))


async def handle(ws: ServerConnection) -> None:
    """Serve one client."""
    assert ws.request is not None
    with suppress(ConnectionClosed):
        try:
            await {"/orders": orders, "/chat": chat, "/binary": binary}[ws.request.path](ws)
        except (ValueError, TypeError, KeyError):
            await ws.close(1007, "that is not what is understood here")


def login(port: int) -> AbstractAsyncContextManager[Server]:
    """Serve on 127.0.0.1."""
    return serve(
        handle,
        "127.0.0.1",
        port,
        process_request=answer_get,
        select_subprotocol=select_subprotocol,
        create_connection=Connection,
        server_header=None,
        close_timeout=1,
    )


if __name__ == "__main__":
    main(login, "/orders")
