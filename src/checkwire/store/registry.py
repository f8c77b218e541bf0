"""Which projects, checks and locations there are and were."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import (
    ColumnElement,
    Row,
    Select,
    and_,
    bindparam,
    delete,
    exists,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from checkwire.model.definition import CheckDefinition
from checkwire.model.due import check_uid
from checkwire.store.errors import DatabaseError
from checkwire.store.records import STATUSES, CheckRecord, ProjectRecord, RunStatus
from checkwire.store.tables import (
    check_locations,
    check_states,
    check_tags,
    checks,
    locations,
    projects,
    runs,
)
from checkwire.store.upsert import insert_into

__all__ = [
    "check_keys",
    "checks_by_id",
    "find_checks",
    "get_check",
    "list_checks",
    "list_projects",
    "location_ids",
    "lock_checks",
    "pause",
    "remove_projects_but",
    "resume",
    "sync_project",
]

_CHUNK = 500
_WITH_CODE = [STATUSES.index(status) for status in ("degraded", "failed", "error")]
_decode = msgspec.json.Decoder(CheckDefinition).decode


async def sync_project(
    tx: AsyncConnection,
    *,
    key: str,
    name: str,
    root: str,
    definitions: Iterable[CheckDefinition],
    now_ns: int,
) -> dict[str, int]:
    """Make a project's checks those that it has now.

    Checks that are no longer there are marked as removed, and keep their history; a check that is
    back loses the mark.

    Returns:
        The row's id of each check, by the check's id.
    """
    wanted = {definition.id: definition for definition in definitions}
    project_id = await _project_id(tx, key, name, root, now_ns)
    known = {
        row.key: row
        for row in await tx.execute(
            select(checks.c.id, checks.c.key, checks.c.definition, checks.c.removed_ns).where(
                checks.c.project_id == project_id
            )
        )
    }
    encoded = {check: msgspec.json.encode(definition) for check, definition in wanted.items()}
    new = [check for check in wanted if check not in known]
    changed = [
        check
        for check in wanted
        if check in known
        and (known[check].definition != encoded[check] or known[check].removed_ns is not None)
    ]
    gone = [row.id for check, row in known.items() if check not in wanted and not row.removed_ns]
    for part in _chunks(new):
        rows = [
            {
                "project_id": project_id,
                "key": check,
                "uid": check_uid(key, check),
                "name": wanted[check].name,
                "definition": encoded[check],
                "first_seen_ns": now_ns,
            }
            for check in part
        ]
        await tx.execute(insert(checks), rows)
    if changed:
        statement = update(checks).where(checks.c.id == bindparam("row"))
        values = [
            {"row": known[check].id, "name": wanted[check].name, "definition": encoded[check]}
            for check in changed
        ]
        await tx.execute(
            statement.values(
                name=bindparam("name"), definition=bindparam("definition"), removed_ns=None
            ),
            values,
        )
    for part in _chunks(gone):
        await tx.execute(update(checks).where(checks.c.id.in_(part)).values(removed_ns=now_ns))
    ids: dict[str, int] = {
        row.key: row.id
        for row in await tx.execute(
            select(checks.c.id, checks.c.key).where(checks.c.project_id == project_id)
        )
        if row.key in wanted
    }
    await _write_lists(tx, {ids[check]: wanted[check] for check in (*new, *changed)})
    return ids


async def check_keys(tx: AsyncConnection, project: str) -> set[str]:
    """The ids of all checks that a project has or had."""
    query = select(checks.c.key).join(projects, projects.c.id == checks.c.project_id)
    return set(await tx.scalars(query.where(projects.c.key == project)))


async def remove_projects_but(tx: AsyncConnection, keys: Collection[str], now_ns: int) -> None:
    """Mark all other projects, and their checks, as removed. Their history is kept."""
    gone = [
        row.id
        for row in await tx.execute(
            select(projects.c.id, projects.c.key).where(projects.c.removed_ns.is_(None))
        )
        if row.key not in keys
    ]
    for part in _chunks(gone):
        await tx.execute(update(projects).where(projects.c.id.in_(part)).values(removed_ns=now_ns))
        await tx.execute(
            update(checks)
            .where(checks.c.project_id.in_(part), checks.c.removed_ns.is_(None))
            .values(removed_ns=now_ns)
        )


async def list_projects(tx: AsyncConnection, *, removed: bool = False) -> list[ProjectRecord]:
    """The projects by key; with ``removed``, also those that the server no longer has."""
    query = select(projects).order_by(projects.c.key)
    if not removed:
        query = query.where(projects.c.removed_ns.is_(None))
    return [ProjectRecord(**row._mapping) for row in await tx.execute(query)]


async def list_checks(
    tx: AsyncConnection,
    *,
    project: str | None = None,
    tag: str | None = None,
    location: str | None = None,
    status: RunStatus | None = None,
    paused: bool | None = None,
    text: str | None = None,
    removed: bool = False,
    after: tuple[str, str] | None = None,
    limit: int = 100,
) -> list[CheckRecord]:
    """Checks by project and id.

    Args:
        project: its key.
        tag: one of the check's.
        location: one that the check names, or from which it has run.
        status: of its latest run at a location: at ``location``, or at any.
        paused: only those that are paused, or only those that are not.
        text: a part of its id, of its name, of one of its tags, or of the failure code of its
            latest run at a location, in any case; or its uid.
        removed: also those that are no longer in their project.
        after: project and id of the last one seen.
        limit: how many at most.
    """
    query = _checks().order_by(projects.c.key, checks.c.key).limit(limit)
    if project is not None:
        query = query.where(projects.c.key == project)
    if not removed:
        query = query.where(checks.c.removed_ns.is_(None))
    if paused is not None:
        query = query.where(
            checks.c.paused_ns.is_not(None) if paused else checks.c.paused_ns.is_(None)
        )
    if text:
        query = query.where(_has(text))
    if tag is not None:
        query = query.where(
            exists().where(check_tags.c.check_id == checks.c.id, check_tags.c.tag == tag)
        )
    there = select(locations.c.id).where(locations.c.name == location).scalar_subquery()
    if location is not None:
        query = query.where(
            or_(
                exists().where(
                    check_locations.c.check_id == checks.c.id,
                    check_locations.c.location_id == there,
                ),
                exists().where(
                    check_states.c.check_id == checks.c.id, check_states.c.location_id == there
                ),
            )
        )
    if status is not None:
        stands = exists().where(
            check_states.c.check_id == checks.c.id,
            check_states.c.status == STATUSES.index(status),
        )
        query = query.where(
            stands if location is None else stands.where(check_states.c.location_id == there)
        )
    if after is not None:
        query = query.where(
            or_(
                projects.c.key > after[0],
                and_(projects.c.key == after[0], checks.c.key > after[1]),
            )
        )
    return [_check_record(row) for row in await tx.execute(query)]


def _has(text: str) -> ColumnElement[bool]:
    """Whether a check has this text in what people know it by, or in what is wrong with it."""
    tagged = exists().where(
        check_tags.c.check_id == checks.c.id, check_tags.c.tag.icontains(text, autoescape=True)
    )
    failed = exists().where(
        check_states.c.check_id == checks.c.id,
        check_states.c.status.in_(_WITH_CODE),
        runs.c.run_id == check_states.c.run_id,
        runs.c.code.icontains(text, autoescape=True),
    )
    return or_(
        checks.c.key.icontains(text, autoescape=True),
        checks.c.name.icontains(text, autoescape=True),
        checks.c.uid == text.lower(),
        tagged,
        failed,
    )


async def get_check(tx: AsyncConnection, uid: str) -> CheckRecord | None:
    """The check of that uid, also if it was removed."""
    row = (await tx.execute(_checks().where(checks.c.uid == uid))).one_or_none()
    return None if row is None else _check_record(row)


async def checks_by_id(tx: AsyncConnection, check_ids: Collection[int]) -> dict[int, CheckRecord]:
    """The checks of these rows, by id, also if they were removed."""
    query = _checks().where(checks.c.id.in_(list(check_ids)))
    return {row.id: _check_record(row) for row in await tx.execute(query)}


async def find_checks(tx: AsyncConnection, text: str) -> list[CheckRecord]:
    """The checks whose uid, id or name is the text; those that were removed only if no other is."""
    query = _checks().where(or_(checks.c.uid == text, checks.c.key == text, checks.c.name == text))
    found = [
        _check_record(row) for row in await tx.execute(query.order_by(projects.c.key, checks.c.key))
    ]
    return [check for check in found if check.removed_ns is None] or found


async def pause(tx: AsyncConnection, check_id: int, by: str, now_ns: int) -> None:
    """Note that a check is paused; if it is already, nothing changes."""
    await tx.execute(
        update(checks)
        .where(checks.c.id == check_id, checks.c.paused_ns.is_(None))
        .values(paused_ns=now_ns, paused_by=by)
    )


async def resume(tx: AsyncConnection, check_id: int, now_ns: int) -> None:
    """Note that a check is no longer paused; if it is not, nothing changes."""
    await tx.execute(
        update(checks)
        .where(checks.c.id == check_id, checks.c.paused_ns.is_not(None))
        .values(paused_ns=None, paused_by=None, resumed_ns=now_ns)
    )


async def location_ids(tx: AsyncConnection, names: Iterable[str]) -> dict[str, int]:
    """The ids of locations; those that are new are entered."""
    wanted = set(names)
    found = await _location_ids(tx, wanted)
    if new := wanted - found.keys():
        await tx.execute(
            insert_into(tx, locations).on_conflict_do_nothing(),
            [{"name": name} for name in sorted(new)],
        )
        found = await _location_ids(tx, wanted)
    return found


async def _location_ids(tx: AsyncConnection, names: Collection[str]) -> dict[str, int]:
    rows = await tx.execute(select(locations.c.name, locations.c.id))
    return {row.name: row.id for row in rows if row.name in names}


async def _project_id(tx: AsyncConnection, key: str, name: str, root: str, now_ns: int) -> int:
    values = {"name": name, "root": root, "loaded_ns": now_ns, "removed_ns": None}
    statement = insert_into(tx, projects).values(key=key, **values)
    found = await tx.execute(
        statement.on_conflict_do_update(index_elements=["key"], set_=values).returning(
            projects.c.id
        )
    )
    return int(found.scalar_one())


async def _write_lists(tx: AsyncConnection, definitions: Mapping[int, CheckDefinition]) -> None:
    """Tags and locations, in tables of their own: for queries."""
    for part in _chunks(list(definitions)):
        await tx.execute(delete(check_tags).where(check_tags.c.check_id.in_(part)))
        await tx.execute(delete(check_locations).where(check_locations.c.check_id.in_(part)))
    places = await location_ids(
        tx, {name for definition in definitions.values() for name in definition.locations}
    )
    tags = [
        {"check_id": check_id, "tag": tag}
        for check_id, definition in definitions.items()
        for tag in dict.fromkeys(definition.tags)
    ]
    named = [
        {"check_id": check_id, "location_id": places[name]}
        for check_id, definition in definitions.items()
        for name in dict.fromkeys(definition.locations)
    ]
    for part in _chunks(tags):
        await tx.execute(insert(check_tags), part)
    for part in _chunks(named):
        await tx.execute(insert(check_locations), part)


def _checks() -> Select[Any]:
    return select(checks, projects.c.key.label("project")).join(
        projects, projects.c.id == checks.c.project_id
    )


def _check_record(row: Row[Any]) -> CheckRecord:
    try:
        definition = _decode(row.definition)
    except msgspec.MsgspecError as error:
        raise DatabaseError(
            f"the definition of the check {row.key} is damaged: `checkwire db check` tells what "
            "else is"
        ) from error
    return CheckRecord(
        id=row.id,
        uid=row.uid,
        project=row.project,
        definition=definition,
        first_seen_ns=row.first_seen_ns,
        removed_ns=row.removed_ns,
        paused_ns=row.paused_ns,
        paused_by=row.paused_by,
        resumed_ns=row.resumed_ns,
    )


def _chunks(items: Sequence[Any]) -> Iterable[Any]:
    return (items[start : start + _CHUNK] for start in range(0, len(items), _CHUNK))


async def lock_checks(tx: AsyncConnection, check_ids: Iterable[int]) -> None:
    """Let nobody else write what hangs on these checks until the transaction ends.

    On SQLite a transaction that writes is alone anyway.
    """
    if tx.dialect.name == "sqlite":
        return
    query = select(checks.c.id).where(checks.c.id.in_(list(check_ids))).order_by(checks.c.id)
    # Not FOR UPDATE: that would hold up whoever only refers to the checks.
    await tx.execute(query.with_for_update(key_share=True))
