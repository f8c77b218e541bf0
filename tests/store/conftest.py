"""Databases for tests: each runs on SQLite and on PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest

from checkwire.store.database import Store
from support.loops import run
from support.postgresql import PostgreSQL
from support.stored import WithStore


@pytest.fixture(scope="session")
def _template(postgresql: PostgreSQL) -> Iterator[str]:
    """A database that has all tables, to be copied: that takes less time than to make them."""

    async def make(url: str) -> None:
        await (await Store.open(url)).close()

    with postgresql.database() as url:
        asyncio.run(make(url))
        yield url.partition("?")[0].rpartition("/")[2]


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> Iterator[str]:
    """The URL of a database that has no tables, or just empty ones."""
    if request.param == "sqlite":
        yield request.getfixturevalue("sqlite_url")
        return
    server: PostgreSQL = request.getfixturevalue("postgresql")
    with server.database(request.getfixturevalue("_template")) as url:
        yield url


@pytest.fixture
def with_store(database: str) -> WithStore:
    """Runs a coroutine function with an open store, and closes it."""

    def run_it(work: Callable[[Store], Coroutine[Any, Any, None]]) -> None:
        async def whole() -> None:
            store = await Store.open(database)
            try:
                await work(store)
            finally:
                await store.close()

        run(whole())

    return run_it
