"""What tests all over need: databases, one PostgreSQL server for a whole process, and sandboxes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from support.postgresql import PostgreSQL


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSQL]:
    """A server."""
    from support.postgresql import serving_postgresql  # most tests do without its driver

    with serving_postgresql() as server:
        yield server


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """The URL of a SQLite database that is not there yet."""
    return f"sqlite:///{tmp_path}/checkwire.db"


@pytest.fixture
def sandbox() -> None:
    """The test needs one. Asked when it runs, as it takes a while to find out."""
    from support.sandboxes import why_there_is_none

    if reason := why_there_is_none():
        pytest.skip(reason)
