"""The runner's side of one worker."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final

import msgspec

from checkwire.model.durations import format_seconds
from checkwire.model.failures import Location
from checkwire.runner.exit import CRASHES
from checkwire.runner.python.channel import pack
from checkwire.runner.python.crash import crash_location
from checkwire.runner.python.handle import Child, ZygoteHandle
from checkwire.runner.python.linux import count_memory_kills
from checkwire.runner.python.messages import Exited
from checkwire.runner.python.pipes import Pipes
from checkwire.runner.python.shared.attempt import SharedAttempt
from checkwire.runner.python.shared.board import BEAT_NS, BEGAN_NS, NUMBER, Board
from checkwire.runner.python.shared.messages import (
    BROKEN,
    ENDED,
    STDERR,
    STDOUT,
    Begin,
    Cancel,
    Ended,
    Order,
    RecordReader,
    Take,
)

__all__ = ["Worker", "start_worker"]

_CHUNK: Final = 256 * 1024
_LEFT_IN_PIPE: Final = 8 * 1024 * 1024
_BLOCKED: Final = 1.0
"""Seconds that one attempt may keep all others of its worker from running."""
_LONG_NS: Final = 20_000_000
_SILENT: Final = 3.0
"""The same if it cannot be told which attempt does."""
_ABORT_GRACE: Final = 1.0
_CANCELLED_IN: Final = 1.0
_MAX_RUNS: Final = 20_000
_MAX_GROWTH: Final = 256 * 1024 * 1024
_ERRORS_KEPT: Final = 64 * 1024
_LINE_KEPT: Final = 64 * 1024

_ended_decoder = msgspec.msgpack.Decoder(Ended)


async def start_worker(
    zygote: ZygoteHandle, begin: Begin, *, root: str, on_output: Callable[[str], None]
) -> Worker:
    """Have a worker forked.

    Args:
        zygote: whose it is.
        begin: what its attempts have in common.
        root: the project's folder.
        on_output: told what was printed there, and by which attempt cannot be told.

    Raises:
        OSError: there are too many open descriptors.
        CouldNotFork, ZygoteLost: see :meth:`ZygoteHandle.fork`.
    """
    pipes = Pipes()
    board = None
    try:
        board_fd = Board.make()
        try:
            board = Board(board_fd)
            child = await zygote.fork([*pipes.theirs, board_fd], "shared")
        finally:
            os.close(board_fd)
    except BaseException:
        pipes.close()
        if board is not None:
            board.close()
        raise
    pipes.close(*pipes.theirs)
    return Worker(child, pipes, board, begin, root=root, on_output=on_output)


class Worker:
    """Gives a worker attempts to run, and sees what becomes of them.

    Attributes:
        begin: what its attempts have in common.
        fit: whether it can take more attempts. If it cannot, it is ended when it has no more.
        gone: set when the process is gone.
    """

    def __init__(
        self,
        child: Child,
        pipes: Pipes,
        board: Board,
        begin: Begin,
        *,
        root: str,
        on_output: Callable[[str], None],
    ) -> None:
        self.begin = begin
        self.fit = True
        self.gone = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._child = child
        self._pipes = pipes
        self._board = board
        self._root = root
        self._on_output = on_output
        self._attempts: dict[int, SharedAttempt] = {}
        self._runs = 0
        self._received = 0
        self._records = RecordReader()
        self._orders = bytearray()
        self._errors = bytearray()
        self._unsaid = {STDOUT: bytearray(), STDERR: bytearray()}
        self._first_resident = 0
        self._resident = 0
        self._kills_before = count_memory_kills()
        self._closing = False
        self._accused: tuple[int, str] | None = None
        self._suspect: tuple[int, int] = (0, 0)
        self._since = (0.0, 0.0)
        self._timers: list[asyncio.TimerHandle] = []
        self._loop.add_reader(pipes.events, self._read_events)
        for fd, kind in ((pipes.stdout, STDOUT), (pipes.stderr, STDERR)):
            self._loop.add_reader(fd, self._read_output, fd, kind)
        child.exited.add_done_callback(self._exited)
        self._order(begin)

    @property
    def load(self) -> int:
        """How many attempts are under way."""
        return len(self._attempts)

    @property
    def is_held_up(self) -> bool:
        """Whether one attempt has kept the others from running for a while, right now."""
        slots = self._board.slots
        began = slots[BEGAN_NS]
        return bool(slots[NUMBER]) and time.monotonic_ns() - began > _LONG_NS

    def take(self, attempt: SharedAttempt) -> int:
        """Have an attempt run; its number."""
        self._runs += 1
        number = self._runs
        self._attempts[number] = attempt
        job = attempt.job
        self._order(
            Take(
                number=number,
                definition=job.definition,
                attempt=job.attempt,
            )
        )
        if self._runs >= _MAX_RUNS:
            self.fit = False
        return number

    def cancel(self, number: int) -> None:
        """End an attempt; if it does not heed that, it ends for us, and the worker soon."""
        attempt = self._attempts.get(number)
        if attempt is not None and not attempt.cancelled:
            attempt.cancelled = True
            self._order(Cancel(number=number))
            self._timers.append(self._loop.call_later(_CANCELLED_IN, self._abandon, number))

    def close(self) -> None:
        """End it now, and its attempts as cancelled. It is gone when :attr:`gone` says so."""
        self.fit = False
        self._closing = True
        for attempt in self._attempts.values():
            attempt.cancelled = True
        self._child.signal(signal.SIGKILL)

    def _abandon(self, number: int) -> None:
        attempt = self._attempts.pop(number, None)
        if attempt is not None:
            self.fit = False
            attempt.cancel()
            self._end_if_idle()

    def _end_if_idle(self) -> None:
        if not self.fit and not self._attempts:
            self._closing = True
            self._child.signal(signal.SIGKILL)

    # To the worker

    def _order(self, order: Order) -> None:
        waiting = bool(self._orders)
        self._orders += pack(order)
        if not waiting:
            self._write()

    def _write(self) -> None:
        try:
            while self._orders:
                del self._orders[: os.write(self._pipes.job, self._orders)]
        except BlockingIOError:
            self._loop.add_writer(self._pipes.job, self._write)
            return
        except OSError:
            self._orders.clear()  # It is dead; its end will tell.
        self._loop.remove_writer(self._pipes.job)

    # From the worker

    def _read_events(self) -> int:
        try:
            data = os.read(self._pipes.events, _CHUNK)
        except BlockingIOError:
            return 0
        if not data:
            self._loop.remove_reader(self._pipes.events)
        self._received += len(data)
        self._take_records(self._records.feed(data))
        return len(data)

    def _take_records(self, records: Iterable[tuple[int, int, bytes]]) -> None:
        for number, kind, data in records:
            attempt = self._attempts.get(number)
            if attempt is None:
                continue
            if kind == ENDED:
                del self._attempts[number]
                self._take_ended(attempt, data)
            else:
                attempt.take(kind, data)

    def _take_ended(self, attempt: SharedAttempt, data: bytes) -> None:
        ended = _ended_decoder.decode(data)
        if ended.resident:
            self._resident = ended.resident
            self._first_resident = self._first_resident or ended.resident
            if ended.resident > self._first_resident + _MAX_GROWTH:
                self.fit = False
        if ended.unfit:
            self.fit = False
        attempt.ended(ended, self._resident)
        self._end_if_idle()

    def _read_output(self, fd: int, kind: int) -> int:
        """What came past Python's streams: of a library, or of a process that a check started."""
        try:
            data = os.read(fd, _CHUNK)
        except BlockingIOError:
            return 0
        if not data:
            self._loop.remove_reader(fd)
            return 0
        if kind == STDERR:
            self._errors += data
            del self._errors[:-_ERRORS_KEPT]
        if len(self._attempts) == 1:
            self._read_events()  # One may tell of a secret.
            for attempt in self._attempts.values():
                attempt.take(kind, data)
        else:
            self._log(kind, data)
        return len(data)

    def _log(self, kind: int, data: bytes) -> None:
        """Tell whole lines, in which a secret stands as a whole; of a very long one, the end."""
        lines = self._unsaid[kind]
        lines += data
        told, newline, _ = lines.rpartition(b"\n")
        if newline:
            del lines[: len(told) + 1]
            self._on_output(told.decode("utf-8", "replace"))
        del lines[:-_LINE_KEPT]

    # Watching

    def watch(self) -> None:
        """See whether it still runs all its attempts. To be called a few times a second."""
        if self._closing or self._accused is not None or not self._attempts:
            self._suspect = (0, 0)
            return
        slots = self._board.slots
        number, began = slots[NUMBER], slots[BEGAN_NS]
        if number not in self._attempts:
            number, began = 0, slots[BEAT_NS]
        now = self._loop.time()
        waited = _waited_for_cpu(self._child.pid)
        if (number, began) != self._suspect:
            self._suspect = (number, began)
            self._since = (now, waited)
        else:
            # Not for want of a CPU: then nobody is to blame.
            silent = now - self._since[0] - (waited - self._since[1])
            if silent > (_BLOCKED if number else _SILENT):
                self._accuse(number, (time.monotonic_ns() - began) / 1e9)
                return
        if any(attempt.overdue < now for attempt in self._attempts.values()):
            self._accuse(0, 0.0)

    def _accuse(self, number: int, seconds: float) -> None:
        """Kill it so that it says where it was: ``faulthandler`` answers SIGABRT."""
        self.fit = False
        self._accused = (number, format_seconds(round(seconds, 1)))
        self._child.signal(signal.SIGABRT)
        kill = self._loop.call_later(_ABORT_GRACE, self._child.signal, signal.SIGKILL)
        self._timers.append(kill)

    # The end

    def _exited(self, exited: asyncio.Future[Exited | None]) -> None:
        self.fit = False
        for fd, kind in ((self._pipes.stdout, STDOUT), (self._pipes.stderr, STDERR)):
            self._drain(lambda fd=fd, kind=kind: self._read_output(fd, kind))  # type: ignore[misc]
            self._log(kind, b"\n" if self._unsaid[kind] else b"")
        self._drain(self._read_events)
        self._take_records(self._records.feed(self._board.unsent(self._received)))
        if (rest := self._records.rest()) is not None:
            self._take_records([rest])
        self._judge(exited.result(), self._board.slots[NUMBER])
        for timer in self._timers:
            timer.cancel()
        for fd in (self._pipes.events, self._pipes.stdout, self._pipes.stderr):
            self._loop.remove_reader(fd)
        self._loop.remove_writer(self._pipes.job)
        self._pipes.close()
        self._board.close()
        self.gone.set()

    def _drain(self, read: Callable[[], int]) -> None:
        left = _LEFT_IN_PIPE
        while left > 0 and (size := read()):
            left -= size

    def _judge(self, exited: Exited | None, number: int) -> None:
        """Say of each attempt that was under way what the end of the process means for it."""
        code = 0 if exited is None else os.waitstatus_to_exitcode(exited.status)
        why, culprit = "the process that runs checks died", None
        alone = False
        if self._closing or exited is None:
            pass
        elif self._accused is not None:
            number, seconds = self._accused
            culprit = self._attempts.pop(number, None)
            if culprit is not None:
                culprit.blocked(seconds, self._location())
            why = "another check in the same process kept it from running"
            alone = culprit is None
        elif code in (*range(BROKEN), *range(BROKEN + 1, 256)) or -code in CRASHES:
            culprit = self._attempts.pop(number, None)
            if culprit is not None:
                culprit.died(code, self._location() if code < 0 else None)
            why = "another check in the same process ended it"
            alone = culprit is None
        else:
            why = "the process that it shared with others was killed"
            alone = count_memory_kills() > self._kills_before or code == BROKEN
        attempts, self._attempts = self._attempts, {}
        for attempt in attempts.values():
            attempt.disturb(why, alone=alone, lost=exited is None)

    def _location(self) -> Location | None:
        lines = self._errors.decode("utf-8", "replace").splitlines()
        return crash_location(lines, self._root)


def _waited_for_cpu(pid: int) -> float:
    """Seconds that the first thread of a process has waited for a CPU, while it could have run."""
    with suppress(OSError, ValueError, IndexError):
        return int(Path(f"/proc/{pid}/schedstat").read_text().split()[1]) / 1e9
    return 0.0
