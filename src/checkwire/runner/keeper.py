"""A keeper: a process that runs a service, and lets nothing of it outlive whoever wants it.

Whatever becomes of the one that wants the service, its end of the socket to the keeper closes. And
what the service starts, in sessions of its own too, comes to the keeper when its parent dies, for
the keeper adopts orphans. So there is always somebody to end all of it: there is no mark that a
process could lose, and what is setuid is no exception. Only what other processes start at the
service's wish (a daemon of containers, an init system) is out of reach.

A keeper is a fresh interpreter that imports little. First it is told what to run, as JSON with its
length in four bytes before it, then perhaps :data:`LOOK`, :data:`END` or :data:`KILL`. It tells, a
line each, ``started`` or ``failed ERRNO``; ``ended STATUS``, which is negative after a signal; and
``looked``.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from select import select
from typing import NamedTuple

from checkwire.runner.python.linux import adopt_orphans, children_of, die_with_parent

__all__ = ["END", "KILL", "LOOK", "PATIENCE", "Job", "main"]

END = b"E"
"""Ask all of it to end, with SIGTERM, and kill what is left after :data:`PATIENCE`; so does the end
of the socket, and a SIGTERM for the keeper."""
KILL = b"K"
LOOK = b"L"
"""Look whether the service has ended, and answer: what is told by itself may be told late."""
PATIENCE = 5.0
_LOOK_AGAIN = 0.1
_LENGTH = 4


class Job(NamedTuple):
    """What to run, where, and with which environment."""

    command: Sequence[str]
    folder: str
    environ: dict[str, str]

    def pack(self) -> bytes:
        """As it is sent."""
        data = json.dumps(self).encode()
        return len(data).to_bytes(_LENGTH) + data


def main() -> None:
    """Be a keeper. The argument is the descriptor of the socket."""
    control = socket.socket(fileno=int(sys.argv[1]))
    adopt_orphans()
    awake, wake = os.pipe()
    os.set_blocking(awake, False)
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: None)
    size = int.from_bytes(control.recv(_LENGTH, socket.MSG_WAITALL))
    data = control.recv(size, socket.MSG_WAITALL)
    if not data or len(data) < size:
        return  # It is not wanted any more.
    try:
        service = _start(Job(*json.loads(data)))
    except OSError as error:
        control.sendall(b"failed %d\n" % (error.errno or 0))
        return
    _Keeper(control, awake, service.pid).keep()
    service.returncode = 0  # It is reaped.


def _start(job: Job) -> subprocess.Popen[bytes]:
    parent = os.getpid()

    def prepare() -> None:
        # Should the keeper itself be killed, at least the service does not stay.
        die_with_parent()
        if os.getppid() != parent:
            os._exit(1)

    return subprocess.Popen(
        job.command,
        cwd=job.folder,
        env=job.environ,
        start_new_session=True,
        preexec_fn=prepare,  # This process has one thread.
    )


class _Keeper:
    def __init__(self, control: socket.socket, awake: int, service: int) -> None:
        self._control = control
        self._awake = awake
        self._service = service
        self._pid = os.getpid()
        self._heard = [control.fileno(), awake]
        self._ended = False
        self._until: float | None = None
        self._asked: set[int] = set()
        self._looks = 0

    def keep(self) -> None:
        """Until nothing is left."""
        self._tell(b"started\n")
        while self._listen():
            self._look()
            while self._looks:
                self._looks -= 1
                self._tell(b"looked\n")
            if self._until is not None:
                self._ask()
                if not self._left or time.monotonic() > self._until:
                    break
        self._kill()

    def _listen(self) -> bool:
        """Wait for something to happen; whether there still is time to end in order."""
        # Nothing tells of an orphan that comes.
        heard = select(self._heard, [], [], None if self._until is None else _LOOK_AGAIN)[0]
        wanted = True
        if self._awake in heard:
            wanted = not set(os.read(self._awake, 256)) - {signal.SIGCHLD}
        if self._control.fileno() in heard:
            try:
                words = self._control.recv(256)
            except OSError:
                words = b""
            if KILL in words:
                return False
            self._looks += words.count(LOOK)
            if not words:
                self._heard.remove(self._control.fileno())
            wanted = wanted and bool(words) and END not in words
        if not wanted and self._until is None:
            self._until = time.monotonic() + PATIENCE
        return True

    def _look(self) -> None:
        """Tell when the service itself has ended, and reap the others."""
        if not self._ended and (status := self._status()) is not None:
            self._ended = True
            self._tell(b"ended %d\n" % status)
        for pid in self._others():
            with suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)

    def _status(self) -> int | None:
        """What the service has ended with, if it has.

        It stays a zombie until all is over, so that its number and its group are nobody else's.
        """
        if sys.platform != "linux":  # macOS has no such call before Python 3.13.
            pid, status = os.waitpid(self._service, os.WNOHANG)
            return os.waitstatus_to_exitcode(status) if pid else None
        found = os.waitid(os.P_PID, self._service, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        if found is None:
            return None
        return found.si_status if found.si_code == os.CLD_EXITED else -found.si_status

    def _others(self) -> set[int]:
        return children_of(self._pid) - {self._service}

    @property
    def _left(self) -> bool:
        return not self._ended or bool(self._others())

    def _ask(self) -> None:
        """Let each know once that it is to end: the group, and whoever came from below."""
        if not self._asked:
            self._signal_group(signal.SIGTERM)
            self._asked.add(self._service)
        for pid in self._others() - self._asked:
            self._asked.add(pid)
            with suppress(ProcessLookupError, PermissionError):
                if os.getpgid(pid) != self._service:
                    os.kill(pid, signal.SIGTERM)

    def _kill(self) -> None:
        self._signal_group(signal.SIGKILL)
        with suppress(ChildProcessError):
            while True:
                for pid in children_of(self._pid):
                    with suppress(ProcessLookupError, PermissionError):
                        os.kill(pid, signal.SIGKILL)
                os.waitpid(-1, 0)  # What was below it is below us now.

    def _signal_group(self, number: int) -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._service, number)

    def _tell(self, line: bytes) -> None:
        with suppress(OSError):  # Its end will be noticed next.
            self._control.sendall(line)
