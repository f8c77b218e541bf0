"""A Monitor that runs no checks: tests say what its runs do."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Any

import msgspec

from checkwire.model.attempt import Run
from checkwire.model.definition import CheckDefinition
from checkwire.model.due import DueRun, check_uid
from checkwire.model.events import Event
from checkwire.model.run_id import new_run_id
from checkwire.server.api.models.runs import Run as ApiRun
from checkwire.server.live import Hub
from checkwire.server.monitor import (
    ChannelTried,
    Health,
    NoSuchThing,
    ProjectStatus,
    Refused,
    RunningRun,
)
from checkwire.store import registry, runs
from checkwire.store.database import Store
from checkwire.store.records import RunRecord

__all__ = ["SmallMonitor"]

MINUTE_NS = 60_000_000_000


class SmallMonitor:
    """Projects, checks and runs as tests make them, in a real store."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.hub = Hub()
        self.started_ns = time.time_ns()
        self.stopping = asyncio.Event()
        self.stopped = asyncio.Event()
        self.state = Health(ok=True)
        self.reloaded: list[str | None] = []
        self._projects: dict[str, ProjectStatus] = {}
        self._definitions: dict[str, tuple[str, CheckDefinition]] = {}
        self._ids: dict[str, int] = {}
        self._running: dict[str, RunningRun] = {}
        self._due: dict[str, DueRun] = {}
        self._events: dict[str, list[tuple[int, Event]]] = {}

    async def add_project(self, status: ProjectStatus, definitions: list[CheckDefinition]) -> None:
        async with self.store.writing() as tx:
            ids = await registry.sync_project(
                tx,
                key=status.key,
                name=status.name,
                root=status.root,
                definitions=definitions,
                now_ns=status.loaded_ns,
            )
        self._projects[status.key] = status
        for definition in definitions:
            uid = check_uid(status.key, definition.id)
            self._definitions[uid] = status.key, definition
            self._ids[uid] = ids[definition.id]

    def begin(self, uid: str, *, run_id: str = "", due_ns: int = 0, location: str = "eu") -> str:
        """A run begins: one that was triggered, or a new one."""
        if not run_id:
            project, definition = self._definitions[uid]
            due = self._due_run(project, definition, location, due_ns or time.time_ns(), "schedule")
            run_id = due.run_id
            self._wait(uid, due)
        self._running[run_id] = msgspec.structs.replace(
            self._running[run_id], started_ns=time.time_ns(), attempt=1
        )
        told = ApiRun.of_running(self._running[run_id]).model_dump()
        self.hub.publish("runs", "run_started", told)
        return run_id

    def tell(self, run_id: str, event: Event, attempt: int = 1) -> None:
        self._events[run_id].append((attempt, event))
        data = {**msgspec.to_builtins(event), "attempt": attempt}
        self.hub.publish(f"run:{run_id}", "event", data)

    async def finish(self, run_id: str, run: Run) -> None:
        """The run ends, and came to this."""
        due, uid = self._due.pop(run_id), self._running[run_id].check_uid
        run = msgspec.structs.replace(run, id=run_id)
        record = runs.record_of(run, due, self._ids[uid])
        await self._insert(record, run)
        del self._running[run_id]
        del self._events[run_id]
        data = ApiRun.of(msgspec.structs.replace(record, check_uid=uid)).model_dump()
        self.hub.publish(f"run:{run_id}", "finished", data)
        self.hub.publish("runs", "run_finished", data)

    async def store_run(self, uid: str, run: Run, due_ns: int, location: str = "eu") -> RunRecord:
        """A run of the past."""
        project, definition = self._definitions[uid]
        due = self._due_run(project, definition, location, due_ns, "schedule")
        run = msgspec.structs.replace(run, id=due.run_id, check=definition, location=location)
        record = runs.record_of(run, due, self._ids[uid])
        await self._insert(record, run)
        return record

    async def _insert(self, record: RunRecord, run: Run) -> None:
        async with self.store.writing() as tx:
            await runs.insert_runs(tx, [(record, run)], time.time_ns())

    def projects(self) -> list[ProjectStatus]:
        return sorted(self._projects.values(), key=lambda status: status.key)

    def definition(self, check_uid: str) -> CheckDefinition | None:
        found = self._definitions.get(check_uid)
        return None if found is None else found[1]

    def next_due_ns(self, check_uid: str) -> int | None:
        definition = self.definition(check_uid)
        if definition is None or definition.every is None:
            return None
        return self.started_ns + round(definition.every * 1e9)

    def running(self) -> list[RunningRun]:
        return sorted(self._running.values(), key=lambda run: run.due_ns)

    def running_events(self, run_id: str) -> list[tuple[int, Event]] | None:
        return self._events.get(run_id)

    async def trigger(
        self, check_uid: str, *, locations: Sequence[str] = (), by: str
    ) -> list[DueRun]:
        project, definition = self._check(check_uid)
        for location in locations:
            if location not in definition.locations:
                raise Refused(f'the check does not run at "{location}"', field="locations")
        asked = []
        for location in locations or definition.locations:
            due = self._due_run(project, definition, location, time.time_ns(), "manual")
            async with self.store.writing() as tx:
                await runs.add_pending(tx, due, self._ids[check_uid])
            self._wait(check_uid, due)
            asked.append(due)
        return asked

    async def pause(self, check_uid: str, by: str) -> None:
        self._check(check_uid)
        async with self.store.writing() as tx:
            await registry.pause(tx, self._ids[check_uid], by, time.time_ns())

    async def resume(self, check_uid: str) -> None:
        self._check(check_uid)
        async with self.store.writing() as tx:
            await registry.resume(tx, self._ids[check_uid], time.time_ns())

    async def reload(self, project: str | None = None) -> None:
        if project is not None and project not in self._projects:
            raise NoSuchThing("there is no such project", field="project")
        self.reloaded.append(project)

    async def try_channel(self, project: str, channel: str, by: str) -> ChannelTried:
        if project not in self._projects or channel != "hook":
            raise NoSuchThing("there is no such channel")
        return ChannelTried(delivered=True, said=f"it answered 204, {by}")

    def health(self) -> Health:
        return self.state

    def _check(self, uid: str) -> tuple[str, CheckDefinition]:
        if uid not in self._definitions:
            raise NoSuchThing("there is no such check", field="check")
        return self._definitions[uid]

    def _due_run(
        self, project: str, definition: CheckDefinition, location: str, due_ns: int, cause: Any
    ) -> DueRun:
        return DueRun(
            run_id=new_run_id(),
            project=project,
            check=definition.id,
            location=location,
            due_ns=due_ns,
            holds_ns=2 * MINUTE_NS,
            grace_ns=MINUTE_NS,
            cause=cause,
        )

    def _wait(self, uid: str, due: DueRun) -> None:
        self._due[due.run_id] = due
        self._events[due.run_id] = []
        self._running[due.run_id] = RunningRun(
            run_id=due.run_id,
            check_uid=uid,
            check=due.check,
            project=due.project,
            location=due.location,
            due_ns=due.due_ns,
            cause=due.cause,
        )
