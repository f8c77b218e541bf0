"""The WebSocket protocol: that of ``websockets``, with an ear at its innermost point."""

from __future__ import annotations

import logging
import sys
from collections.abc import Generator
from typing import Any, NamedTuple

from websockets.client import ClientProtocol
from websockets.datastructures import Headers
from websockets.exceptions import PayloadTooBig, ProtocolError
from websockets.extensions import Extension
from websockets.frames import Frame, Opcode
from websockets.streams import StreamReader
from websockets.typing import ExtensionName

__all__ = ["MeasuredProtocol", "WrittenFrame"]

_CONTROL_LIMIT = 125
"""Bytes that a control frame may hold (RFC 6455 section 5.5)."""

_HEADER = 2
"""Bytes of the smallest frame header (RFC 6455 section 5.2)."""

_parsing = ClientProtocol.parse.__code__

_logger = logging.getLogger("checkwire.wire.session.protocol")
_logger.addHandler(logging.NullHandler())
_logger.propagate = False  # What goes wrong is told as a failure, not as a log line.


class WrittenFrame(NamedTuple):
    """A frame as it goes out: ``data`` is the payload on the wire, compressed if it is."""

    opcode: Opcode
    fin: bool
    compressed: bool
    data: Any


class _Reader(StreamReader):
    """What the parser reads from; it tells what the parser waits for.

    Attributes:
        needed: bytes without which the frame under way cannot be read further.
        between_frames: whether the next byte is the first one of a frame.
    """

    def __init__(self) -> None:
        super().__init__()
        self.needed = 0
        self.between_frames = False

    def read_exact(self, n: int) -> Generator[None, None, bytearray]:
        """As its parent does it; bytes that came as asked for are handed over without a copy."""
        while (have := len(self.buffer)) < n:
            if self.eof:
                raise EOFError(f"stream ends after {have} bytes, expected {n} bytes")
            self.needed = n - have
            yield
        self.needed = 0
        if have == n:
            taken, self.buffer = self.buffer, bytearray()
        else:
            taken = self.buffer[:n]
            del self.buffer[:n]
        return taken

    def at_eof(self) -> Generator[None, None, bool]:
        """As its parent does it."""
        while not self.buffer:
            if self.eof:
                return True
            self.between_frames = True
            yield
            self.between_frames = False
        return False


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
    """A client's protocol that tells the size of each frame on the wire."""

    def __init__(self, *args: Any, max_size: int | None, **kwargs: Any) -> None:
        # What is left of the limit in a fragmented message is applied to control frames too, which
        # may come in between; so they get their 125 bytes, and messages are measured outside.
        limit = None if max_size is None else max_size + _CONTROL_LIMIT
        super().__init__(*args, max_size=limit, **kwargs, logger=_logger)
        self.reader: _Reader = _Reader()
        self.parser: Generator[None] = self.parse()  # the one before has the reader before
        next(self.parser)
        self._tap = _Tap()
        self.extension_header: tuple[str, ...] = ()
        """The extensions in use, with their parameters, as the server named them."""

    def process_extensions(self, headers: Headers) -> list[Extension]:
        """Also lets the tap listen, before the first frame is parsed."""
        accepted = super().process_extensions(headers)
        self.extension_header = tuple(headers.get_all("Sec-WebSocket-Extensions"))
        if accepted:
            # Without an extension a frame is on the wire as it is delivered.
            self._tap.read = []
        return [*accepted, self._tap]

    @property
    def deflate(self) -> Extension | None:
        """permessage-deflate, if it is in use."""
        return self.extensions[0] if len(self.extensions) > 1 else None

    @property
    def between_frames(self) -> bool:
        """Whether the next byte is the first one of a frame."""
        return self.reader.between_frames

    @property
    def between_messages(self) -> bool:
        """Whether it is, moreover, of no fragment of a message, and is not to be discarded."""
        return self.reader.between_frames and self.current_size is None and not self.discarding

    @property
    def discarding(self) -> bool:
        """Whether all that may still come is of no interest (RFC 6455 sections 1.4 and 7.1.7)."""
        parser: Any = self.parser
        return parser.gi_code is not _parsing

    @property
    def appetite(self) -> int:
        """Bytes that bring the parser a step further, not beyond the end of the frame."""
        return sys.maxsize if self.discarding else self.reader.needed or _HEADER

    def reject(self, error: ProtocolError | PayloadTooBig) -> None:
        """Have the parser, which is between messages, react to this as if it had found it."""
        self.parser.throw(error)

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
