"""permessage-deflate as the cases' side of the connection does it (RFC 7692 section 7.2)."""

from __future__ import annotations

import zlib
from collections.abc import Iterable

from compliance.frames import BINARY, TEXT, Frame, fragments

__all__ = ["Inflater", "compressed", "deflated", "parameters"]

_TAIL = b"\x00\x00\xff\xff"
_LEAST_WINDOW = 9
"""Bits. With 8, which zlib does not do, it can be had too: with 9 it looks back 250 bytes."""


def parameters(extension: str) -> dict[str, int]:
    """The parameters in a Sec-WebSocket-Extensions header; those without a value are 1."""
    named = (part.partition("=") for part in extension.split(";")[1:])
    return {name.strip(): int(value) if equals else 1 for name, equals, value in named}


def deflated(messages: Iterable[bytes], *, bits: int = 15, takeover: bool = True) -> list[bytes]:
    """The messages' payloads as they go over the wire."""
    payloads: list[bytes] = []
    deflate = None
    for message in messages:
        if deflate is None or not takeover:
            deflate = zlib.compressobj(wbits=-max(bits, _LEAST_WINDOW))
        data = deflate.compress(message) + deflate.flush(zlib.Z_SYNC_FLUSH)
        payloads.append(data.removesuffix(_TAIL))
    return payloads


def compressed(
    messages: Iterable[str | bytes], extension: str = "", fragment: int = 1 << 62
) -> tuple[Frame, ...]:
    """The frames by which a server sends the messages, having agreed on these parameters."""
    agreed = parameters(extension)
    messages = list(messages)
    raw = (message.encode() if isinstance(message, str) else message for message in messages)
    payloads = deflated(
        raw,
        bits=agreed.get("server_max_window_bits", 15),
        takeover="server_no_context_takeover" not in agreed,
    )
    return tuple(
        frame
        for message, payload in zip(messages, payloads, strict=True)
        for frame in fragments(
            TEXT if isinstance(message, str) else BINARY, payload, fragment, rsv=4
        )
    )


class Inflater:
    """Inflates what a client sends, with no larger a window than was agreed on."""

    def __init__(self, extension: str) -> None:
        agreed = parameters(extension)
        self._bits = agreed.get("client_max_window_bits", 15)
        self._takeover = "client_no_context_takeover" not in agreed
        self._stream = self._fresh()

    def inflate(self, payload: bytes) -> bytes:
        """A message.

        Raises:
            zlib.error: it cannot be inflated so.
        """
        if not self._takeover:
            self._stream = self._fresh()
        if self._bits == 15:
            return self._stream.decompress(payload + _TAIL)
        # zlib takes what it has put out in one call for a part of the window. So it is let put
        # out one byte at a time, and the window is no larger than it says.
        data = bytearray()
        for byte in payload + _TAIL:
            more = self._stream.decompress(bytes((byte,)), 1)
            while more or self._stream.unconsumed_tail:
                data += more
                more = self._stream.decompress(self._stream.unconsumed_tail, 1)
        return bytes(data)

    def _fresh(self) -> zlib._Decompress:
        return zlib.decompressobj(wbits=-self._bits)
