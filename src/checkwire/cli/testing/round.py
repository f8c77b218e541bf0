"""One round: all chosen checks run, as many at a time as there are workers."""

from __future__ import annotations

import asyncio
import time

from checkwire.cli.reporters.registry import Reporters
from checkwire.model.attempt import Run, Unfinished
from checkwire.model.definition import CheckDefinition
from checkwire.model.errors import CheckwireError
from checkwire.model.events import Event
from checkwire.runner.runner import Runner

__all__ = ["Round"]

_TICK = 0.1


class Round:
    """Runs checks, and tells the reporters.

    Args:
        runner: what runs them.
        reporters: told as it happens.
        checks: what to run.
        fail_fast: whether to stop at the first that fails.

    Attributes:
        runs: those that have finished.
    """

    def __init__(
        self,
        runner: Runner,
        reporters: Reporters,
        checks: tuple[CheckDefinition, ...],
        *,
        fail_fast: bool = False,
    ) -> None:
        self.runs: list[Run] = []
        self._runner = runner
        self._reporters = reporters
        self._checks = checks
        self._fail_fast = fail_fast
        self._tasks: list[asyncio.Task[None]] = []
        self._began_ns: dict[str, int] = {}
        self._ended_ns = 0

    async def run(self) -> None:
        """Run them all. If it is cancelled, their processes are gone before this raises.

        Raises:
            CheckwireError: a reporter cannot write its report.
        """
        ticking = asyncio.ensure_future(self._tick()) if self._reporters.live else None
        try:
            async with asyncio.TaskGroup() as group:
                self._tasks = [group.create_task(self._run_one(check)) for check in self._checks]
        except BaseExceptionGroup as errors:
            known, others = errors.split(CheckwireError)
            if known is None or others is not None:
                raise
            raise _first(known) from None
        finally:
            self._ended_ns = time.monotonic_ns()
            if ticking is not None:
                ticking.cancel()

    @property
    def unfinished(self) -> tuple[Unfinished, ...]:
        """The checks that have no run, once all is over."""
        finished = {run.check.id for run in self.runs}
        return tuple(
            Unfinished(check=check, duration_ns=self._lasted(check))
            for check in self._checks
            if check.id not in finished
        )

    def _lasted(self, check: CheckDefinition) -> int | None:
        began_ns = self._began_ns.get(check.id)
        return None if began_ns is None else self._ended_ns - began_ns

    async def _run_one(self, check: CheckDefinition) -> None:
        def told(attempt: int, event: Event) -> None:
            if check.id not in self._began_ns:
                self._began_ns[check.id] = time.monotonic_ns()
                self._reporters.check_started(check)
            self._reporters.event(check, event)

        run = await self._runner.run(check, on_event=told)
        self.runs.append(run)
        self._reporters.run_finished(run)
        if self._fail_fast and run.status in ("failed", "error"):
            for task in self._tasks:
                task.cancel()

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(_TICK)
            self._reporters.tick()


def _first(group: BaseExceptionGroup[CheckwireError]) -> BaseException:
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
