"""``--watch``: knowing that files of the project have changed."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator

__all__ = ["Snapshot", "wait_for_change"]

_SKIPPED = {"__pycache__", "node_modules", "venv"}
_SUFFIXES = (".py", ".toml", ".env", ".json", ".pem")
_INTERVAL = 0.4

Snapshot = dict[str, tuple[int, int]]


def snapshot(root: str, extra: tuple[str, ...] = ()) -> Snapshot:
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


def wait_for_change(root: str, extra: tuple[str, ...], before: Snapshot) -> list[str]:
    """Block until files differ from ``before``; returns those that do, settled."""
    while (now := snapshot(root, extra)) == before:
        time.sleep(_INTERVAL)
    # An editor writes in several steps; wait until it is done.
    while (settled := snapshot(root, extra)) != now:
        now = settled
        time.sleep(0.1)
    return sorted(path for path in before.keys() | now.keys() if before.get(path) != now.get(path))
