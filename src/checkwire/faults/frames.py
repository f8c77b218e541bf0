"""WebSocket frames byte by byte: well-formed ones, and any other (RFC 6455 5.2)."""

from __future__ import annotations

import struct
import zlib
from typing import NamedTuple

__all__ = [
    "BINARY",
    "CLOSE",
    "CONTINUATION",
    "PING",
    "PONG",
    "TEXT",
    "SeenFrame",
    "close",
    "deflated",
    "frame",
    "masked",
    "parse",
    "text",
]

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10


class SeenFrame(NamedTuple):
    """A frame that a peer received, unmasked."""

    opcode: int
    payload: bytes
    fin: bool
    rsv: int
    masked: bool


def frame(
    opcode: int,
    payload: bytes = b"",
    *,
    fin: bool = True,
    rsv: int = 0,
    mask: bytes | None = None,
    length: int | None = None,
    width: int | None = None,
) -> bytes:
    """A frame, as a server sends it unless there is a ``mask``.

    Args:
        rsv: the three reserved bits, RSV1 being 4.
        length: what the header says of the payload, whatever its size is.
        width: bits of the length: 7, 16 or 64; the shortest that will do by default.
    """
    said = len(payload) if length is None else length
    if width is None:
        width = 7 if said < 126 else 16 if said < 65536 else 64
    first = (0x80 if fin else 0) | rsv << 4 | opcode
    mark = 0 if mask is None else 0x80
    if width == 7:
        head = bytes((first, mark | said))
    elif width == 16:
        head = struct.pack("!BBH", first, mark | 126, said)
    else:
        head = struct.pack("!BBQ", first, mark | 127, said)
    if mask is None:
        return head + payload
    return head + mask + masked(payload, mask)


def masked(payload: bytes, mask: bytes) -> bytes:
    """The payload masked, or unmasked (RFC 6455 section 5.3)."""
    size = len(payload)
    key = (mask * (size // 4 + 1))[:size]
    return (int.from_bytes(payload, "big") ^ int.from_bytes(key, "big")).to_bytes(size, "big")


def parse(data: bytes) -> tuple[SeenFrame, bytes] | None:
    """The first frame in the data and what follows it, or ``None`` if it is not whole."""
    if len(data) < 2:
        return None
    first, second = data[:2]
    width = {126: 2, 127: 8}.get(second & 0x7F, 0)
    length = int.from_bytes(data[2 : 2 + width], "big") if width else second & 0x7F
    start = 2 + width + (4 if second & 0x80 else 0)
    if len(data) < start + length:
        return None
    payload = data[start : start + length]
    if second & 0x80:
        payload = masked(payload, data[start - 4 : start])
    seen = SeenFrame(first & 0x0F, payload, bool(first & 0x80), first >> 4 & 7, bool(second & 0x80))
    return seen, data[start + length :]


def text(message: str) -> bytes:
    """A text message in one frame."""
    return frame(TEXT, message.encode())


def close(code: int | None = None, reason: str | bytes = "") -> bytes:
    """A Close frame; without a code it is empty."""
    if isinstance(reason, str):
        reason = reason.encode()
    return frame(CLOSE, (b"" if code is None else struct.pack("!H", code)) + reason)


def deflated(payload: bytes) -> bytes:
    """A message's payload as permessage-deflate sends it, without context (RFC 7692 7.2.1)."""
    deflate = zlib.compressobj(wbits=-15)
    return (deflate.compress(payload) + deflate.flush(zlib.Z_SYNC_FLUSH))[:-4]
