"""``--watch``: waiting until files of the project have changed."""

from __future__ import annotations

import time

from checkwire.project.changes import Snapshot, changed, snapshot

__all__ = ["wait_for_change"]

_INTERVAL = 0.4


def wait_for_change(root: str, extra: tuple[str, ...], before: Snapshot) -> list[str]:
    """Block until files differ from ``before``; returns those that do, settled."""
    while (now := snapshot(root, extra)) == before:
        time.sleep(_INTERVAL)
    # An editor writes in several steps; wait until it is done.
    while (settled := snapshot(root, extra)) != now:
        now = settled
        time.sleep(0.1)
    return changed(before, now)
