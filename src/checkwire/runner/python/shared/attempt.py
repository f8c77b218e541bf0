"""One attempt in a worker, as the runner sees it."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from typing import Final, NamedTuple

from checkwire.model.attempt import Attempt, Usage
from checkwire.model.durations import format_ns
from checkwire.model.events import Event
from checkwire.model.failures import Location
from checkwire.runner.exit import Cause, Exit
from checkwire.runner.python.intake import Intake
from checkwire.runner.python.messages import Job
from checkwire.runner.python.shared.messages import EVENTS, STDERR, STDOUT, Ended

__all__ = ["Outcome", "SharedAttempt"]

_HELD_UP_NS: Final = 50_000_000
_PART_HELD_UP: Final = 100
"""So long, and so great a part of its time (a hundredth), others must have kept an attempt from
running for its failure to be doubted."""
_START: Final = 10.0
_GRACE: Final = 3.0
"""Seconds, from its timeout, after which an attempt that has not ended never will."""


class Outcome(NamedTuple):
    """What came of an attempt in a worker.

    Attributes:
        attempt: the attempt; ``None`` if it does not count.
        why: why it does not count.
        alone: whether it should be run again in a process of its own, and in no other worker.
        lost: whether the zygote died, which is not the fault of any attempt in its worker.
    """

    attempt: Attempt | None
    why: str = ""
    alone: bool = False
    lost: bool = False


class SharedAttempt:
    """Takes what a worker tells of one attempt, up to its outcome.

    Args:
        job: what is to be run.
        root: the project's folder.
        on_event: called with each event as it comes.
        stop: called if the attempt is to be ended, for what it printed or ``on_event`` raised.
        secrets_read: gets the names of the variables that the check reads as secrets.

    Attributes:
        job: what is to be run.
        outcome: set when it is over.
        cancelled: whether nobody wants to know of it any more.
        overdue: the time of the running loop when it must be over.
    """

    def __init__(
        self,
        job: Job,
        *,
        root: str,
        on_event: Callable[[Event], None] | None,
        stop: Callable[[], None],
        secrets_read: set[str],
    ) -> None:
        loop = asyncio.get_running_loop()
        self.job = job
        self.outcome: asyncio.Future[Outcome] = loop.create_future()
        self.cancelled = False
        self.overdue = loop.time() + job.definition.timeout + _START
        self._loop = loop
        self._stop = stop
        self._printed = 0
        self._cause: Cause = "itself"
        self._intake = Intake(
            job,
            root=root,
            on_event=on_event,
            on_start=self._begun,
            on_error=stop,
            secrets_read=secrets_read,
        )

    def note(self, message: str) -> None:
        """Put a line of our own into the transcript."""
        self._intake.note(message)

    def take(self, kind: int, data: bytes) -> None:
        """Take what the worker tells of it."""
        if self.outcome.done():
            return
        if kind == EVENTS:
            self._intake.take_events(data)
            return
        if kind == STDOUT:
            self._intake.take_stdout(data)
        elif kind == STDERR:
            self._intake.take_stderr(data)
        self._printed += len(data)
        if self._printed > self.job.definition.output and self._cause == "itself":
            self._cause = "output"
            self._stop()

    def _begun(self) -> None:
        self.overdue = self._loop.time() + self.job.definition.timeout + _GRACE

    # Its end

    def ended(self, ended: Ended, resident: int) -> None:
        """The worker, which lately had so many bytes of memory, says that it is over."""
        if self.cancelled:
            self.cancel()
            return
        held_up = ended.held_up_ns
        if held_up > _HELD_UP_NS:
            self.note(
                f"Other checks in the same process kept this one from running for "
                f"{format_ns(held_up)}, at stretches of more than {format_ns(_HELD_UP_NS)}"
            )
        if ended.unfit:
            self.note(f"The process that it shared with others is replaced: {ended.unfit}")
        usage = Usage(cpu_seconds=ended.busy_ns / 1e9, peak_memory=resident)
        cpu = signal.SIGXCPU if ended.cause == "cpu" else None
        cause: Cause = "timeout" if ended.cause == "timeout" else "itself"
        attempt = self._finish(self._intake.ended(cause, signal=cpu, usage=usage))
        if attempt is None:
            return
        if attempt.failure is not None and attempt.failure.code == "runner.memory":
            # Who has taken the memory, and whom it lacked then, cannot be told in here.
            self.disturb("the process that it shared with others had no more memory", alone=True)
        elif attempt.status != "passed" and held_up > max(
            _HELD_UP_NS, attempt.duration_ns // _PART_HELD_UP
        ):
            self.disturb(f"other checks in its process kept it waiting for {format_ns(held_up)}")
        else:
            self._set(Outcome(attempt))

    def died(self, code: int, location: Location | None) -> None:
        """It has ended its worker, with this exit status, or the signal that it is negative of."""
        self._conclude(
            self._intake.ended(
                "itself",
                code=code if code >= 0 else None,
                signal=-code if code < 0 else None,
                location=self._intake.masker.data(location),
            )
        )

    def blocked(self, seconds: str, location: Location | None) -> None:
        """It kept its worker from running others for so long, and had to be ended with it."""
        location = self._intake.masker.data(location)
        self._conclude(self._intake.ended("blocking", reason=seconds, location=location))

    def cancel(self) -> None:
        """It was cancelled, or printed too much, and is over."""
        cause: Cause = "cancelled" if self._cause == "itself" else self._cause
        self._conclude(self._intake.ended(cause, reached=self._printed))

    def not_started(self, reason: str) -> None:
        """There is no worker for it."""
        reason = self._intake.masker.text(reason)
        self._conclude(self._intake.ended("not_started", reason=reason))

    def disturb(self, why: str, *, alone: bool = False, lost: bool = False) -> None:
        """It does not count, for something else than itself or its target has ended it."""
        if self.cancelled:
            self.cancel()
        else:
            self._set(Outcome(None, why, alone, lost))

    def _conclude(self, end: Exit) -> None:
        if not self.outcome.done() and (attempt := self._finish(end)) is not None:
            self._set(Outcome(attempt))

    def _finish(self, end: Exit) -> Attempt | None:
        try:
            return self._intake.finish(end)
        except BaseException as error:  # of on_event
            if not self.outcome.done():
                self.outcome.set_exception(error)
            return None

    def _set(self, outcome: Outcome) -> None:
        if not self.outcome.done():
            self.outcome.set_result(outcome)
