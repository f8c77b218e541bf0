"""Runs that were asked for by hand and have no result yet: a restart does not forget them."""

from __future__ import annotations

import msgspec
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from checkwire.store.registry import location_ids
from checkwire.store.tables import checks, locations, projects, triggers
from checkwire.store.upsert import insert_into

__all__ = ["Trigger", "add_trigger", "pending_triggers"]


class Trigger(msgspec.Struct, frozen=True, kw_only=True):
    """A run that was asked for.

    Attributes:
        check: the check's id within the project.
        requested_by: whom.
    """

    run_id: str
    check_id: int
    check: str
    project: str
    location: str
    due_ns: int
    requested_by: str


async def add_trigger(
    tx: AsyncConnection,
    *,
    run_id: str,
    check_id: int,
    location: str,
    due_ns: int,
    requested_by: str,
) -> None:
    """Note that a run was asked for. It is forgotten once its result is inserted."""
    places = await location_ids(tx, [location])
    await tx.execute(
        insert_into(tx, triggers)
        .values(
            run_id=run_id,
            check_id=check_id,
            location_id=places[location],
            due_ns=due_ns,
            requested_by=requested_by,
        )
        .on_conflict_do_nothing()
    )


async def pending_triggers(tx: AsyncConnection) -> list[Trigger]:
    """The runs that were asked for and have no result, the oldest first."""
    query = (
        select(
            triggers.c.run_id,
            triggers.c.check_id,
            checks.c.key.label("check"),
            projects.c.key.label("project"),
            locations.c.name.label("location"),
            triggers.c.due_ns,
            triggers.c.requested_by,
        )
        .join(checks, checks.c.id == triggers.c.check_id)
        .join(projects, projects.c.id == checks.c.project_id)
        .join(locations, locations.c.id == triggers.c.location_id)
        .order_by(triggers.c.due_ns, triggers.c.run_id)
    )
    return [Trigger(**row._mapping) for row in await tx.execute(query)]
