"""What tests of the server share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from support.postgresql import PostgreSQL
from support.program import project
from support.serve import Serve, Server

CHECKS = """
    import asyncio
    import os
    import pathlib
    import time

    from checkwire import check, log

    @check
    def passing():
        assert 1 + 1 == 2

    @check
    def failing():
        assert 1 + 1 == 3, "arithmetic is broken"

    @check(retries={"strategy": "fixed", "max": 2, "delay": "50ms"})
    def flaky():
        mark = pathlib.Path(os.environ["MARK"])
        tried = mark.exists()
        mark.write_text("tried")
        assert tried

    @check
    def slow():
        log("begun")
        time.sleep(1.5)
        assert True
"""


@pytest.fixture
def checks(tmp_path: Path) -> Callable[..., Path]:
    """Makes a project with the checks above, or with other files."""

    def make(name: str = "watched", **files: str) -> Path:
        folder = tmp_path / name
        folder.mkdir()
        return project(folder, **(files or {"some_check": CHECKS}))

    return make


@pytest.fixture(params=["sqlite", "postgresql"])
def serve(request: pytest.FixtureRequest) -> Iterator[Serve]:
    """Makes servers that keep what they know in a database of this kind."""
    if request.param == "sqlite":
        yield Server
        return
    databases: PostgreSQL = request.getfixturevalue("postgresql")
    with databases.database() as url:
        yield lambda project, *arguments, **variables: Server(
            project, *arguments, database=url, **variables
        )
