"""Opening a database, and transactions on it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import event, text
from sqlalchemy.exc import DBAPIError, NoSuchModuleError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool

from checkwire.store.address import Address, AddressError, parse_address
from checkwire.store.connections import Connections, uninterrupted
from checkwire.store.errors import DatabaseError, explained
from checkwire.store.ownership import open_own
from checkwire.store.schema import migrate

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["DatabaseError", "Store"]

_READERS = 4
_PATIENCE = 5.0
"""Seconds to wait for a lock that another process holds, and for a server to answer."""


class _Engines(NamedTuple):
    """What writes and what reads, on a database as it was when it was opened."""

    writer: AsyncEngine
    reader: AsyncEngine
    connections: Connections | None
    """All that there are, on SQLite."""

    async def close(self) -> None:
        if self.connections is not None:
            await self.connections.close()
        else:
            await uninterrupted(self.writer.dispose())  # The reader's connections are the same.


class Store:
    """An open database::

        store = await Store.open("sqlite:///checkwire.db")
        async with store.writing() as tx:
            ...
        await store.close()

    On SQLite one connection writes, and transactions wait for their turn; several read, and none
    waits for another.

    Attributes:
        address: where it is.
        sqlite: whether it is SQLite; otherwise it is PostgreSQL.
    """

    def __init__(self, address: Address, patience: float) -> None:
        self.address = address
        self.sqlite = address.path is not None
        self._patience = patience
        self._engines = self._make_engines()
        self._closed = False
        self._turn = asyncio.Lock()
        self._file: tuple[int, int] | None = None

    @classmethod
    async def open(cls, url: str, *, create: bool = True, patience: float = _PATIENCE) -> Store:
        """Open a database, and bring its tables to this version's form.

        Args:
            url: ``sqlite:///path``, ``postgresql://user:password@host/name``, or a file's path.
            create: make a file that is not there.
            patience: seconds to wait for a lock that another process holds, or for a server.

        Raises:
            DatabaseError: it cannot be opened, or is a newer version's.
        """
        try:
            address = parse_address(url)
        except AddressError as error:
            raise DatabaseError(str(error)) from None
        if address.path is not None:
            _prepare_file(address.path, create)
        store = cls(address, patience)
        try:
            async with store.writing() as tx:
                await tx.run_sync(migrate, address)
            store._file = store._identity()
        except BaseException:
            await store.close()
            raise
        return store

    async def close(self) -> None:
        """Close all connections, of those who still use one, too; it is used no more."""
        self._closed = True
        await self._engines.close()

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncConnection]:
        """A transaction that writes; it is committed at the end, or undone by an exception.

        Raises:
            DatabaseError: the database cannot be used; nothing was written.
        """
        with self._explaining():
            if not self.sqlite:
                async with self._connected(self._engines.writer) as tx, tx.begin():
                    yield tx
                return
            async with self._turn:
                if self._has_changed():
                    await self._open_anew()
                async with self._connected(self._engines.writer) as tx, tx.begin():
                    yield tx

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """A connection that only reads, all of it at one point in time.

        Raises:
            DatabaseError: the database cannot be used.
        """
        with self._explaining():
            if self._has_changed():
                async with self._turn:
                    if self._has_changed():
                        await self._open_anew()
            async with self._connected(self._engines.reader) as tx:
                yield tx

    async def healthy(self, tx: AsyncConnection) -> bool:
        """Whether the database answers. What it raises says why it does not."""
        return (await tx.execute(text("SELECT 1"))).scalar() == 1

    @asynccontextmanager
    async def _connected(self, engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
        async with engine.connect() as tx:
            try:
                yield tx
            finally:
                if self._closed and not self.sqlite:
                    await tx.invalidate()  # It would go to a pool that nobody closes any more.

    @contextmanager
    def _explaining(self) -> Iterator[None]:
        if self._closed:
            raise DatabaseError(f"the database {self.address} was closed")
        try:
            yield
        except DBAPIError as error:
            known = explained(error, self.address)
            if known is None:
                raise
            raise known from error

    def _has_changed(self) -> bool:
        """Whether the file was removed or replaced.

        What is open would still take all that is written, and nobody would find it.
        """
        return self._file is not None and self._identity() != self._file

    async def _open_anew(self) -> None:
        there = self._identity()
        if there is None:
            raise DatabaseError(
                f"the database {self.address} is gone: put it back, or restore it from a backup",
                passing=True,
            )
        # Of the old file nothing may be left when the new one is opened: their logs have one name.
        try:
            await self._engines.close()
        finally:
            if not self._closed:
                self._engines = self._make_engines()
        async with self._engines.writer.begin() as tx:
            await tx.run_sync(migrate, self.address)
        self._file = there

    def _make_engines(self) -> _Engines:
        if self.address.path is None:
            return _postgresql_engines(self.address, self._patience)
        return _sqlite_engines(self.address.path, self._patience)

    def _identity(self) -> tuple[int, int] | None:
        if self.address.path is None:
            return None
        try:
            found = self.address.path.stat()
        except OSError:
            return None
        return found.st_dev, found.st_ino


def _prepare_file(path: Path, create: bool) -> None:
    """See that the file is there, and can be written."""
    try:
        if create:
            path.parent.mkdir(parents=True, exist_ok=True)
            os.close(open_own(path))  # SQLite gives its log the same owner and mode.
        elif not path.exists():
            raise DatabaseError(
                f"there is no database {path}: start `checkwire serve` first, or name another file"
            )
        else:
            os.close(os.open(path, os.O_RDWR))
        if not os.access(path.parent, os.W_OK):
            raise PermissionError(13, "Permission denied", str(path.parent))
    except IsADirectoryError:
        raise DatabaseError(f"{path} is a folder: name a file in it") from None
    except OSError as error:
        raise DatabaseError(
            f"the database {path} cannot be written ({error.strerror}): give this user the right "
            "to write it and its folder, or name another file"
        ) from None


def _sqlite_engines(path: Path, patience: float) -> _Engines:
    # Never made on opening: a file that has vanished must not come back empty.
    connections = Connections(f"{path.as_uri()}?mode=rw", patience)

    def engine(begin: str, pragmas: tuple[str, ...], number: int) -> AsyncEngine:
        made = create_async_engine(
            "sqlite+aiosqlite://",
            async_creator=partial(connections.connect, pragmas),
            poolclass=AsyncAdaptedQueuePool,
            pool_size=number,
            max_overflow=0,
        )
        # The driver would begin a transaction with the first write only, not with the first read.
        event.listen(
            made.sync_engine, "begin", lambda connection: connection.exec_driver_sql(begin)
        )
        return made

    # FULL: what was acknowledged survives a power failure, too, not just the end of the process.
    both = ("foreign_keys=ON", "temp_store=MEMORY")
    writing = ("journal_mode=WAL", "synchronous=FULL", "journal_size_limit=67108864")
    return _Engines(
        engine("BEGIN IMMEDIATE", (*both, *writing, "cache_size=-32768"), 1),
        engine("BEGIN", (*both, "query_only=ON", "cache_size=-16384"), _READERS),
        connections,
    )


def _postgresql_engines(address: Address, patience: float) -> _Engines:
    assert address.url is not None
    try:
        writer = create_async_engine(
            address.url,
            pool_size=8,
            pool_pre_ping=True,
            connect_args={"connect_timeout": max(1, round(patience))},
        )
    except (ImportError, NoSuchModuleError):
        raise DatabaseError(
            "PostgreSQL needs a driver: pip install 'checkwire[postgresql]'"
        ) from None
    reader = writer.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
    return _Engines(writer, reader, None)
