"""A transcript as plain lines, one per event, for formats that only know text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeGuard

from checkwire.model.attempt import Attempt, folded
from checkwire.model.durations import format_ns
from checkwire.model.events import (
    ConnectionClosed,
    ConnectionStarted,
    Event,
    Failed,
    FrameSeen,
    FramesSkipped,
    Handshake,
    HttpExchange,
    Logged,
    Phase,
    StepStarted,
    TlsEstablished,
)

__all__ = ["transcript_text"]

_PAYLOAD = 1000
_DIRECTIONS = {"in": "received", "out": "sent"}


def transcript_text(attempt: Attempt) -> Iterator[str]:
    """``    244.3 ms  sent text, 58 B: {"op":"subscribe"}``, in the order of time.

    Warnings that repeat themselves stand once, with their number.
    """
    warnings = [event for event in attempt.events if _is_warning(event)]
    told = {failed.number: failed for failed in folded(warnings)}
    for event in attempt.events:
        if _is_warning(event):
            if event.number not in told:
                continue  # It was told with the first of its kind.
            event = told[event.number]
        if text := _sentence(event):
            yield f"{event.at_ns / 1e6:>10,.1f} ms  {text}"


def _is_warning(event: Event) -> TypeGuard[Failed]:
    return isinstance(event, Failed) and event.severity == "warning"


def _sentence(event: Event) -> str:
    match event:
        case StepStarted():
            return f"step {event.step}: {event.name}"
        case ConnectionStarted():
            return f"connect {event.url}"
        case Phase(name="open"):
            return f"open took {format_ns(event.duration_ns)}, all phases together"
        case Phase():
            return f"{event.name} took {format_ns(event.duration_ns)}"
        case TlsEstablished():
            return f"{event.version}, {event.cipher}"
        case Handshake():
            return f"GET {event.request_target}: {event.status} {event.reason}".rstrip()
        case FrameSeen():
            return _frame(event)
        case FramesSkipped():
            return f"{event.count:,} frames, {event.size:,} B, counted but not kept"
        case ConnectionClosed():
            code = "never opened" if event.code is None else f"closed {event.code} {event.reason}"
            return code.rstrip()
        case HttpExchange():
            answer = "no answer" if event.status is None else f"{event.status} {event.reason}"
            return f"{event.method} {event.url}: {answer}, {format_ns(event.duration_ns)}"
        case Logged():
            return f"{event.source}: {event.message}"
        case Failed():
            return f"{event.severity}: {event.failure.message} [{event.failure.code}]"
        case _:
            return ""


def _frame(frame: FrameSeen) -> str:
    text = f"{_DIRECTIONS[frame.direction]} {frame.opcode}, {frame.size:,} B"
    if not frame.fin:
        text += ", not final"
    if frame.payload:
        base64 = "base64 " if frame.base64 else ""
        cut = "…" if frame.truncated or len(frame.payload) > _PAYLOAD else ""
        text += f": {base64}{frame.payload[:_PAYLOAD]}{cut}"
    return text
