"""Noticing that a project's files have changed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from checkwire.project.changes import Snapshot, changed, snapshot

__all__ = ["watch_files"]

_LEAST_PAUSE = 1.0
_LONGEST_PAUSE = 30.0
_SHARE = 200
"""A look at the files may take the 200th part of a CPU's time."""
_SETTLING = 0.3
"""Seconds in which nothing may change any more: an editor, or git, writes in several steps."""


async def watch_files(
    folder: str, read: Callable[[], Snapshot], on_change: Callable[[list[str]], None]
) -> None:
    """Call ``on_change`` with the paths whenever files in the folder have changed, and settled.

    Each change is told once; one that was read meanwhile, because somebody else asked for that,
    is not told at all. It goes on until it is cancelled.

    Args:
        folder: which.
        read: what they were like when they were last read: the same object until that is done
            again.
        on_change: not to be held up: nothing is noticed until it returns.
    """
    told: tuple[Snapshot, Snapshot] | None = None
    while True:
        seen, took = await _look(folder)
        last = read()
        if seen == last or (told is not None and told[0] is last and told[1] == seen):
            await asyncio.sleep(min(max(_LEAST_PAUSE, _SHARE * took), _LONGEST_PAUSE))
            continue
        while True:
            await asyncio.sleep(_SETTLING)
            settled, _ = await _look(folder)
            if settled == seen:
                break
            seen = settled
        if (last := read()) != seen:
            told = last, seen
            on_change(changed(last, seen))


async def _look(folder: str) -> tuple[Snapshot, float]:
    """What the files are like, and the CPU seconds that it took to see that."""

    def look() -> tuple[Snapshot, float]:
        began = time.thread_time()
        return snapshot(folder), time.thread_time() - began

    return await asyncio.to_thread(look)
