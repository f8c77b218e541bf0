"""A line: who was due first goes first, of those that have room."""

from __future__ import annotations

import heapq
from collections import defaultdict
from typing import Generic, NamedTuple, TypeVar

from checkwire.dispatch.room import Key, Room, keys
from checkwire.model.due import DueRun

__all__ = ["Entry", "Line"]

T = TypeVar("T")


class Entry(NamedTuple, Generic[T]):
    """A place in the line; entries compare as they come one after the other.

    Attributes:
        due_ns, run_id: of the run.
        number: no two are the same, so what follows is never compared.
        due: the run.
        item: what was put with it.
        behind: what it was put aside for last, if it was.
    """

    due_ns: int
    run_id: str
    number: int
    due: DueRun
    item: T
    behind: Key | None = None


class Line(Generic[T]):
    """Runs in the order of their due instants, each with an item.

    One whose check or location has no room is put aside until that has, so nobody behind it waits
    for it. Of what is put aside for something, just as many as it has room for are looked at again.

    Args:
        room: the room that there is. Whoever gives some back says :meth:`freed`.
    """

    def __init__(self, room: Room) -> None:
        self._room = room
        self._ready: list[Entry[T]] = []
        self._aside: defaultdict[Key, list[Entry[T]]] = defaultdict(list)
        self._length = 0
        self._number = 0

    def __len__(self) -> int:
        return self._length

    @property
    def oldest_ns(self) -> int | None:
        """When the one that waits longest was due."""
        firsts = [heap[0].due_ns for heap in (self._ready, *self._aside.values()) if heap]
        return min(firsts, default=None)

    @property
    def waits_for_slot(self) -> bool:
        """After :meth:`next` had none: whether that is for want of a slot alone."""
        return bool(self._ready)

    def put(self, due: DueRun, item: T) -> None:
        """Add one."""
        self._number += 1
        self._length += 1
        entry = Entry(due.due_ns, due.run_id, self._number, due, item)
        heapq.heappush(self._ready, entry)

    def next(self) -> Entry[T] | None:
        """Take the first that has room out of the line, and take the room; ``None`` if none has."""
        while self._ready:
            full = self._room.full(self._ready[0].due)
            if full is None and not self._room.is_left(self._ready[0].due):
                break
            entry = heapq.heappop(self._ready)
            if full is None:
                self._room.take(entry.due)
                self._length -= 1
            else:
                heapq.heappush(self._aside[full], entry._replace(behind=full))
            # If one came from where there still is room, the next from there may come, too.
            self._look_again(entry.due)
            if full is None:
                return entry
        return None

    def freed(self, due: DueRun) -> None:
        """An attempt of the run has given its room back."""
        self._look_again(due)

    def bounds_changed(self) -> None:
        """There may be more room than before for anything."""
        for entries in self._aside.values():
            for entry in entries:
                heapq.heappush(self._ready, entry)
        self._aside.clear()

    def _look_again(self, due: DueRun) -> None:
        """At the first of those put aside for what that run is bounded by, if it has room."""
        for key in keys(due):
            if key in self._aside and self._room.has(key, self._aside[key][0].due):
                heapq.heappush(self._ready, heapq.heappop(self._aside[key]))
                if not self._aside[key]:
                    del self._aside[key]
