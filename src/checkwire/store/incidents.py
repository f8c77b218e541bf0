"""Incidents: of each check, one at most is open, which the database itself sees to."""

from __future__ import annotations

import os
from collections.abc import Collection
from typing import Any

from sqlalchemy import Row, Select, and_, case, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from checkwire.model.run_id import run_id_at
from checkwire.store.records import Incident
from checkwire.store.tables import checks, incidents, projects
from checkwire.store.upsert import insert_into

__all__ = [
    "close_incident",
    "count_open",
    "get_incident",
    "list_incidents",
    "open_incident",
    "open_incidents",
]


async def open_incident(
    tx: AsyncConnection,
    *,
    check_id: int,
    began_ns: int,
    opened_ns: int,
    opened_by: str,
    code: str | None = None,
    message: str | None = None,
    hint: str | None = None,
    phase: str | None = None,
) -> Incident | None:
    """Open an incident.

    Args:
        tx: a transaction that writes.
        check_id: the check that is down.
        began_ns: when the first of the failed runs was due.
        opened_ns: the time.
        opened_by: the run that shows it.
        code, message, hint, phase: of that run's failure.

    Returns:
        The incident; ``None`` if the check has one that is open.
    """
    incident_id = run_id_at(opened_ns, os.urandom(10))
    statement = (
        insert_into(tx, incidents)
        .values(
            id=incident_id,
            check_id=check_id,
            began_ns=began_ns,
            opened_ns=opened_ns,
            opened_by=opened_by,
            code=code,
            message=message,
            hint=hint,
            phase=phase,
        )
        .on_conflict_do_nothing()
        .returning(incidents.c.id)
    )
    if (await tx.execute(statement)).scalar() is None:
        return None
    return await get_incident(tx, incident_id)


async def close_incident(
    tx: AsyncConnection,
    incident_id: str,
    *,
    closed_ns: int,
    closed_by: str | None,
    ended_ns: int | None = None,
) -> Incident | None:
    """Close an incident.

    Args:
        tx: a transaction that writes.
        incident_id: which.
        closed_ns: the time.
        closed_by: the run that shows that the check is up again.
        ended_ns: when that run was due; by default the time.

    Returns:
        The incident; ``None`` if it was closed already, or there is none.
    """
    end_ns = closed_ns if ended_ns is None else ended_ns
    began_ns = incidents.c.began_ns
    closed = await tx.execute(
        update(incidents)
        .where(incidents.c.id == incident_id, incidents.c.closed_ns.is_(None))
        .values(
            closed_ns=closed_ns,
            closed_by=closed_by,
            ended_ns=case((began_ns > end_ns, began_ns), else_=end_ns),
        )
    )
    return await get_incident(tx, incident_id) if closed.rowcount else None


async def open_incidents(
    tx: AsyncConnection, check_ids: Collection[int] | None = None
) -> dict[int, Incident]:
    """All that are open, by check.

    Args:
        tx: a transaction.
        check_ids: of these checks only.
    """
    query = _incidents().where(incidents.c.closed_ns.is_(None)).order_by(incidents.c.opened_ns)
    if check_ids is not None:
        query = query.where(incidents.c.check_id.in_(list(check_ids)))
    return {row.check_id: _record(row) for row in await tx.execute(query)}


async def count_open(tx: AsyncConnection, check_id: int | None = None) -> int:
    """How many are open.

    Args:
        tx: a transaction.
        check_id: of this check only.
    """
    query = select(func.count()).select_from(incidents).where(incidents.c.closed_ns.is_(None))
    if check_id is not None:
        query = query.where(incidents.c.check_id == check_id)
    return (await tx.execute(query)).scalar_one()


async def list_incidents(
    tx: AsyncConnection,
    check_id: int | None = None,
    open: bool | None = None,  # noqa: A002 - it is the word for it
    before: tuple[int, str] | None = None,
    limit: int = 50,
) -> list[Incident]:
    """Incidents, the newest first.

    Args:
        tx: a transaction.
        check_id: of this check.
        open: only those that are, or only those that are not.
        before: ``opened_ns`` and ``id`` of the last one seen.
        limit: how many at most.
    """
    query = _incidents().order_by(incidents.c.opened_ns.desc(), incidents.c.id.desc())
    if check_id is not None:
        query = query.where(incidents.c.check_id == check_id)
    if open is not None:
        closed_ns = incidents.c.closed_ns
        query = query.where(closed_ns.is_(None) if open else closed_ns.is_not(None))
    if before is not None:
        query = query.where(
            or_(
                incidents.c.opened_ns < before[0],
                and_(incidents.c.opened_ns == before[0], incidents.c.id < before[1]),
            )
        )
    return [_record(row) for row in await tx.execute(query.limit(limit))]


async def get_incident(tx: AsyncConnection, incident_id: str) -> Incident | None:
    """The incident of that id."""
    row = (await tx.execute(_incidents().where(incidents.c.id == incident_id))).one_or_none()
    return None if row is None else _record(row)


def _incidents() -> Select[Any]:
    return (
        select(
            incidents,
            checks.c.uid.label("check_uid"),
            checks.c.key.label("check"),
            projects.c.key.label("project"),
        )
        .join(checks, checks.c.id == incidents.c.check_id)
        .join(projects, projects.c.id == checks.c.project_id)
    )


def _record(row: Row[Any]) -> Incident:
    return Incident(**row._mapping)
