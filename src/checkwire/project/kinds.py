"""Which engine loads a check file: its suffix says so."""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from checkwire.model.definition import EngineName

__all__ = ["DECLARED_SUFFIX", "SCRIPT_SUFFIXES", "engine_of", "loader_of"]

DECLARED_SUFFIX = ".toml"
"""Of files with declared checks, which become Python."""

_ENGINES: Final[dict[str, EngineName]] = {
    ".py": "python",
    DECLARED_SUFFIX: "python",
    ".js": "node",
    ".mjs": "node",
    ".cjs": "node",
    ".ts": "node",
    ".mts": "node",
    ".cts": "node",
}

SCRIPT_SUFFIXES = tuple(suffix for suffix in _ENGINES if suffix != DECLARED_SUFFIX)
"""Of all files that hold code."""


def loader_of(engine: EngineName) -> EngineName:
    """The engine that loads what this one runs: Playwright's tests are scripts on Node."""
    return "node" if engine == "playwright" else engine


def engine_of(path: PurePath | str) -> EngineName | None:
    """What loads this file; ``None`` if nothing does."""
    return _ENGINES.get(PurePath(path).suffix)
