"""Incidents: when checks were down."""

from __future__ import annotations

import re
from typing import Annotated

from fastapi import APIRouter, Depends, Query

from checkwire.server.api.cursors import IncidentPosition, read_cursor, write_cursor
from checkwire.server.api.lookup import check_record
from checkwire.server.api.models.incidents import Incident, IncidentList
from checkwire.server.api.parameters import Cursor, Limit, Text
from checkwire.server.auth import Auth
from checkwire.server.monitor import Monitor
from checkwire.server.problems import Problem
from checkwire.store import incidents, outbox

__all__ = ["create_incidents"]

_ID = re.compile(r"[0-9A-Z]{26}", re.ASCII)


def create_incidents(monitor: Monitor, auth: Auth) -> APIRouter:
    """``/incidents``."""
    router = APIRouter(tags=["incidents"], dependencies=[Depends(auth.require("read"))])

    @router.get("/incidents", operation_id="list_incidents")
    async def list_incidents(
        check: Annotated[Text | None, Query(description="Only those of this check: uid.")] = None,
        is_open: Annotated[
            bool | None,
            Query(alias="open", description="Only those that are open, or are not."),
        ] = None,
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> IncidentList:
        """Incidents, the latest opened first."""
        position = read_cursor(cursor, IncidentPosition)
        async with monitor.store.reading() as tx:
            check_id = None if check is None else (await check_record(tx, check)).id
            found = await incidents.list_incidents(
                tx,
                check_id=check_id,
                open=is_open,
                before=None if position is None else (position.opened_ns, position.id),
                limit=limit + 1,
            )
            told = await outbox.of_incidents(tx, [one.id for one in found[:limit]])
        following = None
        if len(found) > limit:
            last = found[limit - 1]
            following = write_cursor(IncidentPosition(last.opened_ns, last.id))
        items = [Incident.told(one, told[one.id]) for one in found[:limit]]
        return IncidentList(items=items, next=following)

    @router.get("/incidents/{incident_id}", operation_id="show_incident")
    async def show_incident(incident_id: str) -> Incident:
        """An incident."""
        found = None
        if _ID.fullmatch(incident_id):
            async with monitor.store.reading() as tx:
                found = await incidents.get_incident(tx, incident_id)
                told = await outbox.of_incident(tx, incident_id)
        if found is None:
            raise Problem(404, "no_such_incident", "There is no incident with this id.")
        return Incident.told(found, told)

    return router
