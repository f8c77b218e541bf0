"""Runs of the project beside this file, really run against echo servers."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AsyncExitStack, ExitStack, contextmanager
from pathlib import Path

from checkwire.model.attempt import Run
from checkwire.project.config import load_project
from checkwire.project.discovery import discover
from checkwire.runner.runner import Runner
from support.pages.relay import relaying

__all__ = ["PROJECT", "TOKEN", "real_runs"]

PROJECT = Path(__file__).parent / "project"
TOKEN = "s3cret-t0ken-of-acme"
"""Is nowhere to be seen."""

_DELAYS = (0.009, 0.011, 0.010, 0.014, 0.009, 0.021, 0.012, 0.010)
"""Of the network, run after run."""


def real_runs(folder: Path, rounds: int = 2) -> dict[str, list[Run]]:
    """Run every check; the runs by function, in the order in which they took place.

    Args:
        folder: for what servers write.
        rounds: how often each check is run.
    """
    with _echo() as plain, _echo("--tls", "--tls-cert-out", str(folder / "ca.pem")) as tls:
        return asyncio.run(_run(plain, tls, folder / "ca.pem", rounds))


@contextmanager
def _echo(*options: str) -> Iterator[int]:
    """``checkwire echo``; its port."""
    command = [sys.executable, "-m", "checkwire", "echo", "--port", "0", "--quiet", *options]
    with ExitStack() as stack:
        process = stack.enter_context(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
        stack.callback(process.terminate)
        assert process.stdout is not None
        first = process.stdout.readline()
        yield int(first.strip().rstrip("/").rpartition(":")[2])


async def _run(plain: int, tls: int, authority: Path, rounds: int) -> dict[str, list[Run]]:
    found: dict[str, list[Run]] = {}
    project = load_project(PROJECT)
    for number in range(rounds):
        async with AsyncExitStack() as stack:
            delay = _DELAYS[number % len(_DELAYS)]
            slow = await stack.enter_async_context(relaying(plain, delay))
            slow_tls = await stack.enter_async_context(relaying(tls, delay))
            env = {
                **os.environ,
                "ECHO_URL": f"ws://localhost:{slow}",
                "ECHO_NEAR": f"ws://127.0.0.1:{plain}",
                "ECHO_HTTP": f"http://localhost:{slow}",
                "ECHO_TLS_URL": f"wss://localhost:{slow_tls}",
                "ECHO_CA": str(authority),
                "REFUSED_URL": "ws://localhost:1/",
            }
            runner = Runner(project, env=env, secrets={"WS_TOKEN": TOKEN})
            await stack.enter_async_context(runner)
            collected = await runner.collect(discover(project))
            assert not collected.failures, collected.failures
            for run in await asyncio.gather(*map(runner.run, collected.definitions)):
                found.setdefault(run.check.function, []).append(run)
    return found
