"""The machine: who runs where, and what to say of it beside the figures."""

from __future__ import annotations

import contextlib
import os
import platform
from collections.abc import Iterator
from pathlib import Path

__all__ = ["CLIENT_CPU", "SERVER_CPU", "describe", "pinned"]

CLIENT_CPU, SERVER_CPU = 0, 1


@contextlib.contextmanager
def pinned(cpu: int | None) -> Iterator[None]:
    """What is started meanwhile runs on this CPU only, where that can be said."""
    if cpu is None or not hasattr(os, "sched_setaffinity") or (os.cpu_count() or 1) < 2:
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {cpu})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def describe() -> str:
    """One line: processor, number of CPUs, kernel, Python, load of others."""
    model = "unknown processor"
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                model = line.partition(":")[2].strip()
                break
    system = f"{platform.system()} {platform.release().partition('-')[0]}"
    load = os.getloadavg()[0]
    return (
        f"{os.cpu_count()} x {model}, {system}, {platform.python_implementation()} "
        f"{platform.python_version()}, load at the start {load:.1f}"
    )
