from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.postgresql import PostgreSQL
from support.server.running import Running
from support.server.shop import shop


@pytest.fixture(scope="module")
def reading(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A server that tests leave as it is."""
    with shop(tmp_path_factory.mktemp("shop")) as running:
        yield running


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def either(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Running]:
    """A server that tests leave as it is, on either database."""
    if request.param == "sqlite":
        with shop(tmp_path_factory.mktemp("shop")) as running:
            yield running
        return
    databases: PostgreSQL = request.getfixturevalue("postgresql")
    with databases.database() as url, shop(url) as running:
        yield running


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Running]:
    """A server of one's own."""
    with shop(tmp_path) as running:
        yield running


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[Running]:
    """A server that wants tokens."""
    with shop(tmp_path, required=True) as running:
        yield running
