"""What takes long to come to, made by one process of the tests for all of them.

Most of it is a fleet of processes that take all the CPU there is, and some of those are judged by
their time. So one is made after the other; a module that uses it sets a time limit that has room
for the wait.
"""

from __future__ import annotations

import fcntl
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest

__all__ = ["once"]

T = TypeVar("T")


def once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], T]) -> T:
    """What ``make`` returns, which the first to ask calls; the others get a copy of it.

    Args:
        factory: of this process.
        name: of what is made, a word.
        make: called with a folder that is there as long as all the tests.
    """
    base = factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    result = shared / f"once-{name}.pickle"
    if not result.exists():
        with (shared / "once.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not result.exists():
                made = pickle.dumps(make(factory.mktemp(name)))
                unfinished = result.with_suffix(".unfinished")
                unfinished.write_bytes(made)
                unfinished.rename(result)
    value: T = pickle.loads(result.read_bytes())
    return value
