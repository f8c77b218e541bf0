"""Executing due runs, as many attempts at a time as there is room for."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Protocol

from checkwire.dispatch.local import LocalQueue, Taken
from checkwire.dispatch.room import Key
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
        """Its check was gone before it began."""

    def run_overloaded(self, due: DueRun, behind: Key | None, bound: int) -> None:
        """It had no room within its grace: of that many of its check, its location, or of all."""

    def run_broke(self, due: DueRun, error: Exception) -> None:
        """It could not be executed, for no reason that could be foreseen."""


Find = Callable[[DueRun], tuple[CheckDefinition, Runner] | None]


class Executor:
    """Takes runs from the queue, which tells when there is room for an attempt.

    A run that waits to try again takes none.

    Args:
        queue: what to run.
        find: the check as it is to be run, and who runs it; ``None`` if it is gone.
        watcher: told how it goes.

    Attributes:
        running: the runs under way, by run id.
    """

    def __init__(self, queue: LocalQueue, find: Find, watcher: Watcher) -> None:
        self.running: dict[str, Running] = {}
        self._queue = queue
        self._find = find
        self._watcher = watcher
        self._tasks: set[asyncio.Task[None]] = set()
        self._one_ended = asyncio.Event()
        self._hurry = asyncio.Event()

    async def run(self) -> None:
        """Take and execute, until cancelled; runs under way go on, see :meth:`finish`."""
        while True:
            taken = await self._queue.take()
            task = asyncio.create_task(self._execute(taken))
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

    async def _execute(self, taken: Taken) -> None:
        due = taken.due
        try:
            found = self._find(due)
            if found is None:
                self._watcher.run_missed(due)
            elif time.time_ns() > due.due_ns + due.grace_ns:
                bound = self._queue.bound(taken)
                self._watcher.run_overloaded(due, taken.behind, bound)
            else:
                await self._run(due, *found)
        except Exception as error:
            self._watcher.run_broke(due, error)
            raise
        finally:
            self.running.pop(due.run_id, None)
            self._queue.done(due)
            self._one_ended.set()
            self._one_ended = asyncio.Event()

    async def _run(self, due: DueRun, definition: CheckDefinition, runner: Runner) -> None:
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
            turn=lambda _: self._room(due),
        )
        self._watcher.run_finished(running, run)

    @asynccontextmanager
    async def _room(self, due: DueRun) -> AsyncIterator[None]:
        await self._queue.again(due)
        try:
            yield
        finally:
            self._queue.leave(due)
