"""From bytes to frames to messages, each recorded with its time."""

from __future__ import annotations

import asyncio
import sys
import weakref
from collections.abc import Callable
from typing import Any, Protocol, cast

from websockets.exceptions import ProtocolError
from websockets.frames import Frame, Opcode

from checkwire.model.failures import Failure
from checkwire.wire.session.inbox import Inbox, Message
from checkwire.wire.session.protocol import MeasuredProtocol
from checkwire.wire.session.recorder import FrameRecorder
from checkwire.wire.session.violations import (
    SHOWN,
    Offender,
    begins_like_http,
    diagnose_http,
    diagnose_violation,
    find_http,
    first_frame,
    is_whole_line,
)

__all__ = ["Incoming", "Owner"]

_TEXT, _BINARY, _CONT, _PING, _PONG = (
    Opcode.TEXT,
    Opcode.BINARY,
    Opcode.CONT,
    Opcode.PING,
    Opcode.PONG,
)
_WHOLE_TEXT, _WHOLE_BINARY = 0x81, 0x82
"""First bytes of a message in one frame (RFC 6455 section 5.2)."""
_COMPRESSED = {0xC1: _TEXT, 0xC2: _BINARY}
"""The same with RSV1, for compressed (RFC 7692 section 7.2.1)."""
_H = ord("H")
_HTTP_AT_LEAST = len(b"HTTP/1.1 504")
"""So much is needed to be sure that it is HTTP, if no more comes."""


class Owner(Protocol):
    """What the incoming side asks of its connection."""

    @property
    def place(self) -> str:
        """The peer's address."""

    def message_received(self, at_ns: int, kernel: bool) -> None:
        """The first message is complete; it is delivered right after."""

    def ping_received(self, data: bytes) -> None:
        """A ping came; the pong is on its way."""

    def pong_received(self, data: bytes, number: int, at_ns: int) -> None:
        """A pong came."""

    def close_received(self, at_ns: int, kernel: bool) -> None:
        """A Close frame came."""

    def write(self) -> None:
        """The protocol has something to send."""

    def violated(self, failure: Failure) -> None:
        """The peer sent what it must not; nothing more of it is read."""


class Incoming:
    """The receiving half of a connection.

    Attributes:
        on_message: takes the messages instead of the inbox, when set.
        last_ns: when the last frame arrived.
        messages, size: what came so far; ``size`` in payload bytes.
    """

    __slots__ = (
        "_end",
        "_frame",
        "_frame_at",
        "_http",
        "_inbox",
        "_limit",
        "_owner",
        "_protocol",
        "_recorder",
        "_shown",
        "_stopped",
        "last_ns",
        "messages",
        "on_message",
        "size",
    )

    def __init__(
        self,
        owner: Owner,
        protocol: MeasuredProtocol,
        recorder: FrameRecorder,
        inbox: Inbox,
        limit: int | None,
    ) -> None:
        # Weak, so that a connection that is done with goes at once, not when garbage is collected.
        self._owner: Owner = weakref.proxy(owner)
        self._protocol = protocol
        self._recorder = recorder
        self._inbox = inbox
        self._limit = sys.maxsize if limit is None else limit
        self._end = 0
        """How many bytes the server has sent since the upgrade, the read under way included."""
        self._frame: bytes | bytearray = b""
        self._frame_at = 0
        """First bytes and offset of the latest frame that went by way of the parser."""
        self._shown = SHOWN + recorder.masker.longest
        """Bytes of it that are kept: a secret must be seen whole to be masked."""
        self._http = b""
        """What came where a frame should begin, while it may be HTTP."""
        self._stopped = False
        """Nothing more counts: the peer broke the rules (RFC 6455 section 7.1.7), or it is over."""
        self.on_message: Callable[[Message], None] | None = None
        self.last_ns = 0
        self.messages = 0
        self.size = 0

    def feed(
        self, data: bytes | memoryview, at_ns: int, kernel: bool, ending: bool = False
    ) -> None:
        """Take bytes from the pipe; ``ending`` is as in :class:`~checkwire.wire.pipe.Pipe`."""
        protocol = self._protocol
        self._end += len(data)
        if self._http:
            data, self._http = self._http + data, b""
        left = memoryview(data)
        while left and not self._stopped and not protocol.reader.eof:
            if protocol.between_messages:
                left = self._take_whole(left, at_ns, kernel, ending)
                if not left or self._stopped:
                    return
            if protocol.between_frames:
                if left[0] == _H and self._is_http(left):
                    return
                self._begin_frame(left)
            # By way of the parser, to the end of the frame at most. It is appended to a buffer at
            # once, for which a view is as good.
            size = protocol.appetite
            if (room := self._shown - len(self._frame)) > 0:
                self._frame += left[: min(size, room)]
            protocol.receive_data(cast(bytes, left[:size]))
            left = left[size:]
            self.take(at_ns, kernel, data, more=ending or bool(left))

    def _begin_frame(self, left: memoryview) -> None:
        """A frame begins where ``left`` does, that is not cut out directly."""
        self._frame = bytearray()
        self._frame_at = self._end - len(left)

    def _is_http(self, left: memoryview) -> bool:
        """Whether this is no frame, but HTTP; told once its first line is here, kept until then."""
        data = bytes(left)
        if self._protocol.discarding or not begins_like_http(data):
            return False
        if is_whole_line(data):
            self._protocol.fail(1002, "HTTP inside the WebSocket stream")
            self._violated(diagnose_http(self._owner.place, data, self._recorder.masker))
        else:
            self._http = data
        return True

    def foreign(self, *, over: bool = False) -> Failure | None:
        """HTTP in what is under way and not complete, if there is any; ``over`` if it stays so."""
        place, masker = self._owner.place, self._recorder.masker
        if len(self._http) >= _HTTP_AT_LEAST:
            return diagnose_http(place, self._http, masker)
        if over and self._http:
            self._protocol.receive_data(self._http)
        under_way = self._protocol.reader.buffer
        start = find_http(under_way)
        if start is None:
            return None
        return diagnose_http(place, under_way[start:], masker, inside=True)

    def _take_whole(self, data: memoryview, at_ns: int, kernel: bool, ending: bool) -> memoryview:
        """Handle the messages at the front of a read that are whole and in one frame each.

        Nearly all are, and a message costs less than half of what it costs by way of the parser,
        which gets the rest: what is returned begins with a frame that is out of the ordinary,
        cut off, wrong, or of control. The parser must be between messages.
        """
        protocol, limit = self._protocol, self._limit
        parser = protocol.parser
        position, end = 0, len(data)
        while end - position > 1 and protocol.parser is parser and not self._stopped:
            head, size = data[position], data[position + 1]
            start = position + 2
            if size == 126:
                start = position + 4
                size = int.from_bytes(data[position + 2 : start])
                if size < 126:
                    break
            elif size == 127:
                start = position + 10
                size = int.from_bytes(data[position + 2 : start])
                if size < 65536:
                    break
            elif size > 127:
                break
            stop = start + size
            if stop > end or size > limit:
                break
            joined = ending or stop < end
            if head == _WHOLE_TEXT:
                try:
                    text = str(data[start:stop], "utf-8")
                except UnicodeDecodeError:
                    break
                self._deliver(text, _TEXT, size, size, False, at_ns, kernel, joined)
            elif head == _WHOLE_BINARY:
                payload = bytes(data[start:stop])
                self._deliver(payload, _BINARY, size, size, False, at_ns, kernel, joined)
            elif head in _COMPRESSED:
                opcode, wire_size = _COMPRESSED[head], size
                whole = protocol.whole_message(Frame(opcode, bytes(data[start:stop]), True, True))
                if whole is None:
                    self._begin_frame(data[position:])
                    self._frame += data[position : min(stop, position + self._shown)]
                    self.take(at_ns, kernel, data[position:], more=joined)
                    break
                message, size = whole
                self._deliver(message, opcode, size, wire_size, True, at_ns, kernel, joined)
            else:
                break
            position = stop
        if position:
            self.last_ns = at_ns
        return data[position:]

    def take(
        self, at_ns: int, kernel: bool, data: bytes | memoryview = b"", *, more: bool = False
    ) -> None:
        """Handle the frames that the protocol has parsed.

        Args:
            at_ns: when they came.
            kernel: whether the kernel says so.
            data: the read they were in.
            more: whether it holds more, that the protocol has not got yet, be it the end.
        """
        protocol = self._protocol
        frames: list[Any] = protocol.events_received()
        sizes = protocol.take_read()
        assembled = iter(protocol.take_assembled())
        if frames:
            self.last_ns = at_ns
        # What is left of the read belongs to a later frame: that too came in one with these.
        last = len(frames) - (0 if more or protocol.reader.buffer else 1)
        for index, frame in enumerate(frames):
            opcode = frame.opcode
            if opcode is _TEXT or opcode is _BINARY or opcode is _CONT:
                if sizes is None:
                    wire_size, compressed = len(frame.data), False
                else:
                    wire_size, compressed = sizes[index]
                message = next(assembled, None)
                self._data(frame, message, at_ns, kernel, index < last, wire_size, compressed)
            else:
                self._control(frame, at_ns, kernel, index < last)
            if self._stopped:
                return
        if protocol.writes:
            self._owner.write()
        if protocol.parser_exc is not None and not protocol.reader.eof:
            self._violated(self._diagnose(protocol.parser_exc, bytes(data)))

    def _diagnose(self, error: Exception, data: bytes) -> Failure:
        place, masker = self._owner.place, self._recorder.masker
        # Taken for a frame, HTTP has reserved bits that are set; it may have filled up the one
        # before.
        if isinstance(error, ProtocolError) and (start := find_http(data)) is not None:
            return diagnose_http(place, data[start:], masker, inside=True)
        # A header may be enough to break a rule; of what is behind it the frame has its part.
        read = data[len(data) - (self._end - self._frame_at - len(self._frame)) :]
        frame = first_frame(bytes(self._frame) + read, self._shown)
        offender = Offender(frame, self._frame_at, self._recorder.number)
        return diagnose_violation(error, place, offender, self._limit, masker)

    def stop(self) -> None:
        """The connection has ended, perhaps in the middle of a read."""
        self._stopped = True

    def _violated(self, failure: Failure) -> None:
        self._stopped = True
        self._owner.violated(failure)

    def _tell(self, listener: Callable[[Message], None], message: Message) -> None:
        try:
            listener(message)
        except Exception as error:
            # The messages behind this one must not be lost for it.
            asyncio.get_running_loop().call_exception_handler(
                {"message": "a listener for messages failed", "exception": error}
            )

    def _data(
        self,
        frame: Frame,
        data: str | bytes | None,
        at_ns: int,
        kernel: bool,
        coalesced: bool,
        wire_size: int,
        compressed: bool,
    ) -> None:
        size = len(frame.data)
        if data is not None:
            self._deliver(data, frame.opcode, size, wire_size, compressed, at_ns, kernel, coalesced)
            return
        self.size += size
        self._recorder.add(
            at_ns, "in", frame.opcode, size, wire_size, frame.fin, compressed, None, kernel,
            coalesced,
        )  # fmt: skip

    def _deliver(
        self,
        data: str | bytes,
        opcode: Opcode,
        size: int,
        wire_size: int,
        compressed: bool,
        at_ns: int,
        kernel: bool,
        coalesced: bool,
    ) -> None:
        """A message is complete; the other arguments are those of its last frame."""
        self.size += size
        number = self._recorder.add(
            at_ns, "in", opcode, size, wire_size, True, compressed, data, kernel, coalesced
        )
        self.messages += 1
        if self.messages == 1:
            self._owner.message_received(at_ns, kernel)
        message = Message(data, at_ns, number)
        if self.on_message is not None:
            self._tell(self.on_message, message)
        else:
            self._inbox.put(message)

    def _control(self, frame: Frame, at_ns: int, kernel: bool, coalesced: bool) -> None:
        data = bytes(frame.data)
        opcode, size = frame.opcode, len(data)
        number = self._recorder.add(
            at_ns, "in", opcode, size, size, True, False, data, kernel, coalesced
        )
        if opcode is _PING:
            self._owner.ping_received(data)
        elif opcode is _PONG:
            self._owner.pong_received(data, number, at_ns)
        else:
            self._owner.close_received(at_ns, kernel)
