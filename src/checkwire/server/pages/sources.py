"""What pages read from the store, one function each; what is made of it is in ``views``."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from checkwire.model.attempt import Run
from checkwire.server.api.cursors import IncidentPlace, RunPosition
from checkwire.server.api.lookup import check_record
from checkwire.server.monitor import Monitor
from checkwire.server.notices import read_notices
from checkwire.server.pages.figures import counted, ms
from checkwire.server.pages.svg.latency import Sample
from checkwire.server.pages.views.check import Latency, Share
from checkwire.server.pages.views.incidents import Status
from checkwire.server.pages.views.overview import Stock, rank
from checkwire.store import incidents, outbox, registry, runs, statistics
from checkwire.store.records import (
    ChannelNotices,
    CheckRecord,
    CheckState,
    Incident,
    OutboxEntry,
    RunRecord,
)

__all__ = [
    "CheckSource",
    "IncidentsSource",
    "OverviewSource",
    "RunSource",
    "read_check",
    "read_incidents",
    "read_overview",
    "read_run",
]

_STRIP = 48
_LONG_STRIP = 90
_ROWS = 25
_INCIDENTS = 50
_MOST_CHECKS = 100_000
_HOUR_NS = 3_600_000_000_000
_DAY_NS = 86_400_000_000_000
_PERIODS = (("24 hours", 1), ("7 days", 7), ("30 days", 30))
_QUANTILES = (0.5, 0.95)
_SERIES = 48
_USUAL = 5
"""From how few runs on nothing is called usual."""


class OverviewSource(msgspec.Struct, frozen=True):
    """All checks as they stand; of those on the page also their latest runs. Then incidents that
    are open, and notices.
    """

    stock: Stock
    strips: dict[int, list[RunRecord]]
    runs: dict[str, RunRecord]
    open_incidents: int
    notices: list[ChannelNotices]


async def read_overview(
    monitor: Monitor, *, page: int, text: str, tag: str, now_ns: int
) -> OverviewSource:
    """What the overview shows.

    Args:
        monitor: the service.
        page: which page, from 1.
        text: a part of the name, the id, a tag or the latest failure's code; empty for all.
        tag: that the checks have; empty for all.
        now_ns: the time.
    """
    async with monitor.store.reading() as tx:
        checks = await registry.list_checks(
            tx, text=text or None, tag=tag or None, limit=_MOST_CHECKS
        )
        ids = [check.id for check in checks] if text or tag else None
        states = await runs.states(tx, ids)
        stock = rank(
            checks,
            states,
            incidents=await incidents.open_incidents(tx, ids),
            next_due_ns=monitor.next_due_ns,
            now_ns=now_ns,
        )
        shown = stock.shown(page)
        strips = await runs.strip(tx, [check.id for check in shown], _STRIP)
        known = {run.run_id: run for latest in strips.values() for run in latest}
        await _add_missing(tx, known, [s for check in shown for s in stock.states[check.id]])
        down = await incidents.count_open(tx)
    notices = await read_notices(monitor.store, now_ns)
    return OverviewSource(stock, strips, known, down, notices)


class CheckSource(msgspec.Struct, frozen=True):
    """A check, and what its page shows of it."""

    check: CheckRecord
    states: list[CheckState]
    recent: list[RunRecord]
    rows: list[RunRecord]
    older: RunPosition | None
    shares: list[Share]
    latencies: list[Latency]
    failures: list[RunRecord]
    incidents: list[Incident]
    notices: dict[str, list[OutboxEntry]]


async def read_check(
    monitor: Monitor, uid: str, *, before: RunPosition | None, now_ns: int
) -> CheckSource | None:
    """What the page of a check shows; None if there is no such check.

    Args:
        monitor: the service.
        uid: of the check.
        before: the last run of the page before; None for the newest ones.
        now_ns: the time.
    """
    async with monitor.store.reading() as tx:
        check = await registry.get_check(tx, uid)
        if check is None:
            return None
        states = await runs.states(tx, [check.id])
        recent = (await runs.strip(tx, [check.id], _LONG_STRIP))[check.id]
        rows = await runs.list_runs(
            tx,
            check_id=check.id,
            before=None if before is None else (before.due_ns, before.check_id, before.location),
            limit=_ROWS + 1,
        )
        known = {run.run_id: run for run in (*recent, *rows)}
        await _add_missing(tx, known, states)
        failures = await runs.list_runs(
            tx,
            check_id=check.id,
            statuses=("failed", "error"),
            since_ns=now_ns - _DAY_NS,
            limit=100,
        )
        down = await incidents.list_incidents(tx, check_id=check.id, limit=8)
        last = rows[_ROWS - 1] if len(rows) > _ROWS else None
        return CheckSource(
            check=check,
            states=states,
            recent=recent,
            rows=rows[:_ROWS],
            older=None if last is None else RunPosition(last.due_ns, last.check_id, last.location),
            shares=await _shares(tx, check, len(states), now_ns),
            latencies=await _latencies(tx, check, now_ns),
            failures=failures,
            incidents=down,
            notices=await outbox.of_incidents(tx, [one.id for one in down]),
        )


class IncidentsSource(msgspec.Struct, frozen=True):
    """A page of incidents; the check whose they are, if not those of all; their checks by id."""

    check: CheckRecord | None
    incidents: list[Incident]
    older: IncidentPlace | None
    open_count: int
    checks: dict[int, CheckRecord]
    notices: dict[str, list[OutboxEntry]]


async def read_incidents(
    monitor: Monitor, *, status: Status, uid: str, before: IncidentPlace | None
) -> IncidentsSource:
    """What the page of incidents shows: the open ones first, of each kind the latest opened first.

    Args:
        monitor: the service.
        status: which.
        uid: of the check whose incidents are asked for; empty for those of all.
        before: the last incident of the page before; None for the first page.

    Raises:
        Problem: 404, if there is no such check.
    """
    async with monitor.store.reading() as tx:
        check = await check_record(tx, uid) if uid else None
        check_id = check.id if check is not None else None
        found: list[Incident] = []
        for is_open in (True, False):
            if status == ("closed" if is_open else "open") or (before and before.open < is_open):
                continue
            found += await incidents.list_incidents(
                tx,
                check_id=check_id,
                open=is_open,
                before=(before.opened_ns, before.id) if before and before.open == is_open else None,
                limit=_INCIDENTS + 1 - len(found),
            )
        shown = found[:_INCIDENTS]
        last = shown[-1] if len(found) > len(shown) else None
        return IncidentsSource(
            check=check,
            incidents=shown,
            older=None
            if last is None
            else IncidentPlace(last.closed_ns is None, last.opened_ns, last.id),
            open_count=await incidents.count_open(tx, check_id),
            checks=await registry.checks_by_id(tx, {one.check_id for one in shown}),
            notices=await outbox.of_incidents(tx, [one.id for one in shown]),
        )


class RunSource(msgspec.Struct, frozen=True):
    """A run, and those around it."""

    record: RunRecord | None
    run: Run | None
    check: CheckRecord | None
    strip: list[RunRecord]
    usual: dict[str, float]
    earlier: str
    later: str


async def read_run(monitor: Monitor, run_id: str, uid: str, *, now_ns: int) -> RunSource:
    """What the page of a run shows.

    Args:
        monitor: the service.
        run_id: of the run.
        uid: of its check, if the run is under way; else empty.
        now_ns: the time.
    """
    async with monitor.store.reading() as tx:
        record = await runs.get_run(tx, run_id)
        run = await runs.get_transcript(tx, record) if record is not None else None
        uid = record.check_uid if record is not None else uid
        check = await registry.get_check(tx, uid) if uid else None
        if check is None:
            return RunSource(record, run, None, [], {}, "", "")
        around = (await runs.strip(tx, [check.id], _STRIP))[check.id]
        if record is not None and all(one.run_id != run_id for one in around):
            at = (record.due_ns, record.check_id, record.location)
            before = await runs.list_runs(tx, check_id=check.id, before=at, limit=_STRIP - 1)
            around = [record, *before]
        until_ns = record.due_ns if record is not None else now_ns
        usual = await _usual(tx, check, until_ns)
    index = next((i for i, one in enumerate(around) if one.run_id == run_id), -1)
    earlier = around[index + 1].run_id if index + 1 < len(around) else ""
    later = around[index - 1].run_id if index > 0 else ""
    return RunSource(record, run, check, around, usual, earlier, later)


async def _add_missing(
    tx: AsyncConnection, known: dict[str, RunRecord], states: Sequence[CheckState]
) -> None:
    """The runs that say where a check stands, if they are not among the latest ones anyway."""
    for state in states:
        if state.status != "passed" and state.run_id not in known:
            run = await runs.get_run(tx, state.run_id)
            if run is not None:
                known[run.run_id] = run


async def _shares(tx: AsyncConnection, check: CheckRecord, places: int, now_ns: int) -> list[Share]:
    shares: list[Share] = []
    before_ns = now_ns
    for name, days in _PERIODS:
        since_ns = max(now_ns - days * _DAY_NS, check.first_seen_ns)
        if before_ns - since_ns < _HOUR_NS and shares:
            break  # it is no older: a longer period would say the same
        before_ns = since_ns
        found = (await statistics.uptime(tx, [check.id], since_ns, now_ns)).get(check.id)
        if found is not None:
            # It counts from a whole hour on, and that may be before the check was there.
            too_early_ns = max(0, check.first_seen_ns - found.since_ns) * places
            shares.append(
                Share(
                    name,
                    found.up_ns,
                    found.degraded_ns,
                    found.down_ns,
                    max(0, found.unknown_ns - too_early_ns),
                    found.runs,
                )
            )
    return shares


async def _latencies(tx: AsyncConnection, check: CheckRecord, now_ns: int) -> list[Latency]:
    since_ns = now_ns - _DAY_NS
    found = await statistics.phases(tx, check.id, since_ns, now_ns, quantiles=_QUANTILES)
    latencies = []
    for phase, summary in sorted(found.items(), key=lambda item: item[0] != "open"):
        series = await statistics.percentiles(
            tx, check.id, since_ns, now_ns, phase=phase, quantiles=_QUANTILES, buckets=_SERIES
        )
        latencies.append(
            Latency(phase, [_sample(bucket) for bucket in series], *summary.values[:2])
        )
    return latencies


def _sample(bucket: statistics.Bucket) -> Sample:
    p50, p95 = bucket.values
    text = counted(bucket.count, "run")
    if p50 is not None and p95 is not None:
        text += f", p50 {ms(round(p50))} ms, p95 {ms(round(p95))} ms"
    return Sample(bucket.start_ns, bucket.end_ns, p50, p95, text)


async def _usual(tx: AsyncConnection, check: CheckRecord, until_ns: int) -> dict[str, float]:
    """The median of each phase over the day before."""
    found = await statistics.phases(tx, check.id, until_ns - _DAY_NS, until_ns, quantiles=(0.5,))
    return {phase: summary.values[0] for phase, summary in found.items() if summary.count >= _USUAL}
