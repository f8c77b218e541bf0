"""Reading the run-event stream, whatever comes.

The writer is a process that runs other people's code. It may write garbage, lines without end, or
die in the middle of one, so nothing that it sends may raise here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import ClassVar, Final, get_args

import msgspec

from checkwire.model.events import Event, decode_event
from checkwire.model.failures import Failure
from checkwire.runner.exit import Exit

__all__ = ["MAX_LINE", "EventReader", "SecretRead"]

MAX_LINE: Final = 1024 * 1024
"""Bytes a line may have. Payloads and bodies are cut by the writer, far below this."""

_SUSPICIOUS = re.compile(rb"[0-9]{19}")
_MANY_BRACKETS = 200
_SHOWN = 80
_SECRET_READ = "secret_read"


class SecretRead(msgspec.Struct, frozen=True, kw_only=True, tag="secret_read"):
    """A record beside the events: the check reads this variable as a secret.

    The runner masks its value in what the check prints from then on. The record is not kept.
    """

    at_ns: int
    name: str


class _Kind(msgspec.Struct):
    type: str


_kinds = msgspec.json.Decoder(_Kind)
_secret_read = msgspec.json.Decoder(SecretRead)


class EventReader:
    """Turns the bytes of a stream into events, piece by piece.

    Events of a type that this version does not know are skipped, as the format asks of readers.

    Attributes:
        fault: what was wrong with the first line that is not an event; empty if all were.
        faults: how many such lines there were.
        secrets: names of the variables that were read as secrets so far.
    """

    known: ClassVar[frozenset[object]] = frozenset(
        kind.__struct_config__.tag for kind in get_args(Event)
    )
    """Types of records that must be as they should; those of others are skipped."""

    def __init__(self, max_line: int = MAX_LINE) -> None:
        self.fault = ""
        self.faults = 0
        self.secrets: set[str] = set()
        self._max_line = max_line
        self._rest = bytearray()
        self._skipping = False

    def feed(self, data: bytes) -> list[Event]:
        """The events that are complete with these bytes. Never raises."""
        *lines, rest = data.split(b"\n")
        events: list[Event] = []
        for line in lines:
            if self._skipping:
                self._skipping = False
            elif self._rest:
                self._rest += line
                self._take(bytes(self._rest), events)
            else:
                self._take(line, events)
            self._rest.clear()
        if not self._skipping:
            self._rest += rest
            if len(self._rest) > self._max_line:
                self._too_long()
                self._rest.clear()
                self._skipping = True
        return events

    def decode(self, line: bytes) -> Sequence[Event]:
        """What one line says. An engine whose lines say more than events may read them here.

        Raises:
            ValueError: it is not an event.
        """
        return (decode_event(line),)

    def explain(self, end: Exit, last_errors: Iterable[str]) -> Failure | None:
        """What the end of the process means, if the engine knows better than its status tells.

        Args:
            end: how it ended.
            last_errors: the last lines that it wrote to stderr.
        """
        return None

    def _take(self, line: bytes, events: list[Event]) -> None:
        if not line or line.isspace():
            return
        if len(line) > self._max_line:
            self._too_long()
            return
        try:
            told = self.decode(line)
            for event in told:
                _prove_storable(line, event)
        except (ValueError, OverflowError, RecursionError) as error:
            kind = _kind_of(line)
            if kind == _SECRET_READ:
                self._take_secret(line)
            elif kind is None or kind in self.known:
                shown = line[:_SHOWN].decode("utf-8", "backslashreplace")
                self._faulty(f"{error}: {shown}{'…' * (len(line) > _SHOWN)}")
            return
        events += told

    def _take_secret(self, line: bytes) -> None:
        try:
            self.secrets.add(_secret_read.decode(line).name)
        except ValueError as error:
            self._faulty(f"{error}: {_SECRET_READ}")

    def _too_long(self) -> None:
        self._faulty(f"a line is longer than {self._max_line:,} bytes")

    def _faulty(self, fault: str) -> None:
        self.fault = self.fault or fault
        self.faults += 1


def _prove_storable(line: bytes, event: Event) -> None:
    """Refuse what JSON can say, but what could not be stored: huge integers, bottomless nesting."""
    if event.at_ns < 0:
        raise ValueError("at_ns is negative")
    if _SUSPICIOUS.search(line) or line.count(b"[") + line.count(b"{") > _MANY_BRACKETS:
        msgspec.msgpack.encode(event)
        msgspec.json.encode(event)


def _kind_of(line: bytes) -> str | None:
    """The type of a record that is no event; ``None`` if it is no record at all."""
    try:
        return _kinds.decode(line).type
    except (ValueError, RecursionError):
        return None
