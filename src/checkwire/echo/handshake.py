"""The opening handshake, from the server's side, RFC 6455 section 4.2.

As gorilla/websocket 1.4.2 does it (``server.go``, ``Upgrade``): no subprotocol and no extension is
ever agreed on, any ``Origin`` is welcome, and a key only has to be there.
"""

from __future__ import annotations

import base64
import hashlib
from http import HTTPStatus
from typing import Final

from checkwire.echo.request import Request

__all__ = ["refusal", "switching_protocols"]

_GUID: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def refusal(request: Request) -> HTTPStatus | None:
    """The status by which to refuse an upgrade; ``None`` if it is as it must be."""
    if request.method != "GET":
        return HTTPStatus.METHOD_NOT_ALLOWED
    if not request.lists(b"sec-websocket-version", "13"):
        return HTTPStatus.BAD_REQUEST
    if not request.header(b"sec-websocket-key"):
        return HTTPStatus.BAD_REQUEST
    return None


def switching_protocols(request: Request) -> bytes:
    """The response that opens the WebSocket: these three headers and no other."""
    key = request.header(b"sec-websocket-key").encode("latin-1")
    accept = base64.b64encode(hashlib.sha1(key + _GUID, usedforsecurity=False).digest())
    return (
        b"HTTP/1.1 101 Switching Protocols\r\n"
        b"Upgrade: websocket\r\n"
        b"Connection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
    )
