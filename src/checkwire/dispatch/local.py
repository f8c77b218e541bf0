"""Due runs within one process: who waits longest goes first, as far as there is room."""

from __future__ import annotations

import asyncio
from typing import NamedTuple

from checkwire.dispatch.line import Line
from checkwire.dispatch.room import Bounds, Key, Room
from checkwire.model.due import DueRun

__all__ = ["LocalQueue", "Taken"]


class Taken(NamedTuple):
    """A run that may begin.

    Attributes:
        due: which.
        behind: the check or location that had no room for it when it was last looked at; ``None``
            if it was only behind others.
    """

    due: DueRun
    behind: Key | None


class LocalQueue:
    """Due runs in the order of their due instants, each of which is taken once there is room.

    A run that is in it, or taken, is not put twice. Whoever takes one has room for an attempt,
    says :meth:`leave` when that is over, :meth:`again` before another, and :meth:`done` at the end.

    Args:
        bounds: how many attempts may be under way at a time.
    """

    def __init__(self, bounds: Bounds) -> None:
        self._room = Room(bounds)
        self._known: set[str] = set()
        self._inside: set[str] = set()
        self._new: Line[None] = Line(self._room)
        self._again: Line[asyncio.Future[None]] = Line(self._room)
        self._taker: asyncio.Future[Taken] | None = None

    def __len__(self) -> int:
        return len(self._new)

    @property
    def oldest_ns(self) -> int | None:
        """When the run that waits longest was due."""
        return self._new.oldest_ns

    def bound(self, taken: Taken) -> int:
        """How many attempts like it may be under way of what it was behind; in all, if nothing."""
        return self._room.bound(taken.behind, taken.due)

    def put(self, due: DueRun) -> bool:
        """Add a run; whether it was not there already."""
        if due.run_id in self._known:
            return False
        self._known.add(due.run_id)
        self._new.put(due, None)
        self._go_on()
        return True

    async def take(self) -> Taken:
        """The run that was due first of those that have room; waits for one. For one consumer."""
        self._taker = asyncio.get_running_loop().create_future()
        try:
            self._go_on()
            return await self._taker
        except asyncio.CancelledError:
            if self._taker.done() and not self._taker.cancelled():
                self._put_back(self._taker.result().due)
            raise
        finally:
            self._taker = None

    def leave(self, due: DueRun) -> None:
        """An attempt of a run that was taken is over. Says nothing new if it has been said."""
        if due.run_id in self._inside:
            self._inside.remove(due.run_id)
            self._room.give_back(due)
            self._new.freed(due)
            self._again.freed(due)
            self._go_on()

    async def again(self, due: DueRun) -> None:
        """Wait for room for another attempt of a run; those come before runs that are new."""
        if due.run_id in self._inside:
            return
        has_room = asyncio.get_running_loop().create_future()
        self._again.put(due, has_room)
        self._go_on()
        await has_room

    def done(self, due: DueRun) -> None:
        """A run that was taken is over."""
        self.leave(due)
        self._known.discard(due.run_id)

    def bounds_changed(self) -> None:
        """Bounds of locations may be others than they were."""
        self._new.bounds_changed()
        self._again.bounds_changed()
        self._go_on()

    def _go_on(self) -> None:
        while (found := self._again.next()) is not None:
            due, has_room = found.due, found.item
            self._inside.add(due.run_id)
            if has_room.done():  # Nobody waits any more.
                self.leave(due)
            else:
                has_room.set_result(None)
        if self._again.waits_for_slot:
            return  # Those that take but a part of one would keep it from ever getting one.
        if self._taker is not None and not self._taker.done():
            first = self._new.next()
            if first is not None:
                self._inside.add(first.due.run_id)
                self._taker.set_result(Taken(first.due, first.behind))

    def _put_back(self, due: DueRun) -> None:
        self._new.put(due, None)
        self.leave(due)
