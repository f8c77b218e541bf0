"""Databases for tests."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from checkwire.store.database import Store
from support.loops import run
from support.stored import WithStore


@pytest.fixture
def database(tmp_path: Path) -> str:
    """The URL of a database that is empty."""
    return f"sqlite:///{tmp_path}/checkwire.db"


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
