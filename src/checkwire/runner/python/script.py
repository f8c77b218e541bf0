"""Running a check's function, and telling what came of it."""

from __future__ import annotations

import asyncio
import contextvars
import os
import signal
import sys
import threading
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from types import FrameType
from typing import Any, Final, NoReturn

from checkwire.model.durations import format_seconds
from checkwire.model.errors import ConnectionClosed
from checkwire.model.events import AttemptStarted, Finished, Logged
from checkwire.model.failures import Failure, Location
from checkwire.runner.python.blame import (
    Blame,
    frames_of_coroutine,
    frames_of_stack,
    leaves_of,
)
from checkwire.runner.python.environ import from_bytes
from checkwire.runner.python.event_writer import EventWriter
from checkwire.runner.python.loops import Loops
from checkwire.runner.python.messages import Job
from checkwire.sdk import assertions
from checkwire.sdk.context import Context, early_secrets, enter
from checkwire.sdk.forgotten import notice_forgotten_awaits
from checkwire.sdk.verification import has_assertions, listen_to_assertions

__all__ = ["Script", "run_script"]

_CLEANUP: Final = 1.0
_LEAST: Final = 0.02
"""Seconds; the runner waits for 0.1 after the check's time before it ends the process."""
_BLOCKED: Final = 0.1
"""Seconds for which a loop does not come round, at the end of a check's time, when it is blocked,
and not merely busy: the runner waits as long for one that is."""
_BACKSTOP: Final = 0.005
"""Seconds that a free loop has to see that the time is up."""
_MAX_LEAVES: Final = 20


class _TimeIsUp(BaseException):
    """Ends a check that is a plain function, past any ``except Exception`` of its own."""


def run_script(
    function: Callable[..., Any],
    arguments: Mapping[str, Any],
    *,
    job: Job,
    events: EventWriter,
    blame: Blame,
    root: str,
) -> None:
    """Run a check to its end, in this process, whose main thread this must be.

    Everything that happens is told as an event, up to ``finished``. It raises nothing, whatever
    the check does.

    Args:
        function: the check, ``async def`` or ``def``.
        arguments: those of its case.
        job: what the runner asked for.
        events: where to tell.
        blame: turns exceptions into failures.
        root: the project's folder.
    """
    context = Context(
        events.write,
        env=from_bytes(job.env),
        secrets=from_bytes(job.secrets),
        absent=job.absent,
        resolve={
            (host, port): (address, to_port)
            for host, port, address, to_port in job.connecting.resolve
        },
        ca=job.connecting.ca,
        root=root,
    )
    context.on_secret = lambda name: events.secret_read(context.timeline.now(), name)
    for name in early_secrets:
        context.on_secret(name)
    enter(context, everywhere=True)
    listen_to_assertions()
    notice_forgotten_awaits()
    assertions.masker = context.masker
    context.emit(
        AttemptStarted(
            at_ns=0,
            check=job.definition.id,
            started_ns=context.timeline.started_ns,
            engine="python",
            pid=os.getpid(),
        )
    )
    Script(context, events, blame, job.definition.timeout).run(function, arguments)


class Script:
    """One check under way.

    The time it may take is enforced three times over: here, softly, so that the check is told
    where it was waiting, and by an alarm where it has blocked its loop; by SIGTERM from the runner
    a little later, which a check that spins or blocks still answers with the line it is at; and by
    SIGKILL.

    Args:
        context: the attempt, as the SDK knows it.
        events: where the context's events go.
        blame: turns exceptions into failures.
        timeout: seconds.
    """

    def __init__(self, context: Context, events: EventWriter, blame: Blame, timeout: float) -> None:
        self._context = context
        self._events = events
        self._blame = blame
        self._timeout = timeout
        self._raised = 0
        self._timed_out = 0
        self._coroutine: Coroutine[Any, Any, Any] | None = None
        self._loop_is_free = False
        self._loops = Loops(context, self._unseen, self._warn)

    def run(self, function: Callable[..., Any], arguments: Mapping[str, Any]) -> None:
        """Run it, then tell that it is finished."""
        signal.signal(signal.SIGTERM, self._terminated)
        signal.signal(signal.SIGALRM, self._alarmed)
        threading.excepthook = self._thread_failed
        self._loops.watch_all()
        try:
            try:
                # For plain functions; the event loop has a clock of its own.
                signal.setitimer(signal.ITIMER_REAL, self._timeout)
                result = function(**arguments)
                if isinstance(result, Coroutine):
                    self._run_coroutine(result)
            finally:
                signal.setitimer(signal.ITIMER_REAL, 0)
        except BaseException as error:  # whatever it is, it is the check's
            self._raised = self._ended_by(error)
        self._loops.tell_unseen_failures()
        self._context.end(returned=not self._raised)
        if not self._raised:
            self._tell_unreached_assertions(function)
        self._tell_finished()

    def _tell_finished(self) -> None:
        self._context.emit(
            Finished(
                at_ns=self._context.timeline.now(),
                outcome="raised" if self._raised else "returned",
                raised=self._raised,
                verifications=self._context.ledger.verifications,
            )
        )

    def _tell_unreached_assertions(self, function: Callable[..., Any]) -> None:
        """Assertions in handlers that were never called have verified nothing."""
        ledger = self._context.ledger
        if ledger.verifications or ledger.failing or not has_assertions(function):
            return
        code = function.__code__
        place = (code.co_filename, code.co_firstlineno)
        ledger.failed(
            Failure(
                code="assertion.never_ran",
                message="The check has assertions, and none of them was reached",
                location=self._context.location(place, function.__name__),
            )
        )

    # The event loop

    def _run_coroutine(self, coroutine: Coroutine[Any, Any, Any]) -> None:
        self._coroutine = coroutine
        loop = asyncio.new_event_loop()
        asyncio.set_event_loop(loop)
        self._loops.watch(loop)  # a policy of the project's may make another kind of loop
        # The deadline comes in the context of the check's own task: it knows the step.
        context = contextvars.copy_context()
        main = loop.create_task(coroutine, context=context)
        left = self._timeout - self._context.timeline.now() / 1e9
        deadline = loop.call_later(left, self._cancel_at_deadline, main, context=context)
        sign_of_life = loop.call_later(left - _BLOCKED, self._came_round)
        signal.setitimer(signal.ITIMER_REAL, max(left, 0) + _BACKSTOP)
        try:
            # Not the task itself: what ends it must not end the loop before the clean-up.
            loop.run_until_complete(asyncio.wait([main]))
            main.result()
        except BaseException as error:
            self._raised = self._ended_by(error)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            sign_of_life.cancel()
            deadline.cancel()
        with suppress(Exception):
            if not self._raised:
                self._context.waits.over = True
                closing = self._context.close_sockets(loop, self._left_of(_CLEANUP))
                loop.run_until_complete(closing)
        with suppress(Exception):
            loop.run_until_complete(self._clean_up(loop))

    async def _clean_up(self, loop: asyncio.AbstractEventLoop) -> None:
        """End what the check left running, as ``asyncio.run`` does, but not at any length."""
        left = asyncio.all_tasks() - {asyncio.current_task()}
        for task in left:
            task.cancel()
        if left:
            await asyncio.wait(left, timeout=self._left_of(_CLEANUP))
        async with asyncio.timeout(self._left_of(_CLEANUP)):
            await loop.shutdown_asyncgens()

    def _left_of(self, seconds: float) -> float:
        """So much of these seconds as is left of the check's own time, or next to nothing.

        The check has ended in its time: that it is tidied up after must not count against it.
        """
        left = self._timeout - self._context.timeline.now() / 1e9
        return min(seconds, max(left, _LEAST))

    def _unseen(self, error: BaseException) -> None:
        """It ended a task that nobody awaits."""
        if isinstance(error, ConnectionClosed) and error.by_check:
            return  # Of a reader, when the check closed the connection; else it was told already.
        self._fail(error)

    def _thread_failed(self, args: threading.ExceptHookArgs) -> None:
        if args.exc_value is not None and not isinstance(args.exc_value, SystemExit):
            self._fail(args.exc_value)

    # The end of its time

    def _cancel_at_deadline(self, main: asyncio.Task[Any]) -> None:
        places = frames_of_coroutine(self._coroutine)
        self._tell_timeout(self._blame.location(places))
        main.cancel()

    def _alarmed(self, number: int, frame: FrameType | None) -> None:
        if not self._is_over_time():
            _die_of(signal.SIGALRM)  # the check's own alarm, for which it has no handler
        if self._coroutine is not None:
            self._end_if_blocked(frame)
            return
        self._tell_timeout(self._blame.location(frames_of_stack(frame)))
        raise _TimeIsUp

    def _came_round(self) -> None:
        self._loop_is_free = True

    def _end_if_blocked(self, frame: FrameType | None) -> None:
        """The loop has not seen that time is up: if it is the check that blocks it, say where."""
        if self._timed_out or self._loop_is_free:
            return
        if self._blame.location(frames_of_stack(frame)) is None:
            return
        self._events.end_in_signal_handler()
        self._raised = self._tell_blocked(frame)
        self._tell_finished()
        _flush()
        os._exit(1)

    def _tell_timeout(self, location: Location | None) -> None:
        message = f"The check did not finish in {format_seconds(self._timeout)}"
        idle = self._context.idle
        if idle > self._timeout / 2:
            # Whoever asks a server again and again, and sleeps in between, is not meant.
            code = "script.timeout"
            lasted = format_seconds(min(idle, self._timeout))
            message += f", and had no connection and no request for the last {lasted}"
            message += "; it was here" if location else ""
        else:
            code = "timeout.check"
            message += "; it was waiting here" if location else ""
        failure = Failure(code=code, message=message, location=location)
        self._timed_out = self._context.ledger.failed(self._context.while_waiting(failure))

    def _terminated(self, number: int, frame: FrameType | None) -> NoReturn:
        """The runner ends it. If that is for its time, which it did not heed, say where it is."""
        self._events.end_in_signal_handler()
        if not self._timed_out and self._is_over_time():
            self._tell_blocked(frame)
        _die_of(signal.SIGTERM)

    def _is_over_time(self) -> bool:
        return self._context.timeline.now() >= self._timeout * 1e9

    def _tell_blocked(self, frame: FrameType | None) -> int:
        location = self._blame.location(frames_of_stack(frame))
        if self._coroutine is None:
            # The check has taken the alarm that would have ended it.
            self._tell_timeout(location)
            return self._timed_out
        if location is None:
            # Its loop is free: it is not the check that kept the deadline from being heeded, but
            # a machine with too much to do.
            self._tell_timeout(self._blame.location(frames_of_coroutine(self._coroutine)))
            return self._timed_out
        where = "; it was here" if location else ""
        return self._context.ledger.failed(
            Failure(
                code="script.blocked",
                message="The check did not stop at its timeout of "
                f"{format_seconds(self._timeout)}, and was killed{where}",
                location=location,
            )
        )

    # Telling

    def _ended_by(self, error: BaseException) -> int:
        """Tell what ended the check, unless it is told already; its number."""
        if self._timed_out and isinstance(error, asyncio.CancelledError | _TimeIsUp):
            return self._timed_out
        return self._fail(error)

    def _fail(self, error: BaseException) -> int:
        """Tell a failure; its number. Of an exception group, that of the first."""
        context = self._context
        leaves = list(leaves_of(error))[:_MAX_LEAVES]
        numbers = [context.raised(leaf, self._blame.failure_of(leaf)) for leaf in leaves]
        return numbers[0]

    def _warn(self, message: str) -> None:
        context = self._context
        context.emit(
            Logged(
                at_ns=context.timeline.now(),
                message=context.masker.text(message),
                level="warning",
                source="checkwire",
            )
        )


def _die_of(number: int) -> NoReturn:
    """End this process by a signal, as one that has no handler for it."""
    _flush()
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
    os._exit(1)


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        with suppress(Exception):
            stream.flush()
