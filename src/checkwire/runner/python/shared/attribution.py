"""Keeping apart, in a worker, what Python keeps once for a whole process."""

from __future__ import annotations

import asyncio
import builtins
import contextvars
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Final, NoReturn, TypeVar

from checkwire.runner.python.shared.messages import STDERR, STDOUT
from checkwire.runner.python.shared.script import SharedScript, running
from checkwire.runner.python.streams import take_output
from checkwire.sdk.context import current, here

__all__ = ["Executor", "attribute_everything"]

T = TypeVar("T")

_THREADS: Final = 64
_KINDS: Final = {1: STDOUT, 2: STDERR}
_BUILT_IN: Final = frozenset(sys.builtin_module_names)


def attribute_everything(enter: Callable[[SharedScript], None]) -> None:
    """From now on output, tasks, threads, processes and imports are those of an attempt.

    Args:
        enter: called before an attempt imports something, so that it is found where it should be.
    """
    take_output(_take_output)
    _attribute_tasks()
    _attribute_threads()
    _attribute_processes()
    _attribute_imports(enter)


def _take_output(fd: int, data: bytes) -> bool:
    script = running.get(None)
    return script is not None and script.voice.say(_KINDS[fd], data)


def _attribute_tasks() -> None:
    """To an attempt, all tasks are its own: it may cancel them all."""
    every = asyncio.all_tasks

    def all_tasks(loop: asyncio.AbstractEventLoop | None = None) -> set[asyncio.Task[Any]]:
        tasks, script = every(loop), running.get(None)
        return tasks if script is None else {task for task in tasks if task in script.loops.tasks}

    asyncio.all_tasks = asyncio.tasks.all_tasks = all_tasks


def _attribute_threads() -> None:
    """A thread belongs to the attempt that starts it, and so does what it raises."""
    start = threading.Thread.start

    def started(thread: threading.Thread) -> None:
        script = running.get(None)
        if script is not None and not _ends_by_itself(thread):
            context, run = contextvars.copy_context(), thread.run

            def run_in_context() -> None:
                try:
                    context.run(run)
                except SystemExit:
                    pass
                except BaseException as error:
                    context.run(script.thread_raised, error)

            thread.run = run_in_context  # type: ignore[method-assign]
            script.threads.add(thread)
        start(thread)

    threading.Thread.start = started  # type: ignore[assignment, method-assign]


def _ends_by_itself(thread: threading.Thread) -> bool:
    """Whether it is one of asyncio's or of ours, which end in time."""
    module = getattr(getattr(thread, "_target", None), "__module__", None) or ""
    return module.startswith(("asyncio.", "checkwire."))


class Executor(ThreadPoolExecutor):
    """The threads of the worker's event loop: each job is done for the attempt that asks for it."""

    def __init__(self) -> None:
        super().__init__(_THREADS, "checkwire worker")
        self._worker = contextvars.copy_context()

    def submit(self, function: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        context = contextvars.copy_context()

        def submit() -> Future[T]:
            return super(Executor, self).submit(context.run, function, *args, **kwargs)

        # The thread that may be started for it is nobody's.
        return self._worker.copy().run(submit)


def _attribute_processes() -> None:
    """Processes end with the attempt that starts them; and nobody copies this one."""
    execute = subprocess.Popen._execute_child  # type: ignore[attr-defined]

    def executed(process: subprocess.Popen[Any], *args: Any, **kwargs: Any) -> None:
        execute(process, *args, **kwargs)
        if (script := running.get(None)) is not None:
            script.processes.add(process)

    subprocess.Popen._execute_child = executed  # type: ignore[attr-defined]
    for name in ("fork", "forkpty"):
        if hasattr(os, name):
            setattr(os, name, _refuse_to_fork)


def _refuse_to_fork() -> NoReturn:
    raise current().misused(
        "os.fork() would copy all checks that run in this process: "
        'give the check isolation="process"',
        here(),
    )


def _attribute_imports(enter: Callable[[SharedScript], None]) -> None:
    plain = builtins.__import__

    def find(name: str, *args: Any, **kwargs: Any) -> Any:
        script = running.get(None)
        if script is not None and "." not in name and name not in _BUILT_IN:
            enter(script)
        return plain(name, *args, **kwargs)

    builtins.__import__ = find
