"""Telling a page that what it shows has changed: it then fetches itself again.

The browser only hears *that* something changed, not what: one way to draw a page is enough.
"""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Awaitable, Callable

from starlette.requests import Request

from checkwire.server.api.streams import event, listening, waited
from checkwire.server.live import Message
from checkwire.server.monitor import Monitor

__all__ = ["changes", "last_seen", "run_changes"]

APART = 1.0
"""Seconds between two events of one page at least."""


def last_seen(request: Request) -> int | None:
    """The id of the last event that a browser which comes back has had; at first that of the last
    message before the page was made, which is in the stream's address.
    """
    text = request.headers.get("last-event-id") or request.query_params.get("after", "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 20 else None


async def changes(
    monitor: Monitor,
    topics: list[str],
    concerns: Callable[[Message], bool],
    after: int | None,
    may: Callable[[], Awaitable[bool]],
    apart: float = APART,
) -> AsyncGenerator[bytes, None]:
    """``change``, not too often; ``over`` after the message of kind ``finished``.

    Args:
        monitor: whose messages.
        topics: which of them.
        concerns: whether the page shows anything of a message.
        after: what the page has seen already.
        may: whether the reader still may read.
        apart: seconds between two events at least.
    """
    told = 0.0
    async with listening(monitor.hub, topics, monitor.stopped, after) as subscription:
        async for message in waited(subscription, may):
            if isinstance(message, bytes):
                yield message
                continue
            if not concerns(message):
                continue
            last = message
            while last.kind != "finished" and (left := told + apart - time.monotonic()) > 0:
                more = await subscription.receive(left)
                if more is None:
                    break
                last = more if concerns(more) else last
            told = time.monotonic()
            if last.kind == "finished":
                yield event("over", {}, last.id)
                return
            yield event("change", {}, last.id)


async def run_changes(
    monitor: Monitor, run_id: str, after: int | None, may: Callable[[], Awaitable[bool]]
) -> AsyncGenerator[bytes, None]:
    """The same of one run. One that is over already is told at once."""
    stream = changes(monitor, [f"run:{run_id}", "runs"], _of_run(run_id), after, may)
    if monitor.running_events(run_id) is None:
        yield event("over", {}, 0)
        return
    async for part in stream:
        yield part


def _of_run(run_id: str) -> Callable[[Message], bool]:
    def concerns(message: Message) -> bool:
        if message.topic == "runs":
            # Its own topic says how it ends.
            return message.kind == "run_started" and message.data.get("run_id") == run_id
        return True

    return concerns
