"""The page of a check."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from checkwire.model.definition import CheckDefinition, Retries
from checkwire.server.pages.figures import (
    ago,
    clock_time,
    counted,
    in_ms,
    moment,
    ms,
    percent,
    span,
)
from checkwire.server.pages.svg.latency import Failure, Sample, chart, sparkline
from checkwire.server.pages.views.bars import RunRow, run_row, strip_of
from checkwire.server.pages.views.incidents import IncidentRow, incident_row
from checkwire.server.pages.views.payload import Piece
from checkwire.server.pages.views.standing import standing_of
from checkwire.server.pages.words import MARKS, PHASES, Mark, schedule
from checkwire.store.records import CheckRecord, CheckState, Incident, OutboxEntry, RunRecord

__all__ = [
    "CheckView",
    "Latency",
    "LocationRow",
    "PhaseLatency",
    "Share",
    "check_view",
]

_HOUR = 3_600_000_000_000
_DAY = 24 * _HOUR


@dataclass(frozen=True, slots=True)
class Share:
    """Time in state over a period, in nanoseconds."""

    period: str
    up_ns: int
    degraded_ns: int
    down_ns: int
    unknown_ns: int
    runs: int


@dataclass(frozen=True, slots=True)
class Latency:
    """A phase over the last day: by stretch of time, and of all of it."""

    phase: str
    samples: Sequence[Sample]
    p50_ns: float | None
    p95_ns: float | None


@dataclass(frozen=True, slots=True)
class LocationRow:
    """Where the check stands at one location."""

    name: str
    mark: Mark
    text: str
    since: str
    href: str


@dataclass(frozen=True, slots=True)
class UptimeRow:
    """Uptime over a period."""

    period: str
    figure: str
    detail: str
    tone: str


@dataclass(frozen=True, slots=True)
class PhaseLatency:
    """A phase's row: its figures, and its course."""

    name: str
    p50: str
    p95: str
    drawing: Markup


@dataclass(frozen=True, slots=True)
class CheckView:
    """The page.

    Attributes:
        removed: a sentence, if it is no longer in its project.
        no_latency: a sentence, if there is nothing to draw.
        older: address of the next page of runs; empty on the last one.
        all_incidents: address of the page of its incidents; empty if there are none.
    """

    uid: str
    name: str
    project: str
    description: str
    title: str
    mark: Mark
    sentence: list[Piece]
    run_href: str
    facts: list[tuple[str, str, str]]
    tags: tuple[str, ...]
    paused: bool
    removed: str
    strip: Markup
    strip_count: int
    locations: list[LocationRow]
    uptime: list[UptimeRow]
    chart: Markup | None
    phases: list[PhaseLatency]
    no_latency: str
    runs: list[RunRow]
    no_runs: str
    older: str
    newer: str
    incidents: list[IncidentRow]
    all_incidents: str
    definition: list[tuple[str, str]]


def check_view(
    check: CheckRecord,
    states: Sequence[CheckState],
    recent: Sequence[RunRecord],
    *,
    page_of_runs: Sequence[RunRecord],
    older: str = "",
    newer: str = "",
    shares: Sequence[Share] = (),
    latencies: Sequence[Latency] = (),
    failures: Sequence[RunRecord] = (),
    incidents: Sequence[Incident] = (),
    notices: Mapping[str, Sequence[OutboxEntry]] | None = None,
    next_due_ns: int | None,
    running: Sequence[str] = (),
    now_ns: int,
) -> CheckView:
    """The page.

    Args:
        check: the check.
        states: where it stands at each location.
        recent: its latest runs, the newest first.
        page_of_runs: those of the list.
        older, newer: addresses of the pages after and before.
        shares: uptime over some periods.
        latencies: ``open`` first, then its phases.
        failures: runs of the last day that failed.
        incidents: the newest first.
        notices: of each incident, by its id.
        next_due_ns: when it is due next.
        running: ids of its runs that are under way.
        now_ns: the time.
    """
    definition = check.definition
    by_id = {run.run_id: run for run in (*page_of_runs, *recent)}
    standing = standing_of(
        check,
        states,
        by_id,
        incident=next((one for one in incidents if one.closed_ns is None), None),
        next_due_ns=next_due_ns,
        now_ns=now_ns,
    )
    opened = next((one for one in latencies if one.phase == "open"), None)
    drawn = opened is not None and any(one.p50_ns is not None for one in opened.samples)
    return CheckView(
        uid=check.uid,
        name=definition.name,
        project=check.project,
        description=definition.description,
        title=f"{standing.mark.glyph} {definition.name} · Checkwire",
        mark=standing.mark,
        sentence=standing.sentence,
        run_href=f"/runs/{standing.run_id}"
        if standing.run_id and standing.group in ("failed", "degraded")
        else "",
        facts=_facts(check, standing.since_ns, standing.group, next_due_ns, running, now_ns),
        tags=definition.tags,
        paused=check.paused_ns is not None,
        removed=_removed(check, now_ns),
        strip=strip_of(recent, now_ns=now_ns, room=90),
        strip_count=len(recent),
        locations=[_location(state, by_id.get(state.run_id), now_ns) for state in states],
        uptime=[row for share in shares if (row := _uptime(share)) is not None],
        chart=_chart(opened, failures, now_ns) if drawn and opened is not None else None,
        phases=[_phase(one) for one in latencies if one.p50_ns is not None],
        no_latency="" if drawn else _no_latency(recent, next_due_ns, now_ns),
        runs=[run_row(run, now_ns=now_ns) for run in page_of_runs],
        no_runs="" if page_of_runs else _no_runs(check, next_due_ns, now_ns),
        older=older,
        newer=newer,
        incidents=[
            incident_row(one, (notices or {}).get(one.id, ()), now_ns=now_ns) for one in incidents
        ],
        all_incidents=f"/incidents?check={check.uid}" if incidents else "",
        definition=_definition(definition),
    )


def _facts(
    check: CheckRecord,
    since_ns: int | None,
    group: str,
    next_due_ns: int | None,
    running: Sequence[str],
    now_ns: int,
) -> list[tuple[str, str, str]]:
    """Names, values, and an address for some."""
    facts: list[tuple[str, str, str]] = []
    if since_ns is not None and group in ("failed", "degraded"):
        facts.append(("Since", f"{moment(since_ns, now_ns)}, {span(now_ns - since_ns)}", ""))
    facts.append((*schedule(check.definition), ""))
    if check.paused_ns is None and next_due_ns is not None:
        when = ago(next_due_ns, now_ns)
        facts.append(("Next", "now" if "ago" in when else when, ""))
    facts += [("Running", "now", f"/runs/{run_id}") for run_id in running[:3]]
    return facts


def _removed(check: CheckRecord, now_ns: int) -> str:
    if check.removed_ns is None:
        return ""
    return f"It left its project {ago(check.removed_ns, now_ns)}; its history is kept."


def _location(state: CheckState, run: RunRecord | None, now_ns: int) -> LocationRow:
    text = in_ms(run.message) if run is not None and run.message else ""
    if state.status == "passed" and state.good_in_row > 1:
        text = f"{state.good_in_row:,} in a row"
    elif state.status in ("failed", "error") and state.bad_in_row > 1:
        text = (
            f"{state.bad_in_row:,} in a row: {text}" if text else f"{state.bad_in_row:,} in a row"
        )
    return LocationRow(
        name=state.location,
        mark=MARKS[state.status],
        text=text,
        since=ago(state.due_ns, now_ns),
        href=f"/runs/{state.run_id}",
    )


def _uptime(share: Share) -> UptimeRow | None:
    known = share.up_ns + share.down_ns
    if not known:
        return None
    up = share.up_ns / known
    parts = []
    if share.down_ns:
        parts.append(f"{span(share.down_ns)} down")
    if share.degraded_ns:
        parts.append(f"{span(share.degraded_ns)} degraded")
    if share.unknown_ns > known / 100:
        parts.append(f"{span(share.unknown_ns)} no data")
    parts.append(counted(share.runs, "run"))
    return UptimeRow(share.period, percent(up), ", ".join(parts), "fail" if share.down_ns else "ok")


def _chart(opened: Latency, failures: Sequence[RunRecord], now_ns: int) -> Markup:
    samples = opened.samples
    start, end = samples[0].start_ns, samples[-1].end_ns
    step = 3 * _HOUR if end - start > 12 * _HOUR else _HOUR
    first = -(-start // step) * step
    return chart(
        samples,
        [
            Failure(run.due_ns, f"/runs/{run.run_id}", f"{run.status}: {run.message or run.code}")
            for run in failures
            if start <= run.due_ns < end
        ],
        times=[(at, clock_time(at)[:5]) for at in range(first, end, step)],
        label=f"Time to open over the last {span(end - start)}: "
        f"half of the runs within {ms(round(opened.p50_ns or 0))} ms, "
        f"95 % within {ms(round(opened.p95_ns or 0))} ms",
    )


def _phase(one: Latency) -> PhaseLatency:
    p50, p95 = round(one.p50_ns or 0), round(one.p95_ns or 0)
    name = PHASES.get(one.phase, one.phase)
    return PhaseLatency(
        name=name,
        p50=ms(p50),
        p95=ms(p95),
        drawing=sparkline(one.samples, label=f"{name}: p50 {ms(p50)} ms, p95 {ms(p95)} ms"),
    )


def _no_latency(recent: Sequence[RunRecord], next_due_ns: int | None, now_ns: int) -> str:
    if not recent:
        if next_due_ns is None:
            return "Nothing to draw: it never ran."
        return f"Nothing to draw yet: the first run comes {ago(max(next_due_ns, now_ns), now_ns)}."
    codes = {run.code for run in recent if run.code}
    if len(codes) == 1 and not any("open" in run.times for run in recent):
        return f"Nothing to draw: no connection opened in the last day ({codes.pop()})."
    return "Nothing to draw: no connection opened in the last day."


def _no_runs(check: CheckRecord, next_due_ns: int | None, now_ns: int) -> str:
    if check.paused_ns is not None:
        return "No runs, and none is planned: the check is paused."
    if next_due_ns is not None:
        return f"No runs yet. The first comes {ago(max(next_due_ns, now_ns), now_ns)}."
    if check.definition.is_scheduled:
        return "No runs yet, and none is planned."
    return 'No runs yet, and none is scheduled. Run it now, or give it every="1m", or a cron=.'


def _definition(definition: CheckDefinition) -> list[tuple[str, str]]:
    facts = [
        ("Id", definition.id),
        ("File", f"{definition.path}:{definition.line}"),
        *([("Function", definition.function)] if definition.function else []),
        schedule(definition),
        ("Timeout", span(round(definition.timeout * 1e9))),
    ]
    if definition.case is not None:
        facts.insert(3, ("Case", definition.case))
    if definition.degraded is not None:
        facts.append(("Degraded above", span(round(definition.degraded * 1e9))))
    facts.append(("Retries", _retries(definition.retries)))
    facts.append(("Locations", ", ".join(definition.locations) or "wherever the project runs"))
    if definition.scheduling == "round-robin" and len(definition.locations) > 1:
        facts.append(("At a time", "one location, in turn"))
    if definition.needs:
        facts.append(("Needs", ", ".join(definition.needs)))
    facts.append(("Memory", f"{definition.memory // 1024 // 1024:,} MiB at most"))
    facts.append(("CPU time", f"{span(round(definition.cpu * 1e9))} at most"))
    if definition.isolation != "process":
        facts.append(("Isolation", definition.isolation))
    if not definition.activated:
        facts.append(("Activated", "no"))
    return facts


def _retries(retries: Retries) -> str:
    if retries.strategy == "none" or not retries.max:
        return "none"
    return (
        f"up to {retries.max}, {retries.strategy}, {span(round(retries.delay * 1e9))} before the "
        "first"
    )
