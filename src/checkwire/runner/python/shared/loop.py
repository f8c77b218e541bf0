"""The event loop of a worker: it knows whose code it runs."""

from __future__ import annotations

import asyncio
import time
from asyncio.base_events import BaseEventLoop
from collections.abc import AsyncGenerator, Callable, Coroutine, Mapping
from typing import Any, Final

from checkwire.runner.python.shared.board import BEGAN_NS, NUMBER, Board
from checkwire.runner.python.shared.script import SharedScript, running

__all__ = ["SLOW_NS", "WorkerLoop", "watch_callbacks", "watch_other_loops"]

SLOW_NS: Final = 50_000_000
"""Code that runs longer than this at one stretch has held up the others."""


class WorkerLoop(asyncio.SelectorEventLoop):
    """Notes which attempt begins what.

    Args:
        scripts: the attempts under way, by number.
    """

    def __init__(self, scripts: Mapping[int, SharedScript]) -> None:
        super().__init__()
        self._scripts = scripts
        self.set_task_factory(_make_task)  # type: ignore[arg-type]  # typeshed is stricter
        self.set_exception_handler(self._went_wrong)

    def _add_reader(self, fd: Any, callback: Callable[..., Any], *args: Any) -> Any:
        if (script := running.get(None)) is not None:
            script.readers.add(fd if isinstance(fd, int) else fd.fileno())
        return super()._add_reader(fd, callback, *args)  # type: ignore[misc]

    def _remove_reader(self, fd: Any) -> Any:
        if (script := running.get(None)) is not None:
            script.readers.discard(fd if isinstance(fd, int) else fd.fileno())
        return super()._remove_reader(fd)  # type: ignore[misc]

    def _asyncgen_firstiter_hook(self, generator: AsyncGenerator[Any, Any]) -> None:
        super()._asyncgen_firstiter_hook(generator)  # type: ignore[misc]
        if (script := running.get(None)) is not None:
            script.generators.add(generator)

    def _went_wrong(self, _: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Something went wrong in a task, a future or a callback of somebody's."""
        task = context.get("task") or context.get("future")
        owners = (
            [script for script in self._scripts.values() if task in script.loops.tasks]
            if isinstance(task, asyncio.Task)
            else []
        )
        script = owners[0] if owners else running.get(None)
        if script is None:
            self.default_exception_handler(context)
        elif not script.over:
            script.loops.failed(self, context)

    def forget_readers(self, script: SharedScript) -> None:
        """Watch no descriptor any more for an attempt that is over; end its transports."""
        transports = self._transports  # type: ignore[attr-defined]
        for fd in tuple(script.readers):
            transport = transports.get(fd)
            if transport is not None:
                transport.abort()
            else:
                super()._remove_reader(fd)  # type: ignore[misc]
                super()._remove_writer(fd)  # type: ignore[misc]
        script.readers.clear()


def _make_task(
    loop: asyncio.AbstractEventLoop, coroutine: Coroutine[Any, Any, Any], **options: Any
) -> asyncio.Task[Any]:
    task = asyncio.Task(coroutine, loop=loop, **options)
    if (script := running.get(None)) is not None:
        script.loops.tasks.add(task)
    return task


def watch_other_loops() -> None:
    """Watch loops that attempts make beside the worker's, in threads of theirs."""
    make = BaseEventLoop.__init__

    def made(loop: BaseEventLoop) -> None:
        make(loop)
        if (script := running.get(None)) is not None:
            script.loops.watch(loop)

    BaseEventLoop.__init__ = made  # type: ignore[assignment, method-assign]


def watch_callbacks(board: Board, held_up: Callable[[SharedScript, int], None]) -> None:
    """Put on the board whose code runs, from now on and for every event loop of this process.

    All that an event loop runs are handles, each with the context that it was made in. What is
    left of an attempt that is over is not run.

    Args:
        board: where to say so.
        held_up: told of an attempt whose code ran for long, and for how many nanoseconds.
    """
    plain = asyncio.Handle._run
    now = time.monotonic_ns
    slots = board.slots
    script_of = running

    def run(self: asyncio.Handle) -> None:
        script = self._context.get(script_of)  # type: ignore[attr-defined]
        if script is None:
            plain(self)
            return
        if script.over:
            return
        loop = self._loop  # type: ignore[attr-defined]
        slots[BEGAN_NS] = began = now()
        slots[NUMBER] = script.number
        try:
            self._context.run(self._callback, *self._args)  # type: ignore[attr-defined]
        except (SystemExit, KeyboardInterrupt) as error:
            script.escaped(error)
        except BaseException as error:
            script.loops.failed(loop, {"message": "", "exception": error, "handle": self})
        slots[NUMBER] = 0
        spent = now() - began
        script.busy_ns += spent
        if spent > SLOW_NS:
            held_up(script, spent)
        if script.busy_ns > script.cpu_ns:
            script.out_of_cpu()

    asyncio.Handle._run = run  # type: ignore[method-assign]
