"""Where checks stand: what their latest runs say, location by location."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Row, exists, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from checkwire.store.records import STATUSES, CheckState, RunRecord
from checkwire.store.tables import check_locations, check_states, locations

__all__ = ["last_due", "moved", "state_record", "states"]


def moved(before: CheckState | None, record: RunRecord) -> CheckState:
    """Where a check stands after a run that is later than all before."""
    bad = good = 0
    bad_since_ns = None
    if before is not None:
        bad, good, bad_since_ns = before.bad_in_row, before.good_in_row, before.bad_since_ns
    if record.status in ("failed", "error"):
        bad_since_ns = bad_since_ns if bad else record.due_ns
        bad, good = bad + 1, 0
    elif record.status in ("passed", "degraded"):
        bad, good, bad_since_ns = 0, good + 1, None
    same = before is not None and before.status == record.status
    return CheckState(
        check_id=record.check_id,
        location=record.location,
        status=record.status,
        since_ns=before.since_ns if before is not None and same else record.due_ns,
        due_ns=record.due_ns,
        run_id=record.run_id,
        bad_in_row=bad,
        good_in_row=good,
        bad_since_ns=bad_since_ns,
    )


async def states(tx: AsyncConnection, check_ids: Collection[int] | None = None) -> list[CheckState]:
    """Where checks stand, by check and location.

    Locations that a check does not name any more are left out.

    Args:
        check_ids: of these only.
    """
    names_some = exists().where(check_locations.c.check_id == check_states.c.check_id)
    names_this = names_some.where(check_locations.c.location_id == check_states.c.location_id)
    query = (
        select(check_states, locations.c.name.label("location"))
        .join(locations, locations.c.id == check_states.c.location_id)
        .where(or_(~names_some, names_this))
        .order_by(check_states.c.check_id, locations.c.name)
    )
    if check_ids is not None:
        query = query.where(check_states.c.check_id.in_(list(check_ids)))
    return [state_record(row) for row in await tx.execute(query)]


async def last_due(tx: AsyncConnection) -> dict[tuple[int, str], int]:
    """When the latest scheduled run was due that has a result or was missed.

    Returns:
        The instants by check id and location.
    """
    query = (
        select(check_states.c.check_id, locations.c.name, check_states.c.planned_ns)
        .join(locations, locations.c.id == check_states.c.location_id)
        .where(check_states.c.planned_ns.is_not(None))
    )
    return {(row.check_id, row.name): row.planned_ns for row in await tx.execute(query)}


def state_record(row: Row[tuple[object, ...]]) -> CheckState:
    """A row of ``check_states``, with its location's name, as a record."""
    return CheckState(
        check_id=row.check_id,
        location=row.location,
        status=STATUSES[row.status],
        since_ns=row.since_ns,
        due_ns=row.due_ns,
        run_id=row.run_id,
        bad_in_row=row.bad_in_row,
        good_in_row=row.good_in_row,
        bad_since_ns=row.bad_since_ns,
    )
