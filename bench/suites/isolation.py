"""A process for each run: what it costs, how soon it begins, and how soon it is gone."""

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
from harness.processes import children, cpu_seconds, ended_seconds, pss
from harness.runs import Cost, flood
from harness.table import median, number, percentile, table

from checkwire.model.attempt import Attempt
from checkwire.model.definition import CheckDefinition
from checkwire.model.events import Logged
from checkwire.project.config import load_project
from checkwire.project.discovery import discover
from checkwire.runner.engine import EngineError
from checkwire.runner.runner import Runner

__all__ = ["isolation"]

T = TypeVar("T")

_IN_FLIGHT = 2
_HELD = 20
_CHECK = (BENCH / "process" / "json_echo_check.py").read_text()
_TRIVIAL = """
from checkwire import check


@check(cases={cases})
async def a():
    assert True
"""

_LIMIT = 0.4
_ENDLESS = f"""
import asyncio, time
from checkwire import check


@check(timeout={_LIMIT})
async def waits():
    await asyncio.sleep(60)


@check(timeout={_LIMIT})
async def spins():
    while True:
        pass


@check(timeout={_LIMIT})
async def blocks():
    time.sleep(60)


@check(timeout={_LIMIT})
async def refuses():
    while True:
        try:
            await asyncio.sleep(60)
        except BaseException:
            pass
"""
_HOLDING = """
import asyncio
from checkwire import check, connect, env


@check
async def holds():
    async with connect(env["WS_URL"]) as ws:
        await ws.send_json({"type": "echo", "id": 1})
        assert await ws.receive_json() == {"type": "echo", "id": 1}
        print("held", flush=True)
        await asyncio.sleep(60)
"""


def isolation(files: tuple[str, str], rounds: int) -> str:
    """Run the suite; returns its tables."""
    with serving("echo.py", files) as server:
        url = f"{server.urls['ws']}/echo"
        return "\n\n".join(
            [
                f"The same check, a process for each run, {_IN_FLIGHT} in flight, best of "
                f"{rounds} rounds. CPU is of all processes but the server's.",
                _costs(url, rounds),
                "One run after the other, ten in a second. Milliseconds.",
                _latencies(url, rounds * 20),
                f"From the timeout to the end of the process. Milliseconds, of {rounds * 3} runs.",
                _ends(rounds * 3),
                _memory(url),
                "CPU of a run, by the number of checks in the project.",
                _sizes(rounds),
            ]
        )


# What a run costs


def _costs(url: str, rounds: int) -> str:
    environ = {**os.environ, "WS_URL": url}
    commands = {
        "`node json_echo.mjs` (ws)": (["node", "process/json_echo.mjs"], 10),
        "`npx playwright test`": (
            ["npx", "playwright", "test", "-c", "process", "json_echo.spec.mjs", "--reporter=line"],
            1,
        ),
    }
    costs: dict[str, list[Cost]] = {}
    levels = _levels()
    for _ in range(rounds):  # in turn, so that what else the machine does meets all alike
        for name, settings in levels.items():
            costs.setdefault(name, []).append(_ours(url, 50, settings))
    for name, (command, times) in commands.items():
        if shutil.which(command[0]) and (BENCH / "node_modules").is_dir():
            costs[name] = [_theirs(command, environ, times) for _ in range(rounds)]
    ours = min(cost.cpu for cost in costs["checkwire"])
    rows = []
    for name, found in costs.items():
        cpu, wall = min(cost.cpu for cost in found), min(cost.wall for cost in found)
        rows.append(
            [name, number(1 / wall), number(1 / cpu), number(cpu * 1e3), number(cpu / ours)]
        )
    return table(["", "runs/s", "runs per CPU second", "CPU ms per run", "times ours"], rows)


def _levels() -> dict[str, str]:
    """What ours are run in, and the settings that say so; a sandbox where there is any."""
    sandbox = '[defaults]\nisolation = "sandbox"\n'

    async def nothing(runner: Runner, definitions: tuple[CheckDefinition, ...]) -> None: ...

    try:
        _with_project({"echo_check.py": _CHECK, "checkwire.toml": sandbox}, nothing)
    except EngineError:
        return {"checkwire": ""}
    return {"checkwire": "", "checkwire, in a sandbox": sandbox}


def _ours(url: str, times: int, settings: str) -> Cost:
    async def measure(runner: Runner, definitions: tuple[CheckDefinition, ...]) -> Cost:
        await flood(runner, definitions[0], 2 * _IN_FLIGHT, _IN_FLIGHT)
        zygote = _zygote()
        before, began = cpu_seconds(zygote) + time.process_time(), time.perf_counter()
        await flood(runner, definitions[0], times, _IN_FLIGHT)
        wall = time.perf_counter() - began
        return Cost(wall / times, (cpu_seconds(zygote) + time.process_time() - before) / times)

    files = {"echo_check.py": _CHECK, "checkwire.toml": settings}
    return _with_project(files, measure, WS_URL=url)


def _theirs(command: list[str], environ: dict[str, str], times: int) -> Cost:
    before, began = ended_seconds(), time.perf_counter()
    for _ in range(times):
        running = [
            subprocess.Popen(
                command, cwd=BENCH, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
            )
            for _ in range(_IN_FLIGHT)
        ]
        for process in running:
            output, _ = process.communicate(timeout=60)
            if process.returncode:
                raise SystemExit(f"{' '.join(command)} failed:\n{output.decode()}")
    runs = times * _IN_FLIGHT
    return Cost((time.perf_counter() - began) / runs, (ended_seconds() - before) / runs)


# How soon it begins


def _latencies(url: str, times: int) -> str:
    return table(
        ["", "least", "median", "95 %"],
        [
            row
            for name, settings in _levels().items()
            for row in _latency(name, settings, url, times)
        ],
    )


def _latency(name: str, settings: str, url: str, times: int) -> list[list[str]]:
    begun: list[float] = []
    whole: list[float] = []

    async def measure(runner: Runner, definitions: tuple[CheckDefinition, ...]) -> None:
        for number_ in range(times + 5):
            await asyncio.sleep(0.1)
            asked_ns = time.monotonic_ns()
            attempt = await _passed(runner, definitions[0])
            ended_ns = time.monotonic_ns()
            if number_ >= 5:  # The first ones find no process that waits.
                begun.append((int(_line(attempt)) - asked_ns) / 1e6)
                whole.append((ended_ns - asked_ns) / 1e6)

    files = {"echo_check.py": _CHECK, "checkwire.toml": settings}
    _with_project(files, measure, WS_URL=url)
    return [
        [f"{name}: request to the check's first line", *_spread(begun)],
        [f"{name}: request to the verdict", *_spread(whole)],
    ]


def _spread(values: list[float]) -> list[str]:
    return [number(min(values)), number(median(values)), number(percentile(values, 0.95))]


def _line(attempt: Attempt) -> str:
    return next(event.message for event in attempt.events if isinstance(event, Logged))


# How soon it is gone


def _ends(times: int) -> str:
    late: dict[str, list[float]] = {}

    async def measure(runner: Runner, definitions: tuple[CheckDefinition, ...]) -> None:
        for definition in definitions:
            for _ in range(times):
                runner.expect(1)
                await asyncio.sleep(0.1)
                run = await runner.run(definition)
                took = time.time() - run.attempts[0].started_ns / 1e9
                late.setdefault(definition.function, []).append((took - _LIMIT) * 1e3)

    _with_project({"endless_check.py": _ENDLESS}, measure)
    rows = [[f"a check that {name}", *_spread(values)] for name, values in late.items()]
    return table(["", "least", "median", "95 %"], rows)


# What it holds


def _memory(url: str) -> str:
    async def measure(
        runner: Runner, definitions: tuple[CheckDefinition, ...]
    ) -> tuple[float, float]:
        held = asyncio.Semaphore(0)
        zygote = _zygote()
        alone = pss(zygote)

        def listen(_: int, event: object) -> None:
            if isinstance(event, Logged):
                held.release()

        runs = [
            asyncio.create_task(runner.run(definitions[0], on_event=listen)) for _ in range(_HELD)
        ]
        for _ in runs:
            await held.acquire()
        attempts = [pss(child) for child in children(zygote)]
        total = pss(zygote) + sum(attempts)
        for run in runs:
            run.cancel()
        await asyncio.gather(*runs, return_exceptions=True)
        return alone, (total - alone) / len(attempts)

    alone, attempt = _with_project(
        {"holding_check.py": _HOLDING}, measure, workers=_HELD, WS_URL=url
    )
    return (
        f"Memory (PSS), with {_HELD} attempts at a time that each hold a connection: "
        f"{number(attempt / 1e6)} MB for each, beyond the {number(alone / 1e6)} MB of the process "
        "that they were forked from."
    )


# Whether the project's size matters


def _sizes(rounds: int) -> str:
    rows = []
    for count in (10, 1000, 10_000):
        cases = f"{{str(n): {{}} for n in range({count})}}"
        source = {"many_check.py": _TRIVIAL.format(cases=cases)}
        costs = []
        for _ in range(min(rounds, 3)):

            async def measure(runner: Runner, definitions: tuple[CheckDefinition, ...]) -> float:
                await flood(runner, definitions[0], 2 * _IN_FLIGHT, _IN_FLIGHT)
                zygote = _zygote()
                before = cpu_seconds(zygote) + time.process_time()
                await flood(runner, definitions[0], 50, _IN_FLIGHT)
                return (cpu_seconds(zygote) + time.process_time() - before) / 50

            costs.append(_with_project(source, measure))
        rows.append([f"{count:,}", number(min(costs) * 1e3)])
    return table(["checks", "CPU ms per run"], rows)


# Ours


def _with_project(
    sources: dict[str, str],
    measure: Callable[[Runner, tuple[CheckDefinition, ...]], Awaitable[T]],
    workers: int = 8,
    **variables: str,
) -> T:
    async def work(folder: Path) -> T:
        project = load_project(folder)
        async with Runner(project, env={**os.environ, **variables}, workers=workers) as runner:
            collected = await runner.collect(discover(project))
            return await measure(runner, collected.definitions)

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)  # in a sandbox it is another user who reads it
        (folder / "checkwire.toml").touch()
        for file, source in sources.items():
            (folder / file).write_text(source)
        return asyncio.run(work(folder))


async def _passed(runner: Runner, definition: CheckDefinition) -> Attempt:
    attempt = (await runner.run(definition)).attempts[0]
    if attempt.status != "passed":
        raise SystemExit(f"{definition.id}: {attempt.failure}")
    return attempt


def _zygote() -> int:
    """The process that ours are forked from, among our children."""
    for child in children(os.getpid()):
        if b"runner.python.zygote" in Path(f"/proc/{child}/cmdline").read_bytes():
            return child
    raise SystemExit("no zygote is running")
