"""From what the executor tells to what is stored, decided and told."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence

import structlog

from checkwire.alerting.decide import Change, decide
from checkwire.dispatch.room import Key
from checkwire.model.alerts import AlertPolicy
from checkwire.model.attempt import Run
from checkwire.model.due import DueRun
from checkwire.model.events import Event
from checkwire.schedule.plan import Missed
from checkwire.server.service.catalog import Catalog
from checkwire.server.service.executor import Running
from checkwire.server.service.ingest import Ingester, Result
from checkwire.server.service.overload import OVERLOADED, why_missed
from checkwire.server.service.telling import Teller
from checkwire.server.service.underway import Underway
from checkwire.store import runs
from checkwire.store.database import Store

__all__ = ["Recorder"]

_LATENESS_KEPT = 50

_log = structlog.get_logger("checkwire.service")


class Recorder:
    """Sees to it that each due run becomes one row, and that its check's incidents follow from it.

    It is the executor's :class:`~.executor.Watcher`.

    Args:
        store: where to.
        catalog: the checks that there are.
        underway: the runs that are not stored yet.
        teller: told what is stored.
        home: where checks run that name no location.
        policies: when incidents open, by project, as of now.
        on_changes: told of incidents that opened or closed.
        base_url: where people reach the server.

    Attributes:
        ingester: holds what is not written yet.
        lateness_ns: how much later than due the latest of the scheduled runs began.
    """

    def __init__(
        self,
        store: Store,
        catalog: Catalog,
        underway: Underway,
        teller: Teller,
        *,
        home: str,
        policies: Callable[[], Mapping[str, AlertPolicy]],
        on_changes: Callable[[Sequence[Change]], None],
        base_url: str | None,
    ) -> None:
        self.ingester = Ingester(self._write, lambda result: underway.over(result.record))
        self.lateness_ns: deque[int] = deque(maxlen=_LATENESS_KEPT)
        self._store = store
        self._catalog = catalog
        self._underway = underway
        self._teller = teller
        self._home = home
        self._policies = policies
        self._on_changes = on_changes
        self._base_url = base_url

    def run_started(self, running: Running) -> None:
        """See :class:`~.executor.Watcher`, also for what follows."""
        assert running.started_ns is not None
        if running.due.cause == "schedule":
            self.lateness_ns.append(max(0, running.started_ns - running.due.due_ns))
        self._teller.started(self._underway.started(running))

    def run_event(self, running: Running, attempt: int, event: Event) -> None:
        self._teller.event(running.due.run_id, attempt, event)

    def run_finished(self, running: Running, run: Run) -> None:
        watched = self._catalog.of(running.due)
        assert watched is not None
        self._underway.ended(running)
        record = runs.record_of(run, running.due, watched.check_id)
        self.ingester.put(Result(record, run))

    def run_missed(self, due: DueRun) -> None:
        self.missed(Missed(due, 1, due.due_ns))

    def run_overloaded(self, due: DueRun, behind: Key | None, bound: int) -> None:
        why = why_missed(due, behind, bound, time.time_ns())
        self.missed(Missed(due, 1, due.due_ns), OVERLOADED, why)

    def run_broke(self, due: DueRun, error: Exception) -> None:
        watched = self._catalog.of(due)
        assert watched is not None
        message = f"A bug of Checkwire kept it from running: {error!r}"
        record = runs.broken_record(due, watched.check_id, "runner.start", message)
        self.ingester.put(Result(record, None))

    def missed(self, missed: Missed, code: str | None = None, why: str | None = None) -> None:
        """Due runs never began."""
        due = missed.due
        watched = self._catalog.of(due)
        assert watched is not None
        record = runs.missed_record(
            due, watched.check_id, missed.count, missed.last_due_ns, code=code, message=why
        )
        _log.warning(
            "runs were missed" if missed.count > 1 else "a run was missed",
            project=due.project,
            check=due.check,
            location=due.location,
            count=missed.count,
            **({} if why is None else {"code": code, "why": why}),
        )
        self.ingester.put(Result(record, None))

    async def _write(self, results: Sequence[Result]) -> None:
        now_ns = time.time_ns()
        records = [result.record for result in results]
        async with self._store.writing() as tx:
            inserted = await runs.insert_runs(tx, results, now_ns)
            for due in self._underway.overtaken_by(records):
                if (watched := self._catalog.of(due)) is not None:
                    await runs.add_pending(tx, due, watched.check_id)
            changes = await decide(
                tx, inserted, self._policies(), now_ns, home=self._home, base_url=self._base_url
            )
        for record in records:
            self._underway.over(record)
        self._teller.stored(inserted)
        self._on_changes(changes)
