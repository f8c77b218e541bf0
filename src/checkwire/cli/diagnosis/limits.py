"""How many files and processes this user may have."""

from __future__ import annotations

import os
import resource
from pathlib import Path

from checkwire.cli.diagnosis.finding import Finding, State

__all__ = ["files_finding", "processes_finding"]

_FEW_FILES, _TOO_FEW_FILES = 1024, 256
_FEW_PROCESSES, _TOO_FEW_PROCESSES = 256, 64
_CGROUP = Path("/sys/fs/cgroup")
_CGROUP_1 = _CGROUP / "pids"


def files_finding() -> Finding:
    """RLIMIT_NOFILE: each run has a few pipes, each page that is open a socket."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    fact = f"{_number(soft)} open files"
    if soft != resource.RLIM_INFINITY and soft < _FEW_FILES:
        state: State = "bad" if soft < _TOO_FEW_FILES else "note"
        may = hard == resource.RLIM_INFINITY or hard > soft
        how = "ulimit -n 65536" if may else "LimitNOFILE= in the unit, or limits.conf"
        return Finding("open files", state, fact, f"Raise it: {how}")
    return Finding("open files", "good", fact)


def processes_finding() -> Finding:
    """RLIMIT_NPROC, which does not hold for root, and the control group's limit."""
    limits = []
    soft, _ = resource.getrlimit(resource.RLIMIT_NPROC)
    if os.geteuid() != 0 and soft != resource.RLIM_INFINITY:
        limits.append((soft, "for this user", "ulimit -u 4096"))
    if (group := _of_control_group()) is not None:
        limits.append((group, "left in this control group", "TasksMax= in the unit, --pids-limit"))
    if not limits:
        return Finding("processes", "good", "as many as the machine holds")
    least, whose, how = min(limits)
    fact = f"{least:,} {whose}"
    if least < _FEW_PROCESSES:
        state: State = "bad" if least < _TOO_FEW_PROCESSES else "note"
        return Finding("processes", state, fact, f"Raise it: {how}")
    return Finding("processes", "good", fact)


def _of_control_group() -> int | None:
    """How many more processes the control group may have; ``None`` if it says nothing."""
    try:
        lines = Path("/proc/self/cgroup").read_text().splitlines()
    except OSError:
        return None
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers not in ("", "pids"):
            continue
        root = _CGROUP_1 if controllers else _CGROUP
        # In a container the path may be that of the host; then the root is this group.
        for folder in (root / path.lstrip("/"), root):
            try:
                most = (folder / "pids.max").read_text().strip()
                now = int((folder / "pids.current").read_text())
            except (OSError, ValueError):
                continue
            if most.isdecimal():
                return max(0, int(most) - now)
            break
    return None


def _number(limit: int) -> str:
    return "any number of" if limit == resource.RLIM_INFINITY else f"{limit:,}"
