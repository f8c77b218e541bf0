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
from websockets.frames import CloseCode, Frame, Opcode
from websockets.streams import StreamReader
from websockets.typing import ExtensionName

from checkwire.wire.session.assembly import Assembler

__all__ = ["MeasuredProtocol", "UnreadableReason", "WrittenFrame"]

_TEXT, _BINARY, _CONT, _CLOSE = Opcode.TEXT, Opcode.BINARY, Opcode.CONT, Opcode.CLOSE
_CONTROL_LIMIT = 125
"""Bytes that a control frame may hold (RFC 6455 section 5.5)."""

_HEADER = 2
"""Bytes of the smallest frame header (RFC 6455 section 5.2)."""
_SHORTEST = {126: 126, 127: 65536}
"""What stands for a length in two or in eight bytes, and the least one to be written so."""

_parsing = ClientProtocol.parse.__code__

_logger = logging.getLogger("checkwire.wire.session.protocol")
_logger.addHandler(logging.NullHandler())
_logger.propagate = False  # What goes wrong is told as a failure, not as a log line.


class UnreadableReason(UnicodeDecodeError):  # noqa: N818 - what it is, as its base says
    """The reason in a Close frame is not UTF-8."""


class WrittenFrame(NamedTuple):
    """A frame as it goes out: ``data`` is the payload on the wire, compressed if it is."""

    opcode: Opcode
    fin: bool
    compressed: bool
    data: Any


class _Reader(StreamReader):
    """What the parser reads from; it tells what the parser waits for.

    It looks at the one thing that the parser does not: how the length of a payload is written.

    Attributes:
        needed: bytes without which the frame under way cannot be read further.
        between_frames: whether the next byte is the first one of a frame.
    """

    def __init__(self) -> None:
        super().__init__()
        self.needed = 0
        self.between_frames = False
        self._reads = 0
        """Of the frame under way: its two first bytes, then its length if that is not in these."""
        self._shortest = 0
        """The least length that is to be written in as many bytes as the next read has."""

    def read_exact(self, n: int) -> Generator[None, None, bytearray]:
        """As its parent does it; bytes that came as asked for are handed over without a copy.

        Raises:
            ProtocolError: they are a length that is not written as it must be.
        """
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
        self._reads += 1
        if self._reads == 1:
            self._shortest = _SHORTEST.get(taken[1] & 127, 0)
        elif self._reads == 2 and self._shortest:
            length = int.from_bytes(taken)
            if length >> 63:
                raise ProtocolError("payload length has its first bit set")
            if length < self._shortest:
                raise ProtocolError("payload length is not minimal")
        return taken

    def at_eof(self) -> Generator[None, None, bool]:
        """As its parent does it."""
        self._reads = 0
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
    """A client's protocol that joins fragments, and tells the size of each frame on the wire.

    Attributes:
        extension_header: the extensions in use, with their parameters, as the server named them.
        cut_short: whether the server closed in the middle of a message.
        early: what came with the answer to the upgrade, and is yet to be parsed.
    """

    # Beside the dict of its parent, which a few more would take past what instances can share.
    __slots__ = (
        "_assembled",
        "_assembler",
        "_limit",
        "_tap",
        "cut_short",
        "early",
        "extension_header",
    )

    def __init__(self, *args: Any, max_size: int | None, **kwargs: Any) -> None:
        # What is left of the limit in a fragmented message is applied to control frames too, which
        # may come in between; so they get their 125 bytes, and messages are measured here.
        limit = None if max_size is None else max_size + _CONTROL_LIMIT
        super().__init__(*args, max_size=limit, **kwargs, logger=_logger)
        self.reader: _Reader = _Reader()
        self.parser: Generator[None] = self.parse()  # the one before has the reader before
        next(self.parser)
        self._limit = sys.maxsize if max_size is None else max_size
        self._assembler = Assembler()
        self._assembled: list[str | bytes | None] = []
        self._tap = _Tap()
        self.extension_header: tuple[str, ...] = ()
        self.cut_short = False
        self.early = b""

    def process_extensions(self, headers: Headers) -> list[Extension]:
        """Also lets the tap listen, before the first frame is parsed."""
        accepted = super().process_extensions(headers)
        self.extension_header = tuple(headers.get_all("Sec-WebSocket-Extensions"))
        if accepted:
            # Without an extension a frame is on the wire as it is delivered.
            self._tap.read = []
        return [*accepted, self._tap]

    def fail(self, code: int, reason: str = "") -> None:
        """As its parent does it; the peer is told of the limit of messages, not of the parser's."""
        if code == CloseCode.MESSAGE_TOO_BIG:
            reason = f"message exceeds the limit of {self._limit} bytes"
        super().fail(code, reason)

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
        try:
            super().recv_frame(frame)
        except UnicodeDecodeError as error:  # Only a reason is decoded there.
            raise UnreadableReason(*error.args) from None
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

    def whole_message(self, frame: Frame) -> tuple[str | bytes, int] | None:
        """The message in a frame of its own, and its size; the parser is between messages.

        ``None`` if it must be refused: then all is as if the parser had found it.
        """
        decoded = None
        try:
            for extension in reversed(self.extensions):
                frame = extension.decode(frame, max_size=self.max_message_size)
            frame.check()
            decoded = frame
            if (size := len(frame.data)) > self._limit:
                raise PayloadTooBig(size, self._limit)
            message = self._assembler.add(frame)
            assert message is not None
        except (ProtocolError, PayloadTooBig, UnicodeDecodeError) as error:
            if decoded is not None:
                self.events.append(decoded)
            self.parser.throw(error)
            return None
        self.take_read()  # known to whoever asks
        return message, size

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
