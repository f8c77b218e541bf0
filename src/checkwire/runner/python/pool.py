"""Children that were forked before they are needed, and wait for a job.

Each has run a whole check already (:mod:`checkwire.runner.python.warmup`), and is used once. They
belong to one zygote, so no job ever meets the check files of another. What a child shall do it
hears from the runner itself, when it is taken.
"""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress
from typing import Final

from checkwire.model.definition import Isolation
from checkwire.runner.python.demand import Demand
from checkwire.runner.python.handle import Child, ZygoteHandle
from checkwire.runner.python.messages import Program
from checkwire.runner.python.pipes import Pipes

__all__ = ["Pool"]

_QUIET: Final = 0.25
"""Seconds without any attempt that begins, after which children are forked for later ones. Sooner
only in the place of one that has ended: those that have just begun are measuring."""
_LOOK_AGAIN: Final = 30.0


class _Waiting:
    """A child that waits for a job, or is about to."""

    def __init__(self, pipes: Pipes, birth: asyncio.Task[Child]) -> None:
        self.pipes = pipes
        self.birth = birth
        self.warm = False


class Pool:
    """The children of one zygote.

    Args:
        zygote: it has imported the check files.
        demand: how many shall wait; told of each that is taken.
        isolation: what they are in.
        program: what they execute, if they are not to run checks of the zygote's own. Once it is
            ready for a job it writes ``messages.WARM``, too.
    """

    def __init__(
        self,
        zygote: ZygoteHandle,
        demand: Demand,
        isolation: Isolation = "process",
        program: Program | None = None,
    ) -> None:
        self.zygote = zygote
        self._isolation = isolation
        self._demand = demand
        self._program = program
        self._loop = asyncio.get_running_loop()
        self._waiting: list[_Waiting] = []
        self._timer: asyncio.TimerHandle | None = None
        self._closed = False

    async def take(self) -> tuple[Pipes, Child]:
        """A child for an attempt, with its pipes, which are the caller's now: the warmest there is.

        Raises:
            OSError: there are too many open descriptors.
            CouldNotFork: the operating system refused.
            ZygoteLost: it is gone.
        """
        self._demand.taken(self._loop.time())
        self._refill_after(_QUIET)
        waiting = next((one for one in self._waiting if one.warm), None)
        if waiting is None:
            waiting = self._waiting[0] if self._waiting else self._fork()
        self._waiting.remove(waiting)
        self._loop.remove_reader(waiting.pipes.events)
        try:
            # Awaited by others no more, so it may be cancelled: then the child is gone, too.
            child = await waiting.birth
        except BaseException:
            waiting.pipes.close()
            raise
        return waiting.pipes, child

    def ended(self) -> None:
        """A child that was taken is gone: fork one in its place, once its verdict is told."""
        self._loop.call_soon(self._replace_one)

    def expect(self, count: int) -> None:
        """So many are about to be taken: have them wait."""
        self._demand.expected(self._loop.time())
        self._fill(count)
        self._refill_after(_LOOK_AGAIN)

    def close(self) -> None:
        """Let those go that wait, and fork no more."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        for waiting in tuple(self._waiting):
            self._dismiss(waiting)

    def _fill(self, wanted: int) -> None:
        with suppress(OSError):  # whoever needs one will try again, and say why
            while len(self._waiting) < wanted:
                self._fork()

    def _fork(self) -> _Waiting:
        pipes = Pipes()
        waiting = _Waiting(pipes, self._loop.create_task(self._bear(pipes)))
        self._waiting.append(waiting)
        self._loop.add_reader(pipes.events, self._is_warm, waiting)
        waiting.birth.add_done_callback(lambda birth: self._born(waiting, birth))
        return waiting

    async def _bear(self, pipes: Pipes) -> Child:
        try:
            return await self.zygote.fork(pipes.theirs, self._isolation, self._program)
        finally:
            pipes.close(*pipes.theirs)

    def _born(self, waiting: _Waiting, birth: asyncio.Task[Child]) -> None:
        if birth.cancelled() or birth.exception() is not None:
            self._dismiss(waiting)
        else:
            birth.result().exited.add_done_callback(lambda _: self._dismiss(waiting))

    def _is_warm(self, waiting: _Waiting) -> None:
        self._loop.remove_reader(waiting.pipes.events)
        with suppress(BlockingIOError):
            waiting.warm = bool(os.read(waiting.pipes.events, 1))

    def _dismiss(self, waiting: _Waiting) -> None:
        """It reads the end of its job's pipe, and ends; unless it has ended, or was never born."""
        if waiting in self._waiting:
            self._waiting.remove(waiting)
            self._loop.remove_reader(waiting.pipes.events)
            waiting.pipes.close()

    def _replace_one(self) -> None:
        if not self._closed and not self.zygote.lost.is_set():
            self._fill(min(len(self._waiting) + 1, self._demand.wanted(self._loop.time())))

    def _refill_after(self, seconds: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_later(seconds, self._refill)

    def _refill(self) -> None:
        if self._closed or self.zygote.lost.is_set():
            return
        wanted = self._demand.wanted(self._loop.time())
        self._fill(wanted)
        for waiting in self._waiting[wanted:]:
            self._dismiss(waiting)
        if wanted:
            self._refill_after(_LOOK_AGAIN)
