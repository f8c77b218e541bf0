"""Looking at the processes of this machine."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path


def with_command(*words: str) -> list[int]:
    """Processes, zombies left out, whose command line is these words."""
    wanted = b"".join(word.encode() + b"\0" for word in words)
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            with suppress(OSError):
                if (entry / "cmdline").read_bytes() == wanted:
                    found.append(int(entry.name))
    return found


def wait_until(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    """Wait for a condition; an error if it does not come true."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError("it did not come true")
        time.sleep(0.01)


def open_fds(pid: int | None = None) -> dict[int, str]:
    """The descriptors of a process, by default this one, and what they are of."""
    found = {}
    for fd in Path(f"/proc/{pid or os.getpid()}/fd").iterdir():
        with suppress(OSError):
            found[int(fd.name)] = str(fd.readlink())
    return found


def is_alive(pid: int) -> bool:
    """Whether there is such a process, a zombie counted in."""
    return Path(f"/proc/{pid}").exists()


def parents() -> dict[int, int]:
    """Every process of this machine, zombies included, and its parent."""
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            with suppress(OSError):
                stat = (entry / "stat").read_text()
                found[int(entry.name)] = int(stat.rpartition(")")[2].split()[1])
    return found


def descendants(pid: int) -> set[int]:
    """All processes below one, zombies included."""
    known = parents()
    found: set[int] = set()
    while more := {p for p, parent in known.items() if parent in found | {pid}} - found:
        found |= more
    return found
