"""Which scripts are files of Playwright's tests."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

__all__ = ["is_for_playwright"]

_IMPORT = re.compile(
    r"""^[^/\n]*?(?:\bfrom\s*|\bimport\s*|\brequire\s*\(\s*)(['"])(?P<name>[^'"\n]+)\1""",
    re.MULTILINE,
)
_TYPES = re.compile(r"^\s*import\s+type\b")
_THEIRS: Final = frozenset({"@playwright/test", "playwright/test"})
_SUFFIXES: Final = ("", ".ts", ".js", ".mts", ".mjs", ".cts", ".cjs", "/index.ts", "/index.js")
_DEPTH: Final = 3


def is_for_playwright(file: Path, text: str) -> bool:
    """Whether the script imports ``@playwright/test``: itself, or through files of its own.

    Args:
        file: absolute.
        text: what is in it.
    """
    return _imports(file, text, _DEPTH, {file})


def _imports(file: Path, text: str, depth: int, seen: set[Path]) -> bool:
    names = list(_names(text))
    if any(name in _THEIRS for name in names):
        return True
    if depth == 0:
        return False
    for name in names:
        other = _file_of(file, name)
        if other is None or other in seen:
            continue
        seen.add(other)
        try:
            its_text = other.read_text("utf-8-sig")
        except (OSError, UnicodeDecodeError):
            continue
        if _imports(other, its_text, depth - 1, seen):
            return True
    return False


def _names(text: str) -> Iterator[str]:
    for match in _IMPORT.finditer(text):
        if not _TYPES.match(match[0]):
            yield match["name"]


def _file_of(file: Path, name: str) -> Path | None:
    if not name.startswith(("./", "../")):
        return None
    for suffix in _SUFFIXES:
        other = Path(f"{file.parent / name}{suffix}")
        if other.is_file():
            return other
    if name.endswith(".js") and (typed := (file.parent / name).with_suffix(".ts")).is_file():
        return typed
    return None
