"""Supervising one attempt: from the job to the last byte of its output."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from typing import Any, Final

import msgspec

from checkwire.model.attempt import Attempt, Usage
from checkwire.model.events import Event
from checkwire.model.masking import Masker
from checkwire.runner.exit import Cause, Exit
from checkwire.runner.python.handle import Child, CouldNotFork, ZygoteLost
from checkwire.runner.python.intake import Intake
from checkwire.runner.python.linux import count_descendants, count_memory_kills, waited_for_cpu_ns
from checkwire.runner.python.messages import Exited, Job
from checkwire.runner.python.pipes import EVENTS_BUFFER, Pipes
from checkwire.runner.python.pool import Pool
from checkwire.runner.stream import EventReader

__all__ = ["Supervisor"]

_CHUNK: Final = 64 * 1024
_GRACE: Final = 0.1
"""Seconds after its timeout that an attempt may take to end by itself."""
_TERM_GRACE: Final = 0.5
"""Seconds from SIGTERM, which a check's own process answers, to SIGABRT."""
_ABORT_GRACE: Final = 0.2
"""Seconds from SIGABRT to SIGKILL."""
_START: Final = 10.0
"""Seconds from the job to the first event, beside the check's own time."""
_COUNT_EVERY: Final = 0.25
"""Seconds between two looks at how many processes an attempt has."""
_MANY: Final = 10_000
"""Processes beyond which it is not counted how many more there are."""
_LEFT_IN_PIPE: Final = 4 * 1024 * 1024


class Supervisor:
    """Runs one attempt in a child, and makes an :class:`Attempt` of whatever comes of it.

    It reads the child's events, stdout and stderr as they come, and waits for the process alone:
    never for the end of a pipe, which a process that the check left behind may hold open.

    Args:
        job: what to run.
        root: the project's folder.
        on_event: called with each event as it comes. If it raises, the attempt is ended, and
            :meth:`run` raises the same.
        secrets_read: gets the names of the variables that the check reads as secrets.
        message: what the child is sent; by default the job, as a Python child reads it.
        reader: of the child's events; by default of the plain stream.
        masker: hides secrets; by default those of the job.

    Attributes:
        lost: whether the zygote died before the check had finished.
        done: to be set by whoever runs it, once nothing of it is left.
    """

    def __init__(
        self,
        job: Job,
        *,
        root: str,
        on_event: Callable[[Event], None] | None = None,
        secrets_read: set[str] | None = None,
        message: bytes | None = None,
        reader: EventReader | None = None,
        masker: Masker | None = None,
    ) -> None:
        self.lost = False
        self.done = asyncio.Event()
        self._job = job
        self._intake = Intake(
            job,
            root=root,
            on_event=on_event,
            on_start=self._started,
            on_error=self.stop,
            secrets_read=set() if secrets_read is None else secrets_read,
            masker=masker,
            reader=reader,
        )
        self._message = msgspec.msgpack.encode(job) if message is None else message
        self._cause: Cause = "itself"
        self._child: Child | None = None
        self._timers: list[asyncio.TimerHandle] = []
        self._counting: asyncio.TimerHandle | None = None
        self._printed = 0
        self._reached = 0
        self._waited_before = 0
        self._starved_ns = 0

    def note(self, message: str) -> None:
        """Put a line of our own into the transcript."""
        self._intake.note(message)

    def stop(self) -> None:
        """End the attempt now: it was cancelled."""
        self._cause = "cancelled"
        if self._child is not None:
            self._child.signal(signal.SIGKILL)

    async def run(self, pool: Pool) -> Attempt:
        """Run the attempt, and wait until its process is gone. Call it once.

        If it is cancelled, the process is killed, and is gone before this raises.
        """
        self._loop = asyncio.get_running_loop()
        try:
            pipes, child = await pool.take()
        except (OSError, CouldNotFork) as refusal:
            return self.not_started(str(refusal))
        except ZygoteLost:
            return self._intake.finish(self._exit(None))
        try:
            return await self._run(child, pipes)
        finally:
            for timer in (*self._timers, self._counting):
                if timer is not None:
                    timer.cancel()
            for fd in (pipes.stdout, pipes.stderr, pipes.events):
                self._loop.remove_reader(fd)
            pipes.close()
            pool.ended()

    async def _run(self, child: Child, pipes: Pipes) -> Attempt:
        self._child = child
        if self._cause == "cancelled":
            child.signal(signal.SIGKILL)
        self._events_fd = pipes.events
        self._intake.restart_clock()
        self._set_deadline(_START)
        self._counting = self._loop.call_later(_COUNT_EVERY, self._count_processes)
        sources = {
            pipes.events: self._intake.take_events,
            pipes.stdout: self._take_stdout,
            pipes.stderr: self._take_stderr,
        }
        for fd, take in sources.items():
            self._loop.add_reader(fd, self._read, fd, take)
        try:
            await self._send_job(pipes)
            self._kills_before = count_memory_kills()
            exited = await asyncio.shield(child.exited)
        except asyncio.CancelledError:
            self.stop()
            await asyncio.shield(child.exited)
            raise
        for fd, take in sources.items():
            left = _LEFT_IN_PIPE
            while left > 0 and (size := self._read(fd, take)):
                left -= size
        return self._intake.finish(self._exit(exited))

    async def _send_job(self, pipes: Pipes) -> None:
        data = memoryview(self._message)
        writable = asyncio.Event()
        try:
            while data:
                try:
                    data = data[os.write(pipes.job, data) :]
                except BlockingIOError:
                    self._loop.add_writer(pipes.job, writable.set)
                    await writable.wait()
                    writable.clear()
        except BrokenPipeError:
            pass  # it is dead; its end will tell
        finally:
            self._loop.remove_writer(pipes.job)
            pipes.close(pipes.job)

    # What comes from the child

    def _read(self, fd: int, take: Callable[[bytes], None]) -> int:
        """Read once; the number of bytes, 0 if there are none now."""
        try:
            data = os.read(fd, _CHUNK)
        except BlockingIOError:
            return 0
        if data:
            take(data)
        else:
            self._loop.remove_reader(fd)
        return len(data)

    def _take_stdout(self, data: bytes) -> None:
        self._count_output(data)
        self._take_events_before()
        self._intake.take_stdout(data)

    def _take_stderr(self, data: bytes) -> None:
        self._count_output(data)
        self._take_events_before()
        self._intake.take_stderr(data)

    def _take_events_before(self) -> None:
        """Before output is masked, read all events written before it: one may tell of a secret."""
        for _ in range(EVENTS_BUFFER // _CHUNK):
            if not self._read(self._events_fd, self._intake.take_events):
                break

    # Limits that the kernel does not hold it to

    def _count_output(self, data: bytes) -> None:
        self._printed += len(data)
        if self._printed > self._job.definition.output:
            self._exceeds("output", self._printed)

    def _count_processes(self) -> None:
        assert self._child is not None
        limit = self._job.definition.processes
        if (count := count_descendants(self._child.pid, _MANY + limit)) > limit:
            self._exceeds("processes", count)
        else:
            self._counting = self._loop.call_later(_COUNT_EVERY, self._count_processes)

    def _exceeds(self, limit: Cause, reached: int) -> None:
        if self._cause == "itself":
            self._cause = limit
            self._reached = reached
            self._kill()

    # Time

    def _started(self) -> None:
        self._set_deadline(_GRACE - self._intake.now / 1e9)
        if self._child is not None:
            self._waited_before = waited_for_cpu_ns(self._child.pid)

    def _set_deadline(self, slack: float) -> None:
        for timer in self._timers:
            timer.cancel()
        seconds = self._job.definition.timeout + slack
        self._timers = [
            self._loop.call_later(seconds, self._terminate),
            self._loop.call_later(seconds + _TERM_GRACE, self._abort),
            self._loop.call_later(seconds + _TERM_GRACE + _ABORT_GRACE, self._kill),
        ]

    def _terminate(self) -> None:
        if self._cause == "itself" and self._child is not None:
            self._cause = "timeout"
            # Before it is gone. Its pid is its own as long as nobody has told that it has ended.
            self._starved_ns = waited_for_cpu_ns(self._child.pid) - self._waited_before
            self._child.signal(signal.SIGTERM)

    def _abort(self) -> None:
        """Python code no longer runs there; but ``faulthandler`` still can say where it is."""
        if self._child is not None:
            self._child.signal(signal.SIGABRT)

    def _kill(self) -> None:
        if self._child is not None:
            self._child.signal(signal.SIGKILL)

    # The end

    def not_started(self, reason: str) -> Attempt:
        """The attempt that could not even begin, for that reason or because it was cancelled."""
        cause = self._cause if self._cause == "cancelled" else "not_started"
        reason = self._intake.masker.text(reason)
        return self._intake.finish(self._intake.ended(cause, reason=reason))

    def _exit(self, exited: Exited | None) -> Exit:
        if exited is None:
            if self._cause != "itself":
                return self._ended(self._cause)
            self.lost = not self._intake.is_finished
            return self._ended("lost")
        code = os.waitstatus_to_exitcode(exited.status)
        killed = code == -signal.SIGKILL and self._cause == "itself"
        return self._ended(
            self._cause,
            code=code if code >= 0 else None,
            signal=-code if code < 0 else None,
            out_of_memory=killed and count_memory_kills() > self._kills_before,
            usage=Usage(cpu_seconds=exited.cpu_seconds, peak_memory=exited.peak_memory),
        )

    def _ended(self, cause: Cause, **seen: Any) -> Exit:
        starved_ns = max(0, self._starved_ns)
        return self._intake.ended(cause, reached=self._reached, starved_ns=starved_ns, **seen)
