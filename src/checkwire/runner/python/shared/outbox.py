"""The worker's end of the way to the runner."""

from __future__ import annotations

import asyncio
import contextvars
import os
import select
import threading
from typing import Final

from checkwire.runner.python.shared.board import BASE, LENGTH, ROOM, Board
from checkwire.runner.python.shared.messages import HEADER

__all__ = ["Outbox"]

_PIECE: Final = 64 * 1024


class Outbox:
    """Gathers what all attempts tell in one turn of the event loop, and sends it at once.

    It lies on the board meanwhile, so nothing is lost with the process. If the runner is behind,
    whoever tells more than there is room for waits.

    Args:
        fd: descriptor of the pipe to the runner, which must not block.
        board: where records wait.
        loop: the worker's event loop; it belongs to the calling thread.
    """

    def __init__(self, fd: int, board: Board, loop: asyncio.AbstractEventLoop) -> None:
        self._fd = fd
        self._slots = board.slots
        self._records = board.records
        self._loop = loop
        self._thread = threading.get_ident()
        self._context = contextvars.copy_context()
        self._lock = threading.Lock()
        self._open: tuple[int, int] = (0, 0)
        self._head = 0
        self._end = 0
        self._sent = 0
        self._scheduled = False

    def put(self, number: int, kind: int, data: bytes) -> None:
        """Tell something of an attempt, from whatever thread."""
        with self._lock:
            for start in range(0, len(data), _PIECE) if len(data) > _PIECE else (0,):
                self._put(number, kind, data[start : start + _PIECE])
            if not self._scheduled:
                self._scheduled = True
                self._schedule()

    def put_whole(self, number: int, kind: int, data: bytes) -> None:
        """Tell something that is one record."""
        with self._lock:
            self._open = (0, 0)
        self.put(number, kind, data)
        with self._lock:
            self._open = (0, 0)

    def _put(self, number: int, kind: int, data: bytes) -> None:
        size = len(data)
        if self._end + HEADER.size + size > ROOM:
            self._send(wait=True)
        if self._open != (number, kind) or self._end - self._head > _PIECE:
            self._open = (number, kind)
            self._head = self._end
            self._end += HEADER.size
        after = self._end + size
        self._records[self._end : after] = data
        HEADER.pack_into(self._records, self._head, after - self._head - HEADER.size, number, kind)
        self._end = after
        self._slots[LENGTH] = after

    def _schedule(self) -> None:
        if threading.get_ident() == self._thread:
            self._loop.call_soon(self._flush, context=self._context)
        else:
            self._loop.call_soon_threadsafe(self._flush, context=self._context)

    def _flush(self) -> None:
        with self._lock:
            self._scheduled = False
            self._send(wait=False)

    def _send(self, *, wait: bool) -> None:
        # What is sent is sent as it is: nothing can be appended to its last record any more.
        self._open = (0, 0)
        while self._sent < self._end:
            try:
                self._sent += os.write(self._fd, self._records[self._sent : self._end])
            except BlockingIOError:
                if not wait:
                    self._loop.add_writer(self._fd, self._go_on)
                    return
                poll = select.poll()
                poll.register(self._fd, select.POLLOUT)
                poll.poll()
            except OSError:
                break  # the runner is gone, and so is everybody who wants to know
        # In this order: at no moment is something here that has been sent.
        length, self._end, self._sent = self._end, 0, 0
        self._slots[LENGTH] = 0
        self._slots[BASE] += length

    def _go_on(self) -> None:
        self._loop.remove_writer(self._fd)
        self._flush()
