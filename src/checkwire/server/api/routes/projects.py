"""Projects, and the server itself."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Response

from checkwire._version import __version__
from checkwire.server.api.models.checks import Project, ProjectList
from checkwire.server.api.models.runs import Run
from checkwire.server.api.models.server import Server, Tried
from checkwire.server.auth import Auth, Principal
from checkwire.server.monitor import Monitor

__all__ = ["create_projects"]


def create_projects(monitor: Monitor, auth: Auth) -> APIRouter:
    """``/server``, ``/projects``."""
    router = APIRouter(tags=["projects"])
    read = Depends(auth.require("read"))
    admin = Depends(auth.require("admin"))

    @router.get("/server", operation_id="show_server", dependencies=[read])
    async def show_server() -> Server:
        """How the server is, and which runs are under way."""
        health = monitor.health()
        return Server(
            version=__version__,
            started_ns=monitor.started_ns,
            ok=health.ok,
            problems=[*health.problems, *health.untold],
            database=health.database,
            backlog=health.backlog,
            lateness_ns=health.lateness_ns,
            running=[Run.of_running(run) for run in monitor.running()],
        )

    @router.get("/projects", operation_id="list_projects", dependencies=[read])
    async def list_projects() -> ProjectList:
        """The projects that the server watches, by key."""
        return ProjectList(items=[Project.of(status) for status in monitor.projects()])

    @router.post(
        "/projects/{key}/reload",
        operation_id="reload_project",
        dependencies=[admin],
        status_code=204,
        response_class=Response,
    )
    async def reload_project(key: str) -> Response:
        """Load the project's files again. What they are worth is in the project's `error`."""
        await monitor.reload(key)
        return Response(status_code=204)

    @router.post("/projects/{key}/channels/{channel}/test", operation_id="test_channel")
    async def test_channel(key: str, channel: str, who: Principal = admin) -> Tried:
        """Send a test notice to one of the project's channels, and say what came back.

        It is marked as one: its `event` is `test`. If it is taken, the channel counts as working
        again.
        """
        tried = await monitor.try_channel(key, channel, who.name)
        return Tried(delivered=tried.delivered, said=tried.said)

    return router
