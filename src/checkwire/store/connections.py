"""Connections to a SQLite file: each has a thread, and none outlives its database.

SQLAlchemy's pools know only of connections that lie in them. One that is in use when they are
closed, or whose making or closing is cancelled, is left to the collector, and its thread with it.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Generator, Sequence
from functools import partial
from typing import Any, TypeVar
from weakref import WeakValueDictionary

import aiosqlite

__all__ = ["Connections", "uninterrupted"]

T = TypeVar("T")


async def uninterrupted(work: Awaitable[T]) -> T:
    """Wait for the end of something, even if cancelled meanwhile; only then that is raised."""
    task = asyncio.ensure_future(work)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        if not task.cancelled():
            task.exception()  # Nobody else will look at it.
        raise cancelled
    return task.result()


class _Releasing(sqlite3.Connection):
    """One that holds no lock any more once it is closed.

    SQLite ends a connection, and its transaction, only with the last of its statements. A statement
    that has rows to give yet is its cursor's, and the cursor of who was cancelled lives on: in the
    frames of the exception, for as long as somebody keeps that, or the task.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._cursors = WeakValueDictionary[int, sqlite3.Cursor]()

    def cursor(self, *args: Any) -> sqlite3.Cursor:  # type: ignore[override]
        made: sqlite3.Cursor = super().cursor(*args)
        self._cursors[id(made)] = made
        return made

    def close(self) -> None:
        for reference in self._cursors.valuerefs():
            if (cursor := reference()) is not None:
                cursor.close()
        super().close()


class _Connection(aiosqlite.Connection):
    """One that anybody may end, as often as they like, and that ends once.

    aiosqlite's own waits forever for a thread that has ended already.
    """

    def __init__(self, there: set[_Connection], file: str, timeout: float) -> None:
        connect = partial(
            sqlite3.connect,
            file,
            uri=True,
            timeout=timeout,
            isolation_level=None,
            cached_statements=256,
            factory=_Releasing,
        )
        super().__init__(connect, iter_chunk_size=64)
        self._there = there
        self._stopped = False
        self._ended: asyncio.Future[Any] | None = None

    @property
    def ended(self) -> asyncio.Future[Any] | None:
        """Done with its thread, once it was told to stop; until then it may hold a lock."""
        return self._ended

    def __await__(self) -> Generator[Any, None, aiosqlite.Connection]:
        opening = super().__await__()
        self._there.add(self)  # Now that it has a thread.
        return opening

    def stop(self) -> asyncio.Future[Any] | None:
        if not self._stopped:
            self._stopped = True
            self._ended = super().stop()
            if self._ended is not None:
                self._ended.add_done_callback(lambda _: self._there.discard(self))
        return self._ended

    async def close(self) -> None:
        if (ended := self.stop()) is not None:
            await asyncio.shield(ended)

    async def rollback(self) -> None:
        if not self._stopped:  # Otherwise its end does that.
            await super().rollback()


class Connections:
    """Those to one file, from its opening to its closing.

    Args:
        file: its URI.
        timeout: seconds to wait for a lock that another process holds.
    """

    def __init__(self, file: str, timeout: float) -> None:
        self._file = file
        self._timeout = timeout
        self._there: set[_Connection] = set()
        self._making: set[asyncio.Task[_Connection]] = set()
        self._closed = False

    async def connect(self, pragmas: Sequence[str]) -> aiosqlite.Connection:
        """A connection, with that set; there is none if this is cancelled.

        Raises:
            sqlite3.Error: there cannot be one.
        """
        making = asyncio.create_task(self._make(pragmas))
        self._making.add(making)
        making.add_done_callback(self._making.discard)
        try:
            return await uninterrupted(making)
        except asyncio.CancelledError:
            if not making.cancelled() and making.exception() is None:
                await making.result().close()
            raise

    async def _make(self, pragmas: Sequence[str]) -> _Connection:
        connection = _Connection(self._there, self._file, self._timeout)
        try:
            # Whoever is cancelled once more waits no longer for the end of what was cancelled, and
            # the lock that this still holds would be taken for another process's.
            if ending := [one.ended for one in self._there if one.ended is not None]:
                await asyncio.wait(ending)
            self._require_open()
            await connection
            for pragma in pragmas:
                await connection.execute(f"PRAGMA {pragma}")
            self._require_open()
        except BaseException:
            if connection in self._there:
                await connection.close()
            raise
        return connection

    def _require_open(self) -> None:
        if self._closed:
            raise sqlite3.OperationalError("Connection closed")  # As the driver says it.

    async def close(self) -> None:
        """Close all of them, end their threads, and make no more.

        What a thread was asked for is done before; who asks later is told by an error.
        """
        self._closed = True
        await uninterrupted(self._close())

    async def _close(self) -> None:
        try:
            if self._making:
                await asyncio.wait(self._making)
        finally:
            ended = [connection.stop() for connection in self._there]
            await uninterrupted(asyncio.gather(*(one for one in ended if one is not None)))
