"""The child's end of the run-event stream."""

from __future__ import annotations

import os
import threading
from typing import Final

from checkwire.model.events import Event, encode_event

__all__ = ["EventWriter"]

_FOR_EVER: Final = -1.0
_BRIEFLY: Final = 0.1


class EventWriter:
    """Writes each event as it happens, whole, from whatever thread it comes.

    Nothing is buffered, so a process that is killed has told all that happened to it. If the
    runner is gone, or the script has closed the descriptor, there is nobody to tell.

    Args:
        fd: descriptor of the pipe to the runner.
    """

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._lock = threading.Lock()
        self._patience = _FOR_EVER

    def write(self, event: Event) -> None:
        """Tell the runner."""
        line = encode_event(event)
        if self._lock.acquire(timeout=self._patience):
            try:
                while line:
                    line = line[os.write(self._fd, line) :]
            except OSError:
                pass
            finally:
                self._lock.release()

    def end_in_signal_handler(self) -> None:
        """Be written to by a signal handler from now on, and by nobody else.

        The handler may have interrupted :meth:`write` in the middle of a line. Then no more can
        be told: that line would never end, and its lock is never released.
        """
        self._patience = _BRIEFLY
