"""One check beside others in the event loop of a worker."""

from __future__ import annotations

import asyncio
import contextvars
import subprocess
import threading
import weakref
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import suppress
from contextvars import ContextVar
from typing import Any, Final, Literal

from checkwire.model.definition import CheckDefinition
from checkwire.runner.python.blame import Blame
from checkwire.runner.python.event_writer import Telling
from checkwire.runner.python.loops import Loops
from checkwire.runner.python.script import CLEANUP, Script
from checkwire.runner.python.shared.messages import EVENTS
from checkwire.runner.python.shared.outbox import Outbox
from checkwire.sdk.context import Context

__all__ = ["SharedScript", "Voice", "running"]

running: ContextVar[SharedScript] = ContextVar("checkwire_running")
"""The attempt that the calling code belongs to; not set for the worker's own."""

_GRACE: Final = 0.1
"""Seconds after its timeout that a check may take to end."""
_CANCEL_GRACE: Final = 0.3

Cause = Literal["itself", "timeout", "cpu", "cancelled"]


class Voice(Telling):
    """How one of a worker's attempts tells what happens to it.

    Attributes:
        number: the attempt's.
        silent: whether the attempt is over, so that nobody listens any more.
    """

    def __init__(self, outbox: Outbox, number: int) -> None:
        self.number = number
        self.silent = False
        self._outbox = outbox

    def say(self, kind: int, data: bytes) -> bool:
        """Tell something; whether anybody listens."""
        if not self.silent:
            self._outbox.put(self.number, kind, data)
        return not self.silent

    def _send(self, line: bytes) -> None:
        self.say(EVENTS, line)


class SharedScript(Script):
    """One check under way, among others.

    Its time is enforced by cancellation. Once it is over, nothing of it runs any more: the worker
    does not call what it has left in the event loop.

    Args:
        context, voice, blame: as for :class:`Script`.
        definition: the check.

    Attributes:
        number: the attempt's number among the worker's.
        definition: the check.
        voice: where it tells what happens.
        over: whether it is over.
        cause: what ended it.
        busy_ns: how long its code has run.
        held_up_ns: how long others have kept it from that, at long stretches.
        readers: descriptors that the event loop watches for it.
        generators, threads, processes: what it has begun.
    """

    def __init__(
        self,
        context: Context,
        voice: Voice,
        blame: Blame,
        definition: CheckDefinition,
    ) -> None:
        super().__init__(context, voice, blame, definition.timeout)
        self.number = voice.number
        self.definition = definition
        self.voice = voice
        self.over = False
        self.cause: Cause = "itself"
        self.busy_ns = 0
        self.held_up_ns = 0
        self.readers: set[int] = set()
        self.generators: weakref.WeakSet[AsyncGenerator[Any, Any]] = weakref.WeakSet()
        self.threads: weakref.WeakSet[threading.Thread] = weakref.WeakSet()
        self.processes: weakref.WeakSet[subprocess.Popen[Any]] = weakref.WeakSet()
        self.cpu_ns = round(definition.cpu * 1e9)
        self._main: asyncio.Task[Any] | None = None
        self._woken: asyncio.Future[None] | None = None
        self._escaped: BaseException | None = None

    @property
    def loops(self) -> Loops:
        """Watches over its tasks."""
        return self._loops

    # From outside

    def cancel(self) -> None:
        """Nobody wants to know of it any more."""
        self.cause = "cancelled"
        if self._main is not None and not self._main.done():
            self._main.cancel()
            self._main.get_loop().call_later(_CANCEL_GRACE, self._wake)
        else:
            self._wake()

    def out_of_cpu(self) -> None:
        """Its code has run for longer than it may."""
        self._end("cpu")

    def escaped(self, error: BaseException) -> None:
        """It raised what would end the event loop, such as ``SystemExit``, in whatever task."""
        self._escaped = self._escaped or error
        self._wake()

    def thread_raised(self, error: BaseException) -> None:
        """One of its threads ended that way."""
        if not self.over:
            self._fail(error)

    # The event loop

    async def run_beside(self, function: Callable[..., Any], arguments: Mapping[str, Any]) -> None:
        """Run it, then tell that it is finished, unless it was ended. Call it in its context."""
        loop = asyncio.get_running_loop()
        self._woken = loop.create_future()
        context = contextvars.copy_context()
        left = self._timeout - self._context.timeline.now() / 1e9
        timers = []
        try:
            self._coroutine = function(**arguments)
            self._main = loop.create_task(self._coroutine, context=context)
            self._main.add_done_callback(self._wake)
            timers = [
                loop.call_later(left, self._cancel_at_deadline, self._main, context=context),
                loop.call_later(left + _GRACE, self._end, "timeout"),
            ]
            await self._woken
            if self._escaped is not None:
                raise self._escaped
            if self._main.done():
                self._main.result()
        except BaseException as error:
            self._raised = self._ended_by(error)
        finally:
            for timer in timers:
                timer.cancel()
        if self.cause == "cancelled" or (self._main is not None and not self._main.done()):
            with suppress(Exception):
                await self._cancel_what_is_left()
            if self.cause != "itself":
                self.voice.silent = True
                self._context.end(returned=False)
                return
        await self._let_go()
        self._tell_end(function)

    async def _let_go(self) -> None:
        """Close and end what it left open or running in the loop, in what is left of its time."""
        loop = asyncio.get_running_loop()
        with suppress(Exception):
            if not self._raised:
                self._context.waits.over = True
                await self._context.close_sockets(loop, self._left_of(CLEANUP))
        with suppress(Exception):
            await self._cancel_what_is_left()
        with suppress(Exception):
            async with asyncio.timeout(self._left_of(CLEANUP)):
                for generator in tuple(self.generators):
                    await generator.aclose()

    async def _cancel_what_is_left(self) -> None:
        loop = asyncio.get_running_loop()
        left = [task for task in self._loops.tasks if not task.done() and task.get_loop() is loop]
        for task in left:
            task.cancel()
        if left:
            await asyncio.wait(left, timeout=self._left_of(CLEANUP))

    def _end(self, cause: Cause) -> None:
        if self.cause == "itself":
            self.cause = cause
        self._wake()

    def _wake(self, _: object = None) -> None:
        if self._woken is not None and not self._woken.done():
            self._woken.set_result(None)

    # What is left when it is over

    def close(self) -> str:
        """It is over: nothing of it is to run any more.

        Returns:
            What of it cannot be ended without ending the worker; empty if there is nothing.
        """
        self.over = True
        self.voice.silent = True
        for process in self.processes:
            if process.returncode is None and process.poll() is None:
                process.kill()
        if any(thread.is_alive() for thread in self.threads):
            return "a check left a thread running"
        if any(not task.done() for task in self._loops.tasks):
            return "a check did not heed its cancellation"
        return ""
