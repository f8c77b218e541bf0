"""Which engine runs a check file: its suffix says so."""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from checkwire.model.definition import EngineName

__all__ = ["SUFFIXES", "engine_of"]

_ENGINES: Final[dict[str, EngineName]] = {
    ".py": "python",
    ".js": "node",
    ".mjs": "node",
    ".cjs": "node",
    ".ts": "node",
    ".mts": "node",
    ".cts": "node",
    ".toml": "python",
}

SUFFIXES = tuple(suffix for suffix in _ENGINES if suffix != ".toml")
"""Of all files that hold code; a check declared in TOML becomes some."""


def engine_of(path: PurePath | str) -> EngineName | None:
    """What runs this file; ``None`` if nothing does."""
    return _ENGINES.get(PurePath(path).suffix)
