"""Knowing when sockets are ready, on any event loop.

A socket with transmit stamps signals them as ``EPOLLERR``. libuv, hence uvloop, gives a descriptor
up at the first one, and asyncio's own loop would wake for it again and again. So the sockets of an
event loop sit in an epoll set of ours, edge-triggered, and the loop watches only that set.

The callbacks are nobody's: they are called in an empty context, not in that of the task which
happened to register the first socket.
"""

from __future__ import annotations

import asyncio
import contextvars
import select
from collections.abc import Callable

__all__ = [
    "ENDED",
    "FAILED",
    "READABLE",
    "URGENT",
    "WRITABLE",
    "Poller",
    "Ready",
    "poller_of",
]

Ready = Callable[[int], None]
"""Called with what became true: a sum of the constants below."""

READABLE = select.POLLIN
URGENT = select.POLLPRI
"""TCP's urgent data: a read stops short at its mark, although more may be there behind it."""
WRITABLE = select.POLLOUT
FAILED = select.POLLERR
"""The connection broke, or the error queue (where transmit stamps come) is not empty."""
ENDED = select.POLLHUP | getattr(select, "POLLRDHUP", 0x2000)
"""The peer will send no more: there is an end to be read behind what is readable."""

_MAX_EVENTS = 256


class Poller:
    """The sockets of one event loop. It closes itself soon after the last one has left."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._ready: dict[int, Ready] = {}

    def register(self, fd: int, ready: Ready) -> None:
        """Call ``ready`` whenever the descriptor becomes readable or writable."""
        raise NotImplementedError

    def want_write(self, fd: int) -> None:
        """A write found the socket full: tell when it becomes writable again."""

    def want_read(self, fd: int, wanted: bool) -> None:
        """Whether to tell of what is readable; it is, from the start."""

    def unregister(self, fd: int) -> None:
        """Forget the descriptor; to be called before it is closed."""
        raise NotImplementedError

    def close(self) -> None:
        """Hold nothing any more, and be found no more."""
        _pollers.pop(self._loop, None)

    def _call(self, ready: Ready, events: int) -> None:
        try:
            ready(events)
        except Exception as error:
            # The other sockets will not be told again.
            self._loop.call_exception_handler(
                {"message": "error while handling a socket", "exception": error}
            )


# Not EPOLLOUT: with it, what was only transmit stamps, and read already, would wake the loop.
_EDGES = select.EPOLLIN | select.EPOLLPRI | select.EPOLLRDHUP | select.EPOLLET


class _EpollPoller(Poller):
    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop)
        self._epoll = select.epoll()
        self._closing = False
        contextvars.Context().run(loop.add_reader, self._epoll.fileno(), self._dispatch)

    def register(self, fd: int, ready: Ready) -> None:
        self._epoll.register(fd, _EDGES)
        self._ready[fd] = ready

    def want_write(self, fd: int) -> None:
        # It stays so: a socket that was full once will be again.
        self._epoll.modify(fd, _EDGES | select.EPOLLOUT)

    def unregister(self, fd: int) -> None:
        if self._ready.pop(fd, None) is None:
            return
        self._epoll.unregister(fd)
        if self._ready or self._closing:
            return
        if self._loop.is_closed():
            self.close()
        else:
            # Connections in turn share a set: who waits for the end of one is told before.
            self._closing = True
            self._loop.call_soon(self._loop.call_soon, self._close_if_empty)

    def _close_if_empty(self) -> None:
        self._closing = False
        if not self._ready:
            self.close()

    def close(self) -> None:
        super().close()
        if not self._loop.is_closed():
            self._loop.remove_reader(self._epoll.fileno())
        self._epoll.close()

    def _dispatch(self) -> None:
        for fd, events in self._epoll.poll(0, _MAX_EVENTS):
            # A callback may have closed other sockets of this very batch.
            ready = self._ready.get(fd)
            if ready is not None:
                self._call(ready, events)


class _LoopPoller(Poller):
    """Where there is no epoll: readers only, and writers while something waits to be written."""

    def register(self, fd: int, ready: Ready) -> None:
        self._ready[fd] = ready
        self.want_read(fd, True)

    def want_read(self, fd: int, wanted: bool) -> None:
        if not wanted:
            self._loop.remove_reader(fd)
        elif ready := self._ready.get(fd):
            contextvars.Context().run(self._loop.add_reader, fd, self._call, ready, READABLE)

    def want_write(self, fd: int) -> None:
        def writable() -> None:
            self._loop.remove_writer(fd)
            if ready := self._ready.get(fd):
                self._call(ready, WRITABLE)

        contextvars.Context().run(self._loop.add_writer, fd, writable)

    def unregister(self, fd: int) -> None:
        if self._ready.pop(fd, None) is not None:
            self._loop.remove_reader(fd)
            self._loop.remove_writer(fd)
            if not self._ready:
                self.close()


# A poller is here only while it has sockets, so that a loop that is done with can be collected.
_pollers: dict[asyncio.AbstractEventLoop, Poller] = {}


def poller_of(loop: asyncio.AbstractEventLoop) -> Poller:
    """The poller of this event loop."""
    poller = _pollers.get(loop)
    if poller is None:
        for gone in [other for other in _pollers if other.is_closed()]:
            _pollers[gone].close()
        poller = _EpollPoller(loop) if hasattr(select, "epoll") else _LoopPoller(loop)
        _pollers[loop] = poller
    return poller
