"""The rows of a transcript, as the template draws them; ``kind`` says which is which."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from checkwire.server.pages.views.payload import Piece
from checkwire.server.pages.words import Mark

__all__ = [
    "FailureRow",
    "FrameRow",
    "GapRow",
    "HttpRow",
    "LogRow",
    "NoteRow",
    "Row",
    "StepRow",
]


@dataclass(frozen=True, slots=True)
class FrameRow:
    """A frame.

    Attributes:
        key: ``connection.number``.
        tone: ``culprit``, ``late`` (after the failure), or empty.
        trip: what is known of the round trip that it ended.
        searched: what a search looks through, in lower case.
    """

    kind: ClassVar[str] = "frame"
    key: str
    label: str
    at_ns: int
    at: str
    after: str
    sent: bool
    opcode: str
    control: bool
    pieces: list[Piece]
    bytes: str
    wire_bytes: str
    tone: str
    trip: str
    searched: str


@dataclass(frozen=True, slots=True)
class StepRow:
    """A step begins; or what comes is outside of steps again (``number`` 0)."""

    kind: ClassVar[str] = "step"
    at_ns: int
    number: int
    name: str
    mark: Mark | None
    figure: str
    depth: int = 0


@dataclass(frozen=True, slots=True)
class NoteRow:
    """Something that happened to a connection: opened, did not open, closed, frames left out."""

    kind: ClassVar[str] = "note"
    at_ns: int
    at: str
    name: str
    text: str
    tone: str = ""


@dataclass(frozen=True, slots=True)
class GapRow:
    """Silence."""

    kind: ClassVar[str] = "gap"
    at_ns: int
    text: str


@dataclass(frozen=True, slots=True)
class HttpRow:
    """An HTTP exchange, with all that was kept of it."""

    kind: ClassVar[str] = "http"
    at_ns: int
    at: str
    method: str
    url: str
    answer: str
    bytes: str
    tone: str
    figure: str
    phases: list[tuple[str, str]]
    remote: str
    request_headers: tuple[tuple[str, str], ...]
    response_headers: tuple[tuple[str, str], ...]
    request_body: list[Piece]
    response_body: list[Piece]
    searched: str


@dataclass(frozen=True, slots=True)
class LogRow:
    """What the script said."""

    kind: ClassVar[str] = "log"
    at_ns: int
    at: str
    source: str
    text: str
    tone: str
    searched: str


@dataclass(frozen=True, slots=True)
class FailureRow:
    """Where something failed."""

    kind: ClassVar[str] = "failure"
    at_ns: int
    at: str
    after: str
    mark: Mark
    text: str
    code: str
    leads: bool


Row = FrameRow | StepRow | NoteRow | GapRow | HttpRow | LogRow | FailureRow
