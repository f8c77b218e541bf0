"""Opening a database, and transactions on it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from checkwire.store.tables import metadata

__all__ = ["Store"]


class Store:
    """An open database.

    On SQLite one connection writes, and transactions wait for their turn; any number read.
    """

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._turn = asyncio.Lock()
        self.sqlite = engine.dialect.name == "sqlite"

    @classmethod
    async def open(cls, url: str) -> Store:
        """Open the database at a SQLAlchemy URL, and bring its tables to this version's form."""
        engine = create_async_engine(url)
        if engine.dialect.name == "sqlite":
            event.listen(engine.sync_engine, "connect", _prepare_sqlite)
        store = cls(engine)
        async with engine.begin() as tx:
            await tx.run_sync(metadata.create_all)
        return store

    async def close(self) -> None:
        """Close all connections."""
        await self._engine.dispose()

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncConnection]:
        """A transaction that writes; it is committed at the end, or undone by an exception."""
        if not self.sqlite:
            async with self._engine.begin() as tx:
                yield tx
            return
        async with self._turn, self._engine.begin() as tx:
            yield tx

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """A connection that only reads, all of it at one point in time."""
        async with self._engine.connect() as tx:
            yield tx


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=5000"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()
