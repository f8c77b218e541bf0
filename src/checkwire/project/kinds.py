"""Which engine loads a check file: its suffix says so."""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from checkwire.model.definition import EngineName

__all__ = ["SUFFIXES", "engine_of", "loader_of"]

_ENGINES: Final[dict[str, EngineName]] = {
    ".py": "python",
    ".js": "node",
    ".mjs": "node",
    ".cjs": "node",
    ".ts": "node",
    ".mts": "node",
    ".cts": "node",
}

SUFFIXES = tuple(_ENGINES)
"""Of all files that can be checks."""


def loader_of(engine: EngineName) -> EngineName:
    """The engine that loads what this one runs: Playwright's tests are scripts on Node."""
    return "node" if engine == "playwright" else engine


def engine_of(path: PurePath | str) -> EngineName | None:
    """What loads this file; ``None`` if nothing does."""
    return _ENGINES.get(PurePath(path).suffix)
