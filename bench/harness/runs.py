"""Runs of a check, many beside each other, and what they cost."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path
from typing import NamedTuple

from harness.processes import cpu_seconds, descendants

from checkwire.model.attempt import Attempt
from checkwire.model.definition import CheckDefinition
from checkwire.runner.runner import Runner

__all__ = ["Cost", "flood", "runs_cpu"]


class Cost(NamedTuple):
    """Of one run, in seconds: of the wall, and of CPUs."""

    wall: float
    cpu: float


async def flood(
    runner: Runner, definition: CheckDefinition, times: int, in_flight: int
) -> list[Attempt]:
    """The attempts of so many runs, each of which must pass."""
    left, attempts = iter(range(times)), []

    async def work() -> None:
        for _ in left:
            attempt = (await runner.run(definition)).attempts[0]
            if attempt.status != "passed":
                raise SystemExit(f"{definition.id}: {attempt.failure}")
            attempts.append(attempt)

    await asyncio.gather(*(work() for _ in range(in_flight)))
    return attempts


def runs_cpu() -> float:
    """CPU seconds of this process and of all below it but the server, which is not measured."""
    ours = [pid for pid in descendants(os.getpid()) if _is_ours(pid)]
    return time.process_time() + sum(map(cpu_seconds, ours))


def _is_ours(pid: int) -> bool:
    return b"runner.python.zygote" in Path(f"/proc/{pid}/cmdline").read_bytes()
