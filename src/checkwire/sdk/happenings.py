"""What happens on an open connection, in order, for handlers: bounded, so that none is lost."""

from __future__ import annotations

import asyncio
from collections import deque
from math import inf
from typing import Any, Final, NamedTuple

from websockets.protocol import State

from checkwire.sdk.handlers import EventName
from checkwire.wire.options import Limits
from checkwire.wire.session.connection import Connection
from checkwire.wire.session.inbox import Message

__all__ = ["Happening", "Happenings"]


_HOLD: Final = 0.01
"""Seconds for which what waits may be taken without a break."""


class Happening(NamedTuple):
    """An event, and what its handlers are given."""

    event: EventName
    arguments: tuple[Any, ...]


class Happenings:
    """Messages, pings, pongs and the end of a connection, from now on.

    And what came with the answer to the upgrade: it came before anybody could listen.

    While more of them wait than the connection's limits allow, nothing is read, so that a server
    that sends faster than the handlers take feels it. Not so once this side has begun to close:
    the server's answer must get through, and what does not fit is dropped. One task may wait at a
    time.
    """

    __slots__ = (
        "_connection",
        "_early",
        "_free",
        "_limits",
        "_loop",
        "_paused",
        "_size",
        "_waiter",
        "_waiting",
    )

    def __init__(self, connection: Connection, limits: Limits) -> None:
        self._connection = connection
        self._limits = limits
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[tuple[Happening | None, int]] = deque()
        self._free = self._loop.time()
        """When the event loop last had a chance to do something else."""
        self._size = 0
        self._paused = False
        self._waiter: asyncio.Future[None] | None = None
        connection.on_ping = lambda data: self._put(Happening("ping", (data,)), len(data))
        connection.on_pong = lambda data: self._put(Happening("pong", (data,)), len(data))
        connection.on_closed = lambda code, reason: self._put(None)
        self._early = deque(connection.early)
        connection.early = ()
        connection.on_message = self._received
        self._put_early()
        if connection.state is State.CLOSED:
            self._put(None)

    def _put_early(self, before: float = inf) -> None:
        while self._early and self._early[0][0] < before:
            _, event, data = self._early.popleft()
            self._put(Happening(event, (data,)), len(data))

    def _received(self, message: Message) -> None:
        if self._early:
            self._put_early(before=message.frame)
        self._put(Happening("message", (message.data,)), len(message.data))

    def _put(self, happening: Happening | None, size: int = 0) -> None:
        if self._is_full and happening is not None and self._connection.closing:
            return  # Nothing holds the server up any more; the transcript has it.
        self._waiting.append((happening, size))
        self._size += size
        if self._is_full:
            self._paused = True
            self._connection.pause()
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    @property
    def _is_full(self) -> bool:
        return (
            len(self._waiting) >= self._limits.queue_messages
            or self._size >= self._limits.queue_bytes
        )

    def drop(self) -> None:
        """Forget what waits, and what will come, but the end."""
        self._connection.on_message = _ignore
        ended = any(happening is None for happening, _ in self._waiting)
        self._waiting.clear()
        self._size = 0
        self._connection.resume()
        if ended:
            self._put(None)

    async def next(self) -> Happening | None:
        """The next one; ``None`` when the connection has ended, and all was taken."""
        if self._loop.time() > self._free + _HOLD:
            await asyncio.sleep(0)  # However much waits: the end of its time must come, too.
            self._free = self._loop.time()
        while not self._waiting:
            self._waiter = self._loop.create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
            self._free = self._loop.time()
        happening, size = self._waiting.popleft()
        self._size -= size
        if self._paused and not self._waiting:
            self._paused = False
            self._connection.resume()
        return happening


def _ignore(message: Message) -> None:
    pass
