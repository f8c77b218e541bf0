"""Frames as the echo server reads and writes them, RFC 6455 section 5.2.

The rules are checked in the order, and violations told in the words, of gorilla/websocket 1.4.2
(``conn.go``, ``advanceFrame``). It is stricter than the RFC nowhere, and laxer in that it does not
look at whether text is UTF-8. ``websockets``' own parser cannot be used here: it refuses invalid
UTF-8 in Close frames with 1007 and a Close amid a fragmented message with 1002.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final, NamedTuple

try:
    from websockets.speedups import apply_mask
except ImportError:  # a platform without the compiled part
    from websockets.utils import apply_mask

__all__ = [
    "BINARY",
    "CLOSE",
    "PING",
    "PONG",
    "TEXT",
    "Frame",
    "FrameReader",
    "ProtocolViolation",
    "close_frame",
    "frame_header",
]

CONTINUATION: Final = 0x0
TEXT: Final = 0x1
BINARY: Final = 0x2
CLOSE: Final = 0x8
PING: Final = 0x9
PONG: Final = 0xA

_KNOWN: Final = frozenset({CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG})
_MAX_CONTROL: Final = 125
_SHORT: Final = struct.Struct("!H")
_LONG: Final = struct.Struct("!Q")


class ProtocolViolation(Exception):  # noqa: N818 - it is the client's error, not ours
    """The client broke a rule of RFC 6455; the message is the reason to close with 1002."""


class Frame(NamedTuple):
    """A frame from the client, unmasked."""

    fin: bool
    opcode: int
    payload: bytes


class FrameReader:
    """Cuts the bytes of a client into frames, whatever the pieces in which they come."""

    def __init__(self) -> None:
        self._pending = bytearray()
        self._needed = 0  # bytes without which looking at the pending ones again is in vain
        self._in_message = False

    def feed(self, data: memoryview) -> Iterator[Frame]:
        """The frames that these bytes complete. The bytes are not kept: they may be reused.

        The iterator must be exhausted before the next call.

        Raises:
            ProtocolViolation: at the first broken rule, after the frames before it.
        """
        if self._pending:
            self._pending += data
            if len(self._pending) < self._needed:
                return
            # A bytearray with a view on it cannot grow: look at it, and start another one.
            data, self._pending = memoryview(self._pending), bytearray()
        start, end = 0, len(data)
        while start < end:
            payload = start + 6  # two bytes, and the mask's four
            if start + 2 > end:
                self._needed = 2
                break
            first, second = data[start], data[start + 1]
            self._check(first, second)
            length = second & 0x7F
            if length >= 126:
                extended = _LONG if length == 127 else _SHORT
                payload += extended.size
                if payload > end:
                    self._needed = payload - start
                    break
                (length,) = extended.unpack_from(data, start + 2)
                if length >> 63:
                    raise ProtocolViolation("payload length has its first bit set")
            following = payload + length
            if following > end:
                self._needed = following - start
                break
            opcode, fin = first & 0x0F, first >= 0x80
            if opcode < CLOSE:
                self._in_message = not fin
            mask = bytes(data[payload - 4 : payload])
            yield Frame(fin, opcode, apply_mask(data[payload:following], mask))
            start = following
        self._pending += data[start:]

    def _check(self, first: int, second: int) -> None:
        """Apply the rules that the first two bytes of a frame can break."""
        if first & 0x70:
            raise ProtocolViolation(f"unexpected reserved bits 0x{first & 0x70:x}")
        opcode, fin = first & 0x0F, first >= 0x80
        if opcode not in _KNOWN:
            raise ProtocolViolation(f"unknown opcode {opcode}")
        if opcode >= CLOSE:
            if second & 0x7F > _MAX_CONTROL:
                raise ProtocolViolation("control frame length > 125")
            if not fin:
                raise ProtocolViolation("control frame not final")
        elif opcode == CONTINUATION:
            if not self._in_message:
                raise ProtocolViolation("continuation after final message frame")
        elif self._in_message:
            raise ProtocolViolation("message start before final message frame")
        if not second & 0x80:
            raise ProtocolViolation("incorrect mask flag")


def frame_header(opcode: int, length: int) -> bytes:
    """The header of a whole, unmasked frame, as servers send."""
    if length < 126:
        return bytes((0x80 | opcode, length))
    if length < 65536:
        return struct.pack("!BBH", 0x80 | opcode, 126, length)
    return struct.pack("!BBQ", 0x80 | opcode, 127, length)


def close_frame(code: int | None, reason: str = "") -> bytes:
    """A Close frame; an empty one if there is no code, RFC 6455 section 5.5.1."""
    payload = b"" if code is None else struct.pack("!H", code) + reason.encode()
    return frame_header(CLOSE, len(payload)) + payload
