"""How notices fare, for whoever looks at the server."""

from __future__ import annotations

from checkwire.store import outbox
from checkwire.store.database import Store
from checkwire.store.records import ChannelNotices

__all__ = ["advice_of", "read_notices", "trouble_of"]

_RECENT_NS = 48 * 3600 * 1_000_000_000
"""A notice is given up after a day at the latest: then it is told for another one."""


async def read_notices(store: Store, now_ns: int) -> list[ChannelNotices]:
    """By project and channel: those that wait, and those of incidents of the last two days."""
    async with store.reading() as tx:
        return await outbox.by_channel(tx, now_ns - _RECENT_NS)


def trouble_of(one: ChannelNotices) -> str:
    """What became of the notices that are late, or lost: sentences; empty if there are none."""
    told = []
    if one.late:
        are = "is not delivered, and is" if one.late == 1 else "are not delivered, and are"
        told.append(f"{_counted(one.late)} {are} tried again.")
    if one.lost:
        were = "was" if one.lost == 1 else "were"
        told.append(f"{_counted(one.lost)} {were} given up.")
    return " ".join(told)


def advice_of(one: ChannelNotices) -> str:
    """What to do about it: a sentence."""
    return (
        f"Mend the receiver, or [channels.{one.channel}] in the project's settings. This is told "
        "until something was delivered to it: try it with "
        f"checkwire channel test {one.channel} --project {one.project}."
    )


def _counted(count: int) -> str:
    return "1 notice" if count == 1 else f"{count:,} notices"
