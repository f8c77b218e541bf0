"""Location headers of any server: where they point, and that no credentials go astray."""

from __future__ import annotations

from checkwire.model.errors import FailureError
from checkwire.model.masking import Masker
from checkwire.sdk.http.redirects import redirected
from checkwire.sdk.http.requesting import Request
from checkwire.sdk.http.urls import parse_http_url, same_origin
from checkwire.wire.opening import _redirect_target, _towards
from checkwire.wire.options import ConnectOptions
from checkwire.wire.url import parse_url
from fuzz.choices import Choices

__all__ = ["target"]

_STATUSES = (301, 302, 303, 307, 308)
_METHODS = ("GET", "POST", "HEAD", "PUT")
_SECRET = "c0ffee"
_MASKER = Masker([_SECRET])
_HEADERS = (
    ("Host", "host.test"),
    ("Authorization", f"Bearer {_SECRET}"),
    ("cookie", f"a={_SECRET}"),
    ("Content-Type", "text/plain"),
    ("X-Of-Any-Name", _SECRET),
    ("X-Plain", "plain"),
)


def target(data: bytes) -> None:
    """Status and method, then the Location: Latin-1, as it comes."""
    choices = Choices(data)
    status, method = choices.pick(_STATUSES), choices.pick(_METHODS)
    location = "".join(c for c in choices.rest().decode("latin-1") if c not in "\r\n\0")
    _follow(Request(method, parse_http_url("http://host.test/a/b?c"), _HEADERS), status, location)
    _follow_websocket("wss://host.test/a/b?c", location)


def _follow(request: Request, status: int, location: str) -> None:
    try:
        there = redirected(request, status, location, _MASKER)
    except FailureError as error:
        assert error.failure.code in ("check.bad_url", "http.insecure_redirect")
        return
    address = there.address
    assert address.scheme in ("http", "https")
    assert same_origin(request.address, address) or _SECRET not in repr(there)
    assert [value for name, value in there.headers if name == "Host"] == [address.netloc]
    assert there.body in (request.body, b"")
    assert ("X-Plain", "plain") in there.headers


def _follow_websocket(url: str, location: str) -> None:
    to = _redirect_target(url, location)
    if to is None:
        return
    there, here = parse_url(to), parse_url(url)
    assert there.scheme in ("ws", "wss")
    options = _towards(to, url, ConnectOptions(headers=_HEADERS), _MASKER)
    if (there.host, there.port, there.secure) != (here.host, here.port, here.secure):
        assert _SECRET not in repr(options)
    assert ("X-Plain", "plain") in options.headers
