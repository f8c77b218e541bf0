"""Following redirects (RFC 9110 section 15.4)."""

from __future__ import annotations

from checkwire.sdk.http.requesting import Request
from checkwire.sdk.http.urls import parse_http_url, redirect_url, same_origin

__all__ = ["is_redirect", "redirected"]

_STATUSES = (301, 302, 303, 307, 308)
_CREDENTIALS = ("authorization", "cookie", "proxy-authorization", "host")
"""Headers that are for the server that the check named, and for no other."""


def is_redirect(status: int, location: str | None) -> bool:
    """Whether a response sends the client elsewhere."""
    return status in _STATUSES and location is not None


def redirected(request: Request, status: int, location: str) -> Request:
    """The request to send where a response points.

    303 asks for a GET; so do 301 and 302 after a POST, as browsers take them. 307 and 308 ask for
    the same request again. Another origin does not get credentials.

    Raises:
        FailureError: ``check.bad_url``: it points to nothing that can be requested.
    """
    address = parse_http_url(redirect_url(request.address, location))
    method, headers, body = request.method, request.headers, request.body
    as_get = status == 303 and method != "HEAD"
    if as_get or (status in (301, 302) and method == "POST"):
        method, body = "GET", b""
        headers = tuple(
            pair
            for pair in headers
            if not pair[0].lower().startswith("content-") and pair[0].lower() != "transfer-encoding"
        )
    if not same_origin(request.address, address):
        headers = tuple(pair for pair in headers if pair[0].lower() not in _CREDENTIALS)
    # The host may be the same and the port another; a Host header of the check's own stays.
    if _host(headers) in (None, request.address.netloc):
        rest = tuple(pair for pair in headers if pair[0].lower() != "host")
        headers = (("Host", address.netloc), *rest)
    return Request(method, address, headers, body)


def _host(headers: tuple[tuple[str, str], ...]) -> str | None:
    return next((value for name, value in headers if name.lower() == "host"), None)
