"""The workers of one engine: which attempt goes where."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final

from checkwire.model.events import Event
from checkwire.model.masking import Masker
from checkwire.runner.python.environ import value_in
from checkwire.runner.python.handle import CouldNotFork, ZygoteHandle, ZygoteLost
from checkwire.runner.python.messages import Job
from checkwire.runner.python.shared.attempt import Outcome, SharedAttempt
from checkwire.runner.python.shared.handle import Worker, start_worker
from checkwire.runner.python.shared.messages import Begin

__all__ = ["PER_WORKER", "Workers", "count_workers"]

PER_WORKER: Final = 200
"""Attempts under way at a time in one worker."""
_WATCH: Final = 0.25
_ENOUGH: Final = 4
"""With so many attempts under way in each worker, another one is started, if there is a CPU."""

_log = logging.getLogger("checkwire.worker")


def count_workers() -> int:
    """How many workers there may be: one for each CPU that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class Workers:
    """Starts workers when they are needed, shares attempts out, and replaces workers.

    Args:
        zygote: gives a living zygote.
        root: the project's folder.
        secrets_read: gets the names of the variables that checks read as secrets.
        masker: hides secrets in what workers print, and no attempt can be named for.
    """

    def __init__(
        self,
        zygote: Callable[[], Awaitable[ZygoteHandle]],
        *,
        root: str,
        secrets_read: set[str],
        masker: Masker,
    ) -> None:
        self._zygote = zygote
        self._root = root
        self._secrets_read = secrets_read
        self._masker = masker
        self._limit = count_workers()
        self._workers: set[Worker] = set()
        self._starting = asyncio.Lock()
        self._timer: asyncio.TimerHandle | None = None
        self._closed = False

    async def attempt(
        self, job: Job, on_event: Callable[[Event], None] | None, note: str = ""
    ) -> Outcome:
        """Run an attempt beside others; what came of it.

        If it is cancelled, the attempt is over before it raises, or its worker will be.

        Args:
            job: what to run.
            on_event: called with each event as it comes.
            note: a line for the transcript.
        """
        stop: Callable[[], None] = lambda: None  # noqa: E731
        attempt = SharedAttempt(
            job,
            root=self._root,
            on_event=on_event,
            stop=lambda: stop(),
            secrets_read=self._secrets_read,
        )
        if note:
            attempt.note(note)
        try:
            worker = await self._worker_for(Begin.of(job))
        except (OSError, CouldNotFork) as error:
            attempt.not_started(str(error))
            return await attempt.outcome
        except ZygoteLost:
            attempt.disturb("the process that runs checks died", lost=True)
            return await attempt.outcome
        if self._closed:
            attempt.cancel()
            return await attempt.outcome
        number = worker.take(attempt)
        stop = lambda: worker.cancel(number)  # noqa: E731
        self._watch()
        try:
            return await asyncio.shield(attempt.outcome)
        except asyncio.CancelledError:
            worker.cancel(number)
            with suppress(Exception):
                await asyncio.shield(attempt.outcome)
            raise

    async def close(self) -> None:
        """End all attempts, as cancelled, and all workers; wait until they are gone."""
        self._closed = True
        async with self._starting:
            if self._timer is not None:
                self._timer.cancel()
            workers = tuple(self._workers)
            for worker in workers:
                worker.close()
            for worker in workers:
                await worker.gone.wait()

    async def _worker_for(self, begin: Begin) -> Worker:
        while True:
            fit = [one for one in self._workers if one.fit and _same(one.begin, begin)]
            best = min(fit, key=lambda worker: (worker.is_held_up, worker.load), default=None)
            if best is not None and (
                best.load < _ENOUGH or (len(fit) >= self._limit and best.load < PER_WORKER)
            ):
                return best
            async with self._starting:
                if self._closed and best is not None:
                    return best
                fit_now = [one for one in self._workers if one.fit and _same(one.begin, begin)]
                if len(fit_now) > len(fit):
                    continue  # Somebody else has started one meanwhile.
                zygote = await self._zygote()
                worker = await start_worker(
                    zygote,
                    begin,
                    root=self._root,
                    on_output=lambda text: self._log_output(begin, text),
                )
                self._workers = {one for one in self._workers if not one.gone.is_set()}
                self._workers.add(worker)
                if self._closed:
                    worker.close()
                return worker

    def _log_output(self, begin: Begin, text: str) -> None:
        for name in self._secrets_read:
            self._masker.add(value_in(begin.env, name))
        for line in self._masker.text(text).splitlines():
            _log.info("%s", line)

    def _watch(self) -> None:
        if self._timer is None and not self._closed:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(_WATCH, self._look)

    def _look(self) -> None:
        self._timer = None
        for worker in self._workers:
            worker.watch()
        if any(worker.load for worker in self._workers):
            self._watch()


def _same(one: Begin, other: Begin) -> bool:
    return (
        (one.env is other.env or one.env == other.env)
        and (one.secrets is other.secrets or one.secrets == other.secrets)
        and (one.absent is other.absent or one.absent == other.absent)
        and (one.connecting is other.connecting or one.connecting == other.connecting)
    )
