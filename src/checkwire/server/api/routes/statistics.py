"""Uptime and times over a period."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query

from checkwire.server.api.cursors import CheckPosition, read_cursor, write_cursor
from checkwire.server.api.lookup import check_record
from checkwire.server.api.models.statistics import (
    Percentiles,
    Phase,
    Phases,
    PhaseTimes,
    Uptime,
    UptimeList,
)
from checkwire.server.api.parameters import DAY_NS, Cursor, Instant, Limit, Since, Tag, Text, period
from checkwire.server.auth import Auth
from checkwire.server.monitor import Monitor
from checkwire.store import registry, statistics

__all__ = ["create_statistics"]

Begin = Annotated[Since | None, Query(description="Begin of the period; by default a day ago.")]
End = Annotated[Instant | None, Query(description="Its end; by default now.")]
Location = Annotated[Text | None, Query(description="As seen from there only.")]
Quantiles = Annotated[
    list[Annotated[float, Query(ge=0, le=1)]] | None,
    Query(
        max_length=10,
        description="Which, from 0 to 1; can be given several times. By default 0.5, 0.95, 0.99.",
    ),
]
_QUANTILES = [0.5, 0.95, 0.99]


def create_statistics(monitor: Monitor, auth: Auth) -> APIRouter:
    """``/uptime``, and what there is to say of single checks."""
    router = APIRouter(tags=["statistics"], dependencies=[Depends(auth.require("read"))])

    @router.get("/uptime", operation_id="list_uptime")
    async def list_uptime(
        since: Begin = None,
        until: End = None,
        project: Annotated[Text | None, Query(description="Only checks of this project.")] = None,
        tag: Tag = None,
        location: Location = None,
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> UptimeList:
        """The uptime of checks over a period, by project and id."""
        since_ns, until_ns = period(since, until, DAY_NS)
        position = read_cursor(cursor, CheckPosition)
        async with monitor.store.reading() as tx:
            found = await registry.list_checks(
                tx,
                project=project,
                tag=tag,
                location=location,
                after=None if position is None else (position.project, position.key),
                limit=limit + 1,
            )
            page = found[:limit]
            ids = [check.id for check in page]
            uptimes = await statistics.uptime(tx, ids, since_ns, until_ns, location=location)
        following = None
        if len(found) > limit:
            following = write_cursor(CheckPosition(page[-1].project, page[-1].definition.id))
        return UptimeList(
            items=[Uptime.of(check, uptimes[check.id]) for check in page], next=following
        )

    @router.get("/checks/{uid}/uptime", operation_id="show_uptime")
    async def show_uptime(
        uid: str, since: Begin = None, until: End = None, location: Location = None
    ) -> Uptime:
        """How long the check was up over a period."""
        since_ns, until_ns = period(since, until, DAY_NS)
        async with monitor.store.reading() as tx:
            check = await check_record(tx, uid)
            found = await statistics.uptime(tx, [check.id], since_ns, until_ns, location=location)
        return Uptime.of(check, found[check.id])

    @router.get("/checks/{uid}/percentiles", operation_id="show_percentiles")
    async def show_percentiles(
        uid: str,
        since: Begin = None,
        until: End = None,
        phase: Annotated[Phase, Query(description="Which one.")] = "open",
        quantile: Quantiles = None,
        buckets: Annotated[
            int,
            Query(
                ge=1,
                le=1000,
                description="Parts of the period; fewer if they would be shorter than an hour in "
                "a period of more than 2 days.",
            ),
        ] = 60,
        location: Location = None,
    ) -> Percentiles:
        """How long a phase took, over time."""
        since_ns, until_ns = period(since, until, DAY_NS)
        async with monitor.store.reading() as tx:
            check = await check_record(tx, uid)
            found = await statistics.percentiles(
                tx,
                check.id,
                since_ns,
                until_ns,
                phase=phase,
                quantiles=quantile or _QUANTILES,
                buckets=buckets,
                location=location,
            )
        return Percentiles.of(check, phase, location, quantile or _QUANTILES, found)

    @router.get("/checks/{uid}/phases", operation_id="show_phases")
    async def show_phases(
        uid: str,
        since: Begin = None,
        until: End = None,
        quantile: Quantiles = None,
        location: Location = None,
    ) -> Phases:
        """How long each phase took, over a period."""
        since_ns, until_ns = period(since, until, DAY_NS)
        async with monitor.store.reading() as tx:
            check = await check_record(tx, uid)
            found = await statistics.phases(
                tx,
                check.id,
                since_ns,
                until_ns,
                quantiles=quantile or _QUANTILES,
                location=location,
            )
        return Phases(
            check_uid=check.uid,
            location=location,
            since_ns=since_ns,
            until_ns=until_ns,
            quantiles=quantile or _QUANTILES,
            phases={
                name: PhaseTimes(
                    count=times.count,
                    values=list(times.values),
                    least_ns=times.least_ns,
                    most_ns=times.most_ns,
                )
                for name, times in found.items()
            },
        )

    return router
