"""A pipe without a network, and the event loop on which what uses it runs."""

from __future__ import annotations

import asyncio
import atexit
import functools
import socket
from collections import deque
from collections.abc import Callable, Coroutine, Iterable
from typing import Any, TypeVar

from checkwire.wire.clock import Timeline
from checkwire.wire.dial.dialer import Dialled
from checkwire.wire.pipe import Sink

__all__ = ["MemoryPipe", "dialled", "run"]

T = TypeVar("T")
Answer = Callable[[bytes], Iterable[bytes]]


class MemoryPipe:
    """Delivers chunks, each as one read, then the end; see :class:`checkwire.wire.pipe.Pipe`.

    Attributes:
        sent: what was written to it.
        timeline: where times are put.
    """

    kernel_clock = False
    unwritten = 0
    congested = False
    ending = False

    def __init__(
        self,
        chunks: Iterable[bytes] = (),
        *,
        answer: Answer | None = None,
        error: OSError | None = None,
        timeline: Timeline | None = None,
    ) -> None:
        """Deliver these.

        Args:
            chunks: what comes without being asked for.
            answer: makes more of each write; nothing comes to an end before the first one.
            error: what breaks the connection; it ends well without one.
            timeline: that of the observer, if there is one.
        """
        self.sent = bytearray()
        self.timeline = timeline or Timeline()
        self._chunks = deque(chunks)
        self._answer = answer
        self._error = error
        self._sink: Sink | None = None
        self._asked = answer is None
        self._paused = False
        self._ended = False
        self._closed = False

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        return asyncio.get_running_loop()

    @property
    def socket(self) -> socket.socket:
        return _socket()

    @property
    def sink(self) -> Sink | None:
        return self._sink

    @sink.setter
    def sink(self, sink: Sink | None) -> None:
        self._sink = sink
        self._soon()

    def write(self, data: bytes, track: int = 0) -> None:
        if self._closed or not data:
            return
        self.sent += data
        if self._answer is not None:
            self._asked = True
            self._chunks += self._answer(bytes(data))
            self._soon()

    @property
    def written(self) -> int:
        return len(self.sent)

    @property
    def paused(self) -> bool:
        return self._paused

    async def drain(self) -> None:
        pass

    def pause(self) -> None:
        self._paused = True

    def resume(self) -> None:
        self._paused = False
        self._soon()

    def read_now(self) -> None:
        pass  # What has not been delivered has not come yet.

    def end_session(self) -> None:
        pass

    def close(self) -> None:
        self._closed = True
        self._sink = None

    def _soon(self) -> None:
        asyncio.get_running_loop().call_soon(self._deliver)

    def _deliver(self) -> None:
        if self._closed or self._paused or self._ended or self._sink is None or not self._asked:
            return
        if self._chunks:
            # As the real one: a buffer that holds something else right after.
            buffer = bytearray(self._chunks.popleft())
            self._sink.data_received(memoryview(buffer), self.timeline.now(), False)
            buffer[:] = b"\xa5" * len(buffer)
            self._soon()
        elif self._error is not None:
            self._ended = True
            self._sink.pipe_lost(self._error)
        else:
            self._ended = True
            self._sink.eof_received(self.timeline.now())


@functools.cache
def _socket() -> socket.socket:
    """One that was never connected: the kernel knows nothing of it."""
    unconnected = socket.socket()
    atexit.register(unconnected.close)
    return unconnected


def dialled(pipe: MemoryPipe) -> Dialled:
    """The pipe as if a server had been reached."""
    return Dialled(pipe, "192.0.2.1:80", "192.0.2.1:80", "192.0.2.2:50000", None, {}, True)


@functools.cache
def _loop() -> asyncio.AbstractEventLoop:
    loop = asyncio.new_event_loop()
    atexit.register(loop.close)
    return loop


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run to the end. What a callback of the loop raised is raised here."""
    problems: list[dict[str, Any]] = []
    loop = _loop()
    loop.set_exception_handler(lambda _, context: problems.append(context))
    result = loop.run_until_complete(work)
    for problem in problems:
        raise AssertionError(problem["message"]) from problem.get("exception")
    return result
