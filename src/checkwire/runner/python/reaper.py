"""The zygote's children: those it forked, and those that came to it when their parent died."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from resource import struct_rusage

from checkwire.runner.python.linux import children_of
from checkwire.runner.python.messages import Exited

__all__ = ["Children"]

_BYTES_PER_MAXRSS = 1 if sys.platform == "darwin" else 1024


class Children:
    """Keeps account of the children, and lets none outlive its attempt.

    What a child started and left behind is caught twice. What stayed in its process group is killed
    with the group, at one blow. What left the group comes to the zygote when the child dies, for
    the zygote adopts orphans (PR_SET_CHILD_SUBREAPER). As each child adopts the orphans below it as
    long as it lives, whoever is the zygote's child and was not forked by it belongs to an attempt
    that is over, and is killed: no mark is needed which a process could lose.

    Args:
        spared: process ids of children that are not to be killed before the zygote ends.

    Attributes:
        strays_left: whether some were killed that have yet to die.
    """

    def __init__(self, spared: Callable[[], set[int]] = set) -> None:
        self.strays_left = False
        self._spared = spared
        self._attempts: dict[int, int] = {}
        # What check files started while they were imported may stay until the zygote ends.
        self._pid = os.getpid()
        self._old = children_of(self._pid)

    def add(self, pid: int, attempt: int) -> None:
        """A child was forked for that attempt."""
        self._attempts[pid] = attempt

    def reap(self) -> list[Exited]:
        """See who is gone; kill what they left behind."""
        exited = []
        while (ended := self._wait()) is not None:
            pid, status, usage = ended
            self._old.discard(pid)
            if (attempt := self._attempts.pop(pid, None)) is not None:
                exited.append(
                    Exited(
                        id=attempt,
                        status=status,
                        cpu_seconds=usage.ru_utime + usage.ru_stime,
                        peak_memory=usage.ru_maxrss * _BYTES_PER_MAXRSS,
                    )
                )
        if exited or self.strays_left:
            others = self._old | self._attempts.keys() | self._spared()
            self._kill(children_of(self._pid) - others)
        return exited

    def kill_all(self) -> bool:
        """Kill every descendant; whether there are any left, which call for another time."""
        self.reap()
        self._kill(children_of(self._pid))
        return self.strays_left

    def _wait(self) -> tuple[int, int, struct_rusage] | None:
        """Kill the group of a child that is dead, and reap it."""
        try:
            if sys.platform == "linux":
                # As long as it is a zombie, its number cannot have been given to another group.
                zombie = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
                if zombie is None:
                    return None
                self._kill_group(zombie.si_pid)
                return os.wait4(zombie.si_pid, 0)
            pid, status, usage = os.wait4(-1, os.WNOHANG)
        except ChildProcessError:
            return None
        self._kill_group(pid)
        return (pid, status, usage) if pid else None

    def _kill_group(self, pid: int) -> None:
        if pid in self._attempts:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(pid, signal.SIGKILL)

    def _kill(self, pids: set[int]) -> None:
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.strays_left = bool(pids)
