"""Taking in results: each run once, however often it comes, and in whatever order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from checkwire.model.attempt import Run
from checkwire.store import transcripts as codec
from checkwire.store.records import CAUSES, STATUSES, CheckState, RunRecord
from checkwire.store.registry import location_ids, lock_checks
from checkwire.store.rollups.hours import hours_between
from checkwire.store.runs.pending import remove_pending
from checkwire.store.runs.states import moved, state_record
from checkwire.store.tables import (
    PHASES,
    check_states,
    dirty_hours,
    locations,
    runs,
    transcripts,
)
from checkwire.store.upsert import insert_into

__all__ = ["Inserted", "insert_runs"]

_STATUS = {status: number for number, status in enumerate(STATUSES)}
_CAUSE = {cause: number for number, cause in enumerate(CAUSES)}
_CHUNK = 500
_TIMES = tuple((phase, f"{phase}_ns") for phase in PHASES)

Place = tuple[int, int]
"""A check and a location, by the ids of their rows."""


class Inserted(NamedTuple):
    """A run that was new.

    Attributes:
        record: the run.
        before: where the check stood at its location; ``None`` if it had no runs.
        after: where it stands now: as before, if a later run had come already.
    """

    record: RunRecord
    before: CheckState | None
    after: CheckState


class _Standing(NamedTuple):
    """A row of ``check_states``."""

    state: CheckState
    until_ns: int
    planned_ns: int | None


async def insert_runs(
    tx: AsyncConnection, batch: Sequence[tuple[RunRecord, Run | None]], now_ns: int
) -> list[Inserted]:
    """Store runs, and all that follows from them at once.

    A run that is there already changes nothing. What it takes to compute roll-ups anew is noted,
    the states of checks are moved (not by a run that is earlier than one they know), and what was
    owed is no longer pending.

    Args:
        tx: a transaction that writes.
        batch: rows, each with its transcript if there is one.
        now_ns: the time.

    Returns:
        The runs that were new, in the order in which they were due.
    """
    if not batch:
        return []
    ordered = sorted(batch, key=lambda entry: (entry[0].due_ns, entry[0].check_id))
    await lock_checks(tx, {record.check_id for record, _ in batch})
    places = await location_ids(tx, {record.location for record, _ in batch})
    new = await _insert_rows(tx, ordered, places, now_ns)
    if not new:
        return []
    known = await _standings(tx, {record.check_id for record, _ in new})
    standings = dict(known)
    inserted, late = [], []
    dirty: set[tuple[int, int, int]] = set()
    for record, _ in new:
        place = record.check_id, places[record.location]
        before = standings.get(place)
        after = standings[place] = _moved(before, record)
        state = before.state if before is not None else None
        inserted.append(Inserted(record, state, after.state))
        until_ns = _until(record)
        if before is not None and record.due_ns < before.state.due_ns:
            late.append((record, place))
        elif before is not None:
            until_ns = max(until_ns, before.until_ns)
        dirty.update((hour, *place) for hour in hours_between(record.due_ns, until_ns))
    for record, place in late:
        # It cuts short what the one before it said, and that may have spoken for long.
        until_ns = await _until_of_the_one_before(tx, record, place)
        dirty.update((hour, *place) for hour in hours_between(record.due_ns, until_ns))
    await _write_standings(tx, {p: s for p, s in standings.items() if known.get(p) != s})
    await _mark_dirty(tx, dirty)
    await _insert_transcripts(tx, new, places)
    await remove_pending(tx, (record.run_id for record, _ in new))
    return inserted


async def _insert_rows(
    tx: AsyncConnection,
    batch: Sequence[tuple[RunRecord, Run | None]],
    places: dict[str, int],
    now_ns: int,
) -> list[tuple[RunRecord, Run | None]]:
    """Returns what was not there yet."""
    statement = insert_into(tx, runs).on_conflict_do_nothing().returning(runs.c.run_id)
    new: list[tuple[RunRecord, Run | None]] = []
    for part in _chunks(batch):
        rows = [_row(record, places[record.location], now_ns) for record, _ in part]
        entered = {row.run_id for row in await tx.execute(statement, rows)}
        for record, run in part:
            if record.run_id in entered:
                entered.remove(record.run_id)
                new.append((record, run))
    return new


def _row(record: RunRecord, location_id: int, now_ns: int) -> dict[str, Any]:
    times = record.times
    return {
        "check_id": record.check_id,
        "due_ns": record.due_ns,
        "location_id": location_id,
        "run_id": record.run_id,
        "cause": _CAUSE[record.cause],
        "status": _STATUS[record.status],
        "started_ns": record.started_ns,
        "duration_ns": record.duration_ns,
        "holds_ns": record.holds_ns,
        "attempts": record.attempts,
        "missed": record.missed,
        "clock": 1 if record.clock == "kernel" else None,
        "code": _storable(record.code),
        "message": _storable(record.message),
        "phase": _storable(record.phase),
        **{column: times.get(phase) for phase, column in _TIMES},
        "stored_ns": now_ns,
    }


def _storable(text: str | None) -> str | None:
    """PostgreSQL's text holds no NUL, and neither database's a lone surrogate."""
    if text is None or (text.isascii() and "\0" not in text):
        return text
    return text.replace("\0", "␀").encode("utf-8", "replace").decode()


async def _standings(tx: AsyncConnection, check_ids: set[int]) -> dict[Place, _Standing]:
    found = {}
    for part in _chunks(sorted(check_ids)):
        query = (
            select(check_states, locations.c.name.label("location"))
            .join(locations, locations.c.id == check_states.c.location_id)
            .where(check_states.c.check_id.in_(part))
        )
        for row in await tx.execute(query):
            standing = _Standing(state_record(row), row.until_ns, row.planned_ns)
            found[row.check_id, row.location_id] = standing
    return found


def _moved(before: _Standing | None, record: RunRecord) -> _Standing:
    planned_ns = before.planned_ns if before is not None else None
    if record.cause == "schedule":
        # Runs that were missed together are one row.
        end_ns = record.due_ns + (record.holds_ns if record.status == "missed" else 0)
        planned_ns = max(planned_ns or 0, end_ns)
    if before is not None and record.due_ns < before.state.due_ns:
        return before._replace(planned_ns=planned_ns)
    state = moved(before.state if before is not None else None, record)
    return _Standing(state, _until(record), planned_ns)


def _until(record: RunRecord) -> int:
    """To when it speaks for the check, if no other run follows."""
    return record.due_ns if record.status == "missed" else record.due_ns + record.holds_ns


async def _until_of_the_one_before(tx: AsyncConnection, record: RunRecord, place: Place) -> int:
    query = (
        select(runs.c.due_ns, runs.c.holds_ns)
        .where(
            runs.c.check_id == place[0],
            runs.c.location_id == place[1],
            runs.c.due_ns < record.due_ns,
        )
        .order_by(runs.c.due_ns.desc())
        .limit(1)
    )
    row = (await tx.execute(query)).one_or_none()
    return record.due_ns if row is None else row.due_ns + row.holds_ns


async def _write_standings(tx: AsyncConnection, standings: dict[Place, _Standing]) -> None:
    rows = [
        {
            "check_id": check_id,
            "location_id": location_id,
            "status": _STATUS[standing.state.status],
            "since_ns": standing.state.since_ns,
            "due_ns": standing.state.due_ns,
            "run_id": standing.state.run_id,
            "bad_in_row": standing.state.bad_in_row,
            "good_in_row": standing.state.good_in_row,
            "bad_since_ns": standing.state.bad_since_ns,
            "until_ns": standing.until_ns,
            "planned_ns": standing.planned_ns,
        }
        for (check_id, location_id), standing in standings.items()
    ]
    if not rows:
        return
    statement = insert_into(tx, check_states)
    names = [name for name in rows[0] if name not in ("check_id", "location_id")]
    await tx.execute(
        statement.on_conflict_do_update(
            index_elements=["check_id", "location_id"],
            set_={name: statement.excluded[name] for name in names},
        ),
        rows,
    )


async def _mark_dirty(tx: AsyncConnection, hours: set[tuple[int, int, int]]) -> None:
    rows = [
        {"start_ns": start_ns, "check_id": check_id, "location_id": location_id}
        for start_ns, check_id, location_id in sorted(hours)
    ]
    for part in _chunks(rows):
        await tx.execute(insert_into(tx, dirty_hours).on_conflict_do_nothing(), part)


async def _insert_transcripts(
    tx: AsyncConnection,
    batch: Iterable[tuple[RunRecord, Run | None]],
    places: dict[str, int],
) -> None:
    rows = []
    for record, run in batch:
        if run is None:
            continue
        if run.id != record.run_id:
            run = msgspec.structs.replace(run, id=record.run_id)
        rows.append(
            {
                "check_id": record.check_id,
                "due_ns": record.due_ns,
                "location_id": places[record.location],
                "keep": 0 if _just_passed(record) else 1,
                **codec.encode(run)._asdict(),
            }
        )
    for part in _chunks(rows):
        await tx.execute(insert(transcripts), part)


def _just_passed(record: RunRecord) -> bool:
    return record.status == "skipped" or (record.status == "passed" and not record.flaky)


def _chunks(items: Sequence[Any]) -> Iterator[Any]:
    return (items[start : start + _CHUNK] for start in range(0, len(items), _CHUNK))
