"""What Linux offers to keep processes together, and Python has no call for.

Elsewhere these do nothing, or the best that can be done there.
"""

from __future__ import annotations

import os
import signal
import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ctypes

__all__ = [
    "address_space",
    "adopt_orphans",
    "children_of",
    "count_descendants",
    "count_memory_kills",
    "count_threads",
    "die_with_parent",
    "kill_marked",
    "libc",
    "waited_for_cpu_ns",
]

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36


def die_with_parent(number: int = signal.SIGKILL) -> None:
    """Get this signal when the parent dies, prctl(2). It may be dead already: look afterwards."""
    _prctl(_PR_SET_PDEATHSIG, number)


def adopt_orphans() -> None:
    """Become the parent of descendants that lose theirs, in the place of init, prctl(2)."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


@cache
def libc() -> ctypes.CDLL:
    """The C library of this process, loaded once: what is forked from it has it, too."""
    import ctypes  # few who import this module need it

    return ctypes.CDLL(None, use_errno=True)


def _prctl(option: int, argument: int) -> None:
    if sys.platform == "linux":
        import ctypes

        if libc().prctl(option, ctypes.c_ulong(argument), 0, 0, 0) != 0:
            error = ctypes.get_errno()
            raise OSError(error, os.strerror(error))


def count_threads() -> int:
    """How many threads this process has, those that Python does not know of included."""
    try:
        return sum(1 for _ in Path("/proc/self/task").iterdir())
    except OSError:
        import threading

        return threading.active_count()


def waited_for_cpu_ns(pid: int | None = None) -> int:
    """For how long a process's main thread could have run, and had no CPU; 0 if nobody can tell.

    The kernel counts it from the fork on, see proc_pid_schedstat(5).
    """
    try:
        with open(f"/proc/{pid or 'self'}/schedstat", "rb", buffering=0) as file:  # noqa: PTH123 - for every attempt
            return int(file.read(100).split()[1])
    except (OSError, IndexError, ValueError):
        return 0


def children_of(pid: int) -> set[int]:
    """The children of a process of one thread."""
    try:
        return {
            int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        }
    except OSError:
        return {child for child in _processes() if _parent_of(child) == pid}


def count_descendants(pid: int, enough: int) -> int:
    """How many processes there are below one, whatever their threads; no more than ``enough``."""
    count, unseen = 0, [pid]
    while unseen and count < enough:
        found = _children_of_all_threads(unseen.pop())
        count += len(found)
        unseen += found
    return min(count, enough)


def _children_of_all_threads(pid: int) -> list[int]:
    found: list[int] = []
    try:
        for thread in os.listdir(f"/proc/{pid}/task"):  # noqa: PTH208 - many times a second
            with open(f"/proc/{pid}/task/{thread}/children", "rb", buffering=0) as children:  # noqa: PTH123
                found += map(int, children.readall().split())
    except OSError:  # it is gone, or this is not Linux
        pass
    return found


def kill_marked(token: str) -> int:
    """Kill every process marked with this ``NAME=value``; returns how many there were.

    The mark stands in the environment with which the process was executed, or is the name of a
    file in memory that it has mapped. A process forked from one that has it has it too, and so does
    what it executes unless it is given another environment.
    """
    marked = 0
    if sys.platform != "linux":
        return marked
    for pid in _processes():
        try:
            pidfd = os.pidfd_open(pid)
        except OSError:
            continue
        try:
            # Read after the pidfd was opened, so that it is of the very process that is killed.
            if _is_marked(pid, token.encode()):
                signal.pidfd_send_signal(pidfd, signal.SIGKILL)
                marked += 1
        except OSError:
            continue
        finally:
            os.close(pidfd)
    return marked


def _is_marked(pid: int, token: bytes) -> bool:
    process = Path(f"/proc/{pid}")
    if token in (process / "environ").read_bytes().split(b"\0"):
        return True
    return b"/memfd:%b (deleted)\n" % token in (process / "maps").read_bytes()


def address_space() -> int:
    """Bytes of address space that this process takes; 0 where that cannot be told."""
    try:
        with open("/proc/self/statm", "rb", buffering=0) as statm:  # noqa: PTH123 - for every attempt
            pages = int(statm.read(64).split()[0])
    except OSError:
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


def count_memory_kills() -> int:
    """How many processes the kernel has killed for memory since the machine started."""
    try:
        lines = Path("/proc/vmstat").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("oom_kill ")), 0)


def _processes() -> list[int]:
    try:
        return [int(path.name) for path in Path("/proc").iterdir() if path.name.isdecimal()]
    except OSError:
        return []


def _parent_of(pid: int) -> int:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return 0
    # The second field is the program's name in brackets, and may hold anything.
    return int(stat.rpartition(")")[2].split()[1])
