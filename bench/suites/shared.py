"""Warm processes that runs share: what a run costs there, and what it costs when one spins."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

from harness.peers import BENCH, serving
from harness.processes import ended_seconds
from harness.runs import Cost, flood, runs_cpu
from harness.table import median, number, percentile, table

from checkwire.model.attempt import Attempt
from checkwire.model.definition import CheckDefinition
from checkwire.model.events import Logged, Phase
from checkwire.project.config import load_project
from checkwire.project.discovery import discover
from checkwire.runner.runner import Runner

__all__ = ["shared"]

T = TypeVar("T")

_CHECK = (BENCH / "process" / "json_echo_check.py").read_text()
_SPINNING = (
    _CHECK
    + """

@check(isolation="shared")
async def spins():
    while True:
        pass
"""
)
_NODE = ["node", "process/json_echo.mjs"]
_NODE_RUNS = 10
_SPINS = 3


def shared(files: tuple[str, str], rounds: int) -> str:
    """Run the suite; returns its tables."""
    with serving("echo.py", files) as server:
        url = f"{server.urls['ws']}/echo"
        return "\n\n".join(
            [
                f"The same check, best of {rounds} rounds. CPU is of all processes but the "
                "server's, the runner's own included.",
                _costs(url, rounds),
                "Beside checks that spin, which are killed after a second: the runs of the others, "
                f"8 in flight, {_SPINS} that spin one after the other. Milliseconds, from the "
                "request to the verdict, second tries included; and of the phase `open`.",
                _neighbours(url, rounds),
            ]
        )


# What a run costs


def _costs(url: str, rounds: int) -> str:
    kinds = {
        "`shared`, 8 in flight": ("shared", 8, 1000),
        "`shared`, 64 in flight": ("shared", 64, 2000),
        "`process`, 2 in flight": ("process", 2, 50),
    }
    costs = {name: [_ours(url, *kind) for _ in range(rounds)] for name, kind in kinds.items()}
    if shutil.which("node") and (BENCH / "node_modules").is_dir():
        costs["`node json_echo.mjs` (ws)"] = [_node(url) for _ in range(rounds)]
    slowest = max(min(cost.cpu for cost in found) for found in costs.values())
    rows = []
    for name, found in costs.items():
        cpu, wall = min(cost.cpu for cost in found), min(cost.wall for cost in found)
        cells = (1 / wall, 1 / cpu, cpu * 1e3, slowest / cpu)
        rows.append([name, *map(number, cells)])
    return table(["", "runs/s", "runs per CPU second", "CPU ms per run", "times the slowest"], rows)


def _ours(url: str, isolation: str, in_flight: int, times: int) -> Cost:
    async def measure(runner: Runner, definitions: dict[str, CheckDefinition]) -> Cost:
        definition = definitions["json_echo"]
        await flood(runner, definition, 4 * in_flight, in_flight)
        before, began = runs_cpu(), time.perf_counter()
        await flood(runner, definition, times, in_flight)
        return Cost((time.perf_counter() - began) / times, (runs_cpu() - before) / times)

    return _with_project(_CHECK, isolation, measure, in_flight, url)


def _node(url: str) -> Cost:
    before, began = ended_seconds(), time.perf_counter()
    for _ in range(_NODE_RUNS):
        subprocess.run(_NODE, cwd=BENCH, env={**os.environ, "WS_URL": url}, check=True)
    wall = time.perf_counter() - began
    return Cost(wall / _NODE_RUNS, (ended_seconds() - before) / _NODE_RUNS)


# What neighbours pay


def _neighbours(url: str, rounds: int) -> str:
    rows = []
    for name, spinning in (("alone", False), ("beside one that spins", True)):
        found = [_beside(url, spinning) for _ in range(rounds)]
        runs = [run for runs, _ in found for run in runs]
        seconds = sum(wall for _, wall in found)
        waited = [wall * 1e3 for wall, _ in runs]
        opened = [_opened_ms(attempt) for _, attempt in runs]
        again = sum(_is_second(attempt) for _, attempt in runs)
        cells = (len(runs) / seconds, *_spread(waited), *_spread(opened))
        rows.append([name, *map(number, cells), f"{again} of {len(runs):,}"])
    spread = ("50 %", "99 %", "most")
    head = ["", "runs/s", *(f"{what}, {part}" for what in ("run", "open") for part in spread)]
    return table([*head, "run again"], rows)


def _beside(url: str, spinning: bool) -> tuple[list[tuple[float, Attempt]], float]:
    """The runs of others, each with the seconds from its request to its verdict."""
    runs: list[tuple[float, Attempt]] = []

    async def measure(runner: Runner, definitions: dict[str, CheckDefinition]) -> float:
        definition = definitions["json_echo"]

        async def keep_on() -> None:
            while not spins.done():
                asked = time.perf_counter()
                (attempt,) = await flood(runner, definition, 1, 1)
                runs.append((time.perf_counter() - asked, attempt))

        await flood(runner, definition, 50, 8)
        began = time.perf_counter()
        spins = asyncio.ensure_future(_spin(runner, definitions["spins"] if spinning else None))
        await asyncio.gather(*(keep_on() for _ in range(8)))
        await spins
        return time.perf_counter() - began

    return runs, _with_project(_SPINNING, "shared", measure, 9, url)


def _is_second(attempt: Attempt) -> bool:
    logs = [event for event in attempt.events if isinstance(event, Logged)]
    return any(log.source == "checkwire" and "run again" in log.message for log in logs)


async def _spin(runner: Runner, definition: CheckDefinition | None) -> None:
    for _ in range(_SPINS):
        if definition is None:
            await asyncio.sleep(1)
            continue
        failure = (await runner.run(definition)).attempts[0].failure
        if failure is None or failure.code != "runner.blocking":
            raise SystemExit(f"{definition.id}: {failure}")


def _opened_ms(attempt: Attempt) -> float:
    """How long the connection took to open, by the phases that were measured."""
    phases = [event for event in attempt.events if isinstance(event, Phase)]
    return sum(phase.duration_ns for phase in phases if phase.name == "open") / 1e6


def _spread(values: list[float]) -> tuple[float, float, float]:
    return median(values), percentile(values, 0.99), max(values)


def _with_project(
    source: str,
    isolation: str,
    measure: Callable[[Runner, dict[str, CheckDefinition]], Awaitable[T]],
    workers: int,
    url: str,
) -> T:
    async def work(folder: Path) -> T:
        environ = {**os.environ, "WS_URL": url}
        async with Runner(load_project(folder), env=environ, workers=workers) as runner:
            collected = await runner.collect(discover(load_project(folder)))
            return await measure(runner, {one.function: one for one in collected.definitions})

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "checkwire.toml").write_text(f'[defaults]\nisolation = "{isolation}"\n')
        (folder / "echo_check.py").write_text(source)
        return asyncio.run(work(folder))
