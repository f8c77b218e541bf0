"""Runs that are owed: a restart does not forget them, as it cannot derive them from a schedule."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from checkwire.model.due import DueRun
from checkwire.store.records import CAUSES
from checkwire.store.registry import location_ids
from checkwire.store.tables import checks, locations, pending_runs, projects
from checkwire.store.upsert import insert_into

__all__ = ["add_pending", "list_pending", "remove_pending"]


async def add_pending(tx: AsyncConnection, due: DueRun, check_id: int) -> None:
    """Note that a run is to take place. It is forgotten once its result is inserted.

    Args:
        due: the run; if it is noted already, nothing changes.
        check_id: of the check's row.
    """
    places = await location_ids(tx, [due.location])
    await tx.execute(
        insert_into(tx, pending_runs)
        .values(
            run_id=due.run_id,
            check_id=check_id,
            location_id=places[due.location],
            due_ns=due.due_ns,
            holds_ns=due.holds_ns,
            grace_ns=due.grace_ns,
            cause=CAUSES.index(due.cause),
        )
        .on_conflict_do_nothing()
    )


async def list_pending(tx: AsyncConnection) -> list[DueRun]:
    """The runs that are to take place and have no result, the oldest first."""
    query = (
        select(
            pending_runs,
            checks.c.key.label("check"),
            projects.c.key.label("project"),
            locations.c.name.label("location"),
        )
        .join(checks, checks.c.id == pending_runs.c.check_id)
        .join(projects, projects.c.id == checks.c.project_id)
        .join(locations, locations.c.id == pending_runs.c.location_id)
        .order_by(pending_runs.c.due_ns, pending_runs.c.run_id)
    )
    return [
        DueRun(
            run_id=row.run_id,
            project=row.project,
            check=row.check,
            location=row.location,
            due_ns=row.due_ns,
            holds_ns=row.holds_ns,
            grace_ns=row.grace_ns,
            cause=CAUSES[row.cause],
        )
        for row in await tx.execute(query)
    ]


async def remove_pending(tx: AsyncConnection, run_ids: Iterable[str]) -> None:
    """Forget runs: they have a result, or will never have one."""
    ids = list(run_ids)
    for start in range(0, len(ids), 500):
        part = ids[start : start + 500]
        await tx.execute(delete(pending_runs).where(pending_runs.c.run_id.in_(part)))
