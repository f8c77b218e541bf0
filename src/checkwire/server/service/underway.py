"""Runs that are due and have no result in the store yet."""

from __future__ import annotations

from collections.abc import Iterable

from checkwire.model.due import DueRun, check_uid
from checkwire.model.events import Event
from checkwire.server.monitor import RunningRun
from checkwire.server.service.executor import Running
from checkwire.store.records import RunRecord

__all__ = ["Underway"]


class Underway:
    """Those that wait for their turn, those that are being run, and those about to be stored."""

    def __init__(self) -> None:
        self._waiting: dict[str, DueRun] = {}
        self._running: dict[str, Running] = {}
        self._ended: dict[str, RunningRun] = {}
        self._lanes: dict[tuple[str, str, str], dict[str, DueRun]] = {}

    def waits(self, due: DueRun) -> None:
        """A run waits for its turn."""
        self._waiting[due.run_id] = due
        if due.cause == "schedule":
            self._lanes.setdefault(_lane(due), {})[due.run_id] = due

    def started(self, running: Running) -> RunningRun:
        """Its first attempt begins."""
        self._waiting.pop(running.due.run_id, None)
        self._running[running.due.run_id] = running
        return _shown(running.due, running)

    def ended(self, running: Running) -> None:
        """It has a result, which is to be stored."""
        self._running.pop(running.due.run_id, None)
        self._ended[running.due.run_id] = _shown(running.due, running)

    def over(self, run: DueRun | RunRecord) -> None:
        """It is in the store, or will never be."""
        for runs in (self._waiting, self._running, self._ended):
            runs.pop(run.run_id, None)
        if (lane := self._lanes.get(_lane(run))) is not None:
            lane.pop(run.run_id, None)
            if not lane:
                del self._lanes[_lane(run)]

    def shown(self) -> list[RunningRun]:
        """All of them, by ``due_ns``."""
        found = [_shown(due) for due in self._waiting.values()]
        found += [_shown(running.due, running) for running in self._running.values()]
        return sorted([*found, *self._ended.values()], key=lambda run: run.due_ns)

    def events(self, run_id: str) -> list[tuple[int, Event]] | None:
        """What one of them told so far, see :class:`~checkwire.server.monitor.Monitor`."""
        running = self._running.get(run_id)
        if running is not None:
            return list(running.events)
        return [] if run_id in self._waiting or run_id in self._ended else None

    def overtaken_by(self, records: Iterable[RunRecord]) -> list[DueRun]:
        """Scheduled runs that were due before one of these, of the same check and location.

        When those are in the store, planning goes on after them once the server starts again: so
        what they overtook has to be noted together with them.
        """
        records = [record for record in records if record.cause == "schedule"]
        stored = {record.run_id for record in records}
        found: dict[str, DueRun] = {}
        for record in records:
            for due in self._lanes.get(_lane(record), {}).values():
                if due.due_ns < record.due_ns and due.run_id not in stored:
                    found[due.run_id] = due
        return list(found.values())


def _lane(run: DueRun | RunRecord) -> tuple[str, str, str]:
    return run.project, run.check, run.location


def _shown(due: DueRun, running: Running | None = None) -> RunningRun:
    return RunningRun(
        run_id=due.run_id,
        check_uid=check_uid(due.project, due.check),
        check=due.check,
        project=due.project,
        location=due.location,
        due_ns=due.due_ns,
        cause=due.cause,
        started_ns=None if running is None else running.started_ns,
        attempt=0 if running is None else running.attempt,
    )
