"""What happens, told at once to whoever listens: pages, streams of the API."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any

import msgspec

__all__ = ["MISSED", "Hub", "Message", "Subscription"]

MISSED = "missed"
"""Kind of the message that stands for others which this subscriber did not get."""


class Message(msgspec.Struct, frozen=True):
    """Something that happened.

    Attributes:
        id: grows from message to message, and from one start of the server to the next.
        topic: ``runs``, ``run:RUN_ID``, ``incidents``, ``projects``; empty if ``kind`` is
            ``missed``.
        kind: what happened, e.g. ``run_finished``.
        data: what there is to say of it, fit for JSON.
    """

    id: int
    topic: str
    kind: str
    data: dict[str, Any]


class Subscription:
    """The messages of some topics, in order; ends when the hub is closed.

    At most ``limit`` of them wait. If there are more, the oldest go, and a message of kind
    ``missed`` stands in their place: its ``count`` says how many they were (``None``: unknown).
    """

    def __init__(self, limit: int) -> None:
        self._waiting: deque[Message] = deque()
        self._limit = limit
        self._wake = asyncio.Event()
        self._closed = False
        self._missed: int | None = 0
        self._missed_id = 0

    @property
    def ended(self) -> bool:
        """Whether no message will come any more."""
        return self._closed and not self._waiting and self._missed == 0

    def __aiter__(self) -> AsyncIterator[Message]:
        return self

    async def __anext__(self) -> Message:
        message = await self.receive()
        if message is None:
            raise StopAsyncIteration
        return message

    async def receive(self, within: float | None = None) -> Message | None:
        """The next message; ``None`` if none came within these seconds, or if it :attr:`ended`."""
        if not self._ready():
            self._wake.clear()
            try:
                async with asyncio.timeout(within):
                    await self._wake.wait()
            except TimeoutError:
                return None
        if self._missed != 0:
            message = Message(self._missed_id, "", MISSED, {"count": self._missed})
            self._missed = 0
            return message
        return self._waiting.popleft() if self._waiting else None

    def end(self) -> None:
        """Let no more messages come; those that wait can still be read."""
        self._closed = True
        self._wake.set()

    def _ready(self) -> bool:
        return bool(self._waiting) or self._closed or self._missed != 0

    def _put(self, message: Message) -> None:
        if self._closed:
            return
        if len(self._waiting) >= self._limit:
            self._miss(self._waiting.popleft().id, 1)
        self._waiting.append(message)
        self._wake.set()

    def _miss(self, last_id: int, count: int | None) -> None:
        self._missed_id = last_id
        self._missed = None if self._missed is None or count is None else self._missed + count


class Hub:
    """Takes messages and gives each to all who subscribed to its topic. Used in one event loop.

    Messages of the recent past are kept, so that a reader who lost the connection can go on where
    it was. Topics of one family (what stands before the colon) share that memory: the many events
    of single runs do not push out the rest.
    """

    def __init__(
        self, *, backlog: int = 1000, queue: int = 1000, first_id: int | None = None
    ) -> None:
        """An empty hub.

        Args:
            backlog: how many messages of a family of topics are kept.
            queue: how many messages wait for a subscriber before it misses the oldest.
            first_id: by default the clock's microseconds: what was read before a restart is then
                older than all that is kept, and the reader is told that it missed something.
        """
        self._backlog = backlog
        self._queue = queue
        self._next = time.time_ns() // 1000 if first_id is None else first_id
        self._first = self._next
        self._kept: dict[str, deque[Message]] = {}
        self._gone: dict[str, int] = {}  # id of the latest one of a family that is not kept
        self._subscribers: dict[str, set[Subscription]] = {}
        self._heard: dict[str, float] = {}
        self._closed = False

    @property
    def last_id(self) -> int:
        """Id of the latest message: who subscribes after it misses nothing from now on."""
        return self._next - 1

    def publish(self, topic: str, kind: str, data: dict[str, Any]) -> None:
        """Tell it. Waits for nobody."""
        message = Message(self._next, topic, kind, data)
        self._next += 1
        family = topic.partition(":")[0]
        kept = self._kept.setdefault(family, deque())
        kept.append(message)
        if len(kept) > self._backlog:
            self._gone[family] = kept.popleft().id
        for subscriber in self._subscribers.get(topic, ()):
            subscriber._put(message)
            self._heard[family] = time.monotonic()

    def heard(self, family: str) -> float:
        """When somebody was last given a message of such a topic (monotonic seconds)."""
        return self._heard.get(family, float("-inf"))

    @asynccontextmanager
    async def subscribe(
        self, topics: Iterable[str], after: int | None = None
    ) -> AsyncIterator[Subscription]:
        """Listen to topics, for as long as the block lasts.

        Nothing is awaited before the block is entered, so nothing is published in between.

        Args:
            topics: their whole names.
            after: id of the last message read before: what came since comes first.
        """
        wanted = set(topics)
        subscription = Subscription(self._queue)
        if after is not None:
            self._replay(subscription, wanted, after)
        if self._closed:
            subscription.end()
        for topic in wanted:
            self._subscribers.setdefault(topic, set()).add(subscription)
        try:
            yield subscription
        finally:
            for topic in wanted:
                listening = self._subscribers[topic]
                listening.discard(subscription)
                if not listening:
                    del self._subscribers[topic]

    def close(self) -> None:
        """End all subscriptions, once their readers have what waits for them."""
        self._closed = True
        for subscribers in self._subscribers.values():
            for subscriber in subscribers:
                subscriber.end()

    def _replay(self, subscription: Subscription, topics: set[str], after: int) -> None:
        families = {topic.partition(":")[0] for topic in topics}
        gone = max((self._gone.get(family, self._first - 1) for family in families), default=0)
        if after < gone or after >= self._next:
            # Too long ago, or of a server whose clock was ahead.
            subscription._miss(gone, None)
            after = gone
        kept = (message for family in families for message in self._kept.get(family, ()))
        for message in sorted(kept, key=lambda message: message.id):
            if message.id > after and message.topic in topics:
                subscription._put(message)
