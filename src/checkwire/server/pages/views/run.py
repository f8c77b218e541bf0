"""The page of a run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from markupsafe import Markup

from checkwire.model.attempt import Attempt, Run
from checkwire.model.definition import CheckDefinition
from checkwire.model.events import Failed, StepStarted
from checkwire.model.failures import code_of
from checkwire.server.monitor import RunningRun
from checkwire.server.pages.figures import (
    ago,
    clock_time,
    counted,
    day,
    iso,
    lasts,
    ms,
    span,
)
from checkwire.server.pages.svg.waterfall import Span, bar, scale_of
from checkwire.server.pages.views.failure import FailureView, failure_view, sentence
from checkwire.server.pages.views.frame import FrameDetail, default_frame, frame_detail
from checkwire.server.pages.views.handshake import ConnectionView, PhaseRow, connection_view
from checkwire.server.pages.views.meaning import MeaningView, meaning_view
from checkwire.server.pages.views.payload import Piece
from checkwire.server.pages.views.timeline import timeline
from checkwire.server.pages.views.transcript import Filter, Transcript, transcript
from checkwire.server.pages.words import ASKED, BLAME, MARKS, PHASES, Mark, schedule
from checkwire.store.records import RunRecord

__all__ = ["AttemptTab", "AttemptView", "Fact", "RunView", "Wanted", "run_view", "running_view"]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What of a run is asked for: an attempt (0: the last one), a page, rows, a frame."""

    attempt: int = 0
    page: int = 1
    frame: str = ""
    filter: Filter = field(default_factory=Filter)


@dataclass(frozen=True, slots=True)
class Fact:
    """A name and a value. ``iso`` makes it an instant, ``href`` a link, ``code`` code."""

    name: str
    value: str
    iso: str = ""
    href: str = ""
    code: bool = False
    ago: str = ""


@dataclass(frozen=True, slots=True)
class AttemptTab:
    """One of several attempts."""

    number: int
    mark: Mark
    text: str
    current: bool


@dataclass(frozen=True, slots=True)
class AttemptView:
    """All that is known of one attempt."""

    number: int
    failure: FailureView | None
    others: list[FailureView]
    connections: list[ConnectionView]
    magnified: ConnectionView | None
    aligned: bool
    drawing: Markup | None
    transcript: Transcript
    frame: FrameDetail | None
    usage: str


@dataclass(frozen=True, slots=True)
class RunView:
    """The page.

    Attributes:
        title: of the browser's tab.
        meaning: what the code means, if there is more to say than the failure does.
        gone: a sentence, if there is no transcript, and why.
        phases: times that are kept when the transcript is not.
        running: whether it is not over.
    """

    run_id: str
    check_uid: str
    check: str
    project: str
    title: str
    mark: Mark
    sentence: list[Piece]
    hint: str
    blame: str
    code: str
    meaning: MeaningView | None
    facts: list[Fact]
    tabs: list[AttemptTab]
    attempt: AttemptView | None
    gone: str
    phases: list[PhaseRow]
    running: bool
    flaky: bool


def run_view(
    record: RunRecord,
    run: Run | None,
    definition: CheckDefinition | None,
    *,
    now_ns: int,
    wanted: Wanted | None = None,
    usual: Mapping[str, float] | None = None,
    expired: bool = True,
) -> RunView:
    """The page of a run that is over.

    Args:
        record: its row.
        run: its transcript, if there still is one.
        definition: of the check, as it is now.
        now_ns: the time.
        wanted: which part of it.
        usual: nanoseconds by phase that are usual for the check.
        expired: whether a transcript that is not there has been there.
    """
    wanted = wanted or Wanted()
    definition = run.check if run is not None else definition
    attempt = _attempt_of(run, wanted.attempt) if run is not None else None
    failure = run.attempts[-1].failure if run is not None and run.attempts else None
    mark = MARKS["flaky"] if record.flaky and record.status == "passed" else MARKS[record.status]
    place = ""
    if failure is not None and failure.location is not None:
        place = failure.location.text.strip()
    hint = ""
    blame = ""
    meaning = None
    if record.code is not None and record.status in ("failed", "error", "degraded"):
        code = code_of(record.code)
        hint = (failure.hint if failure is not None else "") or code.hint
        blame = BLAME[code.blame] if record.status != "degraded" else ""
        meaning = meaning_view(record.code)
    name = definition.name if definition is not None else record.check
    return RunView(
        run_id=record.run_id,
        check_uid=record.check_uid,
        check=name,
        project=record.project,
        title=f"{mark.glyph} {name} · run {clock_time(record.started_ns or record.due_ns)}",
        mark=mark,
        sentence=_headline(record, run, place),
        hint=hint,
        blame=blame,
        code=record.code or "",
        meaning=meaning,
        facts=list(_facts(record, definition, now_ns)),
        tabs=_tabs(run, attempt),
        attempt=None
        if attempt is None or run is None
        else _attempt(attempt, record.run_id, wanted, usual),
        gone=_gone(record, run, expired),
        phases=[] if run is not None else _kept_phases(record, usual or {}),
        running=False,
        flaky=record.flaky,
    )


def running_view(
    running: RunningRun,
    attempts: Iterable[Attempt],
    definition: CheckDefinition | None,
    *,
    now_ns: int,
    wanted: Wanted | None = None,
    usual: Mapping[str, float] | None = None,
) -> RunView:
    """The page of a run that is not over: its attempts so far.

    Args:
        running: what is known of it.
        attempts: folded from what they told so far; the last one is under way.
        definition: of the check.
        now_ns: the time.
        wanted: which part of it.
        usual: nanoseconds by phase that are usual for the check.
    """
    wanted = wanted or Wanted()
    all_attempts = list(attempts)
    attempt = _pick(all_attempts, wanted.attempt)
    mark = MARKS["waiting" if running.started_ns is None else "running"]
    name = definition.name if definition is not None else running.check
    facts = [
        Fact("Due", f"{clock_time(running.due_ns)} UTC", iso(running.due_ns)),
        Fact("From", running.location),
    ]
    if running.cause is not None:
        facts.append(Fact("Asked for", ASKED[running.cause]))
    if definition is not None:
        facts.append(Fact("Timeout", span(round(definition.timeout * 1e9))))
        facts.append(Fact("Definition", f"{definition.path}:{definition.line}", code=True))
    return RunView(
        run_id=running.run_id,
        check_uid=running.check_uid,
        check=name,
        project=running.project,
        title=f"{mark.glyph} {name} · {mark.word}",
        mark=mark,
        sentence=[Piece("", _progress(running, all_attempts))],
        hint="",
        blame="",
        code="",
        meaning=None,
        facts=facts,
        tabs=_tabs_of(all_attempts, attempt, running=True),
        attempt=None
        if attempt is None
        else _attempt(attempt, running.run_id, wanted, usual, running=attempt is all_attempts[-1]),
        gone="",
        phases=[],
        running=True,
        flaky=False,
    )


def _attempt_of(run: Run, number: int) -> Attempt | None:
    return _pick(list(run.attempts), number)


def _pick(attempts: list[Attempt], number: int) -> Attempt | None:
    found = next((attempt for attempt in attempts if attempt.number == number), None)
    return found or (attempts[-1] if attempts else None)


def _headline(record: RunRecord, run: Run | None, source: str) -> list[Piece]:
    match record.status:
        case "passed":
            lasted = lasts(record.duration_ns or 0)
            if record.flaky:
                failed = counted(record.attempts - 1, "attempt", words=True)
                return [Piece("", f"Passed in {lasted}, after {failed} that did not.")]
            return [Piece("", f"Passed in {lasted}.")]
        case "missed":
            return [Piece("", _missed(record))]
        case "skipped":
            why = (run.skipped if run is not None else "") or record.message or ""
            return [Piece("", f"Skipped: {why}." if why else "Skipped.")]
        case _:
            return sentence(record.message or record.code or record.status, source)


def _missed(record: RunRecord) -> str:
    due = f"{clock_time(record.due_ns)} UTC"
    if record.missed > 1:
        return (
            f"{counted(record.missed, 'due run')} in a row were missed, the first at {due}: "
            "none could begin in time."
        )
    if record.message:
        return f"Missed: it was due at {due}. {record.message}."
    return f"Missed: it was due at {due}, and could not begin in time."


def _gone(record: RunRecord, run: Run | None, expired: bool) -> str:
    if run is not None:
        return ""
    if record.status == "missed":
        return "It never began, so there is nothing to show. Other runs of the check tell more."
    if record.status == "skipped":
        return "The check was not run, so there is no transcript."
    if expired:
        return "The transcript has expired. What happened, and the times, are kept."
    return "There is no transcript of this run."


def _facts(record: RunRecord, definition: CheckDefinition | None, now_ns: int) -> Iterable[Fact]:
    if record.started_ns is not None:
        started = f"{clock_time(record.started_ns, millis=True)} UTC"
        if now_ns - record.started_ns > 86_400_000_000_000 or day(now_ns) != day(record.started_ns):
            started = f"{day(record.started_ns)} {started}"
        yield Fact("Started", started, iso(record.started_ns), ago=ago(record.started_ns, now_ns))
    else:
        yield Fact(
            "Due",
            f"{day(record.due_ns)} {clock_time(record.due_ns)} UTC",
            iso(record.due_ns),
            ago=ago(record.due_ns, now_ns),
        )
    yield Fact("From", record.location)
    if record.attempts > 1:
        yield Fact("Attempts", str(record.attempts))
    if record.duration_ns is not None and record.attempts:
        yield Fact("Took", lasts(record.duration_ns))
    yield Fact("Asked for", ASKED[record.cause])
    if record.attempts:
        yield Fact("Clock", record.clock)
    if definition is not None:
        if definition.is_scheduled:
            yield Fact(*schedule(definition))
        yield Fact("Definition", f"{definition.path}:{definition.line}", code=True)


def _tabs(run: Run | None, current: Attempt | None) -> list[AttemptTab]:
    return [] if run is None else _tabs_of(list(run.attempts), current)


def _tabs_of(
    attempts: list[Attempt], current: Attempt | None, *, running: bool = False
) -> list[AttemptTab]:
    if len(attempts) < 2:
        return []
    tabs = []
    for attempt in attempts:
        last = attempt is attempts[-1]
        mark = MARKS["running"] if running and last else MARKS[attempt.status]
        text = mark.word if running and last else f"{mark.word}, {lasts(attempt.duration_ns)}"
        tabs.append(AttemptTab(attempt.number, mark, text, attempt is current))
    return tabs


def _attempt(
    attempt: Attempt,
    run_id: str,
    wanted: Wanted,
    usual: Mapping[str, float] | None,
    *,
    running: bool = False,
) -> AttemptView:
    headline = next((f for f in attempt.failures if f.failure == attempt.failure), None)
    connections = [connection_view(one, attempt, usual) for one in attempt.connections]
    shown = _magnified(attempt, headline)
    key = wanted.frame or default_frame(attempt)
    first_ns = min(
        [one.at_ns for one in attempt.connections[:1]] + [step.at_ns for step in attempt.steps],
        default=0,
    )
    detail = frame_detail(attempt, key)
    aligned = (
        bool(attempt.connections)
        and shown == 0
        and attempt.connections[0].at_ns <= first_ns + 1_000_000
    )
    return AttemptView(
        number=attempt.number,
        failure=failure_view(headline.failure, headline.severity) if headline else None,
        others=[failure_view(f.failure, f.severity) for f in attempt.failures if f is not headline],
        connections=connections,
        magnified=connections[shown] if connections else None,
        aligned=aligned,
        drawing=timeline(
            attempt,
            href=f"/runs/{run_id}?attempt={attempt.number}&frame={{}}#frame",
            magnified=aligned,
        ),
        transcript=transcript(
            attempt, wanted.filter, wanted.page, running=running, frame=wanted.frame
        ),
        frame=detail,
        usage=_usage(attempt),
    )


def _magnified(attempt: Attempt, headline: Failed | None) -> int:
    """Index of the connection whose handshake is shown large: the one that failed, or the first."""
    if headline is not None and headline.failure.connection is not None:
        for index, connection in enumerate(attempt.connections):
            if connection.number == headline.failure.connection:
                return index
    return 0


def _usage(attempt: Attempt) -> str:
    usage = attempt.usage
    if not usage.peak_memory:
        return ""
    memory = usage.peak_memory / 1024 / 1024
    return f"{usage.cpu_seconds * 1000:,.0f} ms of CPU, {memory:,.0f} MiB at most"


def _progress(running: RunningRun, attempts: list[Attempt]) -> str:
    if running.started_ns is None:
        return "Waiting for its turn."
    last = attempts[-1] if attempts else None
    again = f", attempt {last.number}" if last is not None and last.number > 1 else ""
    if last is None:
        return "Starting."
    steps = [event for event in last.events if isinstance(event, StepStarted)]
    open_steps = {step.number for step in last.steps if step.duration_ns is None}
    inner = [step for step in steps if step.step in open_steps]
    if inner:
        return f"Running{again}: step {inner[-1].step}, {inner[-1].name}."
    return f"Running{again}."


def _kept_phases(record: RunRecord, usual: Mapping[str, float]) -> list[PhaseRow]:
    """Of the times in a run's row: the phases end to end."""
    order = ("dns", "tcp", "proxy", "tls", "upgrade", "first_message")
    spans: list[tuple[str, Span]] = []
    end = 0
    for name in order:
        if name in record.times:
            spans.append((name, Span(end, end + record.times[name])))
            end += record.times[name]
    scale = scale_of([one for _, one in spans])
    return [
        PhaseRow(PHASES[name], ms(one.end_ns - one.start_ns), "", "", bar(one, scale))
        for name, one in spans
    ]
