"""A whole process, from its start to its exit: one check, and just the help."""

from __future__ import annotations

import compileall
import os
import shutil
import subprocess
import sys
import sysconfig
import time
from collections import defaultdict
from pathlib import Path

from harness.peers import BENCH, serving
from harness.processes import ended_seconds
from harness.table import median, number, table

import checkwire as checkwire_package

__all__ = ["process"]


def process(files: tuple[str, str], rounds: int) -> str:
    """Run the suite; returns its table."""
    script = Path(sysconfig.get_path("scripts")) / "checkwire"
    checkwire = str(script) if script.exists() else shutil.which("checkwire") or "checkwire"
    spent: defaultdict[str, list[tuple[float, float]]] = defaultdict(list)
    # As installed: with bytecode, and no variables that keep Python from it.
    compileall.compile_dir(Path(checkwire_package.__file__).parent, quiet=2)
    environ = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    with serving("echo.py", files) as server:
        url = f"{server.urls['ws']}/echo"
        commands = {
            "`checkwire test echo_check.py`": [checkwire, "test", "process/echo_check.py"],
            "`node echo.mjs` (ws)": ["node", "process/echo.mjs"],
            "`python echo_websockets.py`": [sys.executable, "process/echo_websockets.py"],
            "`checkwire --help`": [checkwire, "--help"],
            "`python -c pass`": [sys.executable, "-c", "pass"],
        }
        for number_ in range(rounds * 4 + 1):
            for name, command in commands.items():
                result = _run(command, {**environ, "WS_URL": url})
                if number_:  # The first one warms the disk's cache.
                    spent[name].append(result)
    rows = []
    for name, results in spent.items():
        walls, cpus = ([result[i] * 1e3 for result in results] for i in (0, 1))
        cells = (f"{number(median(values))} / {number(min(values))}" for values in (walls, cpus))
        rows.append([name, *cells])
    return "\n\n".join(
        [
            f"Milliseconds, median / least of {rounds * 4} runs in turn, on both CPUs.",
            table(["command", "wall", "CPU"], rows),
        ]
    )


def _run(command: list[str], environ: dict[str, str]) -> tuple[float, float]:
    cpu, began = ended_seconds(), time.perf_counter()
    child = subprocess.Popen(
        command, cwd=BENCH, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    _, errors = child.communicate(timeout=60)
    wall = time.perf_counter() - began
    if child.returncode:
        raise SystemExit(f"{' '.join(command)} exited with {child.returncode}:\n{errors.decode()}")
    return wall, ended_seconds() - cpu
