"""The addresses of the pages. Handlers read, have a view made, and render it."""

from __future__ import annotations

import time
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Request
from starlette.responses import RedirectResponse, Response

from checkwire.server.api.cursors import IncidentPlace, RunPosition, write_cursor
from checkwire.server.api.streams import EventStream
from checkwire.server.auth import Auth, Principal
from checkwire.server.live import MISSED, Message
from checkwire.server.monitor import Monitor, RunningRun
from checkwire.server.pages.assets import mount_static
from checkwire.server.pages.errors import PageRoute
from checkwire.server.pages.feed import changes, last_seen, run_changes
from checkwire.server.pages.positions import asked_before
from checkwire.server.pages.progress import attempts_so_far
from checkwire.server.pages.rendering import render, render_text
from checkwire.server.pages.sources import (
    RunSource,
    read_check,
    read_incidents,
    read_overview,
    read_run,
)
from checkwire.server.pages.views.bars import strip_of
from checkwire.server.pages.views.check import check_view
from checkwire.server.pages.views.incidents import Status, incidents_view
from checkwire.server.pages.views.overview import overview_view
from checkwire.server.pages.views.run import RunView, Wanted, run_view, running_view
from checkwire.server.pages.views.transcript import Filter
from checkwire.server.problems import Problem

__all__ = ["create_pages"]

_OVERVIEW_APART = 3.0
"""Seconds between two updates of the overview: with thousands of checks it changes all the time."""
_LONGEST = 200
"""Characters of what may be searched for."""


def create_pages(monitor: Monitor, auth: Auth) -> APIRouter:
    """The pages and their assets; see ``create_app`` for what goes around them."""
    router = APIRouter(route_class=PageRoute, include_in_schema=False)
    for add in (_add_overview, _add_check, _add_actions, _add_incidents, _add_run):
        add(router, monitor, auth)
    mount_static(router)
    return router


def _add_overview(router: APIRouter, monitor: Monitor, auth: Auth) -> None:
    read = Depends(auth.page("read"))

    @router.get("/")
    async def overview(request: Request, who: Principal = read) -> Response:
        live = f"/live?after={monitor.hub.last_id}"  # before anything is read
        text, tag, page = _text(request, "q"), _text(request, "tag"), _number(request, "page")
        source = await read_overview(monitor, page=page, text=text, tag=tag, now_ns=time.time_ns())
        view = overview_view(
            source.stock,
            source.stock.told(page, source.runs),
            source.strips,
            projects=monitor.projects(),
            health=monitor.health(),
            open_incidents=source.open_incidents,
            notices=source.notices,
            running=len(monitor.running()),
            page=page,
            text=text,
            tag=tag,
        )
        context = {"view": view, "here": "overview", "find": text, "live": live}
        return render(request, "overview.html", {**context, **_who(who, auth)})

    @router.get("/live", dependencies=[Depends(auth.require("read"))])
    async def live(request: Request) -> Response:
        topics = ["runs", "incidents", "projects"]
        return EventStream(
            changes(
                monitor,
                topics,
                lambda _: True,
                last_seen(request),
                lambda: auth.holds(request),
                _OVERVIEW_APART,
            )
        )


def _add_check(router: APIRouter, monitor: Monitor, auth: Auth) -> None:
    read = Depends(auth.page("read"))

    @router.get("/checks/{uid}")
    async def check(request: Request, uid: str, who: Principal = read) -> Response:
        live = f"/checks/{uid}/live?after={monitor.hub.last_id}"
        now_ns = time.time_ns()
        before = asked_before(request, RunPosition)
        source = await read_check(monitor, uid, before=before, now_ns=now_ns)
        if source is None:
            raise Problem(404, "no_such_check", "There is no check of this name, and never was.")
        view = check_view(
            source.check,
            source.states,
            source.recent,
            page_of_runs=source.rows,
            older=f"/checks/{uid}?before={write_cursor(source.older)}#runs" if source.older else "",
            newer=f"/checks/{uid}#runs" if before is not None else "",
            shares=source.shares,
            latencies=source.latencies,
            failures=source.failures,
            incidents=source.incidents,
            notices=source.notices,
            next_due_ns=monitor.next_due_ns(uid),
            running=[run.run_id for run in monitor.running() if run.check_uid == uid],
            now_ns=now_ns,
        )
        context = {"view": view, "live": live}
        return render(request, "check.html", {**context, **_who(who, auth)})

    @router.get("/checks/{uid}/live", dependencies=[Depends(auth.require("read"))])
    async def live(request: Request, uid: str) -> Response:
        def concerns(message: Message) -> bool:
            return message.kind == MISSED or message.data.get("check_uid") == uid

        return EventStream(
            changes(
                monitor,
                ["runs", "incidents"],
                concerns,
                last_seen(request),
                lambda: auth.holds(request),
            )
        )


def _add_actions(router: APIRouter, monitor: Monitor, auth: Auth) -> None:
    trigger = Depends(auth.page("trigger"))
    admin = Depends(auth.page("admin"))

    @router.post("/checks/{uid}/run")
    async def run_now(uid: str, who: Principal = trigger) -> Response:
        due = await monitor.trigger(uid, by=who.name)
        there = f"/runs/{due[0].run_id}" if len(due) == 1 else f"/checks/{uid}"
        return RedirectResponse(there, 303)

    @router.post("/checks/{uid}/pause")
    async def pause(uid: str, who: Principal = admin) -> Response:
        await monitor.pause(uid, who.name)
        return RedirectResponse(f"/checks/{uid}", 303)

    @router.post("/checks/{uid}/resume")
    async def resume(uid: str, who: Principal = admin) -> Response:
        await monitor.resume(uid)
        return RedirectResponse(f"/checks/{uid}", 303)


def _add_incidents(router: APIRouter, monitor: Monitor, auth: Auth) -> None:
    read = Depends(auth.page("read"))

    @router.get("/incidents")
    async def incidents(request: Request, who: Principal = read) -> Response:
        uid = _text(request, "check")
        asked = {"check": uid} if uid else {}
        live = f"/incidents/live?{urlencode({**asked, 'after': monitor.hub.last_id})}"
        status = _status(request)
        before = asked_before(request, IncidentPlace)
        source = await read_incidents(monitor, status=status, uid=uid, before=before)
        view = incidents_view(
            source.incidents,
            source.checks,
            open_count=source.open_count,
            status=status,
            check=source.check,
            notices=source.notices,
            several=len(monitor.projects()) > 1,
            first=before is None,
            older=write_cursor(source.older) if source.older is not None else "",
            now_ns=time.time_ns(),
        )
        context = {"view": view, "here": "incidents", "live": live}
        return render(request, "incidents.html", {**context, **_who(who, auth)})

    @router.get("/incidents/live", dependencies=[Depends(auth.require("read"))])
    async def live(request: Request) -> Response:
        uid = _text(request, "check")

        def concerns(message: Message) -> bool:
            return message.kind == MISSED or not uid or message.data.get("check_uid") == uid

        return EventStream(
            changes(
                monitor,
                ["incidents"],
                concerns,
                last_seen(request),
                lambda: auth.holds(request),
            )
        )


def _add_run(router: APIRouter, monitor: Monitor, auth: Auth) -> None:
    read = Depends(auth.page("read"))

    @router.get("/runs/{run_id}")
    async def run(request: Request, run_id: str, who: Principal = read) -> Response:
        live = f"/runs/{run_id}/live?after={monitor.hub.last_id}"
        now_ns = time.time_ns()
        source, view = await _run(monitor, request, run_id, now_ns)
        context = {
            "run": view,
            "strip": strip_of(source.strip, now_ns=now_ns, current=run_id) if source.strip else "",
            "strip_count": len(source.strip),
            "earlier": source.earlier,
            "later": source.later,
            "known": source.check is not None and source.check.removed_ns is None,
            "live": live if view.running else "",
        }
        return render(request, "run.html", {**context, **_who(who, auth)})

    @router.get("/runs/{run_id}/frame", dependencies=[Depends(auth.require("read"))])
    async def frame(request: Request, run_id: str) -> Response:
        _, view = await _run(monitor, request, run_id, time.time_ns())
        detail = view.attempt.frame if view.attempt is not None else None
        text = render_text("run/frame.html", {"frame": detail})
        return Response(text, media_type="text/html", headers={"Cache-Control": "no-store"})

    @router.get("/runs/{run_id}/live", dependencies=[Depends(auth.require("read"))])
    async def live(request: Request, run_id: str) -> Response:
        return EventStream(
            run_changes(monitor, run_id, last_seen(request), lambda: auth.holds(request))
        )


async def _run(
    monitor: Monitor, request: Request, run_id: str, now_ns: int
) -> tuple[RunSource, RunView]:
    running, told = _running(monitor, run_id), monitor.running_events(run_id)
    told = list(told) if told is not None else None
    source = await read_run(
        monitor, run_id, running.check_uid if running is not None else "", now_ns=now_ns
    )
    definition = source.check.definition if source.check is not None else None
    wanted = _wanted(request)
    if source.record is not None:
        return source, run_view(
            source.record,
            source.run,
            definition,
            now_ns=now_ns,
            wanted=wanted,
            usual=source.usual,
            expired=source.record.attempts > 0,
        )
    if running is None or told is None:
        raise Problem(
            404,
            "no_such_run",
            "There is no run of this name. Runs are deleted when they are older than is kept.",
        )
    return source, running_view(
        running,
        attempts_so_far(told),
        definition,
        now_ns=now_ns,
        wanted=wanted,
        usual=source.usual,
    )


def _running(monitor: Monitor, run_id: str) -> RunningRun | None:
    return next((run for run in monitor.running() if run.run_id == run_id), None)


def _who(who: Principal, auth: Auth) -> dict[str, object]:
    return {
        "who": who,
        "required": auth.required,
        "may_trigger": who.may("trigger"),
        "may_pause": who.may("admin"),
    }


def _wanted(request: Request) -> Wanted:
    """What a reader asks for; what makes no sense is not asked for."""
    ways = ("all", "sent", "received")
    way = request.query_params.get("way", "all")
    return Wanted(
        attempt=_number(request, "attempt", 0),
        page=_number(request, "page"),
        frame=_text(request, "frame"),
        filter=Filter(
            way=way if way in ways else "all",
            text=_text(request, "text"),
            control=request.query_params.get("control") != "no",
        ),
    )


def _text(request: Request, name: str) -> str:
    return request.query_params.get(name, "").strip()[:_LONGEST]


def _status(request: Request) -> Status:
    """Which incidents are asked for."""
    match request.query_params.get("status"):
        case "open":
            return "open"
        case "closed":
            return "closed"
    return ""


def _number(request: Request, name: str, default: int = 1) -> int:
    text = request.query_params.get(name, "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 7 else default
