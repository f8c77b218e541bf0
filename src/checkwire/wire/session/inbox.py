"""Messages received and not yet taken."""

from __future__ import annotations

import asyncio
from collections import deque

import msgspec

from checkwire.wire.pipe import Pipe

__all__ = ["Inbox", "Message"]


class Message(msgspec.Struct, frozen=True, gc=False):
    """A whole message.

    Attributes:
        data: ``str`` for text, ``bytes`` for binary.
        at_ns: when its last byte arrived, on the attempt's timeline.
        frame: the number of its last frame.
    """

    data: str | bytes
    at_ns: int
    frame: int


class Inbox:
    """A bounded queue for one reader. A pipe that fills it waits until half of it is taken.

    Attributes:
        closing: whether this side has begun to close: then the pipe does not wait, as the server's
            Close frame is behind whatever it still sends.
    """

    __slots__ = (
        "_bytes",
        "_dropped",
        "_is_full",
        "_max_bytes",
        "_max_messages",
        "_messages",
        "_pipe",
        "_waiter",
        "closing",
    )

    def __init__(self, max_messages: int, max_bytes: int, pipe: Pipe) -> None:
        self._messages: deque[Message] | None = None
        """There from the first message on: many a connection never gets one."""
        self._bytes = 0
        self._max_messages = max_messages
        self._max_bytes = max_bytes
        self._pipe = pipe
        self._is_full = False
        self._dropped = False
        self.closing = False
        self._waiter: asyncio.Future[None] | None = None

    def __len__(self) -> int:
        return len(self._messages or ())

    @property
    def full(self) -> bool:
        """Whether it has been filled, and not been emptied to the half since."""
        return self._is_full

    def put(self, message: Message) -> None:
        """Add a message; also when full, since it is here already.

        In closing, what comes when it is full is dropped, and all that comes after that: a reader
        finds an end, not a gap.
        """
        if self.closing and (self._is_full or self._dropped):
            self._dropped = True
            return
        if self._messages is None:
            self._messages = deque()
        self._messages.append(message)
        self._bytes += len(message.data)
        if not self._is_full and (
            len(self._messages) >= self._max_messages or self._bytes >= self._max_bytes
        ):
            self._is_full = True
            if not self.closing:
                self._pipe.pause()
        if self._waiter is not None:
            self.wake()

    def take(self) -> Message | None:
        """The oldest message, or ``None``."""
        if not self._messages:
            return None
        message = self._messages.popleft()
        self._bytes -= len(message.data)
        if (
            self._is_full
            and len(self._messages) <= self._max_messages // 2
            and self._bytes <= self._max_bytes // 2
        ):
            self._is_full = False
            self._pipe.resume()
        return message

    @property
    def awaited(self) -> bool:
        """Whether a reader waits."""
        return self._waiter is not None

    async def wait(self, deadline: float | None = None) -> None:
        """Until a message may be there, or :meth:`wake` is called.

        Raises:
            TimeoutError: the loop's clock passed ``deadline``.
        """
        loop = self._pipe.loop
        waiter = self._waiter = loop.create_future()
        timer = None if deadline is None else loop.call_at(deadline, _expire, waiter)
        try:
            await waiter
        finally:
            self._waiter = None
            if timer is not None:
                timer.cancel()

    def wake(self) -> None:
        """Let a reader look again."""
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


def _expire(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_exception(TimeoutError())
