"""Waiting for an answer on a pipe: for dialogues that take turns (proxies, the upgrade)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from checkwire.wire.patience import Patience
from checkwire.wire.pipe import REQUEST, Pipe
from checkwire.wire.tls.pipe import TlsPipe

__all__ = ["Collector"]


class Collector:
    """Collects what arrives until there is enough.

    Attributes:
        data: all bytes received so far.
        left_ns: when what :meth:`ask` sent left this machine, by the kernel's clock if it tells.
        at_ns: when the last of them arrived.
        kernel: whether the kernel says so.
        eof: whether the peer ended its side.
        error: what broke the connection.
        silent: called if nothing has come somewhat before the time of :meth:`until` is over.
    """

    __slots__ = (
        "_deadline",
        "_enough",
        "_waiter",
        "at_ns",
        "data",
        "eof",
        "error",
        "kernel",
        "left_ns",
        "pipe",
        "silent",
    )

    def __init__(self, pipe: Pipe, deadline: float | None = None) -> None:
        """``deadline``, on the event loop's clock, is for all that is waited for."""
        self.pipe = pipe
        self._deadline = deadline
        self.data = bytearray()
        self.at_ns = self.left_ns = 0
        self.kernel = False
        self.eof = False
        self.error: OSError | None = None
        self.silent: Callable[[], None] | None = None
        self._enough: Callable[[bytearray], bool] | None = None
        self._waiter: asyncio.Future[None] | None = None
        if isinstance(pipe, TlsPipe):
            pipe.attach(self, pipe.handshake_at_ns)
        else:
            pipe.sink = self

    def ask(self, data: bytes, now_ns: int) -> None:
        """Send what is to be answered; it is ``now_ns``."""
        self.left_ns = now_ns
        self.pipe.write(data, REQUEST)

    async def until(
        self, enough: Callable[[bytearray], bool], timeout: float | None = None
    ) -> None:
        """Wait until ``enough(data)``, for up to ``timeout`` seconds or to the deadline.

        Raises:
            TimeoutError: it did not come in time.
            EOFError: the peer ended before.
            OSError: the connection broke before.
        """
        if enough(self.data):
            return
        if self.error is not None:
            raise self.error
        if self.eof:
            raise EOFError
        self._enough = enough
        loop = self.pipe.loop
        self._waiter = loop.create_future()
        deadline = self._deadline if timeout is None else loop.time() + timeout
        timer = None
        if deadline is not None:
            notice = None if self.silent is None else self._notice
            timer = Patience(loop, deadline, self._expire, notice)
        try:
            await self._waiter
        finally:
            self._waiter = self._enough = None
            if timer is not None:
                timer.cancel()

    def _notice(self) -> None:
        self.pipe.read_now()
        waiting = self._waiter is not None and not self._waiter.done()
        if waiting and not self.data and self.silent is not None:
            self.silent()

    def _expire(self) -> None:
        self.pipe.read_now()  # It may be here, and the event loop have been held up.
        self._settle(TimeoutError())

    def _settle(self, error: BaseException | None = None) -> None:
        if self._waiter is None or self._waiter.done():
            return
        if error is not None:
            self._waiter.set_exception(error)
        else:
            self._waiter.set_result(None)

    # Sink

    def data_received(self, data: bytes | memoryview, at_ns: int, kernel: bool) -> None:
        # What comes after enough (frames in the packet of the 101) is kept too.
        self.data += data
        self.at_ns, self.kernel = at_ns, kernel
        if self._enough is not None and self._enough(self.data):
            # Nothing more is read until whoever waits has taken the pipe over.
            self.pipe.pause()
            self._settle()

    def eof_received(self, at_ns: int) -> None:
        self.eof = True
        self._settle(EOFError())

    def pipe_lost(self, error: OSError) -> None:
        self.error = error
        self._settle(error)

    def sent(self, number: int, at_ns: int, acked: bool) -> None:
        if not acked:
            self.left_ns = at_ns

    def drained(self) -> None:
        pass  # What is asked here is short.
