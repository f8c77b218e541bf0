"""A piece of memory that a worker and the runner both see.

The worker writes there which attempt's code it is running, and since when. So a worker that says
nothing more still tells who keeps it from that, and one that has died, who did it. What it was
about to send lies there too, and is read from there when the worker is gone.
"""

from __future__ import annotations

import mmap
import os
import sys
import tempfile
from typing import Final

__all__ = ["BASE", "BEAT_NS", "BEGAN_NS", "LENGTH", "NUMBER", "ROOM", "Board"]

NUMBER: Final = 0
"""Slot: the number of the attempt whose code runs now, 0 for none."""
BEGAN_NS: Final = 1
"""Slot: since when, on the monotonic clock, which is one for all processes."""
BEAT_NS: Final = 2
"""Slot: when the worker's event loop last came round to saying so."""
BASE: Final = 3
"""Slot: how many bytes had been sent when the records here began."""
LENGTH: Final = 4
"""Slot: bytes of records."""

_SLOTS: Final = 8
ROOM: Final = 1024 * 1024
"""Bytes of records."""
_SIZE: Final = _SLOTS * 8 + ROOM


class Board:
    """One process's view of it.

    Args:
        fd: descriptor of the memory, as :meth:`make` gives it. It can be closed afterwards.

    Attributes:
        slots: numbers, each of which is read and written whole.
        records: the records that have not been sent, at the beginning.
    """

    def __init__(self, fd: int) -> None:
        self._memory = mmap.mmap(fd, _SIZE)
        whole = memoryview(self._memory)
        self.slots = whole[: _SLOTS * 8].cast("Q")
        self.records = whole[_SLOTS * 8 :]
        whole.release()

    @staticmethod
    def make() -> int:
        """Make the memory; a descriptor of it, which is the caller's to close.

        Raises:
            OSError: there are too many open descriptors, or there is no memory.
        """
        if sys.platform == "linux":
            fd = os.memfd_create("checkwire-board")
        else:
            with tempfile.TemporaryFile() as file:
                fd = os.dup(file.fileno())
        try:
            os.ftruncate(fd, _SIZE)
        except OSError:
            os.close(fd)
            raise
        return fd

    def unsent(self, received: int) -> bytes:
        """What a worker that is gone had not sent.

        Args:
            received: how many bytes have come from it.
        """
        start = received - self.slots[BASE]
        return bytes(self.records[start : self.slots[LENGTH]]) if start >= 0 else b""

    def close(self) -> None:
        """Let go of the memory."""
        self.slots.release()
        self.records.release()
        self._memory.close()
