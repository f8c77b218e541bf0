"""From frames to messages (RFC 6455 section 5.4), with UTF-8 checked as it comes (section 8.1)."""

from __future__ import annotations

import codecs
from typing import Any

from websockets.frames import Frame, Opcode

__all__ = ["Assembler"]

_TEXT = Opcode.TEXT
_utf8_decoder = codecs.getincrementaldecoder("utf-8")


class Assembler:
    """Joins the fragments of one connection's messages."""

    __slots__ = ("_decoder", "_parts", "_size")

    def __init__(self) -> None:
        self._parts: list[Any] | None = None
        self._decoder: Any = None
        self._size = 0
        """Bytes of text before the current fragment."""

    def add(self, frame: Frame) -> str | bytes | None:
        """The message that this data frame completes, or ``None`` if it does not.

        Raises:
            UnicodeDecodeError: text that is not UTF-8, as soon as that is certain. ``start``
                counts from the beginning of the message.
        """
        if self._parts is None:
            if frame.fin:
                if frame.opcode is _TEXT:
                    return str(frame.data, "utf-8")
                return bytes(frame.data)
            self._parts = []
            self._size = 0
            self._decoder = _utf8_decoder() if frame.opcode is _TEXT else None
        if self._decoder is None:
            self._parts.append(frame.data)
        else:
            self._parts.append(self._decode(frame.data, frame.fin))
        if not frame.fin:
            return None
        parts, self._parts = self._parts, None
        if self._decoder is None:
            return b"".join(parts)
        self._decoder = None
        return "".join(parts)

    def _decode(self, data: Any, final: bool) -> str:
        try:
            text: str = self._decoder.decode(data, final)
        except UnicodeDecodeError as error:
            # The decoder counts from what it held back of the fragments before.
            error.start += self._size - len(self._decoder.getstate()[0])
            raise
        self._size += len(data)
        return text
