"""Finding runs, quickly among millions: by indexes only.

What is asked for is put together of *branches*, each of which an index yields in the order wanted:
one for each check, status or code. A branch stops after as many keys as are wanted at most; keys of
all branches are merged, and only then rows are fetched.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Row,
    Select,
    and_,
    func,
    literal_column,
    or_,
    select,
    true,
    union_all,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from checkwire.model.attempt import Run
from checkwire.store.records import CAUSES, STATUSES, RunRecord, RunStatus
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
_NOT_PASSED: ColumnElement[bool] = literal_column("runs.status > 0")
"""Said so that the partial indexes can be used: they are not for a value in a parameter."""
_HAS_CODE: ColumnElement[bool] = literal_column("runs.code IS NOT NULL")
_FIRST_PHASE = list(runs.c).index(runs.c[f"{PHASES[0]}_ns"])
"""Where it is in a row of ``_rows``, which begins with the columns of ``runs``."""
_KEY = (runs.c.check_id, runs.c.due_ns, runs.c.location_id)
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
    wanted: list[ColumnElement[bool]] = []
    if location is not None:
        wanted.append(runs.c.location_id == names[location])
    if since_ns is not None:
        wanted.append(runs.c.due_ns >= since_ns)
    # Just one bound to the time, and always one: of two SQLite may begin at the later one, and with
    # none it takes the primary key for a check's failures, too, and reads all that passed.
    end_ns = _END_NS if until_ns is None else until_ns
    if before is not None:
        end_ns = min(end_ns, before[0] + 1)
        wanted.append(_is_before(before[0], before[1], names.get(before[2], 0)))
    wanted.append(runs.c.due_ns < end_ns)
    check_ids = await _checks_of(tx, check_id, tag, project)
    codes = await _codes_of(tx, code) if code is not None else None
    branches = _branches(check_ids, statuses, codes)
    if not branches:
        return []
    keys = union_all(
        *(
            select(
                select(*_KEY)
                .where(branch, *wanted)
                .order_by(*_NEWEST_FIRST)
                .limit(limit)
                .subquery()
            )
            for branch in branches
        )
    ).subquery()
    query = _rows().join(
        keys,
        and_(
            runs.c.check_id == keys.c.check_id,
            runs.c.due_ns == keys.c.due_ns,
            runs.c.location_id == keys.c.location_id,
        ),
    )
    newest_first = (keys.c.due_ns.desc(), keys.c.check_id.desc(), keys.c.location_id.desc())
    found = await tx.execute(query.order_by(*newest_first).limit(limit))
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


def _branches(
    check_ids: list[int] | None, statuses: Collection[RunStatus], codes: list[str] | None
) -> list[ColumnElement[bool]]:
    numbers = sorted(STATUSES.index(status) for status in set(statuses))
    if codes is not None and not numbers:
        numbers = list(range(1, len(STATUSES)))  # What passed has no code.
    unusual = bool(numbers) and numbers[0] > 0
    has_status = runs.c.status.in_(numbers) if numbers else true()
    has_code = runs.c.code.in_(codes) if codes is not None else true()
    if check_ids is not None and len(check_ids) * len(numbers or "_") <= _MOST_BRANCHES:
        if unusual:
            return [
                and_(_NOT_PASSED, runs.c.check_id == check_id, runs.c.status == status, has_code)
                for check_id in check_ids
                for status in numbers
            ]
        return [and_(runs.c.check_id == check_id, has_status, has_code) for check_id in check_ids]
    of_check = runs.c.check_id.in_(check_ids) if check_ids is not None else true()
    if codes is not None and len(codes) <= _MOST_BRANCHES:
        return [and_(_HAS_CODE, runs.c.code == code, has_status, of_check) for code in codes]
    if unusual:
        return [
            and_(_NOT_PASSED, runs.c.status == status, of_check, has_code) for status in numbers
        ]
    return [and_(has_status, has_code, of_check)]


def _is_before(due_ns: int, check_id: int, location_id: int) -> ColumnElement[bool]:
    """Of runs that are due at that instant at the latest."""
    return or_(
        runs.c.due_ns < due_ns,
        runs.c.check_id < check_id,
        and_(runs.c.check_id == check_id, runs.c.location_id < location_id),
    )


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
        query = select(func.min(runs.c.code)).where(_HAS_CODE, least, runs.c.code < end)
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
