"""Notices to be delivered: written with what they tell of, delivered at least once.

Whoever delivers a notice claims it for a while. If that one dies, it is due again when the while
is over.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from typing import Any, Literal

from sqlalchemy import ColumnElement, Row, and_, case, exists, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from checkwire.store.records import ChannelNotices, OutboxEntry
from checkwire.store.tables import checks, incidents, outbox, projects
from checkwire.store.upsert import insert_into

__all__ = [
    "SEVERAL",
    "add",
    "by_channel",
    "claim",
    "delivered",
    "due",
    "failed",
    "key_of",
    "next_try",
    "of_incident",
    "of_incidents",
    "pending",
]

Event = Literal["opened", "closed"]

SEVERAL = 3
"""After so many tries, a notice that waits is late."""


def key_of(incident_id: str, event: Event, channel: str) -> str:
    """The id of a notice, and its idempotency key: each event has one for each channel."""
    named = "\0".join((incident_id, event, channel)).encode()
    return hashlib.blake2b(named, digest_size=16).hexdigest()


async def add(
    tx: AsyncConnection,
    *,
    incident_id: str,
    event: Event,
    channel: str,
    payload: bytes,
    now_ns: int,
) -> str:
    """Enter a notice, to be delivered at once. What is there already is not entered again.

    Returns:
        Its id, which follows from incident, event and channel: the idempotency key.
    """
    entry_id = key_of(incident_id, event, channel)
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
    """Notices that are to be tried now.

    First comes the one that each channel has waited for longest, then the second of each, and so
    on: a channel with many of them does not hide those of the others. That an incident is over is
    not due before it is told, or given up, that it began.
    """
    place = func.row_number().over(
        # Channels of different projects may have one name.
        partition_by=(checks.c.project_id, outbox.c.channel),
        order_by=(outbox.c.next_try_ns, outbox.c.created_ns, outbox.c.id),
    )
    ranked = (
        select(outbox, place.label("place"))
        .join(incidents, incidents.c.id == outbox.c.incident_id)
        .join(checks, checks.c.id == incidents.c.check_id)
        .where(outbox.c.next_try_ns <= now_ns, ~_too_early())
        .subquery()
    )
    query = (
        select(*(ranked.c[column.name] for column in outbox.columns))
        .order_by(ranked.c.place, ranked.c.next_try_ns, ranked.c.created_ns, ranked.c.id)
        .limit(limit)
    )
    return [_entry(row) for row in await tx.execute(query)]


async def claim(
    tx: AsyncConnection, entry_ids: Collection[str], now_ns: int, until_ns: int
) -> list[OutboxEntry]:
    """Those of the notices that are due still. They are due again at ``until_ns``."""
    statement = (
        update(outbox)
        .where(outbox.c.id.in_(list(entry_ids)), outbox.c.next_try_ns <= now_ns)
        .values(next_try_ns=until_ns)
        .returning(*outbox.columns)
    )
    return [_entry(row) for row in await tx.execute(statement)]


async def next_try(tx: AsyncConnection, after_ns: int = -1) -> int | None:
    """When the next notice is to be tried after an instant; ``None`` if there is none."""
    query = select(outbox.c.next_try_ns).where(outbox.c.next_try_ns > after_ns, ~_too_early())
    return (await tx.execute(query.order_by(outbox.c.next_try_ns).limit(1))).scalar()


async def pending(tx: AsyncConnection) -> int:
    """How many notices are neither delivered nor given up."""
    query = select(func.count()).select_from(outbox).where(outbox.c.next_try_ns.is_not(None))
    return (await tx.execute(query)).scalar_one()


async def by_channel(tx: AsyncConnection, since_ns: int) -> list[ChannelNotices]:
    """How the notices to each channel fare, by project and channel.

    Counted are those that wait, and those of incidents that are open or ended after ``since_ns``:
    what was given up long ago concerns nobody, and would be looked for in all that is kept.
    """
    recent = select(incidents.c.id).where(
        or_(incidents.c.closed_ns.is_(None), incidents.c.closed_ns >= since_ns)
    )
    waits = outbox.c.next_try_ns.is_not(None)
    late = and_(waits, outbox.c.tries >= SEVERAL)
    given_up = and_(outbox.c.next_try_ns.is_(None), outbox.c.delivered_ns.is_(None))
    query = (
        select(
            projects.c.key.label("project"),
            outbox.c.channel,
            func.sum(case((waits, 1), else_=0)).label("waiting"),
            func.sum(case((late, 1), else_=0)).label("late"),
            func.sum(case((given_up, 1), else_=0)).label("given_up"),
            func.max(case((or_(late, given_up), outbox.c.error))).label("error"),
        )
        .join(incidents, incidents.c.id == outbox.c.incident_id)
        .join(checks, checks.c.id == incidents.c.check_id)
        .join(projects, projects.c.id == checks.c.project_id)
        .where(or_(waits, outbox.c.incident_id.in_(recent)))
        .group_by(projects.c.key, outbox.c.channel)
        .order_by(projects.c.key, outbox.c.channel)
    )
    return [ChannelNotices(**row._mapping) for row in await tx.execute(query)]


async def delivered(
    tx: AsyncConnection, entry_id: str, now_ns: int, *, note: str | None = None
) -> None:
    """Note that a notice was delivered.

    Args:
        tx: a transaction that writes.
        entry_id: which.
        now_ns: the time.
        note: what went wrong nevertheless, such as a recipient who was refused; kept as its error.
    """
    await _tried(tx, entry_id, next_try_ns=None, delivered_ns=now_ns, error=note)


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
    return (await of_incidents(tx, [incident_id]))[incident_id]


async def of_incidents(
    tx: AsyncConnection, incident_ids: Collection[str]
) -> dict[str, list[OutboxEntry]]:
    """The same of several incidents, by their ids."""
    query = select(outbox).where(outbox.c.incident_id.in_(list(incident_ids)))
    found: dict[str, list[OutboxEntry]] = {incident_id: [] for incident_id in incident_ids}
    for row in await tx.execute(query.order_by(outbox.c.created_ns, outbox.c.id)):
        found[row.incident_id].append(_entry(row))
    return found


async def _tried(tx: AsyncConnection, entry_id: str, **values: Any) -> None:
    # One that is delivered stays so, whatever another try came to.
    await tx.execute(
        update(outbox)
        .where(outbox.c.id == entry_id, outbox.c.delivered_ns.is_(None))
        .values(tries=outbox.c.tries + 1, **values)
    )


def _too_early() -> ColumnElement[bool]:
    """Whether a notice tells of an end whose beginning is yet to be told."""
    beginning = outbox.alias("beginning")
    return and_(
        outbox.c.event == "closed",
        exists().where(
            beginning.c.incident_id == outbox.c.incident_id,
            beginning.c.channel == outbox.c.channel,
            beginning.c.event == "opened",
            beginning.c.next_try_ns.is_not(None),
        ),
    )


def _entry(row: Row[Any]) -> OutboxEntry:
    return OutboxEntry(**row._mapping)
