"""What holds for every request and every response, whatever route they are of."""

from __future__ import annotations

import logging
from collections.abc import Collection

import sqlalchemy.exc
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from checkwire.server.auth.hosts import host_name, is_loopback, sent_from_elsewhere
from checkwire.server.problems import Problem, problem_of_status
from checkwire.store.errors import DatabaseError

__all__ = ["MAX_BODY", "BodyLimit", "ErrorsTold", "Guard", "SecurityHeaders"]

MAX_BODY = 1024 * 1024
"""Bytes of a request's body."""

_log = logging.getLogger("checkwire.server")
_DATABASE = (DatabaseError, sqlalchemy.exc.OperationalError, sqlalchemy.exc.TimeoutError)
_FORWARDED = ("forwarded", "x-forwarded-for", "x-real-ip")
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; "
        "frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # Not no-referrer: with it, browsers send "Origin: null" with our own forms.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
"""A response that has one of them already keeps its own."""


class SecurityHeaders:
    """Gives every response the headers that keep browsers from what they should not do."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, with_headers if scope["type"] == "http" else send)


class ErrorsTold:
    """Turns what nobody caught into a problem document, and writes the traceback to the log."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = False

        async def noting(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, receive, noting)
        except Exception as error:
            if started:
                # Too late to say anything: the connection is cut by the server.
                raise
            await _problem_of(error, scope).response()(scope, receive, send)


def _problem_of(error: Exception, scope: Scope) -> Problem:
    if isinstance(error, Problem):
        return error
    if isinstance(error, _DATABASE):
        _log.error("The database did not answer %s %s: %s", scope["method"], scope["path"], error)
        return Problem(
            503,
            "database_unavailable",
            "The database does not answer. Checks keep running; try again in a moment.",
            headers={"Retry-After": "5"},
        )
    _log.error("Cannot answer %s %s", scope["method"], scope["path"], exc_info=error)
    return Problem(500, "internal", "The server made a mistake; its log says which.")


class Guard:
    """Refuses what a browser was made to send: by a page elsewhere, or by a rebound name."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        open_to_all: bool,
        hosts: Collection[str] = (),
        forwarded: bool = False,
    ) -> None:
        """A guard.

        Args:
            app: what it guards.
            open_to_all: whether no token is asked for. Then the name in ``Host`` must be one of
                this machine: a page elsewhere may have had its own name point to it.
            hosts: further names that the server goes by.
            forwarded: whether they, too, are let in for whom a proxy stands, where no token is
                asked for.
        """
        self._app = app
        self._open = open_to_all
        self._forwarded = forwarded
        self._hosts = frozenset(host.lower() for host in hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and (problem := self._refused(scope)) is not None:
            await problem.response()(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _refused(self, scope: Scope) -> Problem | None:
        headers = Headers(scope=scope)
        hosts = headers.getlist("host")
        names = [host_name(host) for host in hosts]
        if len(names) > 1 or None in names:
            return Problem(400, "bad_host", "The Host header is not one host.")
        if self._open and not self._forwarded and any(name in headers for name in _FORWARDED):
            return Problem(
                403,
                "forwarded",
                "This server asks for no token, so it answers to this machine only, and not to "
                "whom a proxy stands for. Start it with --auth.",
            )
        # A request without the header comes from no browser.
        for name in names if self._open else ():
            if name is not None and not is_loopback(name) and name not in self._hosts:
                return Problem(
                    421,
                    "wrong_host",
                    "This server asks for no token, so it answers to the names of this machine "
                    "only, such as localhost. Start it with tokens required, or allow the name.",
                )
        if scope["method"] not in _SAFE and sent_from_elsewhere(headers, self._hosts):
            return Problem(
                403,
                "cross_site",
                "A page of another site sent this: only pages of this server may change things.",
            )
        return None


class BodyLimit:
    """Refuses bodies of more than :data:`MAX_BODY` bytes, announced or not."""

    def __init__(self, app: ASGIApp, limit: int = MAX_BODY) -> None:
        self._app = app
        self._limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        announced = Headers(scope=scope).get("content-length", "0")
        if not announced.isdecimal() or int(announced) > self._limit:
            # The body is not read, so the connection cannot be used again.
            problem = problem_of_status(413, {"Connection": "close"})
            await problem.response()(scope, receive, send)
            return
        size = 0

        async def counting() -> Message:
            nonlocal size
            message = await receive()
            size += len(message.get("body", b""))
            if size > self._limit:
                raise HTTPException(413, headers={"Connection": "close"})
            return message

        await self._app(scope, counting, send)
