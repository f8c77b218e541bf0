"""Notices to be delivered: written with what they tell of, delivered at least once.

Whoever delivers a notice claims it for a while. If that one dies, it is due again when the while
is over.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Collection
from typing import Any, Literal

import msgspec
from sqlalchemy import (
    ColumnElement,
    FromClause,
    Row,
    and_,
    case,
    delete,
    exists,
    func,
    or_,
    select,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from checkwire.store.records import ChannelNotices, OutboxEntry, Untold
from checkwire.store.tables import channels, checks, incidents, outbox, projects
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
    "told_beginning",
    "worked",
]

Event = Literal["opened", "closed"]

SEVERAL = 3
"""After so many tries, a notice that waits is late."""
_LOOKED_AT = 200
"""Notices in trouble that are looked at for their errors and checks, the latest first."""


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
    given_up = outbox.c.given_up_ns.is_not(None)
    worked_ns = func.coalesce(channels.c.worked_ns, 0)
    lost = and_(given_up, outbox.c.given_up_ns > worked_ns)
    counted = (
        select(
            projects.c.key.label("project"),
            outbox.c.channel,
            func.sum(case((waits, 1), else_=0)).label("waiting"),
            func.sum(case((late, 1), else_=0)).label("late"),
            func.sum(case((given_up, 1), else_=0)).label("given_up"),
            func.sum(case((lost, 1), else_=0)).label("lost"),
        )
        .select_from(_with_channels())
        .where(or_(waits, outbox.c.incident_id.in_(recent)))
        .group_by(projects.c.key, outbox.c.channel)
        .order_by(projects.c.key, outbox.c.channel)
    )
    found = [ChannelNotices(**row._mapping) for row in await tx.execute(counted)]
    if not any(one.troubled for one in found):
        return found
    troubled = (
        select(
            projects.c.key.label("project"),
            outbox.c.channel,
            outbox.c.error,
            checks.c.uid.label("check_uid"),
            checks.c.key.label("check"),
        )
        .select_from(_with_channels())
        .where(or_(late, and_(lost, outbox.c.incident_id.in_(recent))))
        .order_by(outbox.c.created_ns.desc(), outbox.c.id)
        .limit(_LOOKED_AT)
    )
    errors: dict[tuple[str, str], str | None] = {}
    untold: defaultdict[tuple[str, str], dict[str, Untold]] = defaultdict(dict)
    for row in await tx.execute(troubled):
        errors.setdefault((row.project, row.channel), row.error)
        of = untold[row.project, row.channel]
        of.setdefault(row.check_uid, Untold(check_uid=row.check_uid, check=row.check))
    return [
        msgspec.structs.replace(
            one,
            error=errors.get((one.project, one.channel)),
            untold=tuple(untold[one.project, one.channel].values()),
        )
        for one in found
    ]


def _with_channels() -> FromClause:
    """Notices, each with its incident, check, project, and the channel if it ever worked."""
    here = and_(channels.c.project_id == checks.c.project_id, channels.c.name == outbox.c.channel)
    return (
        outbox.join(incidents, incidents.c.id == outbox.c.incident_id)
        .join(checks, checks.c.id == incidents.c.check_id)
        .join(projects, projects.c.id == checks.c.project_id)
        .outerjoin(channels, here)
    )


async def worked(tx: AsyncConnection, project: str, channel: str, now_ns: int) -> None:
    """Note that something was delivered to a channel, a notice or a test.

    Args:
        tx: a transaction that writes.
        project: its key.
        channel: its name in the project's settings.
        now_ns: the time.
    """
    of_project = select(projects.c.id).where(projects.c.key == project)
    project_id = (await tx.execute(of_project)).scalar()
    if project_id is None:
        return
    statement = insert_into(tx, channels).values(
        project_id=project_id, name=channel, worked_ns=now_ns
    )
    await tx.execute(
        statement.on_conflict_do_update(
            index_elements=["project_id", "name"], set_={"worked_ns": now_ns}
        )
    )


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


async def failed(
    tx: AsyncConnection, entry_id: str, error: str, next_try_ns: int | None, now_ns: int
) -> None:
    """Note that a notice could not be delivered.

    If it is given up, and tells of a beginning, the end is not told either: of what they never
    heard of, people are not to hear that it is over.

    Args:
        tx: a transaction that writes.
        entry_id: which.
        error: why.
        next_try_ns: when to try again; ``None`` to give up.
        now_ns: the time.
    """
    given_up_ns = now_ns if next_try_ns is None else None
    await _tried(tx, entry_id, next_try_ns=next_try_ns, given_up_ns=given_up_ns, error=error)
    if next_try_ns is not None:
        return
    beginning = outbox.alias("beginning")
    await tx.execute(
        delete(outbox).where(
            outbox.c.event == "closed",
            outbox.c.delivered_ns.is_(None),
            exists().where(
                beginning.c.id == entry_id,
                beginning.c.event == "opened",
                beginning.c.given_up_ns.is_not(None),
                beginning.c.incident_id == outbox.c.incident_id,
                beginning.c.channel == outbox.c.channel,
            ),
        )
    )


async def told_beginning(tx: AsyncConnection, incident_id: str) -> list[str]:
    """The channels that were told, or are yet to be told, that an incident began.

    Whoever gives one of these notices up meanwhile waits until the transaction is over, so that it
    finds what is entered in it of the end.
    """
    query = (
        select(outbox.c.channel)
        .where(
            outbox.c.incident_id == incident_id,
            outbox.c.event == "opened",
            outbox.c.given_up_ns.is_(None),
        )
        .order_by(outbox.c.created_ns, outbox.c.id)
        .with_for_update()
    )
    return list((await tx.execute(query)).scalars())


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
