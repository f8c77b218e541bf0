"""Knowing that files of a project have changed."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

from checkwire.project.kinds import SCRIPT_SUFFIXES

__all__ = ["Snapshot", "changed", "snapshot"]

_SKIPPED = {"__pycache__", "node_modules", "venv"}
_SUFFIXES = (*SCRIPT_SUFFIXES, ".toml", ".env", ".json", ".pem")

Snapshot = dict[str, tuple[int, int]]
"""Modification time (ns) and size by path."""


def snapshot(root: str, extra: Sequence[str] = ()) -> Snapshot:
    """Modification time and size of the files that matter.

    Files are looked at again and again, which works on every file system; a project has few.
    """
    found: Snapshot = {}
    for path in (*_files(root), *extra):
        try:
            status = os.stat(path)  # noqa: PTH116 - called for every file, twice a second
        except OSError:
            continue
        found[path] = (status.st_mtime_ns, status.st_size)
    return found


def changed(before: Snapshot, after: Snapshot) -> list[str]:
    """The files that differ, come or gone included."""
    return sorted(
        path for path in before.keys() | after.keys() if before.get(path) != after.get(path)
    )


def _files(folder: str) -> Iterator[str]:
    try:
        entries = list(os.scandir(folder))
    except OSError:
        return
    for entry in entries:
        if entry.name.startswith(".") or entry.name in _SKIPPED:
            continue
        if entry.is_dir(follow_symlinks=False):
            yield from _files(entry.path)
        elif entry.name.endswith(_SUFFIXES):
            yield entry.path
