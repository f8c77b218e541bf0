"""What processes take: CPU time and memory, as Linux counts them."""

from __future__ import annotations

import os
import resource
from pathlib import Path

__all__ = ["children", "cpu_seconds", "descendants", "ended_seconds", "pss"]

_TICK = 1 / os.sysconf("SC_CLK_TCK")


def children(pid: int) -> list[int]:
    """The processes right below one."""
    threads = Path(f"/proc/{pid}/task").iterdir()
    return [int(child) for thread in threads for child in (thread / "children").read_text().split()]


def descendants(pid: int) -> list[int]:
    """All processes below one, zombies included."""
    found = children(pid)
    return found + [one for child in found for one in descendants(child)]


def cpu_seconds(pid: int) -> float:
    """User and system time of a process, and of those children that it has waited for."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) * _TICK


def ended_seconds() -> float:
    """CPU time of all children of this process that have ended so far, and of theirs."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def pss(pid: int) -> float:
    """Bytes of memory: what is its own, and its share of what it shares with others."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    return 0.0
