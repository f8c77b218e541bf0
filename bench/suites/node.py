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
        for name in ("many.cjs", "nothing.cjs"):
            shutil.copy(BENCH / "process" / name, root / name)
        (root / "node_modules").symlink_to(BENCH / "node_modules")
        url = f"{server.urls['ws']}/echo"
        return asyncio.run(_measure(root, url, rounds))


async def _measure(root: Path, url: str, rounds: int) -> str:
    messages: dict[str, list[float]] = {}
    starts: dict[str, list[float]] = {}
    env = {**os.environ, "WS_URL": url}
    for round_ in range(rounds + 1):
        for name, deflate in (("plain", "0"), ("permessage-deflate", "1")):
            given = {**env, "DEFLATE": deflate}
            bare, _ = _bare(root, "many.cjs", given)
            watched = await _watched(root, "many.cjs", given)
            if round_:  # The first one warms the disk's cache.
                messages.setdefault(f"{name}, `node`", []).append(bare)
                messages.setdefault(f"{name}, `checkwire`", []).append(watched)
    for round_ in range(rounds * 2 + 1):
        _, cold = _bare(root, "nothing.cjs", env)
        made, warm = await _started(root, env)
        if round_:
            starts.setdefault("`node nothing.cjs`", []).append(cold)
            starts.setdefault("`checkwire`, process made for it", []).append(made)
            starts.setdefault("`checkwire`, process that waited", []).append(warm)
    return "\n\n".join(
        [
            "Milliseconds for 10,000 messages there and back, as the script itself took them; "
            f"median / least of {rounds} runs in turn.",
            table(["script", "wall"], _rows(messages)),
            f"Milliseconds from the wish to run an empty script to its end, of {rounds * 2} runs.",
            table(["run", "wall"], _rows(starts)),
        ]
    )


def _rows(spent: dict[str, list[float]]) -> list[list[str]]:
    return [[name, f"{number(median(v))} / {number(min(v))}"] for name, v in spent.items()]


def _bare(root: Path, script: str, env: dict[str, str]) -> tuple[float, float]:
    """What the script says that it took, and what it took from its start to its exit."""
    began = time.perf_counter()
    said = subprocess.run(
        [find_runtime(env).path, script],
        cwd=root,
        env=env,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    wall = (time.perf_counter() - began) * 1e3
    match = _TOOK.search(said)
    return float(match[1]) if match else 0.0, wall


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
        selection = discover(project, ["nothing.cjs"], cwd=root)
        (definition,) = (await runner.collect(selection)).definitions
        await runner.run(definition)  # The zygote itself is there, then.
        spent = []
        for waits in (False, True):
            if waits:
                runner.expect(1)
                await asyncio.sleep(_READY)
            began = time.perf_counter()
            await runner.run(definition)
            spent.append((time.perf_counter() - began) * 1e3)
    return spent[0], spent[1]
