"""Real runs, made once; servers filled with them; a browser, where there is one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from checkwire.model.attempt import Run
from support.pages.runs import real_runs
from support.pages.served import Filled, filled

Real = Mapping[str, Sequence[Run]]


@pytest.fixture(scope="session")
def real(tmp_path_factory: pytest.TempPathFactory) -> Real:
    """Runs by the functions of their checks."""
    return real_runs(tmp_path_factory.mktemp("echo"), rounds=2)


@pytest.fixture(scope="session")
def shared(real: Real, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Filled]:
    """A server that tests only read from."""
    with filled(tmp_path_factory.mktemp("shared"), real) as server:
        yield server


@pytest.fixture
def server(real: Real, tmp_path: Path) -> Iterator[Filled]:
    """A server that a test may change."""
    with filled(tmp_path, real) as server:
        yield server


@pytest.fixture
def closed(real: Real, tmp_path: Path) -> Iterator[Filled]:
    """A server that asks for a token."""
    with filled(tmp_path, real, required=True) as server:
        yield server
