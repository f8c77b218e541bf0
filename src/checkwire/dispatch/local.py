"""Due runs within one process: who waits longest goes first."""

from __future__ import annotations

import asyncio
import heapq

from checkwire.model.due import DueRun

__all__ = ["LocalQueue"]


class LocalQueue:
    """Due runs in the order of their due instants. A run that is in it, or taken, is not put twice.

    Whoever takes one says :meth:`done` at the end.
    """

    def __init__(self) -> None:
        self._heap: list[tuple[int, str, DueRun]] = []
        self._known: set[str] = set()
        self._arrived = asyncio.Event()

    def __len__(self) -> int:
        return len(self._heap)

    @property
    def oldest_ns(self) -> int | None:
        """When the run that waits longest was due."""
        return self._heap[0][0] if self._heap else None

    def put(self, due: DueRun) -> bool:
        """Add a run; whether it was not there already."""
        if due.run_id in self._known:
            return False
        self._known.add(due.run_id)
        heapq.heappush(self._heap, (due.due_ns, due.run_id, due))
        self._arrived.set()
        return True

    async def take(self) -> DueRun:
        """The run that was due first; waits until there is one. For one consumer."""
        while not self._heap:
            self._arrived.clear()
            await self._arrived.wait()
        return heapq.heappop(self._heap)[2]

    def done(self, due: DueRun) -> None:
        """A run that was taken is over."""
        self._known.discard(due.run_id)
