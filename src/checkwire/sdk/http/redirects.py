"""Following redirects (RFC 9110 section 15.4)."""

from __future__ import annotations

from checkwire.model.errors import FailureError
from checkwire.model.failures import Failure
from checkwire.model.masking import Masker, names_credentials
from checkwire.sdk.http.requesting import Request
from checkwire.sdk.http.urls import parse_http_url, redirect_url, same_origin, shown_url
from checkwire.wire.url import Address

__all__ = ["is_redirect", "redirected"]

_STATUSES = (301, 302, 303, 307, 308)


def is_redirect(status: int, location: str | None) -> bool:
    """Whether a response sends the client elsewhere."""
    return status in _STATUSES and location is not None


def redirected(request: Request, status: int, location: str, masker: Masker) -> Request:
    """The request to send where a response points.

    303 asks for a GET; so do 301 and 302 after a POST, as browsers take them. 307 and 308 ask for
    the same request again. Another origin does not get credentials: headers whose names or values
    say that they are such.

    Raises:
        FailureError: ``check.bad_url``: it points to nothing that can be requested;
            ``http.insecure_redirect``: it would show credentials or a body to everybody.
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
        personal = [pair for pair in headers if _is_for_one_server(pair, masker)]
        proofs = [name for name, _ in personal if name.lower() != "host"]
        if body:
            proofs.append("a body")
        if proofs and request.address.secure and not address.secure:
            raise FailureError(_insecure(request, address, proofs))
        headers = tuple(pair for pair in headers if pair not in personal)
    # The host may be the same and the port another; a Host header of the check's own stays.
    if _host(headers) in (None, request.address.netloc):
        rest = tuple(pair for pair in headers if pair[0].lower() != "host")
        headers = (("Host", address.netloc), *rest)
    return Request(method, address, headers, body)


def _is_for_one_server(header: tuple[str, str], masker: Masker) -> bool:
    name, value = header
    return name.lower() == "host" or names_credentials(name) or masker.knows(value)


def _insecure(request: Request, address: Address, what: list[str]) -> Failure:
    sent = " and ".join(what)
    return Failure(
        code="http.insecure_redirect",
        message=f"{request.url} redirects from TLS to plain text, {shown_url(address)}: a request "
        f"with {sent} is not made again there",
    )


def _host(headers: tuple[tuple[str, str], ...]) -> str | None:
    return next((value for name, value in headers if name.lower() == "host"), None)
