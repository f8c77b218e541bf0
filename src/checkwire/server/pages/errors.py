"""Pages for what goes wrong."""

from __future__ import annotations

import logging
from collections.abc import Callable, Coroutine
from typing import Any

import sqlalchemy.exc
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from checkwire.model.errors import CheckwireError
from checkwire.server.auth import LoginNeeded
from checkwire.server.pages.rendering import render
from checkwire.server.problems import Problem
from checkwire.store.database import DatabaseError

__all__ = ["PageRoute", "error_page"]

_log = logging.getLogger("checkwire.server")
_DATABASE = (DatabaseError, sqlalchemy.exc.OperationalError, sqlalchemy.exc.TimeoutError)
_TOLD = (CheckwireError, LoginNeeded, HTTPException, RequestValidationError)
"""Handled by the application, which knows what each of them means."""

_HEADLINES = {
    400: "The address is not right.",
    403: "That is not allowed.",
    404: "There is nothing at this address.",
    405: "That cannot be done here.",
    409: "That cannot be done now.",
    429: "Too many tries.",
    500: "Checkwire made a mistake.",
    503: "The database does not answer.",
}


def error_page(request: Request, problem: Problem) -> Response:
    """A problem, for a reader of pages."""
    headline = _HEADLINES.get(problem.status, problem.document.title + ".")
    if problem.kind == "stopping":
        headline = "The server is stopping."
    context = {
        "status": problem.status,
        "headline": headline,
        "detail": problem.detail if problem.detail != headline else "",
        "command": _command(problem),
    }
    return render(request, "error.html", context, status=problem.status, headers=problem.headers)


def _command(problem: Problem) -> str:
    """What to do about it on the server's machine, if anything."""
    if problem.scope:
        return f"checkwire token create my-browser --scope {problem.scope}"
    return "checkwire db check" if problem.kind == "database_unavailable" else ""


class PageRoute(APIRoute):
    """A route of pages: whatever nobody expected is a page, too, and in the log."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler, guarded."""
        handler = super().get_route_handler()

        async def guarded(request: Request) -> Response:
            try:
                return await handler(request)
            except _DATABASE as error:
                _log.error(
                    "The database did not answer %s %s: %s",
                    request.method,
                    request.url.path,
                    error,
                )
                detail = "Checks keep running; the page comes back when the database does."
                return error_page(request, Problem(503, "database_unavailable", detail))
            except _TOLD:
                raise
            except Exception:
                _log.exception("Cannot show %s %s", request.method, request.url.path)
                return error_page(request, Problem(500, "internal", "Its log says which one."))

        return guarded
