"""A server around the clock: how late its runs begin, what they cost and leave, and what idling
costs.
"""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

from harness.peers import serving as echo_serving
from harness.table import number, table

__all__ = ["serving"]

_CHECKS = 167
"""Each runs six times a minute: about 1,000 runs a minute."""
_IDLE = 30.0
_HELD = 60
"""Checks that wait, all at the same time."""
_SOURCE = """
import asyncio

from checkwire import check, connect, env

CASES = {{str(n): {{"number": n}} for n in range({checks})}}


@check({schedule}, timeout="60s", cases=CASES)
async def echo(number):
    async with connect(env["WS_URL"]) as ws:
        await ws.send_json({{"number": number}})
        await ws.receive_json(where={{"number": number}}, within="5s")
        await asyncio.sleep({wait})
"""


class _Served(NamedTuple):
    """What a server came to: CPU seconds and memory with all that it started, the runs that were
    due, and the bytes of a transcript in the database.
    """

    cpu: float
    memory: int
    runs: list[dict[str, Any]]
    transcript: float


def serving(files: tuple[str, str], rounds: int) -> str:
    """Run the suite; returns its table."""
    seconds = 20.0 * rounds
    with echo_serving("echo.py", files) as echo:
        url = f"{echo.urls['ws']}/echo"
        idle = _serve(url, 'cron="0 0 1 1 *"', _IDLE)
        busy = _serve(url, 'every="10s"', seconds)
        # The first runs of new checks are a quarter of a second apart.
        held = _serve(url, 'every="1h"', _HELD / 4 + 5, checks=_HELD, wait=_HELD / 4 + 10)
    runs = busy.runs
    lateness = sorted((r["started_ns"] - r["due_ns"]) / 1e6 for r in runs if r["started_ns"])
    passed = sum(run["status"] == "passed" for run in runs)
    rows = [
        ["runs", f"{len(runs):,}, of which {passed:,} passed"],
        ["runs per minute", number(len(runs) / seconds * 60)],
        ["lateness, p50 / p99, ms", f"{_at(lateness, 0.5)} / {_at(lateness, 0.99)}"],
        ["CPU per run, ms (checks included)", number(busy.cpu / max(1, len(runs)) * 1e3)],
        ["CPU of an idle server, % of one", f"{idle.cpu / _IDLE * 100:.2f}"],
        [
            "memory, idle / most of it when busy, MB",
            f"{idle.memory / 1e6:.0f} / {busy.memory / 1e6:.0f}",
        ],
        ["memory per attempt under way, MB", number((held.memory - idle.memory) / _HELD / 1e6)],
        ["a transcript in the database, bytes", number(busy.transcript)],
    ]
    return "\n\n".join(
        [
            f"{_CHECKS} checks (connect, send, compare what comes back, close), each every 10 s, "
            f"for {seconds:.0f} s on both CPUs, on SQLite with transcripts; idle: {_IDLE:.0f} s. "
            "Memory is that of all its processes, what they share counted once (PSS); per attempt, "
            f"of {_HELD} that wait at the same time.",
            table(["", "checkwire serve"], rows),
        ]
    )


def _serve(
    url: str, schedule: str, seconds: float, *, checks: int = _CHECKS, wait: float = 0.0
) -> _Served:
    with tempfile.TemporaryDirectory() as folder:
        project = Path(folder, "project")
        project.mkdir()
        source = _SOURCE.format(checks=checks, schedule=schedule, wait=wait)
        (project / "echo_check.py").write_text(source)
        command = [sys.executable, "-m", "checkwire", "serve", str(project), "--port", "0"]
        if wait:
            command += ["--workers", str(checks)]
        server = subprocess.Popen(
            command,
            env={**os.environ, "WS_URL": url},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        try:
            assert server.stdout is not None
            address = server.stdout.readline().strip()
            time.sleep(5.0)  # what the start leaves behind
            before, began_ns = _cpu(server.pid), time.time_ns()
            memory = 0
            while time.time_ns() < began_ns + seconds * 1e9:
                time.sleep(1.0)
                memory = max(memory, _memory(server.pid))
            spent, ended_ns = _cpu(server.pid) - before, time.time_ns()
            time.sleep(2.0)  # for the last ones to be stored
            runs = _runs(address)
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait(30)
        with closing(sqlite3.connect(project / ".checkwire" / "checkwire.db")) as database:
            query = "SELECT avg(length(data)) FROM transcripts"
            transcript = database.execute(query).fetchone()[0] or 0.0
    due = [run for run in runs if began_ns <= run["due_ns"] < ended_ns]
    return _Served(spent, memory, due, transcript)


def _runs(address: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    cursor = ""
    while True:
        with urllib.request.urlopen(f"{address}/api/v1/runs?limit=200{cursor}") as response:
            page = json.load(response)
        found += page["items"]
        if page["next"] is None:
            return found
        cursor = f"&cursor={page['next']}"


def _cpu(pid: int) -> float:
    """CPU seconds of a process and of those below it, the ones that have ended included."""
    total = 0
    for each in (pid, *_below(pid)):
        try:
            fields = Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        total += sum(map(int, fields[11:15]))
    return total / os.sysconf("SC_CLK_TCK")


def _memory(pid: int) -> int:
    """Bytes of a process and of those below it; what they share is counted once (PSS)."""
    total = 0
    for each in (pid, *_below(pid)):
        try:
            lines = Path(f"/proc/{each}/smaps_rollup").read_text().splitlines()
        except OSError:
            continue
        total += sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))
    return total


def _below(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children")
    found = [int(child) for child in children.read_text().split()] if children.exists() else []
    return found + [other for child in found for other in _below(child)]


def _at(values: list[float], share: float) -> str:
    return number(values[min(len(values) - 1, int(len(values) * share))]) if values else "none"
