"""The WebSocket protocol: that of ``websockets``, with an ear at its innermost point."""

from __future__ import annotations

import logging
from typing import Any, NamedTuple

from websockets.client import ClientProtocol
from websockets.datastructures import Headers
from websockets.extensions import Extension
from websockets.frames import Frame, Opcode
from websockets.streams import StreamReader
from websockets.typing import ExtensionName

__all__ = ["MeasuredProtocol", "WrittenFrame"]

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
    """A client's protocol that tells the size of each frame on the wire.

    Attributes:
        extension_header: the extensions in use, with their parameters, as the server named them.
        cut_short: whether the server closed in the middle of a message.
    """

    def __init__(self, *args: Any, max_size: int | None, **kwargs: Any) -> None:
        # What is left of the limit in a fragmented message is applied to control frames too, which
        # may come in between; so they get their 125 bytes, and messages are measured outside.
        limit = None if max_size is None else max_size + _CONTROL_LIMIT
        super().__init__(*args, max_size=limit, **kwargs, logger=_logger)
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
        """Also takes a Close frame between the fragments of a message for what it is.

        Control frames may come there (RFC 6455 section 5.4), Close frames too: nothing says that
        a server must finish what it was sending. The base class answers with 1002.
        """
        if frame.opcode is Opcode.CLOSE and self.current_size is not None:
            self.cut_short = True
            self.current_size = None
        super().recv_frame(frame)

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
