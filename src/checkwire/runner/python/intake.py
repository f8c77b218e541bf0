"""Taking what an attempt tells, wherever it runs, and making an :class:`Attempt` of it."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import Any, Final

import msgspec

from checkwire.model.attempt import Attempt
from checkwire.model.events import AttemptStarted, Event, Logged
from checkwire.model.failures import Failure
from checkwire.model.masking import Masker
from checkwire.runner.exit import Cause, Exit
from checkwire.runner.fold import Fold
from checkwire.runner.output import OutputCapture
from checkwire.runner.python.crash import crash_location
from checkwire.runner.python.environ import from_bytes, value_in
from checkwire.runner.python.messages import Job
from checkwire.runner.stream import EventReader

__all__ = ["Intake"]

_ERRORS_KEPT: Final = 500


class Intake:
    """Folds one attempt's events and output, masked, on its own timeline.

    Args:
        job: what was to be run.
        root: the project's folder.
        on_event: called with each event as it comes. If it raises, ``on_error`` is called, and
            :meth:`finish` raises the same.
        on_start: called when the attempt says that it has begun.
        on_error: see ``on_event``.
        secrets_read: gets the names of the variables that the check reads as secrets.

    Attributes:
        masker: hides the attempt's secrets.
    """

    def __init__(
        self,
        job: Job,
        *,
        root: str,
        on_event: Callable[[Event], None] | None,
        on_start: Callable[[], None],
        on_error: Callable[[], None],
        secrets_read: set[str],
        masker: Masker | None = None,
        reader: EventReader | None = None,
    ) -> None:
        self.masker = masker or Masker(from_bytes(job.secrets).values())
        self._job = job
        self._root = root
        self._on_event = on_event
        self._on_start = on_start
        self._on_error = on_error
        self._secrets_read = secrets_read
        self._error: BaseException | None = None
        self._fold = Fold(job.definition, job.attempt)
        self._reader = reader or EventReader()
        self._stdout = OutputCapture("stdout", self.masker)
        self._stderr = OutputCapture("stderr", self.masker)
        self._last_errors: deque[str] = deque(maxlen=_ERRORS_KEPT)
        self.restart_clock()

    def restart_clock(self) -> None:
        """The attempt begins now, as far as is known until it says so itself."""
        self._zero_ns = time.monotonic_ns()
        self._started_ns = time.time_ns()

    @property
    def now(self) -> int:
        """Nanoseconds on the attempt's timeline."""
        return max(0, time.monotonic_ns() - self._zero_ns)

    @property
    def is_finished(self) -> bool:
        """Whether the attempt has told its end."""
        return self._fold.finished is not None

    # What it tells

    def take_events(self, data: bytes) -> None:
        """Take bytes of the run-event stream."""
        for event in self._reader.feed(data):
            if isinstance(event, AttemptStarted) and self._fold.started is None:
                self._align(event)
                self._on_start()
            self._emit(event)
        self._secrets_read |= self._reader.secrets

    def take_stdout(self, data: bytes) -> None:
        """Take what it printed. All events told before must have been taken."""
        self._learn_secrets()
        for line in self._stdout.feed(data, self.now):
            self._emit(line)

    def take_stderr(self, data: bytes) -> None:
        """Take what it wrote to stderr. All events told before must have been taken."""
        self._learn_secrets()
        for line in self._stderr.feed(data, self.now):
            self._last_errors.append(line.message)
            self._emit(line)

    def note(self, message: str) -> None:
        """Put a line of our own into the transcript."""
        self._emit(Logged(at_ns=self.now, message=message, level="warning", source="checkwire"))

    def _align(self, event: AttemptStarted) -> None:
        """Put our times on the attempt's timeline: it said what the wall clock was at its 0."""
        now_ns = time.monotonic_ns()
        zero_ns = now_ns - (time.time_ns() - event.started_ns)
        self._zero_ns = min(max(zero_ns, self._zero_ns), now_ns)

    def _learn_secrets(self) -> None:
        while self._reader.secrets:
            self.masker.add(value_in(self._job.env, self._reader.secrets.pop()))

    def _emit(self, event: Event) -> None:
        self._fold.feed(event)
        if self._on_event is not None and self._error is None:
            try:
                self._on_event(event)
            except BaseException as error:
                self._error = error
                self._on_error()

    # The end

    def ended(self, cause: Cause, **seen: Any) -> Exit:
        """The attempt's end, seen now."""
        return Exit(at_ns=self.now, started_ns=self._started_ns, cause=cause, **seen)

    def finish(self, end: Exit) -> Attempt:
        """The attempt. Call it once, when all that it told has been taken.

        Raises:
            BaseException: what ``on_event`` raised.
        """
        for line in self._stdout.finish(end.at_ns):
            self._emit(line)
        for line in self._stderr.finish(end.at_ns):
            self._last_errors.append(line.message)
            self._emit(line)
        if end.signal is not None and end.location is None:
            location = crash_location(self._last_errors, self._root)
            end = msgspec.structs.replace(end, location=self.masker.data(location))
        if (failure := self._reader.explain(end, self._last_errors)) is not None:
            end = msgspec.structs.replace(end, failure=failure)
        if self._reader.faults:
            self._fold.fail(end.at_ns, self._protocol_failure())
        if self._error is not None:
            raise self._error
        return self._fold.finish(end)

    def _protocol_failure(self) -> Failure:
        faults = self._reader.faults
        lines = "a line that is" if faults == 1 else f"{faults:,} lines that are"
        return Failure(
            code="runner.protocol",
            message=f"The check's process sent {lines} no run event: "
            f"{self.masker.text(self._reader.fault)}",
            evidence={"lines": faults},
        )
