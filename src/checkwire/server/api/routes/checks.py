"""Checks: which there are, how they stand; running them now, pausing them."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Body, Depends, Query
from sqlalchemy.ext.asyncio import AsyncConnection

from checkwire.model.due import DueRun
from checkwire.server.api.cursors import CheckPosition, read_cursor, write_cursor
from checkwire.server.api.lookup import check_record
from checkwire.server.api.models.checks import (
    Asked,
    AskedList,
    CheckList,
    CheckShown,
    RunWanted,
    check_of,
)
from checkwire.server.api.openapi import PREFIX, problem
from checkwire.server.api.parameters import Cursor, Limit, Tag, Text
from checkwire.server.auth import Auth, Principal
from checkwire.server.monitor import Monitor
from checkwire.store import incidents, registry, runs
from checkwire.store.records import CheckRecord, RunStatus

__all__ = ["create_checks"]


def create_checks(monitor: Monitor, auth: Auth) -> APIRouter:
    """``/checks``."""
    router = APIRouter(tags=["checks"])
    read = Depends(auth.require("read"))
    trigger = Depends(auth.require("trigger"))
    admin = Depends(auth.require("admin"))

    async def shown(tx: AsyncConnection, records: list[CheckRecord]) -> list[CheckShown]:
        ids = [record.id for record in records]
        states = await runs.states(tx, ids) if ids else []
        down = await incidents.open_incidents(tx, ids) if ids else {}
        return [
            check_of(
                record,
                [state for state in states if state.check_id == record.id],
                monitor.next_due_ns(record.uid),
                down.get(record.id),
            )
            for record in records
        ]

    async def show(uid: str) -> CheckShown:
        async with monitor.store.reading() as tx:
            return (await shown(tx, [await check_record(tx, uid)]))[0]

    @router.get("/checks", operation_id="list_checks", dependencies=[read])
    async def list_checks(
        project: Annotated[Text | None, Query(description="Only those of this project.")] = None,
        tag: Tag = None,
        location: Annotated[
            Text | None, Query(description="Only those that run, or ran, from there.")
        ] = None,
        status: Annotated[
            RunStatus | None,
            Query(
                description="Only those whose latest run has this status: at `location`, or at any."
            ),
        ] = None,
        paused: Annotated[
            bool | None, Query(description="Only those that are paused, or are not.")
        ] = None,
        text: Annotated[
            Text | None,
            Query(
                description="Only those with this in their id, their name, a tag, or the "
                "failure code of a latest run; or of this uid."
            ),
        ] = None,
        removed: Annotated[
            bool, Query(description="Also those that are no longer in their project.")
        ] = False,
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> CheckList:
        """Checks by project and id, with where they stand."""
        position = read_cursor(cursor, CheckPosition)
        async with monitor.store.reading() as tx:
            records = await registry.list_checks(
                tx,
                project=project,
                tag=tag,
                location=location,
                status=status,
                paused=paused,
                text=text,
                removed=removed,
                after=None if position is None else (position.project, position.key),
                limit=limit + 1,
            )
            page = await shown(tx, records[:limit])
        following = None
        if len(records) > limit:
            following = write_cursor(CheckPosition(page[-1].project, page[-1].id))
        return CheckList(items=list(page), next=following)

    @router.get("/checks/{uid}", operation_id="show_check", dependencies=[read])
    async def show_check(uid: str) -> CheckShown:
        """A check, with all of its definition. Also one that is no longer in its project."""
        return await show(uid)

    @router.post("/checks/{uid}/pause", operation_id="pause_check")
    async def pause_check(uid: str, who: Principal = admin) -> CheckShown:
        """Plan no more runs of the check. It can still be triggered."""
        await monitor.pause(uid, who.name)
        return await show(uid)

    @router.post("/checks/{uid}/resume", operation_id="resume_check")
    async def resume_check(uid: str, who: Principal = admin) -> CheckShown:
        """Plan runs of the check again."""
        await monitor.resume(uid)
        return await show(uid)

    @router.post(
        "/checks/{uid}/runs",
        operation_id="trigger_check",
        status_code=202,
        responses={409: problem("It does not run at one of the locations, or too many wait.")},
    )
    async def trigger_check(
        uid: str,
        wanted: Annotated[RunWanted | None, Body()] = None,
        who: Principal = trigger,
    ) -> AskedList:
        """Run the check now, beside its schedule; the answer says where to look."""
        locations = tuple(dict.fromkeys(wanted.locations)) if wanted is not None else ()
        due = await monitor.trigger(uid, locations=locations, by=who.name)
        return AskedList(runs=[_asked(run) for run in due])

    return router


def _asked(run: DueRun) -> Asked:
    address = f"{PREFIX}/runs/{run.run_id}"
    return Asked(
        run_id=run.run_id,
        location=run.location,
        due_ns=run.due_ns,
        run=address,
        events=f"{address}/events",
    )
