"""What the store holds of a project when the server starts."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy.ext.asyncio import AsyncConnection

from checkwire.model.definition import CheckDefinition
from checkwire.store import registry, runs
from checkwire.store.records import CheckRecord, CheckState

__all__ = ["Known", "read_known"]

_PAGE = 1_000


class Known(NamedTuple):
    """Where planning goes on, see :meth:`checkwire.schedule.planner.Planner.put`.

    Attributes:
        definitions: of the checks that the project had.
        last_due: the latest instant recorded, by check id and location.
        since: by check id, up to when nothing is due.
        paused: by check id, since when.
        states: where the checks stood, each with the check's id.
    """

    definitions: list[CheckDefinition]
    last_due: dict[tuple[str, str], int]
    since: dict[str, int]
    paused: dict[str, int]
    states: list[tuple[str, CheckState]]


async def read_known(tx: AsyncConnection, project: str) -> Known:
    """Read it.

    Args:
        tx: a transaction.
        project: its key.
    """
    everything = await _all_checks(tx, project)
    records = [record for record in everything if record.removed_ns is None]
    names = {record.id: record.definition.id for record in records}
    last_due = await runs.last_due(tx)
    states = await runs.states(tx)
    return Known(
        definitions=[record.definition for record in records],
        last_due={
            (names[check_id], location): due_ns
            for (check_id, location), due_ns in last_due.items()
            if check_id in names
        },
        since={
            record.definition.id: max(record.first_seen_ns, record.resumed_ns or 0)
            for record in records
        },
        paused={
            record.definition.id: record.paused_ns
            for record in everything  # One that is put back into the files is paused still.
            if record.paused_ns is not None
        },
        states=[(names[state.check_id], state) for state in states if state.check_id in names],
    )


async def _all_checks(tx: AsyncConnection, project: str) -> list[CheckRecord]:
    found: list[CheckRecord] = []
    while True:
        after = (project, found[-1].definition.id) if found else None
        part = await registry.list_checks(
            tx, project=project, removed=True, after=after, limit=_PAGE
        )
        found += part
        if len(part) < _PAGE:
            return found
