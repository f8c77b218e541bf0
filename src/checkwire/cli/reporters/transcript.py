"""The whole transcript of an attempt, step by step: what ``-v`` shows."""

from __future__ import annotations

from collections.abc import Iterator

from checkwire.cli.reporters.excerpt import silence
from checkwire.cli.reporters.figures import counted, ms, size
from checkwire.cli.reporters.marks import MARKS, mark_of_failed
from checkwire.cli.reporters.notes import (
    certificate_note,
    closed_note,
    header_lines,
    phase_note,
    round_trip_note,
)
from checkwire.cli.reporters.paint import Text, fold, wrap
from checkwire.cli.reporters.payload import preview, whole
from checkwire.cli.reporters.table import Table
from checkwire.model.attempt import Attempt, Step
from checkwire.model.durations import format_ns
from checkwire.model.events import (
    ConnectionClosed,
    ConnectionStarted,
    Event,
    Excused,
    Failed,
    Finished,
    FrameSeen,
    FramesSkipped,
    Handshake,
    HttpExchange,
    Logged,
    Phase,
    RoundTrip,
    StepFinished,
    StepStarted,
    TlsEstablished,
)

__all__ = ["transcript"]

_LOUD = {"warning": "warn", "error": "fail"}


def transcript(attempt: Attempt, width: int, *, everything: bool = False) -> Iterator[Text]:
    """Every event in the order of time, under the steps in which they happened.

    Args:
        attempt: whose transcript.
        width: columns of the terminal.
        everything: also headers, certificates, bodies, and payloads that do not fit in a row.
    """
    yield from _Transcript(attempt, width, everything).lines()


class _Transcript:
    def __init__(self, attempt: Attempt, width: int, everything: bool) -> None:
        self._attempt = attempt
        self._width = width
        self._everything = everything
        frames = [event for event in attempt.events if isinstance(event, FrameSeen)]
        many = len({frame.connection for frame in frames}) > 1
        times = [event.at_ns for event in attempt.events]
        self._table = Table(frames, times, width, many)
        self._steps = {step.number: step for step in attempt.steps}
        self._excused = {e.number for e in attempt.events if isinstance(e, Excused)}
        self._last_frame: dict[int, int] = {}
        self._last_ns: int | None = None
        self._left = 0
        self._last_number: dict[int, int] = {}
        self._trips: dict[tuple[int, int], RoundTrip] = {}
        self._marked = {
            (failed.failure.connection, failed.failure.evidence.get("frame"))
            for failed in attempt.failures
            if failed.severity == "failed"
        }

    def lines(self) -> Iterator[Text]:
        rows = self._rows()
        for first in rows:
            yield self._table.heading()
            yield first
            yield from rows

    def _rows(self) -> Iterator[Text]:
        for event in self._attempt.events:
            yield from self._silence(event)
            yield from self._event(event)

    def _silence(self, event: Event) -> Iterator[Text]:
        """A row when nothing at all happened for a while."""
        if isinstance(event, StepFinished | RoundTrip):
            return
        if isinstance(event, FramesSkipped):
            # What was not kept may have come at any time.
            self._last_ns = None
            self._last_frame.pop(event.connection, None)
            return
        if self._last_ns is not None and (quiet := silence(event.at_ns - self._last_ns, 0)):
            yield self._table.note(quiet)
        end_ns = event.at_ns
        if isinstance(event, Phase | HttpExchange):
            end_ns += event.duration_ns
        self._last_ns = max(end_ns, self._last_ns or 0)

    def _event(self, event: Event) -> Iterator[Text]:
        if self._left and self._is_outside(event):
            yield self._after_step(self._left)
            self._left = 0
        match event:
            case StepStarted():
                self._left = 0
                yield self._step(event)
            case StepFinished():
                self._left = event.step
            case ConnectionStarted():
                yield from self._note(event, f"connect {event.url}", "", glyph="◌")
            case Phase():
                if event.name != "open":
                    yield from self._note(event, phase_note(event))
            case TlsEstablished():
                yield from self._tls(event)
            case Handshake():
                yield from self._handshake(event)
            case FrameSeen():
                yield from self._frame(event)
            case FramesSkipped():
                text = f"{counted(event.count, 'frame')}, {size(event.size)}, counted but not kept"
                yield from self._note(event, text, glyph="…")
            case RoundTrip():
                # Told as soon as it is known, which may be before its answer's frame.
                if event.answer <= self._last_number.get(event.connection, 0):
                    yield self._table.below(round_trip_note(event), "dim")
                else:
                    self._trips[event.connection, event.answer] = event
            case ConnectionClosed():
                yield from self._note(event, closed_note(event), "", glyph="◌")
            case HttpExchange():
                yield from self._http(event)
            case Logged():
                style = _LOUD.get(event.level, "")
                yield from self._note(event, f"{event.source}: {event.message.rstrip()}", style)
            case Failed():
                yield from self._failed(event)
            case _:
                pass

    def _note(
        self,
        event: Event,
        text: str,
        style: str = "dim",
        *,
        glyph: str = "·",
        mark: Text | None = None,
    ) -> Iterator[Text]:
        first, *rest = wrap(text, self._table.room)
        yield self._table.note(first, style, glyph=glyph, mark=mark, at_ns=event.at_ns)
        for line in rest:
            yield self._table.below(line, style)

    def _step(self, event: StepStarted) -> Text:
        step = self._steps.get(event.step) or Step(
            number=event.step, name=event.name, at_ns=event.at_ns, parent=event.parent
        )
        mark = MARKS.get(step.status, MARKS["failed"])
        line = Text("  " + "  " * self._depth(step)).add(mark.shape, mark.style)
        line.add(f" {step.number} {step.name}", "bold")
        if step.duration_ns is None:
            line.add("  did not end", "fail")
        else:
            line.add(f"  {format_ns(step.duration_ns)}", "dim")
        if step.status == "failed":
            line.add("  failed", "fail")
        return line.cut(self._width)

    def _is_outside(self, event: Event) -> bool:
        """Whether it shows that the step that ended last is over."""
        if isinstance(event, Failed):
            # A step that fails ends before its failure is told.
            return event.step != self._left
        return not isinstance(event, StepStarted | StepFinished | RoundTrip | Finished)

    def _after_step(self, number: int) -> Text:
        step = self._steps.get(number)
        parent = step.parent if step is not None else 0
        return Text("  ").add(f"· back in step {parent}" if parent else "· after the steps", "dim")

    def _depth(self, step: Step) -> int:
        depth, seen = 0, {step.number}
        while step.parent and step.parent in self._steps and step.parent not in seen:
            seen.add(step.parent)
            step = self._steps[step.parent]
            depth += 1
        return min(depth, 8)

    def _tls(self, event: TlsEstablished) -> Iterator[Text]:
        text = f"{event.version}, {event.cipher}{'' if event.verified else ', not verified'}"
        yield from self._note(event, text)
        chain = event.chain if self._everything else event.chain[:1]
        for certificate in chain:
            note = certificate_note(certificate, self._attempt.started_ns)
            for line in wrap(note, self._table.room):
                yield self._table.below(line, "dim")

    def _handshake(self, event: Handshake) -> Iterator[Text]:
        parts = [f"GET {event.request_target} → {event.status} {event.reason}".rstrip()]
        if event.subprotocol:
            parts.append(f"subprotocol {event.subprotocol}")
        parts += event.extensions
        yield from self._note(event, "; ".join(parts), "" if event.status == 101 else "fail")
        if event.remote_address:
            yield self._table.below(f"{event.local_address} → {event.remote_address}", "dim")
        if self._everything:
            yield from self._headers(">", event.request_headers)
            yield from self._headers("<", event.response_headers)

    def _headers(self, direction: str, headers: tuple[tuple[str, str], ...]) -> Iterator[Text]:
        for line in header_lines(headers, self._table.room - 2):
            yield self._table.below(f"{direction} {line}", "dim")

    def _frame(self, frame: FrameSeen) -> Iterator[Text]:
        before = self._last_frame.get(frame.connection)
        self._last_frame[frame.connection] = frame.at_ns
        after_ns = None if before is None else frame.at_ns - before
        marked = (frame.connection, frame.number) in self._marked
        control = frame.opcode in ("ping", "pong", "close")
        row = self._table.frame(frame, after_ns, marked=marked, quiet=control)
        yield row
        self._last_number[frame.connection] = frame.number
        if trip := self._trips.pop((frame.connection, frame.number), None):
            yield self._table.below(round_trip_note(trip), "dim")
        if self._everything and not control and frame.payload is not None:
            cut = "…" in row.plain and "…" not in (frame.payload or "")
            if cut or frame.truncated or frame.base64 or not preview(frame, 10**6).isprintable():
                for line in whole(frame, self._table.room):
                    yield self._table.below(line)

    def _http(self, event: HttpExchange) -> Iterator[Text]:
        answer = "no answer" if event.status is None else f"{event.status} {event.reason}".rstrip()
        text = f"{event.method} {event.url} → {answer}, {size(event.response_size)}"
        yield from self._note(event, f"{text}, {format_ns(event.duration_ns)}", "", glyph="⇄")
        if event.phases:
            parts = [f"{name} {ms(ns)}" for name, ns in event.phases.items()]
            yield self._table.below("  ".join(parts) + "  ms", "dim")
        if not self._everything:
            return
        yield from self._headers(">", event.request_headers)
        yield from self._body(event.request_body)
        yield from self._headers("<", event.response_headers)
        yield from self._body(event.response_body)

    def _body(self, body: str | None) -> Iterator[Text]:
        for line in fold(body, self._table.room) if body else ():
            yield self._table.below(line)

    def _failed(self, event: Failed) -> Iterator[Text]:
        mark = mark_of_failed(event)
        if event.number in self._excused:
            yield from self._note(event, f"{event.failure.message} [{event.failure.code}], excused")
            return
        style = f"{mark.style} bold"
        text = f"{mark.word}: {event.failure.message} [{event.failure.code}]"
        yield from self._note(event, text, style, mark=Text(mark.shape, style))
