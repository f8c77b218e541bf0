"""How far something has come: a named instant, or a count."""

from __future__ import annotations

from collections import defaultdict
from typing import Literal

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from checkwire.store.tables import marks
from checkwire.store.upsert import insert_into

__all__ = ["Mark", "read_mark", "read_marks", "roll_ups_changed", "write_mark"]

Mark = Literal["hours", "days", "weeks", "pruned"]
"""``hours``, ``days``, ``weeks``: all that ended before are rolled up. ``pruned``: runs that were
due before may have been deleted."""

_ROLLED_UP = "rolled_up"
"""How often roll-ups have changed."""


async def read_mark(tx: AsyncConnection, name: Mark) -> int:
    """The instant; 0 if nothing has been done yet."""
    found = (await tx.execute(select(marks.c.at_ns).where(marks.c.name == name))).scalar()
    return found or 0


async def read_marks(tx: AsyncConnection) -> defaultdict[str, int]:
    """All of them; 0 for those of which nothing has been done yet."""
    rows = await tx.execute(select(marks.c.name, marks.c.at_ns))
    return defaultdict(int, {row.name: row.at_ns for row in rows})


async def write_mark(tx: AsyncConnection, name: Mark, at_ns: int) -> None:
    """Set it."""
    statement = insert_into(tx, marks).values(name=name, at_ns=at_ns)
    await tx.execute(
        statement.on_conflict_do_update(index_elements=["name"], set_={"at_ns": at_ns})
    )


async def roll_ups_changed(tx: AsyncConnection) -> None:
    """Let whoever remembers what it has read of roll-ups know: ``rolled_up`` is another number."""
    statement = insert_into(tx, marks).values(name=_ROLLED_UP, at_ns=1)
    await tx.execute(
        statement.on_conflict_do_update(index_elements=["name"], set_={"at_ns": marks.c.at_ns + 1})
    )
