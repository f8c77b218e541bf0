"""From what a check writes to the request that is sent."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from checkwire._version import __version__
from checkwire.model.errors import UsageError
from checkwire.sdk.http.keywords import HeaderFields, RequestKeywords, SessionKeywords
from checkwire.sdk.http.urls import (
    encode_fields,
    join_base,
    parse_http_url,
    shown_url,
    with_params,
)
from checkwire.sdk.waiting import seconds
from checkwire.wire.url import Address

__all__ = ["Bounds", "Request", "bounds_of", "make_request"]

_TIMEOUT = 10.0
_REDIRECTS = 10
_MAX_SIZE = 10 * 1024 * 1024
_WITH_BODY = ("POST", "PUT", "PATCH")
"""Methods whose requests say that they are empty, if they are (RFC 9110 section 8.6)."""

_Pairs = tuple[tuple[str, str], ...]


class Request(NamedTuple):
    """One request, ready to be sent but for its cookies.

    ``headers`` has all of them, in order; ``body`` is what they describe.
    """

    method: str
    address: Address
    headers: _Pairs
    body: bytes = b""

    @property
    def url(self) -> str:
        """The URL, without credentials."""
        return shown_url(self.address)

    def header(self, name: str) -> str | None:
        """The value of the first header of that name, given in lower case."""
        return next((value for key, value in self.headers if key.lower() == name), None)


class Bounds(NamedTuple):
    """What a call may take: seconds in all, redirects, bytes of a response."""

    timeout: float
    redirects: int
    max_size: int | None


def bounds_of(options: RequestKeywords, session: SessionKeywords) -> Bounds:
    """The bounds that these keywords set.

    Raises:
        UsageError: one of them cannot be used.
    """
    given: dict[str, Any] = {**session, **options}
    redirects = given.get("follow_redirects", 0)
    if not isinstance(redirects, int):
        raise UsageError(f"follow_redirects= is True, False or a number, not {redirects!r}")
    max_size = given.get("max_size", _MAX_SIZE)
    if max_size is not None and not isinstance(max_size, int):
        raise UsageError(f"max_size= is a number of bytes or None, not {max_size!r}")
    return Bounds(
        seconds("timeout", given.get("timeout", _TIMEOUT)),
        _REDIRECTS if redirects is True else int(redirects),
        max_size,
    )


def make_request(
    method: str, url: str, options: RequestKeywords, session: SessionKeywords
) -> Request:
    """The request that these keywords describe.

    Raises:
        FailureError: ``check.bad_url``.
        UsageError: a value cannot be used.
    """
    if method == "CONNECT":
        raise UsageError("CONNECT asks a proxy for a tunnel: use proxy=")
    if isinstance(url, str):
        url = join_base(session.get("base_url", ""), url)
        url = with_params(url, session.get("params", ()), options.get("params", ()))
    address = parse_http_url(url)
    body, content_type = _body(options)
    headers = dict(_defaults(address, method, body, content_type))
    auth = options.get("auth", session.get("auth"))
    if auth is not None:
        headers["authorization"] = ("Authorization", _basic(*_credentials(auth)))
    elif address.user is not None:
        headers["authorization"] = ("Authorization", _basic(address.user, address.password or ""))
    pairs = [*headers.values()]
    for given in (session.get("headers", ()), options.get("headers", ())):
        pairs = _replaced(pairs, given)
    return Request(method, address, tuple(pairs), body)


def _defaults(
    address: Address, method: str, body: bytes, content_type: str
) -> Iterator[tuple[str, tuple[str, str]]]:
    yield "host", ("Host", address.netloc)
    yield "user-agent", ("User-Agent", f"checkwire/{__version__}")
    yield "accept", ("Accept", "*/*")
    yield "accept-encoding", ("Accept-Encoding", "gzip, deflate")
    if content_type:
        yield "content-type", ("Content-Type", content_type)
    if body or method in _WITH_BODY:
        yield "content-length", ("Content-Length", str(len(body)))


def _replaced(pairs: list[tuple[str, str]], given: HeaderFields) -> list[tuple[str, str]]:
    """The headers with the given ones in place of those of the same names."""
    new = [_header(pair) for pair in (given.items() if isinstance(given, Mapping) else given)]
    names = {name.lower() for name, _ in new}
    if "transfer-encoding" in names:
        names.add("content-length")  # Only one of them may say where the body ends.
    kept = [pair for pair in pairs if pair[0].lower() not in names]
    host = [pair for pair in new if pair[0].lower() == "host"]
    return [*host, *kept, *(pair for pair in new if pair not in host)]


def _header(pair: Any) -> tuple[str, str]:
    match pair:
        case (str() as name, str() | int() as value) if not isinstance(value, bool):
            return name, str(value)
        case (name, value):
            raise UsageError(f"headers= maps names to text: {name!r} cannot be {value!r}")
    raise UsageError("headers= takes a dict, or a list of pairs")


def _body(options: RequestKeywords) -> tuple[bytes, str]:
    """The body, and what it is."""
    given = [name for name in ("json", "data", "content") if options.get(name) is not None]
    if len(given) > 1:
        raise UsageError(f"a request has one body: give {given[0]} or {given[1]}, not both")
    if given == ["json"]:
        return _json(options["json"]), "application/json"
    if given == ["data"]:
        data = options["data"]
        if isinstance(data, str | bytes):
            raise UsageError("data= takes the fields of a form; for text or bytes use content=")
        return encode_fields(data).encode(), "application/x-www-form-urlencoded"
    if given == ["content"]:
        content = options["content"]
        if isinstance(content, str):
            return content.encode(), "text/plain; charset=utf-8"
        if not isinstance(content, bytes | bytearray | memoryview):
            kind = type(content).__name__
            raise UsageError(f"content= takes str or bytes, not {kind}; for JSON use json=")
        return bytes(content), "application/octet-stream"
    return b"", ""


def _json(value: Any) -> bytes:
    try:
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        return text.encode()
    except (TypeError, ValueError) as error:
        raise UsageError(f"json= cannot be written as JSON: {error}") from None


def _credentials(auth: Any) -> tuple[str, str]:
    match auth:
        case (str() as user, str() as password):
            return user, password
    raise UsageError("auth= takes (user, password); for a token use headers={'Authorization': ...}")


def _basic(user: str, password: str) -> str:
    return f"Basic {b64encode(f'{user}:{password}'.encode()).decode()}"
