"""Projects of check files made on the spot, and run for real."""

from __future__ import annotations

import asyncio
import textwrap
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

from checkwire.model.attempt import Attempt, Run
from checkwire.model.events import Logged
from checkwire.project.config import load_project
from checkwire.project.discovery import discover
from checkwire.runner.runner import Collected, Runner

T = TypeVar("T")

HEAD = "from checkwire import check\n"


def write_check(root: Path, source: str, name: str = "a_check.py") -> Path:
    """Write a check file; ``check`` is imported for it."""
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(HEAD + textwrap.dedent(source))
    return path


def with_runner(root: Path, use: Callable[[Runner, Collected], Awaitable[T]], **options: Any) -> T:
    """Collect all checks of a project, and use the runner."""

    async def work() -> T:
        project = load_project(root)
        async with Runner(project, **options) as runner:
            return await use(runner, await runner.collect(discover(project)))

    return asyncio.run(work())


def run_all(root: Path, **options: Any) -> dict[str, Run]:
    """Run every check of a project, all at once; their runs by the names of their functions."""

    async def use(runner: Runner, collected: Collected) -> dict[str, Run]:
        runs = await asyncio.gather(*map(runner.run, collected.definitions))
        return {run.check.function: run for run in runs}

    return with_runner(root, use, **options)


def run_one(root: Path, source: str, **options: Any) -> Attempt:
    """Run the one check in this source; its last attempt."""
    write_check(root, source)
    (run,) = run_all(root, **options).values()
    return run.attempts[-1]


def collect(root: Path, **options: Any) -> Collected:
    """Only collect."""

    async def use(_: Runner, collected: Collected) -> Collected:
        return collected

    return with_runner(root, use, **options)


def headline(attempt: Attempt) -> str:
    """The code of the failure that leads, empty if there is none."""
    return attempt.failure.code if attempt.failure else ""


def printed(attempt: Attempt, source: str = "stdout") -> list[str]:
    """The lines it wrote."""
    logs = [event for event in attempt.events if isinstance(event, Logged)]
    return [log.message for log in logs if log.source == source]
