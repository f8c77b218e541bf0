"""The opening handshake, on the side of the cases (RFC 6455 sections 4.1 and 4.2)."""

from __future__ import annotations

import asyncio
from base64 import b64decode, b64encode
from binascii import Error
from hashlib import sha1
from typing import Final

from compliance.case import Case

__all__ = ["REQUEST", "accept_key", "answer", "flaws"]

_GUID: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_KEY: Final = "dGhlIHNhbXBsZSBub25jZQ=="

REQUEST: Final = (
    "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    f"Sec-WebSocket-Key: {_KEY}\r\nSec-WebSocket-Version: 13\r\n\r\n"
).encode()
"""What the scripted client asks."""


def accept_key(key: str = _KEY) -> str:
    """What answers a Sec-WebSocket-Key (section 4.2.2)."""
    return b64encode(sha1(key.encode() + _GUID).digest()).decode()


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, case: Case) -> str:
    """Read the client's request, and answer as the case says; returns the request."""
    request = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    accept = accept_key(_headers(request).get("sec-websocket-key", [""])[0]).encode()
    whole = case.answer or _ordinary(case.extension)
    whole = whole.replace(b"{accept}", accept).replace(b"{ACCEPT}", accept.swapcase())
    writer.write(whole)
    await writer.drain()
    return request


def _ordinary(extension: str) -> bytes:
    lines = [
        "HTTP/1.1 101 Switching Protocols",
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Accept: {accept}",
    ]
    if extension:
        lines.append(f"Sec-WebSocket-Extensions: {extension}")
    return "\r\n".join([*lines, "", ""]).encode()


def flaws(request: str, case: Case) -> list[str]:
    """What is wrong with a client's request (section 4.1)."""
    wrong = []
    if request.partition("\r\n")[0] != "GET / HTTP/1.1":
        wrong.append(f"request line {request.partition(chr(13))[0]!r}")
    headers = _headers(request)
    for name, wanted in (
        ("upgrade", "websocket"),
        ("connection", "upgrade"),
        ("sec-websocket-version", "13"),
    ):
        if [value.lower() for value in headers.get(name, [])] != [wanted]:
            wrong.append(f"{name}: {headers.get(name)}")
    once = ("host", "sec-websocket-key")
    wrong += (f"{n}: {headers.get(n)}" for n in once if len(headers.get(n, [])) != 1)
    try:
        if len(b64decode(headers["sec-websocket-key"][0], validate=True)) != 16:
            wrong.append("the key is not one of 16 bytes")
    except (KeyError, Error):
        wrong.append("the key is not base64")
    offered = headers.get("sec-websocket-protocol", [])
    if offered != ([", ".join(case.subprotocols)] if case.subprotocols else []):
        wrong.append(f"sec-websocket-protocol: {offered}")
    return wrong


def _headers(head: str) -> dict[str, list[str]]:
    headers: dict[str, list[str]] = {}
    for line in head.split("\r\n")[1:]:
        name, colon, value = line.partition(":")
        if colon:
            headers.setdefault(name.lower(), []).append(value.strip())
    return headers
