"""Whatever use of a database is given up, and when: no connection, and no thread, is left of it."""

from __future__ import annotations

import asyncio
import gc
import itertools
import shutil
import sqlite3
import threading
import warnings
from collections.abc import Callable, Coroutine, Iterator
from contextlib import AsyncExitStack, closing, suppress
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from checkwire.store.database import DatabaseError, Store
from support.cancelling import cancelled_at
from support.loops import run
from support.processes import wait_until
from support.stored import WithStore

Use = Callable[[Store], Coroutine[Any, Any, None]]


@pytest.fixture(autouse=True)
def _nothing_is_left() -> Iterator[None]:
    """Nothing for the collector to warn of, and no thread."""
    gc.collect()
    before = set(threading.enumerate())
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always", ResourceWarning)
        yield
        gc.collect()
    assert [str(warning.message) for warning in warned] == []
    wait_until(lambda: set(threading.enumerate()) <= before)


_SLOWLY = """WHERE (
    WITH RECURSIVE many(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM many WHERE n < 10000)
    SELECT count(*) FROM many
)"""


async def read(store: Store) -> None:
    async with store.reading() as tx:
        await tx.execute(text("SELECT * FROM checkwire_schema"))
        await tx.execute(text("SELECT 2"))


async def write(store: Store) -> None:
    async with store.writing() as tx:
        await tx.execute(text("UPDATE checkwire_schema SET version_num = version_num"))


async def read_and_write(store: Store) -> None:
    async with store.writing() as tx:
        await tx.execute(text("SELECT * FROM checkwire_schema"))
        await tx.execute(text(f"UPDATE checkwire_schema SET version_num = version_num {_SLOWLY}"))


def assert_nobody_holds(file: Path) -> None:
    """Nobody writes, and nobody reads from the log."""
    with closing(sqlite3.connect(file, timeout=0, isolation_level=None)) as other:
        busy, _, _ = other.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        assert not busy
        other.execute("BEGIN EXCLUSIVE")


def given_up_everywhere(
    scene: Callable[[tuple[int, ...], bool], Coroutine[Any, Any, bool]],
) -> None:
    """Once wherever it waits, and once more soon after that; each time on a loop of its own."""
    for late, again in itertools.product((False, True), (None, 1, 2)):
        for first in itertools.count():
            waits = (first,) if again is None else (first, first + again)
            if not run(scene(waits, late)):
                break
        assert first > 3


@pytest.mark.parametrize("use", [read, write, read_and_write])
def test_a_use_that_is_cancelled_anywhere(tmp_path: Path, sqlite_url: str, use: Use) -> None:
    """Nor a lock, though what was raised is kept, and with it whatever it went through."""

    async def scene(waits: tuple[int, ...], late: bool) -> bool:
        raised: list[BaseException] = []

        async def used() -> None:
            try:
                await use(store)
            except BaseException as error:
                raised.append(error)
                raise

        store = await Store.open(sqlite_url, patience=0)
        try:
            came_so_far = await cancelled_at(used(), waits, late=late)
            await read(store)
            await write(store)
        finally:
            await store.close()
        assert_nobody_holds(tmp_path / "checkwire.db")
        return came_so_far

    given_up_everywhere(scene)


def test_an_opening_or_closing_that_is_cancelled_anywhere(tmp_path: Path, sqlite_url: str) -> None:
    """Of one that is new as of one that is there."""

    async def work(url: str) -> None:
        store = await Store.open(url)
        try:
            await read(store)
        finally:
            await store.close()

    run(work(sqlite_url))
    numbers = itertools.count()

    async def scene(waits: tuple[int, ...], late: bool) -> bool:
        number = next(numbers)
        file = tmp_path / f"{number}.db"
        if number % 2:
            shutil.copy(tmp_path / "checkwire.db", file)
        return await cancelled_at(work(str(file)), waits, late=late)

    given_up_everywhere(scene)


def test_a_closing_that_is_cancelled(database: str) -> None:
    async def work() -> None:
        store = await Store.open(database)
        async with AsyncExitStack() as stack:
            for _ in range(4):
                tx = await stack.enter_async_context(store.reading())
                await tx.execute(text("SELECT 1"))
        assert await cancelled_at(store.close(), (0, 1), late=False)
        with pytest.raises(DatabaseError, match="was closed"):
            await read(store)

    run(work())


def test_who_still_reads_or_writes_when_it_is_closed(with_store: WithStore) -> None:
    async def work(store: Store) -> None:
        with suppress(DatabaseError):
            async with store.reading() as reader, store.writing() as writer:
                await reader.execute(text("SELECT 1"))
                await store.close()
                await writer.execute(text("SELECT 1"))

    with_store(work)


def test_who_waits_for_a_connection_when_it_is_closed(sqlite_url: str) -> None:
    async def work() -> None:
        store = await Store.open(sqlite_url)
        async with AsyncExitStack() as stack:
            for _ in range(4):
                tx = await stack.enter_async_context(store.reading())
                await tx.execute(text("SELECT 1"))
            waiting = [asyncio.create_task(read(store)) for _ in range(3)]
            await asyncio.sleep(0)
            waiting[0].cancel()
            await store.close()
        ends = await asyncio.gather(*waiting, return_exceptions=True)
        assert [type(end) for end in ends] == [
            asyncio.CancelledError,
            DatabaseError,
            DatabaseError,
        ]

    run(work())


def test_who_still_reads_a_file_that_is_replaced(tmp_path: Path, sqlite_url: str) -> None:
    async def read_both(store: Store) -> None:
        async with store.reading() as tx:
            await tx.execute(text("SELECT 1"))
            (tmp_path / "other.db").touch()
            (tmp_path / "other.db").replace(tmp_path / "checkwire.db")
            await read(store)
            await tx.execute(text("SELECT 1"))

    async def work() -> None:
        store = await Store.open(sqlite_url)
        try:
            with pytest.raises(DatabaseError, match="replaced, while it was used") as caught:
                await read_both(store)
            assert caught.value.passing
            await write(store)
        finally:
            await store.close()

    run(work())


def test_who_still_reads_a_file_that_vanishes_goes_on(tmp_path: Path, sqlite_url: str) -> None:
    file, away = tmp_path / "checkwire.db", tmp_path / "away.db"

    async def work() -> None:
        store = await Store.open(sqlite_url)
        try:
            async with store.reading() as tx:
                await tx.execute(text("SELECT 1"))
                file.rename(away)
                with pytest.raises(DatabaseError, match="is gone"):
                    await read(store)
                await tx.execute(text("SELECT 1"))
                away.rename(file)
                await write(store)
                await tx.execute(text("SELECT 1"))
        finally:
            await store.close()

    run(work())


def test_who_begins_when_it_is_closed(sqlite_url: str) -> None:
    async def work() -> None:
        store = await Store.open(sqlite_url)
        uses = [asyncio.create_task(use(store)) for use in (read, write, read, read)]
        await asyncio.sleep(0)
        await store.close()
        ends = await asyncio.gather(*uses, return_exceptions=True)
        assert all(end is None or isinstance(end, DatabaseError) for end in ends)

    run(work())
