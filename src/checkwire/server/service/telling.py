"""Telling what happened, once it is in the database: hub, metrics, log.

What the hub gets is what the API's streams show: its models, and nothing of the store's own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import structlog

from checkwire.alerting.decide import Change
from checkwire.model.due import check_uid
from checkwire.model.durations import format_ns
from checkwire.model.events import Event
from checkwire.server.api.models.checks import Moved, Project
from checkwire.server.api.models.incidents import IncidentTold
from checkwire.server.api.models.runs import Run
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
        self._hub.publish("runs", "run_started", Run.of_running(run).model_dump())

    def event(self, run_id: str, attempt: int, event: Event) -> None:
        """Something happened in a run."""
        told: dict[str, Any] = msgspec.to_builtins(event)
        self._hub.publish(f"run:{run_id}", "event", {**told, "attempt": attempt})

    def stored(self, inserted: Sequence[Inserted]) -> None:
        """Runs were stored."""
        for record, before, after in inserted:
            self._metrics.stored(record, after)
            uid = check_uid(record.project, record.check)
            run = Run.of(msgspec.structs.replace(record, check_uid=uid)).model_dump()
            self._hub.publish(f"run:{record.run_id}", "finished", run)
            self._hub.publish("runs", "run_finished", run)
            if before is None or before.status != after.status:
                moved = Moved.to(after, uid, record.check, record.project)
                self._hub.publish("runs", "state_changed", moved.model_dump())
            _log_change(record, before, after)

    def changed(self, changes: Sequence[Change]) -> None:
        """Incidents opened or closed."""
        for event, incident in changes:
            self._hub.publish("incidents", event, IncidentTold.of(incident).model_dump())
            about = {"check": incident.check, "project": incident.project, "id": incident.id}
            if event == "opened":
                _log.warning("incident opened", why=incident.message, code=incident.code, **about)
            else:
                lasted = format_ns(incident.lasted_ns or 0)
                _log.info("incident closed", lasted=lasted, **about)

    def loaded(self, status: ProjectStatus) -> None:
        """A project was loaded again, or could not be."""
        kind = "load_failed" if status.error is not None else "reloaded"
        self._hub.publish("projects", kind, Project.of(status).model_dump())


def _log_change(record: RunRecord, before: CheckState | None, after: CheckState) -> None:
    """Say when a check begins to fail, and when it is well again; each run is in the database."""
    if before is not None and after.due_ns == before.due_ns:
        return  # A late result.
    about = {
        "project": record.project,
        "check": record.check,
        "location": record.location,
        "run": record.run_id,
    }
    if after.bad_in_row == 1 and record.status in ("failed", "error"):
        _log.warning(f"check {record.status}", code=record.code, why=record.message, **about)
    elif before is not None and before.bad_in_row and after.good_in_row == 1:
        _log.info("check recovered", failed_runs=before.bad_in_row, **about)
