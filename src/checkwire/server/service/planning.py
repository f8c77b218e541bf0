"""The planner, kept on time."""

from __future__ import annotations

import asyncio
import heapq
import time
from collections.abc import Callable, Iterable, Sequence

from checkwire.model.definition import CheckDefinition
from checkwire.model.due import DueRun
from checkwire.schedule.plan import Missed
from checkwire.schedule.planner import Planner
from checkwire.server.service.known import Known

__all__ = ["Planning"]

_LONGEST_SLEEP = 5.0
"""Seconds between two looks at the clock, which may be set, or stand still with the machine."""


class Planning:
    """Tells of runs when they are due.

    Args:
        location: where checks run that name no location.
        on_due: told each run.
        on_missed: told the runs for which it is too late.

    Attributes:
        behind_ns: by how much the clock has been set back, and has not caught up yet.
    """

    def __init__(
        self, location: str, on_due: Callable[[DueRun], None], on_missed: Callable[[Missed], None]
    ) -> None:
        self.behind_ns = 0
        self._planner = Planner(location)
        self._on_due = on_due
        self._on_missed = on_missed
        self._extra: list[tuple[int, str, DueRun]] = []
        self._changed = asyncio.Event()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            self.tick(time.time_ns())
            seconds = _LONGEST_SLEEP
            if (next_ns := self._next_ns) is not None:
                seconds = min(max(0.0, (next_ns - time.time_ns()) / 1e9), _LONGEST_SLEEP)
            self._changed.clear()
            try:
                async with asyncio.timeout(seconds):
                    await self._changed.wait()
            except TimeoutError:
                pass

    def tick(self, now_ns: int) -> None:
        """Tell what has become due."""
        plan = self._planner.tick(now_ns)
        self.behind_ns = plan.behind_ns
        for missed in plan.missed:
            self._on_missed(missed)
        for due in plan.due:
            self._on_due(due)
        while self._extra and self._extra[0][0] <= now_ns:
            self._on_due(heapq.heappop(self._extra)[2])

    def put(
        self, project: str, definitions: Sequence[CheckDefinition], known: Known | None = None
    ) -> None:
        """Let a project's checks be these, and go on from what is known of them."""
        now_ns = time.time_ns()
        self.tick(now_ns)
        if known is None:
            self._planner.put(project, definitions, now_ns)
        else:
            self._planner.put(
                project,
                definitions,
                now_ns,
                last_due=known.last_due,
                since=known.since,
                paused=known.paused,
            )
        self._changed.set()

    def add(self, runs: Iterable[DueRun]) -> None:
        """Runs beside the schedules, each told when it is due."""
        for due in runs:
            heapq.heappush(self._extra, (due.due_ns, due.run_id, due))
        self._changed.set()

    def pause(self, project: str, check: str) -> None:
        """Let a check not be due until it is resumed."""
        now_ns = time.time_ns()
        self.tick(now_ns)
        self._planner.pause(project, check, now_ns)
        self._changed.set()

    def resume(self, project: str, check: str) -> None:
        """Let a check be due again, from now on."""
        self._planner.resume(project, check, time.time_ns())
        self._changed.set()

    def next_due_ns(self, project: str, check: str) -> int | None:
        """When a check's schedule has it run next; ``None`` if it is paused or has none."""
        return self._planner.next_due_ns(project, check)

    @property
    def _next_ns(self) -> int | None:
        planned_ns = self._planner.next_ns
        if not self._extra:
            return planned_ns
        extra_ns = self._extra[0][0]
        return extra_ns if planned_ns is None else min(planned_ns, extra_ns)
