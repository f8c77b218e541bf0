"""The child's end of the run-event stream."""

from __future__ import annotations

import os
import threading
from typing import Final

import msgspec

from checkwire.model.events import Event, Excused, Failed, Logged, StepStarted, encode_event
from checkwire.model.failures import Failure
from checkwire.runner.stream import MAX_LINE, SecretRead

__all__ = ["EventWriter", "Telling"]

_FOR_EVER: Final = -1.0
_BRIEFLY: Final = 0.1
_MAX_TEXT: Final = 10_000


class Telling:
    """How an attempt tells what happens to it: as lines of the run-event stream."""

    def write(self, event: Event) -> None:
        """Tell it. What cannot be told as it is, is told in short; nothing is raised."""
        self._send(_line_of(event))

    def secret_read(self, at_ns: int, name: str) -> None:
        """Tell the runner that the check reads this variable as a secret."""
        record = SecretRead(at_ns=at_ns, name=_plain(name))
        self._send(msgspec.json.encode(record) + b"\n")

    def end_in_signal_handler(self) -> None:
        """Be written to by a signal handler from now on, and by nobody else."""

    def _send(self, line: bytes) -> None:
        raise NotImplementedError


class EventWriter(Telling):
    """Writes each event to a pipe as it happens, whole, from whatever thread it comes.

    Nothing is buffered, so a process that is killed has told all that happened to it. If the
    runner is gone, or the script has closed the descriptor, there is nobody to tell.

    A process that the script forks has a copy of this, and of all that its parent knew. It cannot
    tell how the attempt ended, and its numbers for steps and connections are its parent's too. So
    of its events only failures are told, under numbers of their own, and what it logs.

    Args:
        fd: descriptor of the pipe to the runner.
    """

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._lock = threading.Lock()
        self._patience = _FOR_EVER
        self._fork = 0
        os.register_at_fork(after_in_child=self._forked)

    def write(self, event: Event) -> None:
        told = _of_fork(event, self._fork) if self._fork else event
        if told is not None:
            super().write(told)

    def _send(self, line: bytes) -> None:
        if self._lock.acquire(timeout=self._patience):
            try:
                while line:
                    line = line[os.write(self._fd, line) :]
            except OSError:
                pass
            finally:
                self._lock.release()

    def _forked(self) -> None:
        self._fork = os.getpid()
        self._lock = threading.Lock()  # another thread may have held it, which is not here

    def end_in_signal_handler(self) -> None:
        # The handler may have interrupted a line in its middle. Then no more can be told: that line
        # would never end, and its lock is never released.
        self._patience = _BRIEFLY


def _of_fork(event: Event, pid: int) -> Event | None:
    """What is told of an event in a process that the script forked."""
    match event:
        case Failed(number=number, failure=failure):
            failure = msgspec.structs.replace(failure, connection=None)
            return msgspec.structs.replace(event, number=pid << 32 | number, failure=failure)
        case Excused(number=number):
            return msgspec.structs.replace(event, number=pid << 32 | number)
        case Logged():
            return event
    return None


def _line_of(event: Event) -> bytes:
    try:
        line = encode_event(event)
    except (ValueError, TypeError, OverflowError, RecursionError):
        return encode_event(_in_short(event, "holds what is no JSON"))
    if len(line) > MAX_LINE:
        return encode_event(_in_short(event, f"takes {len(line):,} bytes"))
    return line


def _in_short(event: Event, fault: str) -> Event:
    """The event with what is essential to it: a failure must never be lost."""
    match event:
        case Failed(failure=failure):
            essential = Failure(
                code=failure.code,
                message=_plain(failure.message),
                hint=_plain(failure.hint),
                details=_plain(failure.details),
                connection=failure.connection,
            )
            return msgspec.structs.replace(event, failure=essential)
        case Logged(message=message):
            return msgspec.structs.replace(event, message=_plain(message))
        case StepStarted(name=name):
            return msgspec.structs.replace(event, name=_plain(name), location=None)
    kind = type(event).__struct_config__.tag
    message = f"An event of type {kind} {fault}, and is not kept"
    return Logged(at_ns=event.at_ns, message=message, level="warning", source="checkwire")


def _plain(text: str) -> str:
    """Text that can be told: bounded, and without half a surrogate pair."""
    if len(text) > _MAX_TEXT:
        text = f"{text[:_MAX_TEXT]}…"
    return text.encode("utf-8", "replace").decode()
