"""Whether a check's times stay true while other runs leave it hardly any CPU.

The truth is the transmit stamp of the sending kernel, as in ``fidelity``; here the times are those
of a run's transcript, and beside them what the check itself saw on the clock when it got each
message.
"""

from __future__ import annotations

import asyncio
import json
import os
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from harness.peers import Server, serving
from harness.table import median, number, percentile, table

from checkwire.model.attempt import Attempt
from checkwire.model.definition import CheckDefinition
from checkwire.model.events import FrameSeen, Logged
from checkwire.project.config import load_project
from checkwire.project.discovery import discover
from checkwire.runner.runner import Runner

__all__ = ["saturated"]

_CHECKS = """
import time

from checkwire import check, connect, env, expect, log


@check(timeout="20s", isolation="{isolation}")
async def feed():
    async with connect(env["FEED_URL"]) as ws:
        await ws.send("go")
        async for message in ws:
            now_ns = time.time_ns()
            expect(message).contains("seq")
            log(f"{{now_ns}} {{message}}")


@check(timeout="1m")
def spins():
    while True:
        pass
"""
_SPINNING = 4
"""Runs that spin, for each CPU."""
_FOR = 4
_MEAN = 0.025
"""Seconds from one message to the next; few enough that all are in the transcript."""


def saturated(files: tuple[str, str], rounds: int) -> str:
    """Run the suite; returns its table."""
    spinning = _SPINNING * (os.cpu_count() or 1)
    rows = []
    with serving("stamped.py", files) as server:
        for isolation in ("process", "shared"):
            for beside in (0, spinning):
                told: list[list[float]] = []
                seen: list[list[float]] = []
                for _ in range(rounds):
                    attempt = asyncio.run(_watch(server, isolation, beside))
                    truth = {seq: left_ns for _, seq, left_ns in server.collect()}
                    told.append(_errors(_told(attempt), truth))
                    seen.append(_errors(_seen(attempt), truth))
                load = f"{beside} that spin" if beside else "alone"
                rows.append([f"`{isolation}`, {load}", *_spread(told), *_spread(seen)])
    return (
        f"Error of a message's arrival time, µs; median of {rounds} rounds of {_FOR} s with "
        f"{1 / _MEAN:.0f} messages a second. Of the transcript, without frames that came together "
        "with others and are marked so; and as the check itself saw them.\n\n"
        + table(["", "told, 50 %", "told, 99 %", "seen, 50 %", "seen, 99 %"], rows)
    )


def _spread(rounds: list[list[float]]) -> list[str]:
    return [
        number(median([percentile(errors, share) for errors in rounds])) for share in (0.5, 0.99)
    ]


def _errors(times: dict[int, int], truth: dict[int, int]) -> list[float]:
    return [abs(at_ns - truth[seq]) / 1e3 for seq, at_ns in times.items() if seq in truth]


def _told(attempt: Attempt) -> dict[int, int]:
    """When each message arrived, by its number: Unix epoch, as the transcript has it."""
    return {
        _seq(event.payload): attempt.started_ns + event.at_ns
        for event in attempt.events
        if isinstance(event, FrameSeen)
        and event.direction == "in"
        and event.opcode == "text"
        and event.payload is not None
        and not event.coalesced
    }


def _seen(attempt: Attempt) -> dict[int, int]:
    logged = (event.message for event in attempt.events if isinstance(event, Logged))
    lines = (message.split(" ", 1) for message in logged if "seq" in message)
    return {_seq(message): int(now_ns) for now_ns, message in lines}


def _seq(message: str) -> int:
    return int(json.loads(message.partition(',"pad')[0] + "}")["seq"])


async def _watch(server: Server, isolation: str, beside: int) -> Attempt:
    url = f"{server.urls['ws']}/?id=1&mean={_MEAN}&for={_FOR}&size=256"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "feed_check.py").write_text(_CHECKS.format(isolation=isolation))
        project = load_project(folder)
        environ = {**os.environ, "FEED_URL": url}
        async with Runner(project, env=environ, workers=beside + 1) as runner:
            collected = await runner.collect(discover(project))
            checks = {one.function: one for one in collected.definitions}
            async with _spinning(runner, checks["spins"], beside):
                attempt = (await runner.run(checks["feed"])).attempts[0]
    if attempt.status != "passed":
        raise SystemExit(f"feed: {attempt.failure}")
    return attempt


@asynccontextmanager
async def _spinning(runner: Runner, definition: CheckDefinition, times: int) -> AsyncIterator[None]:
    begun = [asyncio.Event() for _ in range(times)]
    tasks = [
        asyncio.create_task(runner.run(definition, on_event=lambda *_, event=event: event.set()))
        for event in begun
    ]
    try:
        for event in begun:
            await event.wait()
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
