"""Metrics for Prometheus. Their names begin with ``checkwire_`` and stay what they are.

The registry is of one service, so that several can be in one process.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from typing import NamedTuple

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy.exc import SQLAlchemyError

from checkwire._version import __version__
from checkwire.model.definition import CheckDefinition
from checkwire.model.errors import CheckwireError
from checkwire.server.monitor import Monitor
from checkwire.server.notices import read_notices
from checkwire.store import registry
from checkwire.store.database import Store
from checkwire.store.incidents import open_incidents
from checkwire.store.records import STATUSES, ChannelNotices, CheckState, RunRecord

__all__ = ["Metrics"]

disable_created_metrics()  # type: ignore[no-untyped-call]
# They double the number of series, and few read them.

_PHASE_BUCKETS = (
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0,
)  # fmt: skip
_LATENESS_BUCKETS = (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 30.0, 60.0)
_CHECK = ("project", "check", "location")
_CHANNEL = ("project", "channel")
_MOST_CHECKS = 100_000
_PATIENCE = 2.0
"""Seconds for the database to answer."""


class Metrics:
    """What is counted while the service runs; what it knows otherwise is asked for at each scrape.

    Args:
        monitor: the service.
    """

    def __init__(self, monitor: Monitor) -> None:
        self.registry = CollectorRegistry()
        self._monitor = monitor
        self._runs = Counter(
            "checkwire_runs",
            "Runs stored, by their status and the code of their failure.",
            (*_CHECK, "status", "code"),
            registry=self.registry,
        )
        self._phases = Histogram(
            "checkwire_phase_duration_seconds",
            "Duration of a phase of a run's first connection.",
            (*_CHECK, "phase"),
            buckets=_PHASE_BUCKETS,
            registry=self.registry,
        )
        self._durations = Histogram(
            "checkwire_run_duration_seconds",
            "Duration of runs, retries included.",
            _CHECK,
            buckets=_PHASE_BUCKETS,
            registry=self.registry,
        )
        self._lateness = Histogram(
            "checkwire_scheduler_lateness_seconds",
            "How much later than due scheduled runs began.",
            buckets=_LATENESS_BUCKETS,
            registry=self.registry,
        )
        self._states: dict[tuple[str, str, str], CheckState] = {}
        self._now = _Now(monitor, self._states)
        self.registry.register(self._now)

    def stored(self, record: RunRecord, state: CheckState) -> None:
        """A run was stored, and left its check in this state."""
        of = (record.project, record.check, record.location)
        self._states[of] = state
        self._runs.labels(*of, record.status, record.code or "").inc(record.missed or 1)
        for phase, ns in record.times.items():
            self._phases.labels(*of, phase).observe(ns / 1e9)
        if record.duration_ns is not None and record.status != "skipped":
            self._durations.labels(*of).observe(record.duration_ns / 1e9)
        if record.started_ns is not None and record.cause == "schedule":
            self._lateness.observe(max(0, record.started_ns - record.due_ns) / 1e9)

    def restored(self, project: str, check: str, location: str, state: CheckState) -> None:
        """A check's state as it was when the service started."""
        self._states[project, check, location] = state

    def keep(self, project: str, definitions: Iterable[CheckDefinition]) -> None:
        """Only these checks, where they run now, have a state; what was counted stays counted."""
        offered = {definition.id: definition.locations for definition in definitions}
        for of in [of for of in self._states if of[0] == project]:
            _, check, location = of
            if check not in offered or (offered[check] and location not in offered[check]):
                del self._states[of]

    async def exposition(self) -> bytes:
        """All of them, in Prometheus' text format.

        How notices fare, which incidents are open and which checks are paused is in the database,
        so that a restart forgets nothing; if it does not answer, all that is left out.
        """
        try:
            async with asyncio.timeout(_PATIENCE):
                self._now.kept = await _read(self._monitor.store)
        except (SQLAlchemyError, CheckwireError, OSError):  # a timeout is an OSError
            self._now.kept = None
        return generate_latest(self.registry)


class _Kept(NamedTuple):
    """What is in the database. Checks are named by their projects and ids."""

    notices: list[ChannelNotices]
    paused: set[tuple[str, str]]
    down: set[tuple[str, str]]


async def _read(store: Store) -> _Kept:
    notices = await read_notices(store, time.time_ns())
    async with store.reading() as tx:
        paused = await registry.list_checks(tx, paused=True, limit=_MOST_CHECKS)
        down = await open_incidents(tx)
    return _Kept(
        notices,
        {(check.project, check.definition.id) for check in paused},
        {(incident.project, incident.check) for incident in down.values()},
    )


class _Now(Collector):
    def __init__(self, monitor: Monitor, states: dict[tuple[str, str, str], CheckState]) -> None:
        self.kept: _Kept | None = None
        self._monitor = monitor
        self._states = states

    def collect(self) -> Iterable[Metric]:
        monitor, health = self._monitor, self._monitor.health()
        info = GaugeMetricFamily(
            "checkwire_build_info", "Always 1; the version is its label.", labels=("version",)
        )
        info.add_metric((__version__,), 1)
        yield info
        state = GaugeMetricFamily(
            "checkwire_check_state",
            "1 for the status of the latest run of a check at a location, 0 for the others.",
            labels=(*_CHECK, "status"),
        )
        up = GaugeMetricFamily(
            "checkwire_check_up",
            "Whether the latest run of a check at a location passed (also if it was degraded); not "
            "of a check that is paused.",
            labels=_CHECK,
        )
        paused = set() if self.kept is None else self.kept.paused
        for of, now in sorted(self._states.items()):
            for status in STATUSES:
                state.add_metric((*of, status), float(status == now.status))
            spoke = now.status in ("passed", "degraded", "failed", "error")
            if spoke and of[:2] not in paused:
                up.add_metric(of, float(now.status in ("passed", "degraded")))
        yield state
        yield up
        if self.kept is not None:
            yield from self._of_checks(self.kept)
        checks = GaugeMetricFamily("checkwire_checks", "Checks of a project.", labels=("project",))
        loads = GaugeMetricFamily(
            "checkwire_project_load_failed",
            "Whether the project's files as they are now could not be loaded.",
            labels=("project",),
        )
        for project in monitor.projects():
            checks.add_metric((project.key,), project.checks)
            loads.add_metric((project.key,), float(project.error is not None))
        yield checks
        yield loads
        running = monitor.running()
        waiting = sum(run.started_ns is None for run in running)
        yield GaugeMetricFamily(
            "checkwire_runs_under_way", "Runs that have begun.", value=len(running) - waiting
        )
        yield GaugeMetricFamily(
            "checkwire_queue_depth", "Due runs that wait for their turn.", value=waiting
        )
        yield GaugeMetricFamily(
            "checkwire_results_waiting", "Results that wait to be stored.", value=health.backlog
        )
        yield from self._of_notices([] if self.kept is None else self.kept.notices)
        yield GaugeMetricFamily(
            "checkwire_healthy", "Whether the service does all that it should.", value=health.ok
        )

    def _of_checks(self, kept: _Kept) -> Iterable[Metric]:
        paused = GaugeMetricFamily(
            "checkwire_check_paused", "Whether a check is paused.", labels=_CHECK[:2]
        )
        down = GaugeMetricFamily(
            "checkwire_incidents_open",
            "Incidents of a check that are open: one or none.",
            labels=_CHECK[:2],
        )
        for of in sorted({of[:2] for of in self._states} | kept.paused | kept.down):
            paused.add_metric(of, float(of in kept.paused))
            down.add_metric(of, float(of in kept.down))
        yield paused
        yield down

    def _of_notices(self, notices: Iterable[ChannelNotices]) -> Iterable[Metric]:
        waiting = GaugeMetricFamily(
            "checkwire_notices_waiting",
            "Notices to a channel that are neither delivered nor given up.",
            labels=_CHANNEL,
        )
        given_up = GaugeMetricFamily(
            "checkwire_notices_given_up",
            "Notices to a channel that were given up, of incidents of the last two days.",
            labels=_CHANNEL,
        )
        for one in notices:
            waiting.add_metric((one.project, one.channel), one.waiting)
            given_up.add_metric((one.project, one.channel), one.given_up)
        yield waiting
        yield given_up
