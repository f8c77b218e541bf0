"""From frames to messages (RFC 6455 section 5.4), with UTF-8 checked as it comes (section 8.1)."""

from __future__ import annotations

import codecs
from io import StringIO
from typing import Any

from websockets.frames import Frame, Opcode

__all__ = ["Assembler"]

_TEXT = Opcode.TEXT
_utf8_decoder = codecs.getincrementaldecoder("utf-8")


class Assembler:
    """Joins the fragments of one connection's messages.

    Each is joined as it comes: of many that are small or empty nothing is kept but what they hold.
    """

    __slots__ = ("_binary", "_decoder", "_size", "_text")

    def __init__(self) -> None:
        self._binary: bytearray | None = None
        self._text: StringIO | None = None
        self._decoder: Any = None
        self._size = 0
        """Bytes of text before the current fragment."""

    def add(self, frame: Frame) -> str | bytes | None:
        """The message that this data frame completes, or ``None`` if it does not.

        Raises:
            UnicodeDecodeError: text that is not UTF-8, as soon as that is certain. ``start``
                counts from the beginning of the message.
        """
        if self._binary is None and self._text is None:
            if frame.fin:
                if frame.opcode is _TEXT:
                    return str(frame.data, "utf-8")
                return bytes(frame.data)
            if frame.opcode is _TEXT:
                self._text, self._decoder, self._size = StringIO(), _utf8_decoder(), 0
            else:
                self._binary = bytearray()
        message: str | bytes
        if self._text is not None:
            self._text.write(self._decode(frame.data, frame.fin))
            if not frame.fin:
                return None
            message = self._text.getvalue()
            self._text = self._decoder = None
            return message
        assert self._binary is not None
        self._binary += frame.data
        if not frame.fin:
            return None
        message = bytes(self._binary)
        self._binary = None
        return message

    def _decode(self, data: Any, final: bool) -> str:
        try:
            text: str = self._decoder.decode(data, final)
        except UnicodeDecodeError as error:
            # The decoder counts from what it held back of the fragments before.
            error.start += self._size - len(self._decoder.getstate()[0])
            raise
        self._size += len(data)
        return text
