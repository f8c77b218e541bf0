"""Scripts on Node: what being watched costs them, and what a process that waits saves."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

from harness.peers import BENCH, serving
from harness.table import median, number, table

from checkwire.model.events import Logged
from checkwire.project.config import load_project
from checkwire.project.discovery import discover
from checkwire.runner.node.runtime import find_runtime
from checkwire.runner.runner import Runner

__all__ = ["node"]

_READY = 1.0
"""Seconds in which a process that is to wait has long been started."""
_TOOK = re.compile(r"took ([\d.]+)")


def node(files: tuple[str, str], rounds: int) -> str:
    """Run the suite; returns its tables."""
    with serving("echo.py", files) as server, tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for name in ("many.cjs", "first_line.cjs"):
            shutil.copy(BENCH / "process" / name, root / name)
        (root / "node_modules").symlink_to(BENCH / "node_modules")
        url = f"{server.urls['ws']}/echo"
        return asyncio.run(_measure(root, url, rounds))


async def _measure(root: Path, url: str, rounds: int) -> str:
    messages: dict[str, list[float]] = {}
    starts: dict[str, list[float]] = {}
    env = {**os.environ, "WS_URL": url}
    for round_ in range(rounds + 1):
        bare = _bare(root, "many.cjs", env)
        watched = await _watched(root, "many.cjs", env)
        if round_:  # The first one warms the disk's cache.
            messages.setdefault("`node many.cjs`", []).append(bare)
            messages.setdefault("`checkwire test many.cjs`", []).append(watched)
    for round_ in range(rounds * 2 + 1):
        cold = _cold(root, env)
        made, warm = await _started(root, env)
        if round_:
            starts.setdefault("`node first_line.cjs`", []).append(cold)
            starts.setdefault("`checkwire`, process made for it", []).append(made)
            starts.setdefault("`checkwire`, process that waited", []).append(warm)
    return "\n\n".join(
        [
            "Milliseconds for 10,000 messages there and back, as the script itself took them; "
            f"median / least of {rounds} runs in turn.",
            table(["script", "wall"], _rows(messages)),
            f"Milliseconds from the wish to run a script to its first line, of {rounds * 2} runs.",
            table(["run", "wall"], _rows(starts)),
        ]
    )


def _rows(spent: dict[str, list[float]]) -> list[list[str]]:
    return [[name, f"{number(median(v))} / {number(min(v))}"] for name, v in spent.items()]


def _bare(root: Path, script: str, env: dict[str, str]) -> float:
    """What the script says that it took."""
    done = subprocess.run(
        [find_runtime(env).path, script],
        cwd=root,
        env=env,
        check=False,
        capture_output=True,
        text=True,
    )
    match = _TOOK.search(done.stdout)
    if done.returncode or match is None:
        raise SystemExit(f"node {script} exited with {done.returncode}:\n{done.stderr}")
    return float(match[1])


def _cold(root: Path, env: dict[str, str]) -> float:
    """From the wish to the first line that the script prints."""
    node = find_runtime(env).path
    began = time.perf_counter()
    with subprocess.Popen([node, "first_line.cjs"], cwd=root, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.readline()
        return (time.perf_counter() - began) * 1e3


async def _watched(root: Path, script: str, env: dict[str, str]) -> float:
    project = load_project(root)
    async with Runner(project, env=env, waiting=0) as runner:
        (definition,) = (await runner.collect(discover(project, [script], cwd=root))).definitions
        run = await runner.run(definition)
    if run.status != "passed":
        raise SystemExit(f"{script}: {run.failure}")
    events = run.attempts[-1].events
    said = (_TOOK.search(event.message) for event in events if isinstance(event, Logged))
    return next(float(match[1]) for match in said if match)


async def _started(root: Path, env: dict[str, str]) -> tuple[float, float]:
    """An attempt whose process is made for it, and one whose process waits already."""
    project = load_project(root)
    async with Runner(project, env=env, waiting=0) as runner:
        selection = discover(project, ["first_line.cjs"], cwd=root)
        (definition,) = (await runner.collect(selection)).definitions
        await runner.run(definition)  # The zygote itself is there, then.
        spent = []
        for waits in (False, True):
            if waits:
                runner.expect(1)
                await asyncio.sleep(_READY)
            lines: list[float] = []

            def told(_: int, event: object, lines: list[float] = lines) -> None:
                if isinstance(event, Logged):
                    lines.append(time.perf_counter())

            began = time.perf_counter()
            await runner.run(definition, on_event=told)
            spent.append((lines[0] - began) * 1e3)
    return spent[0], spent[1]
