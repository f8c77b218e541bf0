"""From messages to bytes, each frame recorded with its time."""

from __future__ import annotations

from websockets.frames import Opcode

from checkwire.model.errors import UsageError
from checkwire.wire.observer import Observer
from checkwire.wire.pipe import Pipe
from checkwire.wire.session.incoming import Incoming
from checkwire.wire.session.protocol import MeasuredProtocol, WrittenFrame
from checkwire.wire.session.recorder import FrameRecorder
from checkwire.wire.session.roundtrip import Departures

__all__ = ["Outgoing"]

_TEXT, _BINARY, _PING, _PONG, _CLOSE = (
    Opcode.TEXT,
    Opcode.BINARY,
    Opcode.PING,
    Opcode.PONG,
    Opcode.CLOSE,
)


class Outgoing:
    """The sending half of a connection.

    Attributes:
        messages, size: what was sent so far; ``size`` in payload bytes.
    """

    __slots__ = (
        "_departures",
        "_incoming",
        "_observer",
        "_owed",
        "_pipe",
        "_protocol",
        "_recorder",
        "messages",
        "size",
    )

    def __init__(
        self,
        protocol: MeasuredProtocol,
        pipe: Pipe,
        recorder: FrameRecorder,
        departures: Departures,
        incoming: Incoming,
        observer: Observer,
    ) -> None:
        self._protocol = protocol
        self._pipe = pipe
        self._recorder = recorder
        self._departures = departures
        self._incoming = incoming
        self._observer = observer
        self._owed: tuple[WrittenFrame, bytes] | None = None
        """The latest pong, while the pipe is congested."""
        self.messages = 0
        self.size = 0

    def send(self, data: str | bytes | bytearray | memoryview) -> None:
        """Send a message; what the socket does not take is queued.

        Raises:
            UsageError: the text cannot be encoded.
        """
        if isinstance(data, str):
            try:
                raw = data.encode()
            except UnicodeEncodeError as error:
                raise UsageError(f"this text cannot be sent as UTF-8: {error}") from None
            self._protocol.send_text(raw)
        else:
            data = raw = bytes(data)
            self._protocol.send_binary(raw)
        self.messages += 1
        self.size += len(raw)
        self.write(None, data, len(raw))

    def write(
        self, at_ns: int | None = None, payload: str | bytes | None = None, size: int = 0
    ) -> None:
        """Hand what the protocol wants to send to the pipe, and record its frames.

        Args:
            at_ns: when; now if left out.
            payload, size: of the data frame among them, if there is one.
        """
        if at_ns is None:
            at_ns = self._observer.timeline.now()
        frames = self._protocol.take_written()
        # One chunk per frame; without one there is only the end, which the pipe knows.
        for frame, chunk in zip(frames, self._protocol.data_to_send(), strict=False):
            opcode = frame.opcode
            if opcode is _PONG and self._pipe.congested:
                # A server that pings and never reads must not fill the memory: the pong for its
                # latest ping will do (RFC 6455 section 5.5.3).
                self._owed = frame, chunk
                continue
            if opcode is _CLOSE:
                self._owed = None
            self._write(frame, chunk, at_ns, payload, size)

    def drained(self) -> None:
        """The pipe is no longer congested."""
        if self._owed is not None:
            (frame, chunk), self._owed = self._owed, None
            self._write(frame, chunk, self._observer.timeline.now(), None, 0)

    def _write(
        self, frame: WrittenFrame, chunk: bytes, at_ns: int, payload: str | bytes | None, size: int
    ) -> None:
        opcode, fin, compressed, wire = frame
        data = opcode is _TEXT or opcode is _BINARY
        number = self._recorder.add(
            at_ns,
            "out",
            opcode,
            size if data else len(wire),
            len(wire),
            fin,
            compressed,
            payload if data else bytes(wire),
            False,
            False,
        )
        self._incoming.last_ns = at_ns
        if data:
            self._departures.sent_message(number, at_ns)
        elif opcode is _PING:
            self._departures.sent_ping(number, at_ns)
        self._pipe.write(chunk, number if data or opcode is _PING else 0)
