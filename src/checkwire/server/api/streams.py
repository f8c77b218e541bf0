"""Server-sent events, https://html.spec.whatwg.org/multipage/server-sent-events.html"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from typing import Any

import msgspec
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from checkwire.server.live import Hub, Message, Subscription

__all__ = ["KEEP_ALIVE", "EventStream", "event", "listening", "waited"]

KEEP_ALIVE = 15.0
"""Seconds of silence after which a comment is sent: proxies cut what says nothing."""

ASK_AGAIN = 60.0
"""Seconds after which it is looked up whether the reader may still read."""

_RETRY = b"retry: 2000\n\n"
"""Milliseconds after which a browser comes back."""

_COMMENT = b": still here\n\n"


def event(kind: str, data: Any, event_id: int | str) -> bytes:
    """One event."""
    return b"id: %b\nevent: %b\ndata: %b\n\n" % (
        str(event_id).encode(),
        kind.encode(),
        msgspec.json.encode(data),
    )


@asynccontextmanager
async def listening(
    hub: Hub, topics: list[str], stopped: asyncio.Event, after: int | None = None
) -> AsyncIterator[Subscription]:
    """Subscribe until the server has stopped its work, since it waits for its streams to end."""
    async with hub.subscribe(topics, after) as subscription:
        stop = asyncio.create_task(stopped.wait())
        stop.add_done_callback(lambda _: subscription.end())
        try:
            yield subscription
        finally:
            stop.cancel()


async def waited(
    subscription: Subscription, may: Callable[[], Awaitable[bool]]
) -> AsyncGenerator[Message | bytes, None]:
    """The messages, and comments between them while there are none; until the reader may not."""
    asked = time.monotonic()
    while not subscription.ended:
        message = await subscription.receive(KEEP_ALIVE)
        if time.monotonic() - asked >= ASK_AGAIN:
            if not await may():
                return
            asked = time.monotonic()
        if message is not None:
            yield message
        elif not subscription.ended:
            yield _COMMENT


class EventStream(Response):
    """A response that goes on until its source ends, or the client leaves."""

    media_type = "text/event-stream"

    def __init__(self, source: AsyncGenerator[bytes, None]) -> None:
        super().__init__(
            headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
            media_type=self.media_type,
        )
        del self.headers["content-length"]
        self._source = source

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        sending = asyncio.create_task(self._send(send))
        leaving = asyncio.create_task(_left(receive))
        try:
            await asyncio.wait({sending, leaving}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            leaving.cancel()
            if not sending.done():
                sending.cancel()
            await asyncio.gather(sending, leaving, return_exceptions=True)
        if not sending.cancelled() and (error := sending.exception()) is not None:
            raise error

    async def _send(self, send: Send) -> None:
        async with aclosing(self._source) as source:
            await send(
                {
                    "type": "http.response.start",
                    "status": self.status_code,
                    "headers": self.raw_headers,
                }
            )
            await send({"type": "http.response.body", "body": _RETRY, "more_body": True})
            async for part in source:
                await send({"type": "http.response.body", "body": part, "more_body": True})
            await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
