"""The frames of a connection as a bounded record."""

from __future__ import annotations

from base64 import b64encode
from collections import deque

from checkwire.model.events import Direction, FrameSeen, FramesSkipped, Opcode
from checkwire.wire.observer import Observer
from checkwire.wire.options import Limits

__all__ = ["FrameRecorder"]

_FLUSH_NS = 200_000_000
"""How old the last frames may get before they are told: what a killed process can lose."""

_Entry = tuple[int, int, Direction, Opcode, int, int, bool, bool, "str | bytes | None", bool, bool]


class FrameRecorder:
    """Tells the first frames at once, and later the latest ones from time to time.

    So a flood of frames costs little: of those in between only number and size are kept.
    """

    __slots__ = (
        "_connection",
        "_first",
        "_flushed_ns",
        "_latest",
        "_observer",
        "_payload",
        "_skipped",
        "_skipped_size",
        "coalesced",
        "number",
    )

    def __init__(self, connection: int, observer: Observer, limits: Limits) -> None:
        self._connection = connection
        self._observer = observer
        self._first = limits.frames
        self._payload = limits.payload
        self._latest: deque[_Entry] = deque(maxlen=limits.frames)
        self._skipped = 0
        self._skipped_size = 0
        self._flushed_ns = 0
        self.number = 0
        self.coalesced = 0

    def add(
        self,
        at_ns: int,
        direction: Direction,
        opcode: Opcode,
        size: int,
        wire_size: int,
        *,
        fin: bool = True,
        compressed: bool = False,
        payload: str | bytes | bytearray | None = None,
        kernel: bool = False,
        coalesced: bool = False,
    ) -> int:
        """Record a frame; returns its number."""
        self.number = number = self.number + 1
        if coalesced:
            self.coalesced += 1
        if payload is not None:
            # A secret that begins within the limit must be seen whole to be masked.
            keep = self._payload + self._observer.masker.longest
            payload = payload[:keep] if isinstance(payload, str) else bytes(payload[:keep])
        entry: _Entry = (
            number, at_ns, direction, opcode, size, wire_size, fin, compressed, payload, kernel,
            coalesced,
        )  # fmt: skip
        if number <= self._first:
            self._tell(entry)
        else:
            latest = self._latest
            if len(latest) == latest.maxlen:
                self._skipped += 1
                self._skipped_size += latest[0][4]
            latest.append(entry)
            if at_ns - self._flushed_ns > _FLUSH_NS:
                self.flush(at_ns)
        return number

    def flush(self, at_ns: int) -> None:
        """Tell the latest frames now."""
        self._flushed_ns = at_ns
        if self._skipped:
            skipped = FramesSkipped(
                at_ns=self._latest[0][1],
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
        masker = self._observer.masker
        text: str | None = None
        binary = truncated = False
        if isinstance(payload, str):
            text = masker.text(payload)
        elif payload is not None:
            binary = True
            payload = masker.bytes(payload)
            truncated = len(payload) > self._payload or len(payload) < min(size, self._payload)
            text = b64encode(payload[: self._payload]).decode()
        if text is not None and not binary and len(text) > self._payload:
            text, truncated = text[: self._payload], True
        self._observer.emit(
            FrameSeen(
                at_ns=at_ns,
                connection=self._connection,
                number=number,
                direction=direction,
                opcode=opcode,
                size=size,
                wire_size=wire_size,
                fin=fin,
                compressed=compressed,
                payload=text,
                base64=binary,
                truncated=truncated,
                clock="kernel" if kernel else "user",
                coalesced=coalesced,
            )
        )
