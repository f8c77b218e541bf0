"""One frame in full: as a tree, as text, as bytes, and what is known of it."""

from __future__ import annotations

from dataclasses import dataclass

from checkwire.model.attempt import Attempt
from checkwire.model.events import Delivered, FrameSeen, RoundTrip, StepStarted
from checkwire.server.pages.figures import after, at, ms, size
from checkwire.server.pages.views.payload import (
    HexLine,
    Piece,
    decoded,
    hex_lines,
    pieces,
    pretty,
    preview,
)
from checkwire.server.pages.views.transcript import culprit_of

__all__ = ["FrameDetail", "default_frame", "frame_detail"]

_HEX = 4096
_TEXT = 200_000


@dataclass(frozen=True, slots=True)
class FrameDetail:
    """A frame.

    Attributes:
        key: ``connection.number``.
        tree: if it is JSON, laid out; else empty.
        text: if it is text.
        lines: its bytes, or the first of them.
        verdict: what the failure says, if it is of this frame.
        facts: names and values.
        cut: a sentence, if not all of it is shown or kept.
    """

    key: str
    name: str
    when: str
    sent: bool
    tree: list[Piece]
    text: list[Piece]
    lines: list[HexLine]
    verdict: str
    facts: list[tuple[str, str]]
    cut: str


def default_frame(attempt: Attempt) -> str:
    """The key of the frame that is of most interest: the one to blame, the one that came closest,
    or the last message received before the failure; empty if there is no frame.
    """
    if (culprit := culprit_of(attempt)) is not None:
        return f"{culprit[0]}.{culprit[1]}"
    frames = [event for event in attempt.events if isinstance(event, FrameSeen)]
    failed = next((f for f in attempt.failures if f.failure == attempt.failure), None)
    if failed is not None:
        closest = failed.failure.evidence.get("closest_frame")
        for frame in frames:
            if (frame.connection, frame.number) == (failed.failure.connection, closest):
                return _key(frame)
        frames = [frame for frame in frames if frame.at_ns <= failed.at_ns] or frames
        messages = [f for f in frames if f.direction == "in" and f.payload is not None]
        data = [f for f in messages if f.opcode not in ("ping", "pong", "close")]
        return _key(data[-1]) if data else _key(frames[0]) if frames else ""
    return _key(frames[0]) if frames else ""


def frame_detail(attempt: Attempt, key: str) -> FrameDetail | None:
    """All about the frame of that key; None if there is none."""
    frames = [event for event in attempt.events if isinstance(event, FrameSeen)]
    frame = next((frame for frame in frames if _key(frame) == key), None)
    if frame is None:
        return None
    named = {"ping": "Ping", "pong": "Pong", "close": "Close", "continuation": "Frame"}
    many = len({one.connection for one in frames}) > 1
    number = key if many else str(frame.number)
    laid_out = None if frame.base64 or frame.payload is None else pretty(frame.payload)
    data = decoded(frame)
    text: list[Piece] = []
    if not frame.base64 and frame.payload:
        text = pieces(frame.payload[:_TEXT])
    elif frame.opcode == "close":
        text = preview(frame)
    before = [one for one in frames if one.connection == frame.connection]
    index = before.index(frame)
    failure = attempt.failure if culprit_of(attempt) == (frame.connection, frame.number) else None
    return FrameDetail(
        key=key,
        name=f"{named.get(frame.opcode, 'Message')} {number}",
        when=f"{'sent' if frame.direction == 'out' else 'received'} at {at(frame.at_ns)} ms",
        sent=frame.direction == "out",
        tree=pieces(laid_out) if laid_out is not None else [],
        text=text,
        lines=hex_lines(data[:_HEX]),
        verdict=failure.message if failure is not None else "",
        facts=_facts(attempt, frame, before[index - 1] if index else None),
        cut=_cut(frame, len(data)),
    )


def _key(frame: FrameSeen) -> str:
    return f"{frame.connection}.{frame.number}"


def _cut(frame: FrameSeen, kept: int) -> str:
    if frame.payload is None and not frame.fin:
        return "The message goes on: its last frame has all of it."
    if frame.truncated:
        return f"Of {size(frame.size)} the first {size(kept)} are kept."
    return f"Of its bytes the first {size(_HEX)} are shown." if kept > _HEX else ""


def _facts(attempt: Attempt, frame: FrameSeen, before: FrameSeen | None) -> list[tuple[str, str]]:
    form = [frame.opcode, "final" if frame.fin else "more to come"]
    wire = f"{size(frame.size)}"
    if frame.compressed:
        wire += f" sent as {size(frame.wire_size)}"
    facts = [("Frame", ", ".join((*form, wire)))]
    if step := _step_at(attempt, frame.at_ns):
        facts.append(("Step", step))
    if before is not None:
        facts.append(("After the one before", f"{after(frame.at_ns - before.at_ns)} ms"))
    for event in attempt.events:
        if not isinstance(event, Delivered | RoundTrip) or event.connection != frame.connection:
            continue
        if isinstance(event, Delivered):
            if event.number == frame.number and event.acked_ns is not None:
                taken = max(0, event.acked_ns - event.at_ns)
                facts.append(("Acknowledged", f"by the peer's kernel after {ms(taken)} ms"))
        elif frame.number in (event.request, event.answer):
            facts.append(_trip(event, frame.number))
    clock = "the kernel" if frame.clock == "kernel" else "this process"
    bound = ", an upper bound" if frame.coalesced else ""
    facts.append(("Time taken by", f"{clock}{bound}"))
    return facts


def _trip(trip: RoundTrip, number: int) -> tuple[str, str]:
    split = ""
    if trip.network_ns is not None and trip.server_ns is not None:
        split = f", network {ms(trip.network_ns)}, server {ms(trip.server_ns)}"
    if number == trip.request:
        return ("Answered by", f"{trip.answer} after {ms(trip.duration_ns)} ms{split}")
    return ("Answers", f"{trip.request} after {ms(trip.duration_ns)} ms{split}")


def _step_at(attempt: Attempt, at_ns: int) -> str:
    """The innermost step at that time."""
    started = [e for e in attempt.events if isinstance(e, StepStarted) and e.at_ns <= at_ns]
    numbers = {event.step for event in started}
    open_then = [
        step
        for step in attempt.steps
        if step.number in numbers
        and (step.duration_ns is None or step.at_ns + step.duration_ns >= at_ns)
    ]
    if not open_then:
        return ""
    step = max(open_then, key=lambda step: (step.at_ns, step.number))
    return f"{step.number}, {step.name}"
