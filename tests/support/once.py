"""What takes long to come to, made by one process of the tests for all of them."""

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
    with (shared / f"once-{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not result.exists():
            made = pickle.dumps(make(factory.mktemp(name)))
            result.write_bytes(made)
    value: T = pickle.loads(result.read_bytes())
    return value
