"""The event loops in a check's process: its own, and those that its code makes beside it."""

from __future__ import annotations

import asyncio
import sys
import weakref
from asyncio.base_events import BaseEventLoop
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any

from checkwire.sdk.context import Context

__all__ = ["Loops"]


class Loops:
    """Sees to it that nothing is lost in an event loop.

    What a task raises fails the check, also if nobody looks at it; and what is left open in a loop
    is closed before the loop is. That holds for the loop of an ``async def`` check as for one of
    ``asyncio.run`` in a plain function or in a thread.

    Args:
        context: the attempt, as the SDK knows it.
        fail: told of exceptions that nobody looked at, each once.
        warn: told in words of what else goes wrong in a loop.
    """

    def __init__(
        self,
        context: Context,
        fail: Callable[[BaseException], object],
        warn: Callable[[str], None],
    ) -> None:
        self._context = context
        self._fail = fail
        self._warn = warn
        self._tasks: weakref.WeakSet[asyncio.Task[Any]] = weakref.WeakSet()

    def watch_all(self) -> None:
        """Watch every loop of asyncio's own kind that is made from now on in this process."""
        make = BaseEventLoop.__init__

        def made(loop: BaseEventLoop) -> None:
            make(loop)
            self.watch(loop)

        BaseEventLoop.__init__ = made  # type: ignore[assignment, method-assign]

    @property
    def tasks(self) -> weakref.WeakSet[asyncio.Task[Any]]:
        """The tasks that were made in these loops, and still are somewhere."""
        return self._tasks

    def watch(self, loop: asyncio.AbstractEventLoop) -> None:
        """Watch this loop, which has not run yet."""
        loop.set_exception_handler(self.failed)
        loop.set_task_factory(self._make_task)  # type: ignore[arg-type]  # typeshed is stricter
        close = loop.close

        def close_with_sockets() -> None:
            if not loop.is_running() and not loop.is_closed():
                self._close_sockets(loop)
            close()

        loop.close = close_with_sockets  # type: ignore[method-assign]

    def tell_unseen_failures(self) -> None:
        """A task that failed while nobody awaited it has failed the check all the same."""
        for task in list(self._tasks):
            if task.done() and not task.cancelled() and task._log_traceback:
                task._log_traceback = False
                if (error := task.exception()) is not None:
                    self._fail(error)

    def _make_task(
        self, loop: asyncio.AbstractEventLoop, coroutine: Coroutine[Any, Any, Any], **options: Any
    ) -> asyncio.Task[Any]:
        task = asyncio.Task(coroutine, loop=loop, **options)
        self._tasks.add(task)
        return task

    def failed(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """What a loop's exception handler is told."""
        error = context.get("exception")
        if isinstance(error, BaseException):
            self._fail(error)
        else:
            self._warn(str(context.get("message")))

    def _close_sockets(self, loop: asyncio.AbstractEventLoop) -> None:
        with suppress(Exception):
            if sys.exc_info()[0] is None:
                loop.run_until_complete(self._context.close_sockets(loop))
            else:  # what is unfinished is no mistake then
                self._context.abandon_sockets(loop)
