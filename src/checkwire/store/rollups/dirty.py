"""What is to be computed anew: marks on hours and days, taken in bites."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any, NamedTuple

from sqlalchemy import Table, delete, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from checkwire.store.upsert import insert_into

__all__ = ["Dirty", "Place", "clean", "mark", "of", "take"]

Place = tuple[int, int]
"""A check and a location."""

_SPARSE = 4


class Dirty(NamedTuple):
    """An hour or day of a check at a location."""

    start_ns: int
    check_id: int
    location_id: int

    @property
    def place(self) -> Place:
        return self.check_id, self.location_id


async def take(
    tx: AsyncConnection, table: Table, before_ns: int, span_ns: int, limit: int
) -> list[Dirty]:
    """The next marks, the oldest first.

    What is taken together is read together, from the first span to the last, so a mark that lies
    far from the others is left for another time.

    Args:
        tx: a transaction.
        table: of marks.
        before_ns: only spans that have ended by then.
        span_ns: how long they are.
        limit: how many at most.
    """
    query = (
        select(table.c.start_ns, table.c.check_id, table.c.location_id)
        .where(table.c.start_ns <= before_ns - span_ns)
        .order_by(table.c.start_ns, table.c.check_id, table.c.location_id)
        .limit(limit)
    )
    taken: list[Dirty] = []
    checks: set[int] = set()
    for row in await tx.execute(query):
        dirty = Dirty(*row)
        first_ns = taken[0].start_ns if taken else dirty.start_ns
        checks.add(dirty.check_id)
        read = ((dirty.start_ns - first_ns) // span_ns + 1) * len(checks)
        if read > _SPARSE * (len(taken) + 1):
            break
        taken.append(dirty)
    return taken


async def mark(tx: AsyncConnection, table: Table, dirty: Iterable[Dirty]) -> None:
    """Mark them; some may be already."""
    rows = [entry._asdict() for entry in sorted(set(dirty))]
    if rows:
        await tx.execute(insert_into(tx, table).on_conflict_do_nothing(), rows)


async def clean(tx: AsyncConnection, table: Table, dirty: Collection[Dirty]) -> None:
    """Take the marks away."""
    await tx.execute(delete(table).where(of(table, dirty)))


def of(table: Table, dirty: Collection[Dirty]) -> Any:
    """The rows of a table that are about these."""
    key = tuple_(table.c.start_ns, table.c.check_id, table.c.location_id)
    return key.in_([tuple(entry) for entry in dirty])
