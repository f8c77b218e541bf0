"""HTTP for checks: ``from checkwire import http``.

``reply = await http.post(url, json={...})``. Requests are timed phase by phase on the same
transport as WebSockets, and are in the transcript. Whatever keeps a request from being answered
fails the check, also when the script swallows the exception; the status of an answer does not:
assert it, or use ``reply.raise_for_status()``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Unpack

    from checkwire.sdk.http.client import Pending, Session
    from checkwire.sdk.http.errors import HttpError, HttpTimedOut
    from checkwire.sdk.http.keywords import SessionKeywords, SingleRequestKeywords
    from checkwire.sdk.http.response import Response

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

_HOMES = {
    "HttpError": "checkwire.sdk.http.errors",
    "HttpTimedOut": "checkwire.sdk.http.errors",
    "Response": "checkwire.sdk.http.response",
    "Session": "checkwire.sdk.http.client",
}


def request(method: str, url: str, **options: Unpack[SingleRequestKeywords]) -> Pending:
    """Make a request, and wait for the whole response.

    Args:
        method: such as ``"GET"``.
        url: ``http://`` or ``https://``. User and password in it are for basic authentication.
        options: see :class:`~checkwire.sdk.http.keywords.SingleRequestKeywords`.

    Raises:
        ConnectError: ``dns.*``, ``tcp.*``, ``proxy.*``, ``tls.*``.
        HttpError: ``http.*``; for ``http.timeout`` it is an ``HttpTimedOut``.
        FailureError: ``check.bad_url``.
        UsageError: an option cannot be used.
    """
    from checkwire.sdk.context import here
    from checkwire.sdk.http.client import send_single

    return send_single(method, url, options, here())


def get(url: str, **options: Unpack[SingleRequestKeywords]) -> Pending:
    """See :func:`request`."""
    return request("GET", url, **options)


def head(url: str, **options: Unpack[SingleRequestKeywords]) -> Pending:
    """See :func:`request`."""
    return request("HEAD", url, **options)


def post(url: str, **options: Unpack[SingleRequestKeywords]) -> Pending:
    """See :func:`request`."""
    return request("POST", url, **options)


def put(url: str, **options: Unpack[SingleRequestKeywords]) -> Pending:
    """See :func:`request`."""
    return request("PUT", url, **options)


def patch(url: str, **options: Unpack[SingleRequestKeywords]) -> Pending:
    """See :func:`request`."""
    return request("PATCH", url, **options)


def delete(url: str, **options: Unpack[SingleRequestKeywords]) -> Pending:
    """See :func:`request`."""
    return request("DELETE", url, **options)


def options(url: str, **options: Unpack[SingleRequestKeywords]) -> Pending:
    """See :func:`request`."""
    return request("OPTIONS", url, **options)


def session(**defaults: Unpack[SessionKeywords]) -> Session:
    """Requests that share connections, cookies and defaults, in an ``async with`` block.

    Args:
        defaults: see :class:`~checkwire.sdk.http.keywords.SessionKeywords`.

    Raises:
        UsageError: an option is not known.
    """
    from checkwire.sdk.http.client import Session

    return Session(**defaults)


def __getattr__(name: str) -> object:
    # Loaded when first used: a check file that imports http need not make a request at once.
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value: object = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value
