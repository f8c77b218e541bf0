"""Notices to be delivered: written with what they tell of, delivered at least once."""

from __future__ import annotations

import hashlib
from typing import Any, Literal

from sqlalchemy import Row, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from checkwire.store.records import OutboxEntry
from checkwire.store.tables import outbox
from checkwire.store.upsert import insert_into

__all__ = ["add", "delivered", "due", "failed", "next_try", "of_incident"]


async def add(
    tx: AsyncConnection,
    *,
    incident_id: str,
    event: Literal["opened", "closed"],
    channel: str,
    payload: bytes,
    now_ns: int,
) -> str:
    """Enter a notice, to be delivered at once. What is there already is not entered again.

    Returns:
        Its id, which follows from incident, event and channel: the idempotency key.
    """
    named = "\0".join((incident_id, event, channel)).encode()
    entry_id = hashlib.blake2b(named, digest_size=16).hexdigest()
    statement = insert_into(tx, outbox).values(
        id=entry_id,
        incident_id=incident_id,
        event=event,
        channel=channel,
        payload=payload,
        created_ns=now_ns,
        tries=0,
        next_try_ns=now_ns,
    )
    await tx.execute(statement.on_conflict_do_nothing())
    return entry_id


async def due(tx: AsyncConnection, now_ns: int, limit: int = 50) -> list[OutboxEntry]:
    """Notices that are to be tried now, those first that have waited longest."""
    query = (
        select(outbox)
        .where(outbox.c.next_try_ns <= now_ns)
        .order_by(outbox.c.next_try_ns, outbox.c.created_ns, outbox.c.id)
        .limit(limit)
    )
    return [_entry(row) for row in await tx.execute(query)]


async def next_try(tx: AsyncConnection) -> int | None:
    """When the next notice is to be tried; ``None`` if there is none."""
    query = select(outbox.c.next_try_ns).where(outbox.c.next_try_ns.is_not(None))
    return (await tx.execute(query.order_by(outbox.c.next_try_ns).limit(1))).scalar()


async def delivered(tx: AsyncConnection, entry_id: str, now_ns: int) -> None:
    """Note that a notice was delivered."""
    await _tried(tx, entry_id, next_try_ns=None, delivered_ns=now_ns, error=None)


async def failed(tx: AsyncConnection, entry_id: str, error: str, next_try_ns: int | None) -> None:
    """Note that a notice could not be delivered.

    Args:
        tx: a transaction that writes.
        entry_id: which.
        error: why.
        next_try_ns: when to try again; ``None`` to give up.
    """
    await _tried(tx, entry_id, next_try_ns=next_try_ns, delivered_ns=None, error=error)


async def of_incident(tx: AsyncConnection, incident_id: str) -> list[OutboxEntry]:
    """All notices of an incident, in the order in which they were entered."""
    query = select(outbox).where(outbox.c.incident_id == incident_id)
    return [
        _entry(row) for row in await tx.execute(query.order_by(outbox.c.created_ns, outbox.c.id))
    ]


async def _tried(tx: AsyncConnection, entry_id: str, **values: Any) -> None:
    # One that is delivered stays so, whatever another try came to.
    await tx.execute(
        update(outbox)
        .where(outbox.c.id == entry_id, outbox.c.delivered_ns.is_(None))
        .values(tries=outbox.c.tries + 1, **values)
    )


def _entry(row: Row[Any]) -> OutboxEntry:
    return OutboxEntry(**row._mapping)
