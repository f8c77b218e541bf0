"""Finding runs, quickly among millions: by indexes only, see ``branches.py``."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Row,
    Select,
    and_,
    bindparam,
    func,
    select,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from checkwire.model.attempt import Run
from checkwire.store.records import CAUSES, STATUSES, RunRecord, RunStatus
from checkwire.store.runs.branches import HAS_CODE, Branch, Shape, keys, shape_and_values
from checkwire.store.tables import (
    PHASES,
    check_tags,
    checks,
    locations,
    projects,
    runs,
    transcripts,
)
from checkwire.store.transcripts import Transcript, decode

__all__ = ["get_run", "get_transcript", "list_runs", "strip"]

_MOST_BRANCHES = 200
_END_NS = 2**63 - 1
_FIRST_PHASE = list(runs.c).index(runs.c[f"{PHASES[0]}_ns"])
"""Where it is in a row of ``_rows``, which begins with the columns of ``runs``."""
_NEWEST_FIRST = (runs.c.due_ns.desc(), runs.c.check_id.desc(), runs.c.location_id.desc())


async def list_runs(
    tx: AsyncConnection,
    *,
    check_id: int | None = None,
    statuses: Collection[RunStatus] = (),
    location: str | None = None,
    tag: str | None = None,
    code: str | None = None,
    since_ns: int | None = None,
    until_ns: int | None = None,
    project: str | None = None,
    before: tuple[int, int, str] | None = None,
    limit: int = 50,
) -> list[RunRecord]:
    """Runs, the newest first.

    Args:
        check_id: of this check.
        statuses: with one of these.
        location: at this one.
        tag: of checks that have it now.
        code: with this code; ``"tls"``, ``"tls."`` or ``"tls.*"`` for all of its floor.
        since_ns, until_ns: due in this span, its end left out.
        project: of this one, by its key.
        before: ``due_ns``, ``check_id`` and ``location`` of the last one seen.
        limit: how many at most.
    """
    names = {row.name: row.id for row in await tx.execute(select(locations))}
    if location is not None and location not in names:
        return []
    filters: dict[str, Any] = {}
    if location is not None:
        filters["location_id"] = names[location]
    if since_ns is not None:
        filters["since_ns"] = since_ns
    end_ns = _END_NS if until_ns is None else until_ns
    if before is not None:
        before_ns, check, place = before
        end_ns = min(end_ns, before_ns + 1)
        filters |= {"before_ns": before_ns, "before_check": check}
        filters["before_place"] = names.get(place, 0)
    check_ids = await _checks_of(tx, check_id, tag, project)
    codes = await _codes_of(tx, code) if code is not None else None
    numbers = sorted(STATUSES.index(status) for status in set(statuses))
    if codes is not None and not numbers:
        numbers = list(range(1, len(STATUSES)))  # What passed has no code.
    unusual = bool(numbers) and numbers[0] > 0
    branches, lists = _branches(check_ids, numbers, codes, unusual=unusual)
    if not branches:
        return []
    shape, values = shape_and_values(branches, {**filters, **lists}, unusual=unusual)
    found = await tx.execute(_listed(shape), {**values, "end_ns": end_ns, "limit": limit})
    return [_record(row) for row in found]


async def get_run(tx: AsyncConnection, run_id: str) -> RunRecord | None:
    """The run of that id."""
    row = (await tx.execute(_rows().where(runs.c.run_id == run_id))).one_or_none()
    return None if row is None else _record(row)


async def get_transcript(tx: AsyncConnection, record: RunRecord) -> Run | None:
    """All of a run; ``None`` if it was missed, or its transcript is no longer kept.

    Raises:
        DatabaseError: it is damaged.
    """
    query = (
        select(transcripts.c.codec, transcripts.c.size, transcripts.c.data)
        .join(locations, locations.c.id == transcripts.c.location_id)
        .where(
            transcripts.c.check_id == record.check_id,
            transcripts.c.due_ns == record.due_ns,
            locations.c.name == record.location,
        )
    )
    row = (await tx.execute(query)).one_or_none()
    return None if row is None else decode(Transcript(*row))


async def strip(
    tx: AsyncConnection, check_ids: Collection[int], limit: int = 48
) -> dict[int, list[RunRecord]]:
    """The latest runs of each of many checks, all locations together, the newest first."""
    latest = runs.alias("latest")
    # Where the strip begins, by one look into the index for each check.
    first = (
        select(latest.c.due_ns)
        .where(latest.c.check_id == checks.c.id)
        .order_by(latest.c.due_ns.desc())
        .limit(1)
        .offset(limit - 1)
        .scalar_subquery()
    )
    query = (
        _rows()
        .where(checks.c.id.in_(list(check_ids)), runs.c.due_ns >= func.coalesce(first, 0))
        .order_by(*_NEWEST_FIRST)
    )
    found: defaultdict[int, list[RunRecord]] = defaultdict(list)
    for row in await tx.execute(query):
        of_check = found[row.check_id]
        if len(of_check) < limit:
            of_check.append(_record(row))
    return {check_id: found.get(check_id, []) for check_id in check_ids}


@lru_cache(maxsize=256)
def _listed(shape: Shape) -> Select[Any]:
    found = keys(shape)
    newest_first = (found.c.due_ns.desc(), found.c.check_id.desc(), found.c.location_id.desc())
    return (
        _rows()
        .join(
            found,
            and_(
                runs.c.check_id == found.c.check_id,
                runs.c.due_ns == found.c.due_ns,
                runs.c.location_id == found.c.location_id,
            ),
        )
        .order_by(*newest_first)
        .limit(bindparam("limit"))
    )


def _branches(
    check_ids: list[int] | None, statuses: list[int], codes: list[str] | None, *, unusual: bool
) -> tuple[list[Branch], dict[str, Any]]:
    """By what to look for runs, and which lists they are to be held against besides."""
    lists: dict[str, Any] = {}
    if check_ids is not None:
        lists["check_ids"] = check_ids
    if statuses:
        lists["statuses"] = statuses
    if codes is not None:
        lists["codes"] = codes
    if check_ids is not None and len(check_ids) * len(statuses or "_") <= _MOST_BRANCHES:
        del lists["check_ids"]
        if not unusual:
            return [Branch(check_id=check_id) for check_id in check_ids], lists
        del lists["statuses"]
        return [
            Branch(check_id=check_id, status=status)
            for check_id in check_ids
            for status in statuses
        ], lists
    if codes is not None and len(codes) <= _MOST_BRANCHES:
        del lists["codes"]
        return [Branch(code=code) for code in codes], lists
    if unusual:
        del lists["statuses"]
        return [Branch(status=status) for status in statuses], lists
    return [Branch()], lists


async def _checks_of(
    tx: AsyncConnection, check_id: int | None, tag: str | None, project: str | None
) -> list[int] | None:
    """Which checks are meant; ``None`` for all."""
    if tag is None and project is None:
        return None if check_id is None else [check_id]
    query = select(checks.c.id)
    if check_id is not None:
        query = query.where(checks.c.id == check_id)
    if tag is not None:
        query = query.join(check_tags, check_tags.c.check_id == checks.c.id)
        query = query.where(check_tags.c.tag == tag)
    if project is not None:
        query = query.join(projects, projects.c.id == checks.c.project_id)
        query = query.where(projects.c.key == project)
    return list((await tx.execute(query)).scalars())


async def _codes_of(tx: AsyncConnection, code: str) -> list[str]:
    """The codes that are meant: of a floor, those that there are."""
    floor, _, rest = code.partition(".")
    if rest not in ("", "*"):
        return [code]
    end = floor + chr(ord(".") + 1)
    found: list[str] = []
    least: ColumnElement[bool] = runs.c.code >= f"{floor}."
    while True:  # From one code to the next, by the index: there are few, in millions of rows.
        query = select(func.min(runs.c.code)).where(HAS_CODE, least, runs.c.code < end)
        following = (await tx.execute(query)).scalar()
        if following is None:
            return found
        found.append(following)
        least = runs.c.code > following


def _rows() -> Select[Any]:
    return (
        select(
            runs,
            locations.c.name.label("location"),
            checks.c.uid,
            checks.c.key,
            projects.c.key.label("project"),
        )
        .join(checks, checks.c.id == runs.c.check_id)
        .join(projects, projects.c.id == checks.c.project_id)
        .join(locations, locations.c.id == runs.c.location_id)
    )


def _record(row: Row[Any]) -> RunRecord:
    return RunRecord(
        run_id=row.run_id,
        check_id=row.check_id,
        check_uid=row.uid,
        check=row.key,
        project=row.project,
        location=row.location,
        due_ns=row.due_ns,
        cause=CAUSES[row.cause],
        status=STATUSES[row.status],
        started_ns=row.started_ns,
        duration_ns=row.duration_ns,
        holds_ns=row.holds_ns,
        attempts=row.attempts,
        missed=row.missed,
        clock="kernel" if row.clock == 1 else "user",
        code=row.code,
        message=row.message,
        phase=row.phase,
        times=dict(_times(row)),
    )


def _times(row: Row[Any]) -> Iterable[tuple[str, int]]:
    # By position: to look for nine columns by what they are takes longer than all else of a row.
    times = row[_FIRST_PHASE : _FIRST_PHASE + len(PHASES)]
    return ((phase, time) for phase, time in zip(PHASES, times, strict=True) if time is not None)
