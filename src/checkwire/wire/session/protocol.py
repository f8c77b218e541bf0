"""The WebSocket protocol: that of ``websockets``, with an ear at its innermost point."""

from __future__ import annotations

import logging
import sys
from typing import Any, NamedTuple

from websockets.client import ClientProtocol
from websockets.datastructures import Headers
from websockets.exceptions import PayloadTooBig
from websockets.extensions import Extension
from websockets.frames import Frame, Opcode
from websockets.streams import StreamReader
from websockets.typing import ExtensionName

from checkwire.wire.session.assembly import Assembler

__all__ = ["MeasuredProtocol", "WrittenFrame"]

_TEXT, _BINARY, _CONT, _CLOSE = Opcode.TEXT, Opcode.BINARY, Opcode.CONT, Opcode.CLOSE
_CONTROL_LIMIT = 125
"""Bytes that a control frame may hold (RFC 6455 section 5.5)."""

_between = StreamReader.at_eof.__code__
"""Where the parser waits when it is in no frame."""

_logger = logging.getLogger("checkwire.wire.session.protocol")
_logger.addHandler(logging.NullHandler())
_logger.propagate = False  # What goes wrong is told as a failure, not as a log line.


class WrittenFrame(NamedTuple):
    """A frame as it goes out: ``data`` is the payload on the wire, compressed if it is."""

    opcode: Opcode
    fin: bool
    compressed: bool
    data: Any


class _Tap(Extension):
    """Sees each frame as it is on the wire: last on the way out, first on the way in.

    It is not an extension of the protocol, it only stands where one would.
    """

    name = ExtensionName("checkwire-tap")

    def __init__(self) -> None:
        self.written: list[WrittenFrame] = []
        self.read: list[tuple[int, bool]] | None = None

    def decode(self, frame: Frame, *, max_size: int | None = None) -> Frame:
        if self.read is not None:
            self.read.append((len(frame.data), frame.rsv1))
        return frame

    def encode(self, frame: Frame) -> Frame:
        self.written.append(WrittenFrame(frame.opcode, frame.fin, frame.rsv1, frame.data))
        return frame


class MeasuredProtocol(ClientProtocol):
    """A client's protocol that joins fragments, and tells the size of each frame on the wire.

    Attributes:
        extension_header: the extensions in use, with their parameters, as the server named them.
        cut_short: whether the server closed in the middle of a message.
    """

    def __init__(self, *args: Any, max_size: int | None, **kwargs: Any) -> None:
        # What is left of the limit in a fragmented message is applied to control frames too, which
        # may come in between; so they get their 125 bytes, and messages are measured here.
        limit = None if max_size is None else max_size + _CONTROL_LIMIT
        super().__init__(*args, max_size=limit, **kwargs, logger=_logger)
        self._limit = sys.maxsize if max_size is None else max_size
        self._assembler = Assembler()
        self._assembled: list[str | bytes | None] = []
        self._tap = _Tap()
        self.extension_header: tuple[str, ...] = ()
        self.cut_short = False

    def process_extensions(self, headers: Headers) -> list[Extension]:
        """Also lets the tap listen, before the first frame is parsed."""
        accepted = super().process_extensions(headers)
        self.extension_header = tuple(headers.get_all("Sec-WebSocket-Extensions"))
        if accepted:
            # Without an extension a frame is on the wire as it is delivered.
            self._tap.read = []
        return [*accepted, self._tap]

    def recv_frame(self, frame: Frame) -> None:
        """Also joins fragments, so that nothing is parsed behind a message that must be refused.

        A Close frame between fragments is taken for what it is: control frames may come there
        (RFC 6455 section 5.4), and nothing says that a server must finish what it was sending.
        The base class answers with 1002.
        """
        opcode, before = frame.opcode, self.current_size
        if opcode is _CLOSE and before is not None:
            self.cut_short = True
            self.current_size = None
        super().recv_frame(frame)
        if opcode is _TEXT or opcode is _BINARY or opcode is _CONT:
            room = self._limit - (before or 0)
            if len(frame.data) > room:
                self.current_size = before
                raise PayloadTooBig(len(frame.data), room)
            self._assembled.append(self._assembler.add(frame))

    def take_assembled(self) -> list[str | bytes | None]:
        """For each data frame parsed since the last call the message that it completes, if any.

        One less than there are frames when the last of them had to be refused.
        """
        assembled = self._assembled
        if assembled:
            self._assembled = []
        return assembled

    @property
    def between_frames(self) -> bool:
        """Whether the next byte is the first one of a frame."""
        waiting: Any = self.parser
        while waiting.gi_yieldfrom is not None:
            waiting = waiting.gi_yieldfrom
        return bool(waiting.gi_code is _between)

    def release(self) -> None:
        """No more will be parsed.

        The parser is a generator, whose frame holds this protocol: ended, both go at once.
        """
        self.parser.close()

    def take_written(self) -> list[WrittenFrame]:
        """The frames serialised since the last call, automatic pongs and closes included."""
        written = self._tap.written
        if written:
            self._tap.written = []
        return written

    def take_read(self) -> list[tuple[int, bool]] | None:
        """Wire size and compression of the frames parsed since the last call.

        ``None`` if no extension is in use. May hold one more than there are frames, when that
        one broke the protocol.
        """
        read = self._tap.read
        if read:
            self._tap.read = []
        return read
