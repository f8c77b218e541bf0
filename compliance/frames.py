"""Frames as the cases write them, and as a strict reader takes apart what is sent in answer.

RFC 6455 section 5.2. What is written may break any rule; what is read may break none.
"""

from __future__ import annotations

import struct
from typing import Final, NamedTuple

__all__ = [
    "BINARY",
    "CLOSE",
    "CONTINUATION",
    "PING",
    "PONG",
    "TEXT",
    "Frame",
    "ReadFrame",
    "binary",
    "close",
    "continuation",
    "fragments",
    "mask",
    "octets",
    "ping",
    "pong",
    "read_frame",
    "text",
]

CONTINUATION: Final = 0
TEXT: Final = 1
BINARY: Final = 2
CLOSE: Final = 8
PING: Final = 9
PONG: Final = 10

_KNOWN: Final = (CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG)
_MASK: Final = b"\x37\xfa\x21\x3d"  # that of the examples in section 5.7


class Frame(NamedTuple):
    """A frame to send.

    Attributes:
        opcode: 0 to 15.
        payload: what it carries.
        fin: whether it is the last of its message.
        rsv: the three reserved bits, RSV1 being 4.
        wrongly_masked: masked if servers send it, not masked if clients do.
        length: what the header says of the payload, whatever its size is.
        width: bits of the length: 7, 16 or 64; the shortest that will do by default.
    """

    opcode: int
    payload: bytes = b""
    fin: bool = True
    rsv: int = 0
    wrongly_masked: bool = False
    length: int | None = None
    width: int | None = None

    def wire(self, *, from_client: bool) -> bytes:
        """Its bytes."""
        length = len(self.payload) if self.length is None else self.length
        width = self.width or (7 if length < 126 else 16 if length < 65536 else 64)
        masked = from_client != self.wrongly_masked
        first = (0x80 if self.fin else 0) | self.rsv << 4 | self.opcode
        mark = 0x80 if masked else 0
        if width == 7:
            head = bytes((first, mark | length))
        elif width == 16:
            head = struct.pack("!BBH", first, mark | 126, length)
        else:
            head = struct.pack("!BBQ", first, mark | 127, length)
        return head + (_MASK + mask(self.payload, _MASK) if masked else self.payload)


def text(payload: str | bytes = b"", *, fin: bool = True, rsv: int = 0) -> Frame:
    """A text message, or the first fragment of one; as bytes it need not be UTF-8."""
    return Frame(TEXT, payload.encode() if isinstance(payload, str) else payload, fin, rsv)


def binary(payload: bytes = b"", *, fin: bool = True, rsv: int = 0) -> Frame:
    """A binary message, or the first fragment of one."""
    return Frame(BINARY, payload, fin, rsv)


def continuation(payload: str | bytes = b"", *, fin: bool = True, rsv: int = 0) -> Frame:
    """A further fragment."""
    data = payload.encode() if isinstance(payload, str) else payload
    return Frame(CONTINUATION, data, fin, rsv)


def ping(payload: bytes = b"") -> Frame:
    """A Ping."""
    return Frame(PING, payload)


def pong(payload: bytes = b"") -> Frame:
    """A Pong."""
    return Frame(PONG, payload)


def close(code: int | None = None, reason: str | bytes = b"") -> Frame:
    """A Close; without a code it is empty."""
    said = reason.encode() if isinstance(reason, str) else reason
    return Frame(CLOSE, b"" if code is None else struct.pack("!H", code) + said)


def fragments(opcode: int, payload: bytes, size: int, *, rsv: int = 0) -> tuple[Frame, ...]:
    """A message in fragments of this size, the last one smaller."""
    starts = range(0, len(payload), size) or range(1)
    return tuple(
        Frame(
            CONTINUATION if start else opcode,
            payload[start : start + size],
            start + size >= len(payload),
            0 if start else rsv,
        )
        for start in starts
    )


def octets(opcode: int, payload: bytes) -> tuple[Frame, ...]:
    """A message with each of its bytes in a fragment of its own."""
    return fragments(opcode, payload, 1)


def mask(payload: bytes, key: bytes) -> bytes:
    """The payload masked, or unmasked (section 5.3)."""
    size = len(payload)
    keys = (key * (size // 4 + 1))[:size]
    return (int.from_bytes(payload, "big") ^ int.from_bytes(keys, "big")).to_bytes(size, "big")


class ReadFrame(NamedTuple):
    """A frame that came, unmasked.

    Attributes:
        broken: the rules that its header breaks.
        key: the masking key; empty if there is none.
        size: bytes of the whole frame.
    """

    opcode: int
    payload: bytes
    fin: bool
    rsv: int
    key: bytes
    broken: tuple[str, ...]
    size: int


def read_frame(data: bytes | bytearray, *, from_client: bool) -> ReadFrame | None:
    """The frame at the start of the data, or ``None`` if it is not whole."""
    if len(data) < 2:
        return None
    first, second = data[0], data[1]
    width = {126: 2, 127: 8}.get(second & 0x7F, 0)
    masked = second & 0x80 > 0
    start = 2 + width + (4 if masked else 0)
    if len(data) < start:
        return None
    length = int.from_bytes(data[2 : 2 + width], "big") if width else second & 0x7F
    if len(data) < start + length:
        return None
    opcode, fin = first & 0x0F, first & 0x80 > 0
    broken = []
    if masked != from_client:
        broken.append(f"a {'client' if from_client else 'server'}'s frame has mask={masked}")
    if (width == 2 and length < 126) or (width == 8 and length < 65536):
        broken.append(f"a length of {length} in {8 * width} bits")
    if opcode not in _KNOWN:
        broken.append(f"opcode {opcode}")
    if opcode >= CLOSE and (length > 125 or not fin):
        broken.append(f"a control frame of {length} bytes with fin={fin}")
    payload = bytes(data[start : start + length])
    key = bytes(data[start - 4 : start]) if masked else b""
    if masked:
        payload = mask(payload, key)
    rsv = first >> 4 & 7
    return ReadFrame(opcode, payload, fin, rsv, key, tuple(broken), start + length)
