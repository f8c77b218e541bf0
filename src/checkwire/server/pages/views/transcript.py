"""The transcript of an attempt: every event in the order of time, under its step, in pages."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from checkwire.model.attempt import Attempt, Step
from checkwire.model.events import (
    ConnectionClosed,
    ConnectionStarted,
    Event,
    Excused,
    Failed,
    FrameSeen,
    FramesSkipped,
    Handshake,
    HttpExchange,
    Logged,
    RoundTrip,
    StepFinished,
    StepStarted,
)
from checkwire.model.failures import CLOSES
from checkwire.server.pages.figures import after, at, counted, lasts, ms, size
from checkwire.server.pages.views.payload import Piece, pieces, pretty, preview
from checkwire.server.pages.views.rows import (
    FailureRow,
    FrameRow,
    GapRow,
    HttpRow,
    LogRow,
    NoteRow,
    Row,
    StepRow,
)
from checkwire.server.pages.words import MARKS, PHASES, mark_of_failure

__all__ = ["PAGE", "QUIET_NS", "Filter", "Transcript", "culprit_of", "transcript"]

PAGE = 500
"""Rows on a page."""
QUIET_NS = 600_000_000
"""A silence this long is worth a row."""
_CHUNK = 50
"""Rows that a browser need not lay out before they are near."""
_MAX_BODY = 20_000


@dataclass(frozen=True, slots=True)
class Filter:
    """Which rows are wanted. ``way``: ``all``, ``sent``, ``received``."""

    way: str = "all"
    text: str = ""
    control: bool = True

    @property
    def active(self) -> bool:
        """Whether it leaves anything out."""
        return self.way != "all" or bool(self.text) or not self.control


@dataclass(frozen=True, slots=True)
class Transcript:
    """A page of a transcript.

    Attributes:
        chunks: the rows, in stretches that a browser can leave alone until they are in sight.
        frames: how many frames there are in all, those left out included.
        size: bytes of their payloads, as text.
        page, pages: which one this is, from 1.
        shown: how many rows the filter lets through, on all pages.
        why_empty: a sentence, if there is nothing at all.
    """

    chunks: list[list[Row]]
    frames: int
    size: str
    page: int
    pages: int
    shown: int
    why_empty: str = ""
    filter: Filter = field(default_factory=Filter)


def transcript(
    attempt: Attempt,
    wanted: Filter | None = None,
    page: int = 1,
    *,
    running: bool = False,
    frame: str = "",
) -> Transcript:
    """Make a page of an attempt's transcript.

    Args:
        attempt: whose transcript.
        wanted: which rows.
        page: which page, from 1; one that is not there becomes the nearest.
        running: whether the attempt is not over.
        frame: key of a frame; if it is not empty, the page is the one that has it.
    """
    wanted = wanted or Filter()
    rows = list(_Rows(attempt, running).all())
    shown = _matching(rows, wanted) if wanted.active else rows
    pages = max(1, -(-len(shown) // PAGE))
    if frame:
        at_row = next(
            (i for i, row in enumerate(shown) if isinstance(row, FrameRow) and row.key == frame),
            None,
        )
        page = page if at_row is None else at_row // PAGE + 1
    page = min(max(page, 1), pages)
    first = (page - 1) * PAGE
    part = shown[first : first + PAGE]
    step = next((row for row in reversed(shown[:first]) if isinstance(row, StepRow)), None)
    if step is not None and part and not isinstance(part[0], StepRow):
        part.insert(0, replace(step, figure="continued"))
    frames = [event for event in attempt.events if isinstance(event, FrameSeen)]
    skipped = [event for event in attempt.events if isinstance(event, FramesSkipped)]
    return Transcript(
        chunks=[part[i : i + _CHUNK] for i in range(0, len(part), _CHUNK)],
        frames=len(frames) + sum(event.count for event in skipped),
        size=size(sum(event.size for event in frames) + sum(event.size for event in skipped)),
        page=page,
        pages=pages,
        shown=len(shown),
        why_empty=_why_empty(attempt, rows, shown, running),
        filter=wanted,
    )


def culprit_of(attempt: Attempt) -> tuple[int, int] | None:
    """Connection and number of the frame at which the attempt failed, if one is to blame."""
    failure = attempt.failure
    if failure is None:
        return None
    frames = [event for event in attempt.events if isinstance(event, FrameSeen)]
    if failure.connection is not None:
        frames = [frame for frame in frames if frame.connection == failure.connection]
    named = failure.evidence.get("frame")
    if isinstance(named, int):
        found = [frame for frame in frames if frame.number == named]
    elif failure.code in CLOSES:
        found = [f for f in frames if f.opcode == "close" and f.direction == "in"]
    else:
        found = []
    return (found[-1].connection, found[-1].number) if found else None


def _matching(rows: Sequence[Row], wanted: Filter) -> list[Row]:
    text = wanted.text.casefold()

    def matches(row: Row) -> bool:
        if isinstance(row, FrameRow):
            right_way = wanted.way == "all" or row.sent == (wanted.way == "sent")
            heard = wanted.control or row.opcode not in ("ping", "pong")
            return right_way and heard and text in row.searched
        if isinstance(row, HttpRow | LogRow):
            return wanted.way == "all" and text in row.searched
        if isinstance(row, FailureRow):
            return True
        return isinstance(row, StepRow) or (not text and not isinstance(row, GapRow))

    kept = [row for row in rows if matches(row)]
    # A step in which nothing is left is left out.
    return [
        row
        for i, row in enumerate(kept)
        if not isinstance(row, StepRow)
        or (i + 1 < len(kept) and not isinstance(kept[i + 1], StepRow))
        or (not text and row.number)
    ]


def _why_empty(attempt: Attempt, rows: Sequence[Row], shown: Sequence[Row], running: bool) -> str:
    if shown:
        return ""
    if rows:
        return "Nothing in this transcript matches."
    if running:
        return "Nothing has happened yet."
    failure = attempt.failure
    if failure is not None and failure.phase in PHASES:
        return f"No frames: {PHASES[failure.phase]} failed at {at(attempt.duration_ns)} ms."
    return "No frames: the check opened no connection."


class _Rows:
    def __init__(self, attempt: Attempt, running: bool) -> None:
        self._attempt = attempt
        self._running = running
        self._steps = {step.number: step for step in attempt.steps}
        self._excused = {e.number for e in attempt.events if isinstance(e, Excused)}
        numbers = {e.connection for e in attempt.events if isinstance(e, ConnectionStarted)}
        self._many = len(numbers) > 1
        upgrades = (event for event in attempt.events if isinstance(event, Handshake))
        self._opened = {event.connection for event in upgrades if event.status == 101}
        self._culprit = culprit_of(attempt)
        trips = (event for event in attempt.events if isinstance(event, RoundTrip))
        self._trips = {(trip.connection, trip.answer): trip for trip in trips}
        leading = (f for f in attempt.failures if f.failure == attempt.failure)
        self._leads = next((f for f in leading if f.severity == "failed"), None)
        self._last_frame: dict[int, int] = {}
        self._last_ns: int | None = None
        self._left: int | None = None

    def all(self) -> Iterator[Row]:
        for event in self._attempt.events:
            if self._left is not None and _is_outside(event, self._left):
                yield self._after_step(event.at_ns)
                self._left = None
            for row in self._event(event):
                yield from self._silence(row)
                yield row

    def _silence(self, row: Row) -> Iterator[Row]:
        if isinstance(row, StepRow):
            return
        if isinstance(row, NoteRow) and row.name == "Left out":
            self._last_ns = None  # they may have come at any time
            return
        if self._last_ns is not None and row.at_ns - self._last_ns >= QUIET_NS:
            yield GapRow(self._last_ns, f"{lasts(row.at_ns - self._last_ns)} quiet")
        self._last_ns = max(row.at_ns, self._last_ns or 0)

    def _event(self, event: Event) -> Iterator[Row]:
        match event:
            case StepStarted():
                self._left = None
                yield self._step(event)
            case StepFinished():
                self._left = event.step
            case ConnectionStarted() if event.connection not in self._opened:
                yield self._note(event, "Dialled", event.connection, event.url)
            case Handshake() if event.status == 101:
                yield self._note(event, "Connected", event.connection, self._opening(event))
            case Handshake():
                answer = f"{event.status} {event.reason}".rstrip()
                text = f"GET {event.request_target} → {answer}"
                yield self._note(event, "Refused", event.connection, text, "fail")
            case FrameSeen():
                yield self._frame(event)
                self._last_frame[event.connection] = event.at_ns
            case FramesSkipped():
                text = f"{counted(event.count, 'frame')}, {size(event.size)}, counted but not kept"
                yield self._note(event, "Left out", event.connection, text)
                self._last_frame.pop(event.connection, None)
            case ConnectionClosed() if event.code is not None:
                yield self._note(event, "Closed", event.connection, _closing(event))
            case HttpExchange():
                yield _http(event)
                self._last_ns = event.at_ns + event.duration_ns
            case Logged():
                yield _log(event)
            case Failed():
                yield self._failed(event)

    def _note(self, event: Event, name: str, connection: int, text: str, tone: str = "") -> NoteRow:
        named = f"{name} {connection}" if self._many and name != "Left out" else name
        return NoteRow(event.at_ns, at(event.at_ns), named, text, tone)

    def _opening(self, event: Handshake) -> str:
        connection = next(
            (one for one in self._attempt.connections if one.number == event.connection), None
        )
        parts = [connection.url if connection else event.request_target]
        if event.subprotocol:
            parts.append(f"subprotocol {event.subprotocol}")
        parts += event.extensions
        if connection is not None and (opened := connection.phase("open")):
            parts.append(f"{ms(opened.duration_ns)} ms")
        return ", ".join(parts)

    def _step(self, event: StepStarted) -> StepRow:
        step = self._steps.get(event.step) or Step(
            number=event.step, name=event.name, at_ns=event.at_ns, parent=event.parent
        )
        if step.duration_ns is not None:
            figure, mark = f"{ms(step.duration_ns)} ms", MARKS[step.status]
        elif self._running:
            figure, mark = "", MARKS["running"]
        else:
            figure, mark = "did not end", MARKS["failed"]
        if step.status == "failed" and step.duration_ns is not None:
            figure = f"failed after {ms(step.duration_ns)} ms"
        return StepRow(event.at_ns, event.step, event.name, mark, figure, self._depth(step))

    def _depth(self, step: Step) -> int:
        depth, seen = 0, {step.number}
        while step.parent in self._steps and step.parent not in seen:
            seen.add(step.parent)
            step = self._steps[step.parent]
            depth += 1
        return min(depth, 6)

    def _after_step(self, at_ns: int) -> StepRow:
        left = self._steps.get(self._left or 0)
        parent = self._steps.get(left.parent) if left is not None and left.parent else None
        if parent is None:
            return StepRow(at_ns, 0, "Outside of the steps" if self._left else "", None, "")
        return StepRow(at_ns, 0, f"{parent.name}, again", None, "", self._depth(parent))

    def _frame(self, frame: FrameSeen) -> FrameRow:
        before = self._last_frame.get(frame.connection)
        key = f"{frame.connection}.{frame.number}"
        tone = ""
        if (frame.connection, frame.number) == self._culprit:
            tone = "culprit"
        elif self._leads is not None and frame.at_ns > self._leads.at_ns:
            tone = "late"
        trip = self._trips.get((frame.connection, frame.number))
        shown = preview(frame)
        return FrameRow(
            key=key,
            label=key if self._many else str(frame.number),
            at_ns=frame.at_ns,
            at=("≤ " if frame.coalesced else "") + at(frame.at_ns),
            after="" if before is None else after(frame.at_ns - before),
            sent=frame.direction == "out",
            opcode=frame.opcode,
            control=frame.opcode in ("ping", "pong", "close"),
            pieces=shown,
            bytes=f"{frame.size:,}",
            wire_bytes=f"{frame.wire_size:,}" if frame.compressed else "",
            tone=tone,
            trip="" if trip is None else _trip(trip),
            searched=_searched(frame, shown),
        )

    def _failed(self, event: Failed) -> FailureRow:
        excused = event.number in self._excused
        mark = MARKS["skipped"] if excused else mark_of_failure(event.failure.code, event.severity)
        text = event.failure.message
        leads = self._leads is not None and event.number == self._leads.number
        since = "" if self._last_ns is None else after(event.at_ns - self._last_ns)
        return FailureRow(
            at_ns=event.at_ns,
            at=at(event.at_ns),
            after=since,
            mark=mark._replace(word="excused") if excused else mark,
            text=f"Expected by the check: {text}" if excused else text,
            code=event.failure.code,
            leads=leads,
        )


def _is_outside(event: Event, left: int) -> bool:
    """Whether it shows that the step that ended last is over."""
    if isinstance(event, Failed):
        # A step that fails ends before its failure is told.
        return event.step != left
    return isinstance(
        event, FrameSeen | HttpExchange | Logged | ConnectionClosed | ConnectionStarted
    )


def _searched(frame: FrameSeen, shown: list[Piece]) -> str:
    """What a search looks through: the kept payload; of bytes, their first ones in hex."""
    text = "".join(piece.text for piece in shown) if frame.base64 else frame.payload or ""
    return f"{frame.opcode} {text}".casefold()


def _trip(trip: RoundTrip) -> str:
    what = f"answered ping {trip.request}" if trip.kind == "ping" else f"answers {trip.request}"
    return f"{what} in {ms(trip.duration_ns)} ms"


def _closing(event: ConnectionClosed) -> str:
    text = f"{event.code}"
    if event.reason:
        text += f" “{event.reason}”"
    text += {"local": " by us", "remote": " by the server"}.get(event.initiator, "")
    if not event.clean:
        text += ", without a closing handshake"
    if event.messages_in or event.messages_out:
        text += f"; {counted(event.messages_out, 'message')} sent, {size(event.bytes_out)}"
        text += f"; {counted(event.messages_in, 'message')} received, {size(event.bytes_in)}"
    return text


def _http(event: HttpExchange) -> HttpRow:
    answer = "no answer" if event.status is None else f"{event.status} {event.reason}".rstrip()
    bad = event.status is None or event.status >= 400
    return HttpRow(
        at_ns=event.at_ns,
        at=at(event.at_ns),
        method=event.method,
        url=event.url,
        answer=answer,
        bytes=f"{event.response_size:,}",
        tone="fail" if bad else "",
        figure=f"{ms(event.duration_ns)} ms",
        phases=[(PHASES.get(name, name), ms(ns)) for name, ns in event.phases.items() if ns],
        remote=event.remote_address,
        request_headers=event.request_headers,
        response_headers=event.response_headers,
        request_body=_body(event.request_body),
        response_body=_body(event.response_body),
        searched=" ".join(
            (event.method, event.url, answer, event.request_body or "", event.response_body or "")
        ).casefold(),
    )


def _body(text: str | None) -> list[Piece]:
    if not text:
        return []
    shown = pretty(text) or text
    cut = len(shown) > _MAX_BODY
    return [*pieces(shown[:_MAX_BODY]), *([Piece("", "…")] if cut else [])]


def _log(event: Logged) -> LogRow:
    tone = {"warning": "warn", "error": "fail"}.get(event.level, "")
    text = event.message.rstrip()
    return LogRow(event.at_ns, at(event.at_ns), event.source, text, tone, text.casefold())
