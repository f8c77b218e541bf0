"""The service: what the server does besides answering requests."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import time
from collections.abc import Sequence

import msgspec
import structlog
from sqlalchemy.exc import SQLAlchemyError

from checkwire.alerting.decide import Change, close_gone
from checkwire.alerting.deliverer import Deliverer
from checkwire.alerting.notice import test_notice
from checkwire.alerting.outcome import NotDelivered
from checkwire.dispatch.local import LocalQueue
from checkwire.dispatch.room import SLOT, Bounds
from checkwire.model.alerts import AlertPolicy, Channel
from checkwire.model.definition import CheckDefinition
from checkwire.model.due import DueRun
from checkwire.model.durations import format_ns
from checkwire.model.errors import CheckwireError
from checkwire.model.events import Event
from checkwire.runner.runner import Runner
from checkwire.server.live import Hub
from checkwire.server.metrics import Metrics
from checkwire.server.monitor import (
    ChannelTried,
    Health,
    NoSuchThing,
    ProjectStatus,
    Refused,
    RunningRun,
    Stopping,
)
from checkwire.server.service.catalog import Catalog
from checkwire.server.service.executor import Executor
from checkwire.server.service.extra import asked_runs, first_runs
from checkwire.server.service.host import ProjectHost
from checkwire.server.service.known import read_known
from checkwire.server.service.loading import ProjectVersion
from checkwire.server.service.planning import Planning
from checkwire.server.service.recorder import Recorder
from checkwire.server.service.telling import Teller
from checkwire.server.service.underway import Underway
from checkwire.server.service.untold import Untold
from checkwire.server.service.upkeep import Upkeep
from checkwire.server.service.watching import watch_files
from checkwire.store import registry, runs
from checkwire.store.database import Store
from checkwire.store.retention import Retention, write_retention

__all__ = ["LOCATION", "Service"]

LOCATION = "local"
"""Where checks run that name no location."""

_MANY_WAITING = 1_000
_SHARE = 4
"""Attempts of one check take up to this part of the slots: the rest is for the others."""
_AGAIN = 5.0
_LATE_NS = 5 * 10**9
_TO_FETCH = 2.0
"""Seconds after the last that was told of a run to who watched it."""

_log = structlog.get_logger("checkwire.service")


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
        self.stopped = asyncio.Event()
        self._hurried = asyncio.Event()
        self.metrics = Metrics(self)
        self._teller = Teller(self.hub, self.metrics)
        self._untold = Untold(store)
        self._deliverer = Deliverer(
            store, self._channels, self._secrets, marked=self._untold.changed
        )
        self._base_url = base_url
        self._hosts = {host.key: host for host in hosts}
        self._patience = patience
        self._catalog = Catalog()
        self._underway = Underway()
        self._queue = LocalQueue(
            Bounds(slots, max(1, slots // _SHARE), self._bound_of_location, self._parts_of_slot)
        )
        self._recorder = Recorder(
            store,
            self._catalog,
            self._underway,
            self._teller,
            home=LOCATION,
            policies=self._policies,
            on_changes=self._changed,
            base_url=base_url,
        )
        self._ingester = self._recorder.ingester
        self._planning = Planning(LOCATION, self._submit, self._recorder.missed)
        self._executor = Executor(self._queue, self._find, self._recorder)
        self._retention = retention or Retention()
        self._upkeep = Upkeep(store, self._retention)
        self._retiring: set[asyncio.Task[None]] = set()

    # Life

    async def start(self) -> None:
        """Enter what the projects have now, and take up planning where it was left."""
        now_ns = time.time_ns()
        async with self.store.writing() as tx:
            await registry.remove_projects_but(tx, self._hosts, now_ns)
            await write_retention(tx, self._retention)
            pending = await runs.list_pending(tx)
        for host in self._hosts.values():
            await self._restore(host)
            await self._enter(host.version)
        gone = [due.run_id for due in pending if self._catalog.of(due) is None]
        async with self.store.writing() as tx:
            await runs.remove_pending(tx, gone)
        self._planning.add(due for due in pending if self._catalog.of(due) is not None)

    async def run(self) -> None:
        """Do all of it until :attr:`stopping` is set and what is under way has ended."""
        async with asyncio.TaskGroup() as group:
            planning = group.create_task(self._planning.run())
            executing = group.create_task(self._executor.run())
            ingesting = group.create_task(self._ingester.run())
            upkeep = group.create_task(self._upkeep.run())
            untold = group.create_task(self._untold.run())
            group.create_task(self._deliverer.run(self.stopping))
            watching = [
                group.create_task(watch(host))
                for host in self._hosts.values()
                for watch in (self._watch_files, self._watch_secrets, self._keep_current)
            ]
            await self.stopping.wait()
            _log.info("stopping", runs=len(self._executor.running), patience=self._patience)
            for task in (planning, executing, upkeep, untold, *watching):
                task.cancel()
            ended = await self._executor.finish(self._patience)
            if ended:
                _log.warning(
                    "runs were ended, and take place again if it is not too late", runs=len(ended)
                )
            await self._ingester.finish(self._patience)
            ingesting.cancel()
            await self._fetched()
            self.stopped.set()
            self.hub.close()
        for task in self._retiring:
            task.cancel()
        await asyncio.gather(*self._retiring, return_exceptions=True)

    def stop(self) -> None:
        """Begin to stop; :meth:`run` returns when all is over. The second time, wait for no run."""
        if self.stopping.is_set():
            self._hurried.set()
            self._executor.hurry()
        self.stopping.set()

    async def _fetched(self) -> None:
        """Give those who watched a run to its end a moment to fetch what became of it."""
        left = self.hub.heard("run") + _TO_FETCH - time.monotonic()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._hurried.wait(), max(left, 0))

    def _require_going(self) -> None:
        if self.stopping.is_set():
            raise Stopping(
                "The server is stopping, and begins nothing any more: ask again when it has been "
                "started."
            )

    # Monitor

    def projects(self) -> list[ProjectStatus]:
        """See :class:`~..monitor.Monitor`, also for what follows."""
        return [self._hosts[key].status for key in sorted(self._hosts)]

    def definition(self, check_uid: str) -> CheckDefinition | None:
        watched = self._catalog.find(check_uid)
        return None if watched is None else watched.definition

    def next_due_ns(self, check_uid: str) -> int | None:
        watched = self._catalog.find(check_uid)
        if watched is None:
            return None
        return self._planning.next_due_ns(watched.project, watched.definition.id)

    def running(self) -> list[RunningRun]:
        return self._underway.shown()

    def running_events(self, run_id: str) -> list[tuple[int, Event]] | None:
        return self._underway.events(run_id)

    async def trigger(
        self, check_uid: str, *, locations: Sequence[str] = (), by: str
    ) -> list[DueRun]:
        self._require_going()
        watched = self._catalog.get(check_uid)
        asked = asked_runs(watched.project, watched.definition, locations, LOCATION, time.time_ns())
        if len(self._queue) > _MANY_WAITING:
            raise Refused(f"{len(self._queue)} runs wait for their turn already: try again later")
        async with self.store.writing() as tx:
            for due in asked:
                await runs.add_pending(tx, due, watched.check_id)
        for due in asked:
            self._submit(due)
        _log.info(
            "runs asked for",
            project=watched.project,
            check=watched.definition.id,
            runs=len(asked),
            by=by,
        )
        return asked

    async def pause(self, check_uid: str, by: str) -> None:
        watched = self._catalog.get(check_uid)
        async with self.store.writing() as tx:
            await registry.pause(tx, watched.check_id, by, time.time_ns())
        self._planning.pause(watched.project, watched.definition.id)

    async def resume(self, check_uid: str) -> None:
        watched = self._catalog.get(check_uid)
        async with self.store.writing() as tx:
            await registry.resume(tx, watched.check_id, time.time_ns())
        self._planning.resume(watched.project, watched.definition.id)

    async def reload(self, project: str | None = None) -> None:
        self._require_going()
        if project is not None and project not in self._hosts:
            raise NoSuchThing(f"there is no project {project}")
        hosts = list(self._hosts.values()) if project is None else [self._hosts[project]]
        for host in hosts:
            host.renew()
        for host in hosts:
            await self._reload(host)

    async def try_channel(self, project: str, channel: str, by: str) -> ChannelTried:
        host = self._hosts.get(project)
        if host is None:
            raise NoSuchThing(f"there is no project {project}")
        if channel not in (declared := host.version.project.channels):
            known = f"it declares {', '.join(declared)}" if declared else "it declares none"
            raise NoSuchThing(f"the project {project} has no channel {channel}: {known}")
        notice = test_notice(
            secrets.token_hex(16),
            channel,
            project=project,
            name=host.version.project.name,
            now_ns=time.time_ns(),
            base_url=self._base_url,
        )
        try:
            tried = ChannelTried(
                delivered=True, said=await self._deliverer.try_channel(notice, channel)
            )
        except NotDelivered as error:
            tried = ChannelTried(delivered=False, said=str(error))
        _log.info(
            "channel tried", project=project, channel=channel, by=by, **msgspec.to_builtins(tried)
        )
        return tried

    def health(self) -> Health:
        problems = [why for why in (self._ingester.problem, self._upkeep.problem) if why]
        if self._planning.behind_ns > _LATE_NS:
            problems.append(
                f"the clock was set back by {format_ns(self._planning.behind_ns)}: nothing is due "
                "until it has caught up"
            )
        if self._ingester.dropped:
            problems.append(f"{self._ingester.dropped} results were lost")
        lateness_ns = max(self._recorder.lateness_ns, default=0)
        if (oldest_ns := self._queue.oldest_ns) is not None:
            waits_ns = time.time_ns() - oldest_ns
            lateness_ns = max(lateness_ns, waits_ns)
            if waits_ns > _LATE_NS:
                problems.append(
                    f"{len(self._queue)} runs wait for their turn, one for {format_ns(waits_ns)}"
                )
        hosts = self._hosts.values()
        broken = [f"project {host.key}: {host.error}" for host in hosts if host.error]
        return Health(
            ok=not problems,
            problems=(*problems, *broken),
            backlog=len(self._ingester),
            lateness_ns=lateness_ns,
            database=self._ingester.problem is None,
            untold=self._untold.problems,
        )

    # Runs

    def _submit(self, due: DueRun) -> None:
        if self._queue.put(due):
            self._underway.waits(due)

    def _find(self, due: DueRun) -> tuple[CheckDefinition, Runner] | None:
        """For the executor, as it takes a run from the queue."""
        host = self._hosts.get(due.project)
        if host is None:
            return None
        definition = host.version.definitions.get(due.check)
        return None if definition is None else (definition, host.version.runner)

    def _parts_of_slot(self, due: DueRun) -> int:
        """How much of a slot an attempt takes: about as much as it costs."""
        found = self._find(due)
        return 1 if found is not None and found[1].is_shared(found[0]) else SLOT

    def _bound_of_location(self, project: str, name: str) -> int | None:
        """How many attempts may be under way at a location."""
        host = self._hosts.get(project)
        locations = (host.version.project.locations or {}) if host is not None else {}
        return locations[name].concurrency if name in locations else None

    # Alerts

    def _changed(self, changes: Sequence[Change]) -> None:
        if changes:
            self._teller.changed(changes)
            self._deliverer.wake()

    def _policies(self) -> dict[str, AlertPolicy]:
        return {key: host.version.project.alerts for key, host in self._hosts.items()}

    def _channels(self, project: str) -> dict[str, Channel] | None:
        host = self._hosts.get(project)
        return None if host is None else host.version.project.channels

    async def _secrets(self, project: str) -> dict[str, str]:
        host = self._hosts.get(project)
        return {} if host is None else host.version.secrets

    # Projects

    async def _restore(self, host: ProjectHost) -> None:
        """Let the planner know what the store holds of a project."""
        key = host.key
        async with self.store.reading() as tx:
            known = await read_known(tx, key)
        self._planning.put(key, known.definitions, known)
        for check, state in known.states:
            self.metrics.restored(key, check, state.location, state)

    async def _enter(self, version: ProjectVersion) -> None:
        """Make the checks of this version the ones that are watched."""
        project, now_ns = version.project, time.time_ns()
        definitions = list(version.definitions.values())
        async with self.store.writing() as tx:
            known = await registry.check_keys(tx, project.id)
            ids = await registry.sync_project(
                tx,
                key=project.id,
                name=project.name,
                root=project.root,
                definitions=definitions,
                now_ns=now_ns,
            )
            new = [definition for definition in definitions if definition.id not in known]
            first = list(first_runs(project.id, new, LOCATION, now_ns))
            for due in first:
                await runs.add_pending(tx, due, ids[due.check])
            changes = await close_gone(tx, self._policies(), now_ns, base_url=self._base_url)
        self._changed(changes)
        self._catalog.replace(project.id, {ids[d.id]: d for d in definitions})
        self.metrics.keep(project.id, definitions)
        self._planning.put(project.id, definitions)
        self._planning.add(first)

    async def _watch_secrets(self, host: ProjectHost) -> None:
        def changed() -> None:
            _log.info("secrets changed", project=host.key)
            host.renew()

        await host.stored_secrets.watch(host.key, host.version.secrets_seen, changed)

    async def _watch_files(self, host: ProjectHost) -> None:
        def changed(paths: list[str]) -> None:
            _log.info("files changed", project=host.key, files=len(paths), first=paths[0])
            host.renew()

        await watch_files(str(host.folder), lambda: host.seen, changed)

    def renew(self) -> None:
        """Have all projects loaded again, as soon as the database lets it."""
        for host in self._hosts.values():
            host.renew()

    async def _keep_current(self, host: ProjectHost) -> None:
        """Load it again whenever it is outdated, as soon as the database lets it."""
        while True:
            await host.outdated.wait()
            try:
                await self._reload(host)
            except (SQLAlchemyError, CheckwireError, OSError):
                await asyncio.sleep(_AGAIN)

    async def _reload(self, host: ProjectHost) -> None:
        """Load it again, unless another has done so meanwhile."""
        async with host.turn:
            if not host.outdated.is_set():
                return
            try:
                before = await host.next(self._enter)
                self._queue.bounds_changed()
            finally:
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
