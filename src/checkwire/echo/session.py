"""The conversation on one WebSocket of the echo server, without any input or output."""

from __future__ import annotations

from typing import Final

from checkwire.echo.frames import (
    CLOSE,
    PING,
    PONG,
    FrameReader,
    ProtocolViolation,
    close_frame,
    frame_header,
)

__all__ = ["EchoSession"]

_CODES_RECEIVED: Final = frozenset({1000, 1001, 1002, 1003, *range(1007, 1014)})
"""Codes below 3000 that a client may send; gorilla/websocket 1.4.2 does not know 1014 yet."""


class EchoSession:
    """Echoes messages, answers pings, and closes as gorilla/websocket does.

    Messages keep their type; fragments come back as one frame. There is no limit on size, and
    text need not be UTF-8. A Close frame is answered by one with its code and no reason.

    Attributes:
        messages: how many were echoed.
        ended: no more is to be received or sent.
        close_code: the code received (1005 if the Close frame had none), or 1002 if the client
            broke the protocol; ``None`` while neither is the case.
    """

    def __init__(self) -> None:
        self.messages = 0
        self.ended = False
        self.close_code: int | None = None
        self._reader = FrameReader()
        self._fragments: list[bytes] = []
        self._opcode = 0
        self._closing = False

    def receive(self, data: memoryview) -> bytes:
        """What to send in answer to these bytes; look at :attr:`ended` afterwards."""
        answer: list[bytes] = []
        try:
            for fin, opcode, payload in self._reader.feed(data):
                if opcode == CLOSE:
                    answer.append(self._closed(payload))
                    break
                if self._closing or opcode == PONG:
                    continue
                if opcode == PING:
                    answer += frame_header(PONG, len(payload)), payload
                elif fin and not self._fragments:
                    self.messages += 1
                    answer += frame_header(opcode, len(payload)), payload
                else:
                    self._gather(fin, opcode, payload, answer)
        except ProtocolViolation as violation:
            answer.append(self._fail(str(violation)))
        return b"".join(answer)

    def go_away(self) -> bytes:
        """The Close frame of a server that shuts down; nothing is echoed any more."""
        if self.ended or self._closing:
            return b""
        self._closing = True
        return close_frame(1001)

    def _gather(self, fin: bool, opcode: int, payload: bytes, answer: list[bytes]) -> None:
        if not self._fragments:
            self._opcode = opcode
        self._fragments.append(payload)
        if fin:
            message = b"".join(self._fragments)
            self._fragments.clear()
            self.messages += 1
            answer += frame_header(self._opcode, len(message)), message

    def _closed(self, payload: bytes) -> bytes:
        # A payload of one byte holds no code; gorilla takes it for an empty one.
        code = int.from_bytes(payload[:2], "big") if len(payload) >= 2 else None
        if code is not None:
            if code not in _CODES_RECEIVED and not 3000 <= code <= 4999:
                return self._fail("invalid close code")
            try:
                payload[2:].decode()
            except UnicodeDecodeError:
                return self._fail("invalid utf8 payload in close frame")
        self.ended = True
        self.close_code = 1005 if code is None else code
        return b"" if self._closing else close_frame(code)

    def _fail(self, reason: str) -> bytes:
        self.ended = True
        self.close_code = 1002
        return b"" if self._closing else close_frame(1002, reason)
