"""The API as a router, and an application around it and the pages."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import RedirectResponse
from starlette.exceptions import HTTPException
from starlette.responses import Response

from checkwire.server.api import etags
from checkwire.server.api.openapi import PREFIX, PROBLEMS, describe
from checkwire.server.api.parameters import known_parameters
from checkwire.server.api.refusals import field_errors, members_of_body, sentence_of
from checkwire.server.api.routes.checks import create_checks
from checkwire.server.api.routes.events import create_events
from checkwire.server.api.routes.failures import create_failures
from checkwire.server.api.routes.health import create_health
from checkwire.server.api.routes.incidents import create_incidents
from checkwire.server.api.routes.projects import create_projects
from checkwire.server.api.routes.runs import create_runs
from checkwire.server.api.routes.statistics import create_statistics
from checkwire.server.auth import Auth, LoginNeeded
from checkwire.server.auth.login import Drawn, create_login
from checkwire.server.auth.middleware import BodyLimit, ErrorsTold, Guard, SecurityHeaders
from checkwire.server.monitor import Monitor, NoSuchThing, Refused, Stopping
from checkwire.server.problems import FieldError, Problem, problem_of_status

__all__ = ["ErrorPage", "create_api", "create_app"]

ErrorPage = Callable[[Request, Problem], Response]
"""Draws an error for a reader of pages."""

_MANY = (
    create_projects,
    create_checks,
    create_runs,
    create_events,
    create_statistics,
    create_failures,
    create_incidents,
)


def create_api(monitor: Monitor, auth: Auth) -> APIRouter:
    """All routes under ``/api/v1``; see :func:`create_app` for what they need around them."""
    api = APIRouter(prefix=PREFIX, dependencies=[Depends(known_parameters)], responses=PROBLEMS)
    for create in _MANY:
        api.include_router(create(monitor, auth))
    return api


def create_app(
    monitor: Monitor,
    auth: Auth,
    pages: Iterable[APIRouter] = (),
    *,
    login: Drawn | None = None,
    error_page: ErrorPage | None = None,
) -> FastAPI:
    """The application: API, health, login, and what holds for every request.

    Args:
        monitor: the service.
        auth: who may what.
        pages: further routers; they are not described in the API's document.
        login: how the login form looks.
        error_page: how an error looks to a browser outside ``/api``; by default it is a problem
            document there, too.
    """
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False)
    app.include_router(create_health(monitor))
    app.include_router(create_api(monitor, auth))
    app.include_router(create_login(auth, login))
    for router in pages:
        app.include_router(router, include_in_schema=False)
    app.openapi = lambda: describe(app)  # type: ignore[method-assign]

    @app.get(
        f"{PREFIX}/openapi.json",
        include_in_schema=False,
        dependencies=[Depends(auth.require("read"))],
    )
    async def openapi(request: Request) -> Response:
        headers: dict[str, str] = {}
        if (known := etags.answer(request, etags.tag_of("openapi"), headers)) is not None:
            return known
        import msgspec

        # It takes a while, the first time, in which the runs of checks must go on.
        body = msgspec.json.encode(await asyncio.to_thread(app.openapi))
        return Response(body, headers=headers, media_type="application/json")

    _tell_errors(app, error_page)
    # The last one added is the outermost.
    app.add_middleware(BodyLimit)
    app.add_middleware(
        Guard, open_to_all=not auth.required, hosts=auth.hosts, forwarded=auth.forwarded
    )
    app.add_middleware(ErrorsTold)
    app.add_middleware(SecurityHeaders)
    return app


def _tell_errors(app: FastAPI, error_page: ErrorPage | None) -> None:
    def told(request: Request, problem: Problem) -> Response:
        if error_page is not None and _reads_pages(request):
            return error_page(request, problem)
        return problem.response()

    @app.exception_handler(Problem)
    async def problem(request: Request, error: Problem) -> Response:
        return told(request, error)

    @app.exception_handler(Refused)
    async def refused(request: Request, error: Refused) -> Response:
        status, kind, headers = 409, "refused", {}
        if isinstance(error, NoSuchThing):
            status, kind = 404, "no_such_thing"
        elif isinstance(error, Stopping):
            status, kind, headers = 503, "stopping", {"Retry-After": "10"}
        fields = [FieldError(error.field, str(error))] if error.field else []
        return told(request, Problem(status, kind, str(error), errors=fields, headers=headers))

    @app.exception_handler(HTTPException)
    async def status(request: Request, error: HTTPException) -> Response:
        headers = dict(error.headers or {})
        if error.status_code == 405:
            headers["Allow"] = ", ".join(_methods(app, request)) or headers.get("Allow", "")
        return told(request, problem_of_status(error.status_code, headers))

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> Response:
        errors = field_errors(error.errors(), members_of_body(request.scope.get("route")))
        return told(request, Problem(422, "invalid", sentence_of(errors), errors=errors))

    @app.exception_handler(LoginNeeded)
    async def login_needed(_request: Request, error: LoginNeeded) -> Response:
        from urllib.parse import urlencode

        query = "" if error.next == "/" else f"?{urlencode({'next': error.next})}"
        return RedirectResponse(f"/login{query}", 303)


def _reads_pages(request: Request) -> bool:
    accepts = request.headers.get("accept", "")
    return not request.url.path.startswith("/api/") and "text/html" in accepts


def _methods(app: FastAPI, request: Request) -> list[str]:
    """What this address does take, over all routes: each of them knows its own methods only."""
    from starlette.routing import Match

    return [
        method
        for method in ("DELETE", "GET", "HEAD", "PATCH", "POST", "PUT")
        if any(
            route.matches({**request.scope, "method": method})[0] is Match.FULL
            for route in app.routes
        )
    ]
