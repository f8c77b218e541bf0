"""Runs: which there were, what they told."""

from __future__ import annotations

from typing import Annotated

import msgspec
from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from checkwire.model import attempt as model
from checkwire.server.api import etags
from checkwire.server.api.cursors import RunPosition, read_cursor, write_cursor
from checkwire.server.api.lookup import check_record, run_record
from checkwire.server.api.models.runs import Run, RunList
from checkwire.server.api.openapi import event_stream, reference
from checkwire.server.api.parameters import (
    Cursor,
    Instant,
    LastEventId,
    Limit,
    Since,
    Tag,
    Text,
    require_order,
)
from checkwire.server.api.run_events import OVER, read_place, run_events
from checkwire.server.api.streams import EventStream
from checkwire.server.auth import Auth
from checkwire.server.monitor import Monitor, RunningRun
from checkwire.server.problems import Problem
from checkwire.store import runs
from checkwire.store.records import RunStatus

__all__ = ["create_runs"]

Code = Annotated[
    str | None,
    Query(
        pattern=r"^[a-z][a-z0-9_]*(\.(\*|[a-z][a-z0-9_]*)?)?$",
        max_length=100,
        description="Only those with this failure code; `tls`, `tls.` or `tls.*` for its floor.",
    ),
]


def create_runs(monitor: Monitor, auth: Auth) -> APIRouter:
    """``/runs``."""
    router = APIRouter(tags=["runs"], dependencies=[Depends(auth.require("read"))])

    @router.get("/runs", operation_id="list_runs")
    async def list_runs(
        check: Annotated[Text | None, Query(description="Only those of this check: uid.")] = None,
        status: Annotated[
            list[RunStatus] | None,
            Query(description="Only those with this status; can be given several times."),
        ] = None,
        location: Annotated[Text | None, Query(description="Only those from there.")] = None,
        tag: Tag = None,
        code: Code = None,
        project: Annotated[Text | None, Query(description="Only those of this project.")] = None,
        since: Annotated[Since | None, Query(description="Only those due then or later.")] = None,
        until: Annotated[Instant | None, Query(description="Only those due before.")] = None,
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> RunList:
        """Runs that are over, the latest due first."""
        require_order(since, until)
        position = read_cursor(cursor, RunPosition)
        before = None
        if position is not None:
            before = position.due_ns, position.check_id, position.location
        async with monitor.store.reading() as tx:
            check_id = None if check is None else (await check_record(tx, check)).id
            found = await runs.list_runs(
                tx,
                check_id=check_id,
                statuses=tuple(dict.fromkeys(status or ())),
                location=location,
                tag=tag,
                code=code,
                since_ns=since,
                until_ns=until,
                project=project,
                before=before,
                limit=limit + 1,
            )
        following = None
        if len(found) > limit:
            last = found[limit - 1]
            following = write_cursor(RunPosition(last.due_ns, last.check_id, last.location))
        return RunList(items=[Run.of(record) for record in found[:limit]], next=following)

    @router.get("/runs/{run_id}", operation_id="show_run", response_model=Run)
    async def show_run(request: Request, response: Response, run_id: str) -> Run | Response:
        """A run, also one that waits or is under way."""
        if (running := _running(monitor, run_id)) is not None:
            return Run.of_running(running)
        async with monitor.store.reading() as tx:
            record = await run_record(tx, run_id)
        headers: dict[str, str] = {}
        if (known := etags.answer(request, etags.tag_of("run", run_id), headers)) is not None:
            return known
        response.headers.update(headers)
        return Run.of(record)

    @router.get(
        "/runs/{run_id}/transcript",
        operation_id="show_transcript",
        response_class=Response,
        responses={
            200: {
                "description": "The run with its attempts and their events, as in "
                "docs/run-events.md. Members that have their default value are left out.",
                "content": {"application/json": {"schema": reference("Transcript")}},
            }
        },
    )
    async def show_transcript(request: Request, run_id: str) -> Response:
        """All that a run told: attempts, steps, connections, frames, logs."""
        run = await _transcript(monitor, run_id)
        headers: dict[str, str] = {}
        if (known := etags.answer(request, etags.tag_of("text", run_id), headers)) is not None:
            return known
        return Response(msgspec.json.encode(run), headers=headers, media_type="application/json")

    @router.get(
        "/runs/{run_id}/har",
        operation_id="show_har",
        response_class=Response,
        responses={
            200: {
                "description": "HAR 1.2, with `_webSocketMessages` as Chrome writes them.",
                "content": {"application/json": {"schema": {"type": "object"}}},
            }
        },
    )
    async def show_har(run_id: str) -> Response:
        """The run as an HTTP archive: open it in the network panel of a browser."""
        from checkwire.exporters.har import har

        run = await _transcript(monitor, run_id)
        return Response(
            msgspec.json.encode(har(run)),
            headers={"Content-Disposition": f'attachment; filename="{run_id}.har"'},
            media_type="application/json",
        )

    @router.get(
        "/runs/{run_id}/events",
        operation_id="watch_run",
        response_class=Response,
        responses={
            200: {
                "description": "`event`: an event of the run, with its attempt's number; `reset`: "
                "all comes again; `finished`: the run, and the end.",
                "content": event_stream(["event", "reset", "finished"]),
            },
            204: {"description": "The reader has all of it."},
        },
    )
    async def watch_run(
        request: Request, run_id: str, last_event_id: LastEventId = None
    ) -> Response:
        """The events of a run as they happen, or as they were kept."""
        if last_event_id == OVER:
            # A browser comes back by itself, until it is told that there is no more.
            return Response(status_code=204)
        place = read_place(last_event_id)
        if _running(monitor, run_id) is None:
            async with monitor.store.reading() as tx:
                await run_record(tx, run_id)
        return EventStream(
            run_events(monitor, run_id, place, lambda: auth.holds(request)),
        )

    return router


def _running(monitor: Monitor, run_id: str) -> RunningRun | None:
    return next((run for run in monitor.running() if run.run_id == run_id), None)


async def _transcript(monitor: Monitor, run_id: str) -> model.Run:
    async with monitor.store.reading() as tx:
        if _running(monitor, run_id) is not None:
            raise Problem(
                404, "not_over", "The run is not over: watch it at its events, or come back."
            )
        record = await run_record(tx, run_id)
        run = await runs.get_transcript(tx, record)
    if run is None:
        raise Problem(
            404,
            "no_transcript",
            "There is no transcript of this run: it never began, or is too old to be kept whole.",
        )
    return run
