"""HTTP for checks that are plain functions: ``from checkwire.sync import http``.

As :mod:`checkwire.sdk.http`, without ``await``; ``with http.session(...) as api`` begins a session.
"""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, Any, Unpack

from checkwire.sdk.context import here

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from checkwire.sdk.http import HttpError, HttpTimedOut
    from checkwire.sdk.http.cookies import CookieJar
    from checkwire.sdk.http.keywords import (
        RequestKeywords,
        SessionKeywords,
        SingleRequestKeywords,
    )
    from checkwire.sdk.http.response import Response
    from checkwire.sdk.portal import Portal

__all__ = [
    "HttpError",
    "HttpTimedOut",
    "Response",
    "Session",
    "delete",
    "get",
    "head",
    "options",
    "patch",
    "post",
    "put",
    "request",
    "session",
]


def request(method: str, url: str, **options: Unpack[SingleRequestKeywords]) -> Response:
    """Make a request, and wait for the whole response; see :func:`checkwire.sdk.http.request`."""
    from checkwire.sdk.http.client import send_single

    return _run(send_single(method, url, options, here()))


def _run(work: Coroutine[Any, Any, Response]) -> Response:
    from checkwire.sdk.portal import Portal

    portal = Portal()
    try:
        return portal.call(work)
    finally:
        portal.stop()


def get(url: str, **options: Unpack[SingleRequestKeywords]) -> Response:
    """See :func:`request`."""
    return request("GET", url, **options)


def head(url: str, **options: Unpack[SingleRequestKeywords]) -> Response:
    """See :func:`request`."""
    return request("HEAD", url, **options)


def post(url: str, **options: Unpack[SingleRequestKeywords]) -> Response:
    """See :func:`request`."""
    return request("POST", url, **options)


def put(url: str, **options: Unpack[SingleRequestKeywords]) -> Response:
    """See :func:`request`."""
    return request("PUT", url, **options)


def patch(url: str, **options: Unpack[SingleRequestKeywords]) -> Response:
    """See :func:`request`."""
    return request("PATCH", url, **options)


def delete(url: str, **options: Unpack[SingleRequestKeywords]) -> Response:
    """See :func:`request`."""
    return request("DELETE", url, **options)


def options(url: str, **options: Unpack[SingleRequestKeywords]) -> Response:
    """See :func:`request`."""
    return request("OPTIONS", url, **options)


def session(**defaults: Unpack[SessionKeywords]) -> Session:
    """Requests that share connections, cookies and defaults, in a ``with`` block."""
    return Session(**defaults)


class Session:
    """A :class:`~checkwire.sdk.http.client.Session` whose methods wait."""

    def __init__(self, **defaults: Unpack[SessionKeywords]) -> None:
        """See :class:`~checkwire.sdk.http.keywords.SessionKeywords`."""
        from checkwire.sdk.http.client import Session as AsyncSession

        self._session = AsyncSession(**defaults)
        self._portal: Portal | None = None

    def __enter__(self) -> Session:
        from checkwire.sdk.portal import Portal

        self._session.open(here())
        self._portal = Portal()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        portal, self._portal = self._portal, None
        if portal is not None:
            try:
                portal.call(self._close())
            finally:
                portal.stop()

    async def _close(self) -> None:
        self._session.close()

    @property
    def cookies(self) -> CookieJar:
        """The cookies that servers have set."""
        return self._session.cookies

    def get(self, url: str, **options: Unpack[RequestKeywords]) -> Response:
        """See :func:`request`."""
        return self.request("GET", url, **options)

    def head(self, url: str, **options: Unpack[RequestKeywords]) -> Response:
        """See :func:`request`."""
        return self.request("HEAD", url, **options)

    def post(self, url: str, **options: Unpack[RequestKeywords]) -> Response:
        """See :func:`request`."""
        return self.request("POST", url, **options)

    def put(self, url: str, **options: Unpack[RequestKeywords]) -> Response:
        """See :func:`request`."""
        return self.request("PUT", url, **options)

    def patch(self, url: str, **options: Unpack[RequestKeywords]) -> Response:
        """See :func:`request`."""
        return self.request("PATCH", url, **options)

    def delete(self, url: str, **options: Unpack[RequestKeywords]) -> Response:
        """See :func:`request`."""
        return self.request("DELETE", url, **options)

    def options(self, url: str, **options: Unpack[RequestKeywords]) -> Response:
        """See :func:`request`."""
        return self.request("OPTIONS", url, **options)

    def request(self, method: str, url: str, **options: Unpack[RequestKeywords]) -> Response:
        """See :func:`request`."""
        work = self._session.send(method, url, options, here())
        # Outside of its block the session itself says so.
        return _run(work) if self._portal is None else self._portal.call(work)


def __getattr__(name: str) -> object:
    from checkwire.sdk import http

    if name not in ("HttpError", "HttpTimedOut", "Response"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(http, name)
