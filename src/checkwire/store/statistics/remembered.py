"""What was read of roll-ups, for as long as they do not change."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable, Sized
from typing import Generic, NamedTuple, TypeVar
from weakref import WeakKeyDictionary

from sqlalchemy import Engine
from sqlalchemy.ext.asyncio import AsyncConnection

__all__ = ["Remembered"]

T = TypeVar("T", bound=Sized)


class _Entry(NamedTuple, Generic[T]):
    version: int
    value: T


class Remembered(Generic[T]):
    """Remembers what was computed from roll-ups, which change once an hour or so.

    Whether they have is told by a number that whoever changes them counts up in the same
    transaction, be it another process: see ``roll_ups_changed``.

    Args:
        most: how many items all the values of a database may have together; those that were not
            asked for the longest are forgotten.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._of: WeakKeyDictionary[Engine, dict[Hashable, _Entry[T]]] = WeakKeyDictionary()

    async def get(
        self,
        tx: AsyncConnection,
        key: Hashable,
        version: int,
        compute: Callable[[], Awaitable[T]],
    ) -> T:
        """The value of a key, computed if it is not known for this version of roll-ups.

        Args:
            tx: a transaction; each database has values of its own.
            key: what the value depends on besides the roll-ups.
            version: the number of the roll-ups, read in this transaction.
            compute: computes it, in this transaction. Nobody may change the value later.
        """
        entries = self._of.setdefault(tx.engine.sync_engine, {})
        entry = entries.pop(key, None)
        if entry is None or entry.version != version:
            entry = _Entry(version, await compute())
        entries[key] = entry  # the last is the one that was asked for last
        size = sum(_size(known.value) for known in entries.values())
        while size > self._most:
            size -= _size(entries.pop(next(iter(entries))).value)
        return entry.value


def _size(value: Sized) -> int:
    return 1 + len(value)
