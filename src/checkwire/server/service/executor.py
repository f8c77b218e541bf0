"""Executing due runs, as many attempts at a time as there is room for."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Protocol

from checkwire.dispatch.local import LocalQueue
from checkwire.model.attempt import Run
from checkwire.model.definition import CheckDefinition
from checkwire.model.due import DueRun
from checkwire.model.events import AttemptStarted, Event
from checkwire.runner.runner import Runner

__all__ = ["Executor", "Running", "Watcher"]

_EVENTS_KEPT = 5_000


class Running:
    """A run under way.

    Attributes:
        due: which.
        definition: the check as it is run.
        runner: who runs it.
        attempt: the number of the attempt under way, 0 before the first.
        started_ns: when that began (Unix epoch).
        events: what happened so far, each with the number of its attempt; the first ones of many.
    """

    def __init__(self, due: DueRun, definition: CheckDefinition, runner: Runner) -> None:
        self.due = due
        self.definition = definition
        self.runner = runner
        self.attempt = 0
        self.started_ns: int | None = None
        self.events: list[tuple[int, Event]] = []


class Watcher(Protocol):
    """Who is told how the runs go."""

    def run_started(self, running: Running) -> None:
        """Its first attempt begins."""

    def run_event(self, running: Running, attempt: int, event: Event) -> None:
        """Something happened in it."""

    def run_finished(self, running: Running, run: Run) -> None:
        """It is over."""

    def run_missed(self, due: DueRun) -> None:
        """It could not begin within its grace, or before its check was gone."""

    def run_broke(self, due: DueRun, error: Exception) -> None:
        """It could not be executed, for no reason that could be foreseen."""


Find = Callable[[DueRun], tuple[CheckDefinition, Runner] | None]


class Executor:
    """Takes runs from the queue in the order in which they were due.

    An attempt holds a slot; a run that waits to try again holds none.

    Args:
        queue: what to run.
        find: the check as it is to be run, and who runs it; ``None`` if it is gone.
        watcher: told how it goes.
        slots: how many attempts may be under way at a time.

    Attributes:
        running: the runs under way, by run id.
    """

    def __init__(self, queue: LocalQueue, find: Find, watcher: Watcher, slots: int) -> None:
        self.running: dict[str, Running] = {}
        self._queue = queue
        self._find = find
        self._watcher = watcher
        self._slots = asyncio.Semaphore(slots)
        self._tasks: set[asyncio.Task[None]] = set()
        self._one_ended = asyncio.Event()
        self._hurry = asyncio.Event()

    async def run(self) -> None:
        """Take and execute, until cancelled; runs under way go on, see :meth:`finish`."""
        while True:
            await self._slots.acquire()
            try:
                due = await self._queue.take()
            except BaseException:
                self._slots.release()
                raise
            task = asyncio.create_task(self._execute(due))
            self._tasks.add(task)
            task.add_done_callback(self._ended)

    async def finish(self, patience: float) -> list[DueRun]:
        """Let the runs under way end, for up to ``patience`` seconds; then end them.

        Returns those that were ended: they have no result.
        """
        hurry = asyncio.create_task(self._hurry.wait())
        ended = asyncio.gather(*self._tasks, return_exceptions=True)
        waiting: set[asyncio.Future[Any]] = {hurry, ended}
        await asyncio.wait(waiting, timeout=patience, return_when=asyncio.FIRST_COMPLETED)
        hurry.cancel()
        left = [running.due for running in self.running.values()]
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        return left

    def hurry(self) -> None:
        """Let :meth:`finish` wait no longer."""
        self._hurry.set()

    async def unused(self, runner: Runner) -> None:
        """Until no run under way is this runner's."""
        while any(running.runner is runner for running in self.running.values()):
            await self._one_ended.wait()

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            asyncio.get_running_loop().call_exception_handler(
                {"message": "a run could not be executed", "exception": error, "task": task}
            )

    async def _execute(self, due: DueRun) -> None:
        slot = _Slot(self._slots)
        try:
            found = self._find(due)
            if found is None or time.time_ns() > due.due_ns + due.grace_ns:
                self._watcher.run_missed(due)
                return
            await self._run(due, *found, slot)
        except Exception as error:
            self._watcher.run_broke(due, error)
            raise
        finally:
            slot.release()
            self.running.pop(due.run_id, None)
            self._queue.done(due)
            self._one_ended.set()
            self._one_ended = asyncio.Event()

    async def _run(
        self, due: DueRun, definition: CheckDefinition, runner: Runner, slot: _Slot
    ) -> None:
        running = self.running[due.run_id] = Running(due, definition, runner)

        def told(attempt: int, event: Event) -> None:
            if isinstance(event, AttemptStarted):
                running.attempt = attempt
                if running.started_ns is None:
                    running.started_ns = event.started_ns
                    self._watcher.run_started(running)
            if len(running.events) < _EVENTS_KEPT:
                running.events.append((attempt, event))
            self._watcher.run_event(running, attempt, event)

        run = await runner.run(
            definition,
            on_event=told,
            run_id=due.run_id,
            location=due.location,
            turn=lambda _: slot.held(),
        )
        self._watcher.run_finished(running, run)


class _Slot:
    """One of the slots; its run has it from the start."""

    def __init__(self, slots: asyncio.Semaphore) -> None:
        self._slots = slots
        self._held = True

    @asynccontextmanager
    async def held(self) -> AsyncIterator[None]:
        if not self._held:
            await self._slots.acquire()
            self._held = True
        try:
            yield
        finally:
            self.release()

    def release(self) -> None:
        if self._held:
            self._held = False
            self._slots.release()
