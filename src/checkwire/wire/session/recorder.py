"""The frames of a connection as a bounded record."""

from __future__ import annotations

from base64 import b64encode
from collections import deque

from websockets.frames import Opcode

from checkwire.model import events
from checkwire.model.events import Direction, FrameSeen, FramesSkipped
from checkwire.wire.observer import Observer
from checkwire.wire.options import Limits
from checkwire.wire.session.pings import is_probe

__all__ = ["FrameRecorder"]

_FLUSH_NS = 200_000_000
"""How old the last frames may get before they are told: what a killed process can lose."""

_CLOSE = Opcode.CLOSE

_NAMES: dict[Opcode, events.Opcode] = {
    Opcode.CONT: "continuation",
    Opcode.TEXT: "text",
    Opcode.BINARY: "binary",
    _CLOSE: "close",
    Opcode.PING: "ping",
    Opcode.PONG: "pong",
}

# The arguments of FrameRecorder.add, after the frame's number.
_Entry = tuple[
    int, int, Direction, Opcode, int, int, bool, bool, str | bytes | bytearray | None, bool, bool
]


class FrameRecorder:
    """Tells the first frames at once, and later the latest ones from time to time.

    So a flood of frames costs little: of those in between only number and size are kept.

    Attributes:
        masker: hides secrets in what is told.
        number: of the last frame, counted from 1, both directions together.
        coalesced: how many of them shared a read with a later one.
        sent_ns, received_ns: when the last one left and came, Close frames left out; 0 if none did.
        silent_ns: how long none had left or come when the last one left.
    """

    __slots__ = (
        "_connection",
        "_first",
        "_flushed_ns",
        "_keep",
        "_latest",
        "_observer",
        "_payload",
        "_skipped",
        "_skipped_size",
        "coalesced",
        "masker",
        "number",
        "received_ns",
        "sent_ns",
        "silent_ns",
    )

    def __init__(self, connection: int, observer: Observer, limits: Limits) -> None:
        self._connection = connection
        self._observer = observer
        self.masker = observer.masker
        self._first = limits.frames
        self._payload = limits.payload
        self._latest: deque[_Entry] | None = None
        self._skipped = 0
        self._skipped_size = 0
        self._flushed_ns = 0
        self.number = 0
        self.coalesced = 0
        self.sent_ns = 0
        self.received_ns = 0
        self.silent_ns = 0

    def add(
        self,
        at_ns: int,
        direction: Direction,
        opcode: Opcode,
        size: int,
        wire_size: int,
        fin: bool,
        compressed: bool,
        payload: str | bytes | bytearray | None,
        kernel: bool,
        coalesced: bool,
    ) -> int:
        """Record a frame; returns its number. The arguments are as in ``FrameSeen``.

        ``payload`` is the message's on its last frame, ``None`` on the others.
        """
        self.number = number = self.number + 1
        if direction == "in":
            if opcode is not _CLOSE:
                self.received_ns = at_ns
        elif opcode is not _CLOSE:
            self.silent_ns = at_ns - max(self.sent_ns, self.received_ns)
            self.sent_ns = at_ns
        if coalesced:
            self.coalesced += 1
        latest = self._latest
        if number > self._first:
            if latest is None:
                latest = self._latest = deque(maxlen=self._first)
            if len(latest) == self._first:
                # One more than are kept: the oldest of them goes, or, if none are, this one.
                self._skipped += 1
                if not latest:
                    self._skipped_size += size
                    return number
                self._skipped_size += latest[0][4]
        # A secret that begins within the limit must be seen whole to be masked; and one more tells
        # of the cut.
        kept = self._payload + self.masker.longest + 1
        if payload is not None and len(payload) > kept:
            payload = payload[:kept]
        entry = (
            number, at_ns, direction, opcode, size, wire_size, fin, compressed, payload, kernel,
            coalesced,
        )  # fmt: skip
        if latest is None:
            self._tell(entry)
            return number
        latest.append(entry)
        if at_ns - self._flushed_ns > _FLUSH_NS:
            self.flush(at_ns)
        return number

    def flush(self, at_ns: int) -> None:
        """Tell the latest frames now."""
        self._flushed_ns = at_ns
        if self._latest is None:
            return
        if self._skipped:
            skipped = FramesSkipped(
                at_ns=self._latest[0][1] if self._latest else at_ns,
                connection=self._connection,
                count=self._skipped,
                size=self._skipped_size,
            )
            self._observer.emit(skipped)
            self._skipped = self._skipped_size = 0
        for entry in self._latest:
            self._tell(entry)
        self._latest.clear()

    def _tell(self, entry: _Entry) -> None:
        (
            number, at_ns, direction, opcode, size, wire_size, fin, compressed, payload, kernel,
            coalesced,
        ) = entry  # fmt: skip
        shown, binary, truncated = self._shown(opcode, payload)
        ours = opcode is (Opcode.PING if direction == "out" else Opcode.PONG)
        self._observer.emit(
            FrameSeen(
                at_ns=at_ns,
                connection=self._connection,
                number=number,
                direction=direction,
                opcode=_NAMES[opcode],
                size=size,
                wire_size=wire_size,
                fin=fin,
                compressed=compressed,
                payload=shown,
                base64=binary,
                truncated=truncated,
                clock="kernel" if kernel else "user",
                coalesced=coalesced,
                probe=ours and is_probe(payload),
            )
        )

    def _shown(
        self, opcode: Opcode, payload: str | bytes | bytearray | None
    ) -> tuple[str | None, bool, bool]:
        """The payload as a reader wants to see it, whether in base64, and whether it is cut."""
        if payload is None or (not payload and opcode > 2):
            return None, False, False
        if not isinstance(payload, str) and opcode > 2:
            payload = _control_text(opcode, bytes(payload))
        limit = self._payload
        cut = len(payload) > limit
        # A control frame has little room: what is in it may have been cut by its author.
        ends = opcode <= 2
        if isinstance(payload, str):
            return self.masker.excerpt(payload, limit, ends=ends), False, cut
        shown = self.masker.excerpt_of_bytes(payload, limit, ends=ends)
        return b64encode(shown).decode(), True, cut


def _control_text(opcode: Opcode, data: bytes) -> str | bytes:
    if opcode is _CLOSE and len(data) >= 2:
        code = int.from_bytes(data[:2], "big")
        return f"{code} {data[2:].decode('utf-8', 'replace')}".rstrip()
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return data
    return text if text.isprintable() else data
