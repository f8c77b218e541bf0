"""Node processes that are started before they are needed, each used once."""

from __future__ import annotations

import asyncio
import signal
from collections import defaultdict, deque
from collections.abc import Callable, Iterable
from contextlib import suppress

from checkwire.model.definition import CheckDefinition
from checkwire.runner.python.handle import CouldNotFork, ZygoteHandle, ZygoteLost
from checkwire.runner.python.messages import Job, Program
from checkwire.runner.python.process import Process, fork

__all__ = ["Spares"]

_Kind = tuple[int, int | None]
"""Memory and CPU seconds: a process has its limits from the start."""


class Spares:
    """Keeps as many processes ready as attempts are likely to need soon, and no more.

    At first each check is expected to run once. A check that runs again shows that it is run from
    time to time, and so are the others; then a spare takes the place of each that is taken.

    Args:
        program: what to execute, for so much memory and CPU time.
        most: how many to have ready at a time.
    """

    def __init__(self, program: Callable[[int, int | None], Program], *, most: int) -> None:
        self._program = program
        self._most = most
        self._ready: dict[_Kind, deque[Process]] = defaultdict(deque)
        self._tasks: set[asyncio.Task[None]] = set()
        self._coming: dict[_Kind, int] = defaultdict(int)
        self._expected: dict[str, _Kind] = {}
        self._again: _Kind | None = None
        self._cpu_seconds: int | None = None
        self._closed = False

    def expect(self, definitions: Iterable[CheckDefinition]) -> None:
        """These checks are about to run."""
        for definition in definitions:
            self._expected[definition.id] = (definition.memory, self._cpu_seconds)

    def refill(self, zygote: ZygoteHandle) -> None:
        """Start those that are missing, in the background."""
        if self._closed:
            return
        wanted: dict[_Kind, int] = defaultdict(int)
        if self._again is not None:
            wanted[self._again] = self._most
        for kind in self._expected.values():
            wanted[kind] += 1
        for kind, number in wanted.items():
            have = len(self._ready[kind]) + self._coming[kind]
            for _ in range(min(number, self._most) - have):
                self._coming[kind] += 1
                task = asyncio.get_running_loop().create_task(self._prepare(zygote, kind))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

    async def take(self, zygote: ZygoteHandle, job: Job) -> Process:
        """A process for this job: one that is ready, or a new one.

        Raises:
            CouldNotFork, ZygoteLost, OSError: as ``process.fork``.
        """
        kind = (job.definition.memory, job.cpu_seconds)
        if self._expected.pop(job.definition.id, None) is None:
            self._again = kind
        ready = self._ready[kind]
        found: Process | None = None
        while ready and found is None:
            found = ready.popleft()
            if found.child.exited.done():  # it was killed, or its zygote died
                found.pipes.close()
                found = None
        if found is None:
            found = await fork(zygote, self._program(*kind))
        self.refill(zygote)
        return found

    async def close(self) -> None:
        """End those that are ready or on their way."""
        self._closed = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for ready in self._ready.values():
            while ready:
                process = ready.popleft()
                process.child.signal(signal.SIGKILL)
                process.pipes.close()

    async def _prepare(self, zygote: ZygoteHandle, kind: _Kind) -> None:
        try:
            with suppress(CouldNotFork, ZygoteLost, OSError):  # told to whoever needs one
                self._ready[kind].append(await fork(zygote, self._program(*kind)))
        finally:
            self._coming[kind] -= 1
