"""The service: what the server does besides answering requests."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from checkwire.alerting.decide import Change, close_gone, decide
from checkwire.alerting.deliverer import Deliverer
from checkwire.dispatch.local import LocalQueue
from checkwire.model.alerts import AlertPolicy, Channel
from checkwire.model.attempt import Run
from checkwire.model.definition import CheckDefinition
from checkwire.model.due import DueRun, check_uid
from checkwire.model.durations import format_ns
from checkwire.model.events import Event
from checkwire.model.run_id import new_run_id
from checkwire.runner.runner import Runner
from checkwire.schedule.plan import Missed
from checkwire.schedule.planner import Planner
from checkwire.server.live import Hub
from checkwire.server.metrics import Metrics
from checkwire.server.monitor import Health, NoSuchThing, ProjectStatus, Refused, RunningRun
from checkwire.server.service.executor import Executor, Running
from checkwire.server.service.host import ProjectHost
from checkwire.server.service.ingest import Ingester, Result
from checkwire.server.service.loading import ProjectVersion
from checkwire.server.service.telling import Teller
from checkwire.server.service.upkeep import Upkeep
from checkwire.server.service.watching import watch_files
from checkwire.store import registry, runs
from checkwire.store.database import Store
from checkwire.store.records import CheckRecord
from checkwire.store.retention import Retention

__all__ = ["LOCATION", "Service"]

LOCATION = "local"
"""Where checks run that name no location."""

_LONGEST_SLEEP = 5.0
"""Seconds between two looks at the clock, which may be set, or stand still with the machine."""
_MANUAL_GRACE_NS = 3600 * 10**9
_MANY_WAITING = 1_000
_LATE_NS = 5 * 10**9
_LATENESS_KEPT = 50

_log = structlog.get_logger("checkwire.service")


class _Watched(NamedTuple):
    """A check that some project has now."""

    check_id: int
    project: str
    definition: CheckDefinition


class Service:
    """Plans, executes, stores and decides. It is the server's :class:`~..monitor.Monitor`.

    Args:
        store: open; it stays open.
        hosts: the projects, each loaded once.
        slots: how many attempts may be under way at a time.
        patience: seconds that runs under way get when it stops.
        retention: for how long what is kept; by default as :class:`Retention` says.
        base_url: where people reach the server, for links in what they are told.
    """

    def __init__(
        self,
        store: Store,
        hosts: Sequence[ProjectHost],
        *,
        slots: int,
        patience: float = 10.0,
        retention: Retention | None = None,
        base_url: str | None = None,
    ) -> None:
        self.store = store
        self.hub = Hub()
        self.started_ns = time.time_ns()
        self.stopping = asyncio.Event()
        self.metrics = Metrics(self)
        self._teller = Teller(self.hub, self.metrics)
        self._deliverer = Deliverer(store, self._channels, self._secrets)
        self._base_url = base_url
        self._hosts = {host.key: host for host in hosts}
        self._patience = patience
        self._checks: dict[str, _Watched] = {}
        self._planner = Planner(LOCATION)
        self._replan = asyncio.Event()
        self._queue = LocalQueue()
        self._waiting: dict[str, DueRun] = {}
        self._executor = Executor(self._queue, self._find, self, slots)
        self._ingester = Ingester(self._write)
        self._upkeep = Upkeep(store, retention or Retention())
        self._unstored: dict[str, RunningRun] = {}
        self._lateness: deque[int] = deque(maxlen=_LATENESS_KEPT)
        self._behind_ns = 0
        self._retiring: set[asyncio.Task[None]] = set()

    # Life

    async def start(self) -> None:
        """Enter what the projects have now, and take up planning where it was left."""
        now_ns = time.time_ns()
        async with self.store.writing() as tx:
            await registry.remove_projects_but(tx, self._hosts, now_ns)
        for host in self._hosts.values():
            await self._restore(host, now_ns)
            await self._enter(host.version)
        async with self.store.reading() as tx:
            pending = await runs.pending_triggers(tx)
        for trigger in pending:
            uid = check_uid(trigger.project, trigger.check)
            if uid in self._checks:
                self._submit(self._manual(uid, trigger.location, trigger.due_ns, trigger.run_id))

    async def run(self) -> None:
        """Do all of it until :attr:`stopping` is set and what is under way has ended."""
        async with asyncio.TaskGroup() as group:
            planning = group.create_task(self._plan())
            executing = group.create_task(self._executor.run())
            ingesting = group.create_task(self._ingester.run())
            upkeep = group.create_task(self._upkeep.run())
            group.create_task(self._deliverer.run(self.stopping))
            watching = [group.create_task(self._watch(host)) for host in self._hosts.values()]
            await self.stopping.wait()
            for task in (planning, executing, upkeep, *watching):
                task.cancel()
            ended = await self._executor.finish(self._patience)
            if ended:
                _log.warning(
                    "runs were ended, and take place again if it is not too late", runs=len(ended)
                )
            if left := await self._ingester.finish(self._patience):
                _log.error("results could not be stored, and are lost", results=left)
            ingesting.cancel()
            self.hub.close()
        for task in self._retiring:
            task.cancel()
        await asyncio.gather(*self._retiring, return_exceptions=True)

    def stop(self) -> None:
        """Begin to stop; :meth:`run` returns when all is over."""
        self.stopping.set()

    # Monitor

    def projects(self) -> list[ProjectStatus]:
        """See :class:`~..monitor.Monitor`, also for what follows."""
        return [self._hosts[key].status for key in sorted(self._hosts)]

    def definition(self, check_uid: str) -> CheckDefinition | None:
        watched = self._checks.get(check_uid)
        return None if watched is None else watched.definition

    def next_due_ns(self, check_uid: str) -> int | None:
        watched = self._checks.get(check_uid)
        if watched is None:
            return None
        return self._planner.next_due_ns(watched.project, watched.definition.id)

    def running(self) -> list[RunningRun]:
        found = {due.run_id: _shown(due) for due in self._waiting.values()}
        for run_id, running in self._executor.running.items():
            found[run_id] = _shown(running.due, running)
        found |= self._unstored
        return sorted(found.values(), key=lambda run: run.due_ns)

    def running_events(self, run_id: str) -> list[tuple[int, Event]] | None:
        running = self._executor.running.get(run_id)
        if running is not None:
            return list(running.events)
        return [] if run_id in self._waiting or run_id in self._unstored else None

    async def trigger(
        self, check_uid: str, *, locations: Sequence[str] = (), by: str
    ) -> list[DueRun]:
        watched = self._watched(check_uid)
        offered = watched.definition.locations or (LOCATION,)
        for name in locations:
            if name not in offered:
                raise Refused(
                    f"{watched.definition.id} does not run at {name}: its locations are "
                    f"{', '.join(offered)}",
                    field="locations",
                )
        if len(self._queue) > _MANY_WAITING:
            raise Refused(f"{len(self._queue)} runs wait for their turn already: try again later")
        now_ns = time.time_ns()
        due = [
            self._manual(check_uid, name, now_ns, new_run_id())
            for name in dict.fromkeys(locations or offered)
        ]
        async with self.store.writing() as tx:
            for one in due:
                await runs.add_trigger(
                    tx,
                    run_id=one.run_id,
                    check_id=watched.check_id,
                    location=one.location,
                    due_ns=one.due_ns,
                    requested_by=by,
                )
        for one in due:
            self._submit(one)
        return due

    async def pause(self, check_uid: str, by: str) -> None:
        watched, now_ns = self._watched(check_uid), time.time_ns()
        async with self.store.writing() as tx:
            await registry.pause(tx, watched.check_id, by, now_ns)
        self._planner.pause(watched.project, watched.definition.id, now_ns)
        self._replan.set()

    async def resume(self, check_uid: str) -> None:
        watched, now_ns = self._watched(check_uid), time.time_ns()
        async with self.store.writing() as tx:
            await registry.resume(tx, watched.check_id)
        self._planner.resume(watched.project, watched.definition.id, now_ns)
        self._replan.set()

    async def reload(self, project: str | None = None) -> None:
        if project is not None and project not in self._hosts:
            raise NoSuchThing(f"there is no project {project}")
        for key in [project] if project is not None else list(self._hosts):
            await self._reload(self._hosts[key])

    def health(self) -> Health:
        problems = [why for why in (self._ingester.problem, self._upkeep.problem) if why]
        problems += [
            f"project {host.key}: {host.error}" for host in self._hosts.values() if host.error
        ]
        if self._behind_ns > _LATE_NS:
            problems.append(
                f"the clock was set back by {format_ns(self._behind_ns)}: nothing is due until it "
                "has caught up"
            )
        if self._ingester.dropped:
            problems.append(f"{self._ingester.dropped} results were lost")
        lateness_ns = max(self._lateness, default=0)
        if (oldest_ns := self._queue.oldest_ns) is not None:
            waits_ns = time.time_ns() - oldest_ns
            lateness_ns = max(lateness_ns, waits_ns)
            if waits_ns > _LATE_NS:
                problems.append(
                    f"{len(self._queue)} runs wait for their turn, one for {format_ns(waits_ns)}"
                )
        return Health(
            ok=not problems,
            problems=tuple(problems),
            backlog=len(self._ingester),
            lateness_ns=lateness_ns,
            database=self._ingester.problem is None,
        )

    def _manual(self, uid: str, location: str, due_ns: int, run_id: str) -> DueRun:
        watched = self._checks[uid]
        return DueRun(
            run_id=run_id,
            project=watched.project,
            check=watched.definition.id,
            location=location,
            due_ns=due_ns,
            holds_ns=round((watched.definition.every or 0) * 2e9),
            grace_ns=_MANUAL_GRACE_NS,
            cause="manual",
        )

    # Planning

    async def _plan(self) -> None:
        while True:
            self._tick(time.time_ns())
            next_ns = self._planner.next_ns
            seconds = _LONGEST_SLEEP
            if next_ns is not None:
                seconds = min(max(0.0, (next_ns - time.time_ns()) / 1e9), _LONGEST_SLEEP)
            self._replan.clear()
            try:
                async with asyncio.timeout(seconds):
                    await self._replan.wait()
            except TimeoutError:
                pass

    def _tick(self, now_ns: int) -> None:
        plan = self._planner.tick(now_ns)
        for missed in plan.missed:
            self._record_missed(missed)
        for due in plan.due:
            self._submit(due)
        self._behind_ns = plan.behind_ns

    def _submit(self, due: DueRun) -> None:
        if self._queue.put(due):
            self._waiting[due.run_id] = due

    def _find(self, due: DueRun) -> tuple[CheckDefinition, Runner] | None:
        """For the executor, as it takes a run from the queue."""
        self._waiting.pop(due.run_id, None)
        host = self._hosts.get(due.project)
        if host is None:
            return None
        definition = host.version.definitions.get(due.check)
        return None if definition is None else (definition, host.version.runner)

    # What the executor tells

    def run_started(self, running: Running) -> None:
        assert running.started_ns is not None
        if running.due.cause == "schedule":
            self._lateness.append(max(0, running.started_ns - running.due.due_ns))
        self._teller.started(_shown(running.due, running))

    def run_event(self, running: Running, attempt: int, event: Event) -> None:
        self._teller.event(running.due.run_id, attempt, event)

    def run_finished(self, running: Running, run: Run) -> None:
        due = running.due
        watched = self._checks.get(check_uid(due.project, due.check))
        if watched is None:
            return  # The check is gone, and was its project's while it ran.
        self._unstored[due.run_id] = _shown(due, running)
        self._ingester.put(Result(runs.record_of(run, due, watched.check_id), run))

    def run_missed(self, due: DueRun) -> None:
        self._record_missed(Missed(due, 1, due.due_ns))

    def _record_missed(self, missed: Missed) -> None:
        due = missed.due
        watched = self._checks.get(check_uid(due.project, due.check))
        if watched is None:
            return
        record = runs.missed_record(due, watched.check_id, missed.count, missed.last_due_ns)
        _log.warning(
            "runs were missed" if missed.count > 1 else "a run was missed",
            check=due.check,
            location=due.location,
            count=missed.count,
        )
        self._ingester.put(Result(record, None))

    # Storing

    async def _write(self, results: Sequence[Result]) -> None:
        now_ns = time.time_ns()
        async with self.store.writing() as tx:
            inserted = await runs.insert_runs(tx, results, now_ns)
            changes = await decide(
                tx, inserted, self._policies, now_ns, home=LOCATION, base_url=self._base_url
            )
        for result in results:
            self._unstored.pop(result.record.run_id, None)
        self._teller.stored(inserted)
        self._changed(changes)

    def _changed(self, changes: Sequence[Change]) -> None:
        if changes:
            self._teller.changed(changes)
            self._deliverer.wake()

    @property
    def _policies(self) -> dict[str, AlertPolicy]:
        return {key: host.version.project.alerts for key, host in self._hosts.items()}

    def _channels(self, project: str) -> dict[str, Channel] | None:
        host = self._hosts.get(project)
        return None if host is None else host.version.project.channels

    async def _secrets(self, project: str) -> dict[str, str]:
        host = self._hosts.get(project)
        return {} if host is None else host.version.secrets

    # Projects

    async def _restore(self, host: ProjectHost, now_ns: int) -> None:
        """Let the planner know what the store holds of a project."""
        key = host.key
        async with self.store.reading() as tx:
            known = await _all_checks(tx, key)
            by_id = {record.id: record for record in known}
            last = await runs.last_due(tx)
            states = await runs.states(tx, list(by_id))
        self._planner.put(
            key,
            [record.definition for record in known],
            now_ns,
            last_due={
                (by_id[check_id].definition.id, location): due_ns
                for (check_id, location), due_ns in last.items()
                if check_id in by_id
            },
            since={record.definition.id: record.first_seen_ns for record in known},
            paused={
                record.definition.id: record.paused_ns
                for record in known
                if record.paused_ns is not None
            },
        )
        for state in states:
            check = by_id[state.check_id].definition.id
            self.metrics.restored(key, check, state.location, state)

    async def _enter(self, version: ProjectVersion) -> None:
        """Make the checks of this version the ones that are watched."""
        project, now_ns = version.project, time.time_ns()
        definitions = list(version.definitions.values())
        async with self.store.writing() as tx:
            ids = await registry.sync_project(
                tx,
                key=project.id,
                name=project.name,
                root=project.root,
                definitions=definitions,
                now_ns=now_ns,
            )
            changes = await close_gone(tx, self._policies, now_ns, base_url=self._base_url)
        self._changed(changes)
        before = {uid for uid, watched in self._checks.items() if watched.project == project.id}
        after = {
            check_uid(project.id, definition.id): _Watched(
                ids[definition.id], project.id, definition
            )
            for definition in definitions
        }
        gone = [self._checks.pop(uid).definition.id for uid in before - after.keys()]
        self.metrics.forget(project.id, gone)
        self._checks |= after
        self._tick(now_ns)  # of the schedules before
        self._planner.put(project.id, definitions, now_ns)
        self._replan.set()

    async def _watch(self, host: ProjectHost) -> None:
        async def changed(paths: list[str]) -> None:
            _log.info("files changed", project=host.key, files=len(paths), first=paths[0])
            await self._reload(host)

        await watch_files(str(host.folder), host.seen, changed)

    async def _reload(self, host: ProjectHost) -> None:
        before = await host.next(self._enter)
        self._teller.loaded(host.status)
        self._deliverer.wake()  # Channels may have changed.
        if before is not None:
            task = asyncio.create_task(self._retire(before))
            self._retiring.add(task)
            task.add_done_callback(self._retiring.discard)

    async def _retire(self, version: ProjectVersion) -> None:
        try:
            await self._executor.unused(version.runner)
        finally:
            await version.close()

    def _watched(self, uid: str) -> _Watched:
        watched = self._checks.get(uid)
        if watched is None:
            raise NoSuchThing(f"there is no check {uid}")
        return watched


async def _all_checks(tx: AsyncConnection, project: str) -> list[CheckRecord]:
    found: list[CheckRecord] = []
    while True:
        after = (project, found[-1].definition.id) if found else None
        part = await registry.list_checks(tx, project=project, after=after, limit=1000)
        found += part
        if len(part) < 1000:
            return found


def _shown(due: DueRun, running: Running | None = None) -> RunningRun:
    return RunningRun(
        run_id=due.run_id,
        check_uid=check_uid(due.project, due.check),
        check=due.check,
        project=due.project,
        location=due.location,
        due_ns=due.due_ns,
        started_ns=None if running is None else running.started_ns,
        attempt=0 if running is None else running.attempt,
    )
