"""Telling what happened, once it is in the database: hub, metrics, log."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import structlog

from checkwire.alerting.decide import Change
from checkwire.model.durations import format_ns
from checkwire.model.events import Event
from checkwire.server.live import Hub
from checkwire.server.metrics import Metrics
from checkwire.server.monitor import ProjectStatus, RunningRun
from checkwire.store.records import CheckState, RunRecord
from checkwire.store.runs import Inserted

__all__ = ["Teller"]

_log = structlog.get_logger("checkwire.service")


class Teller:
    """Tells whom it concerns.

    Args:
        hub: for pages and streams.
        metrics: for Prometheus.
    """

    def __init__(self, hub: Hub, metrics: Metrics) -> None:
        self._hub = hub
        self._metrics = metrics

    def started(self, run: RunningRun) -> None:
        """The first attempt of a run begins."""
        self._hub.publish("runs", "run_started", _builtins(run))

    def event(self, run_id: str, attempt: int, event: Event) -> None:
        """Something happened in a run."""
        self._hub.publish(f"run:{run_id}", "event", {**_builtins(event), "attempt": attempt})

    def stored(self, inserted: Sequence[Inserted]) -> None:
        """Runs were stored."""
        for record, before, after in inserted:
            self._metrics.stored(record, after)
            self._hub.publish(f"run:{record.run_id}", "finished", _builtins(record))
            self._hub.publish("runs", "run_finished", _builtins(record))
            if before is None or before.status != after.status:
                self._hub.publish("runs", "state_changed", _builtins(after))
            _log_change(record, before, after)

    def changed(self, changes: Sequence[Change]) -> None:
        """Incidents opened or closed."""
        for event, incident in changes:
            self._hub.publish("incidents", event, _builtins(incident))
            about = {"check": incident.check, "project": incident.project, "id": incident.id}
            if event == "opened":
                _log.warning("incident opened", why=incident.message, code=incident.code, **about)
            else:
                lasted_ns = (incident.closed_ns or incident.opened_ns) - incident.began_ns
                _log.info("incident closed", lasted=format_ns(lasted_ns), **about)

    def loaded(self, status: ProjectStatus) -> None:
        """A project was loaded again, or could not be."""
        kind = "load_failed" if status.error is not None else "reloaded"
        self._hub.publish("projects", kind, _builtins(status))


def _log_change(record: RunRecord, before: CheckState | None, after: CheckState) -> None:
    """Say when a check begins to fail, and when it is well again; each run is in the database."""
    if before is not None and after.due_ns == before.due_ns:
        return  # A late result.
    about = {"check": record.check, "location": record.location, "run": record.run_id}
    if after.bad_in_row == 1 and record.status in ("failed", "error"):
        _log.warning(f"check {record.status}", code=record.code, why=record.message, **about)
    elif before is not None and before.bad_in_row and after.good_in_row == 1:
        _log.info("check recovered", failed_runs=before.bad_in_row, **about)


def _builtins(record: msgspec.Struct) -> dict[str, Any]:
    built: dict[str, Any] = msgspec.to_builtins(record)
    return built
