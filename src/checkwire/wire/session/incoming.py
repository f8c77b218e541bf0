"""From bytes to frames to messages, each recorded with its time."""

from __future__ import annotations

import asyncio
import re
import sys
import weakref
from collections.abc import Callable
from typing import Any, Protocol, cast

from websockets.exceptions import PayloadTooBig, ProtocolError
from websockets.frames import Frame, Opcode

from checkwire.model.failures import Failure
from checkwire.wire.session.closing import (
    diagnose_close_reason,
    diagnose_http,
    diagnose_too_big,
    diagnose_violation,
)
from checkwire.wire.session.inbox import Inbox, Message
from checkwire.wire.session.protocol import MeasuredProtocol, UnreadableReason
from checkwire.wire.session.recorder import FrameRecorder

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
_HTTP = re.compile(rb"HTTP/1\.[01] \d{3} ")


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
        "_inbox",
        "_limit",
        "_owner",
        "_protocol",
        "_recorder",
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
        if data[:7] == b"HTTP/1." and protocol.between_frames and not self._stopped:
            protocol.fail(1002, "HTTP inside the WebSocket stream")
            self._violated(diagnose_http(self._owner.place, bytes(data), self._recorder.masker))
            return
        left = memoryview(data)
        while left and not self._stopped and not protocol.reader.eof:
            if protocol.between_messages:
                left = self._take_whole(left, at_ns, kernel, ending)
                if not left or self._stopped:
                    return
            # By way of the parser, to the end of the frame at most. It is appended to a buffer at
            # once, for which a view is as good.
            size = protocol.appetite
            protocol.receive_data(cast(bytes, left[:size]))
            left = left[size:]
            self.take(at_ns, kernel, data, more=ending or bool(left))

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
            elif size == 127:
                start = position + 10
                size = int.from_bytes(data[position + 2 : start])
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
        place = self._owner.place
        if isinstance(error, PayloadTooBig):
            size = None if error.size is None else (error.current_size or 0) + error.size
            return diagnose_too_big(place, size, self._limit)
        masker = self._recorder.masker
        # Taken for a frame, HTTP has reserved bits that are set.
        if isinstance(error, ProtocolError) and (injected := _HTTP.search(data)):
            return diagnose_http(place, data[injected.start() :], masker)
        if isinstance(error, UnreadableReason):
            return diagnose_close_reason(error, place, masker)
        return diagnose_violation(error, place, self._recorder.number, data, masker)

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
