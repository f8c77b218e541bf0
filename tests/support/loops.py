"""Running coroutines on either event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import uvloop

__all__ = ["LOOPS", "Run", "run", "until"]

T = TypeVar("T")
Run = Callable[[Coroutine[Any, Any, T]], T]

LOOPS: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {
    "asyncio": asyncio.SelectorEventLoop,
    "uvloop": uvloop.new_event_loop,
}

PATIENCE = 30.0


def run(work: Coroutine[Any, Any, T], loop: str = "asyncio") -> T:
    """Run to the end. Whatever a callback of the loop raised is raised here."""
    problems: list[dict[str, Any]] = []

    async def whole() -> T:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: problems.append(context))
        async with asyncio.timeout(PATIENCE):
            return await work

    with asyncio.Runner(loop_factory=LOOPS[loop]) as runner:
        result = runner.run(whole())
    for problem in problems:
        raise AssertionError(problem["message"]) from problem.get("exception")
    return result


async def until(condition: Callable[[], object]) -> None:
    """Wait until something is so."""
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110 - it may be another thread's doing
            await asyncio.sleep(0.002)
