"""How notices fare, for whoever looks at the server."""

from __future__ import annotations

from checkwire.store import outbox
from checkwire.store.database import Store
from checkwire.store.records import ChannelNotices

__all__ = ["read_notices"]

_RECENT_NS = 48 * 3600 * 1_000_000_000
"""A notice is given up after a day at the latest: then it is told for another one."""


async def read_notices(store: Store, now_ns: int) -> list[ChannelNotices]:
    """By project and channel: those that wait, and those of incidents of the last two days."""
    async with store.reading() as tx:
        return await outbox.by_channel(tx, now_ns - _RECENT_NS)
