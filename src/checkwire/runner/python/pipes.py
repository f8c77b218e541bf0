"""The pipes between the runner and one child."""

from __future__ import annotations

import fcntl
import os
import sys
from contextlib import suppress
from typing import Final

from checkwire.runner.python.messages import FORK_FDS

__all__ = ["EVENTS_BUFFER", "Pipes"]

EVENTS_BUFFER: Final = 256 * 1024
"""Bytes of events a child may be ahead of the runner, before its own clock stands still."""


class Pipes:
    """Four pipes. Whoever makes them closes them.

    Attributes:
        job: our end, to write to. It does not block, nor do the others.
        stdout, stderr, events: our ends, to read from.
        theirs: the child's ends, in the order of ``messages.FORK_FDS``.
    """

    def __init__(self) -> None:
        """Make them.

        Raises:
            OSError: there are too many open descriptors.
        """
        self._open: set[int] = set()
        ends = {}
        try:
            for name in FORK_FDS:
                ends[name] = os.pipe()
                self._open.update(ends[name])
        except OSError:
            self.close()
            raise
        theirs, self.job = ends["job"]
        self.stdout = ends["stdout"][0]
        self.stderr = ends["stderr"][0]
        self.events = ends["events"][0]
        self.theirs = [theirs, *(ends[name][1] for name in FORK_FDS[1:])]
        for fd in (self.job, self.stdout, self.stderr, self.events):
            os.set_blocking(fd, False)
        if sys.platform == "linux":
            with suppress(OSError):  # it is more than this user may still have
                fcntl.fcntl(self.events, fcntl.F_SETPIPE_SZ, EVENTS_BUFFER)

    def close(self, *fds: int) -> None:
        """Close these descriptors, or all; those that are closed already are left alone."""
        for fd in fds or tuple(self._open):
            if fd in self._open:
                self._open.discard(fd)
                os.close(fd)
