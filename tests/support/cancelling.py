"""Cancelling what runs exactly where it waits for the n-th time."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Coroutine, Generator
from typing import Any

__all__ = ["cancelled_at"]


async def cancelled_at(
    work: Coroutine[Any, Any, None], waits: Collection[int], *, late: bool
) -> bool:
    """Run it in a task, and cancel that where it waits; whether it came so far.

    Args:
        work: what runs. What else than its being cancelled ends it is raised.
        waits: which ones, beginning with 0.
        late: what it waits for is done by then, and it has not gone on yet.
    """
    steps = _Steps(work, waits, late)
    task = asyncio.ensure_future(steps)
    await asyncio.wait([task])
    if not task.cancelled():
        task.result()
    return steps.number > min(waits)


class _Steps:
    """
    Attributes:
        number: how often it has waited.
    """

    def __init__(self, work: Coroutine[Any, Any, None], waits: Collection[int], late: bool) -> None:
        self._work = work
        self._waits = waits
        self._late = late
        self.number = 0

    def __await__(self) -> Generator[Any, Any, None]:
        error: BaseException | None = None
        while True:
            try:
                waited = self._work.send(None) if error is None else self._work.throw(error)
            except StopIteration:
                return
            self._step(waited)
            try:
                yield waited
                error = None
            except BaseException as thrown:
                error = thrown

    def _step(self, waited: asyncio.Future[Any] | None) -> None:
        if self.number in self._waits:
            task = asyncio.current_task()
            assert task is not None
            if self._late and waited is not None:
                waited.add_done_callback(lambda _: task.cancel())  # before the task's own
            else:
                asyncio.get_running_loop().call_soon(task.cancel)
        self.number += 1
