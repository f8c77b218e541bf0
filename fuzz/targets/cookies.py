"""Set-Cookie headers of any server, kept and sent again only to where they belong."""

from __future__ import annotations

from checkwire.sdk.http.cookies import CookieJar, cookies_set
from checkwire.sdk.http.urls import parse_http_url
from fuzz.choices import Choices

__all__ = ["target"]

_ADDRESSES = tuple(
    parse_http_url(url)
    for url in ("https://a.host.test/x/y", "http://host.test/", "http://192.0.2.1/", "http://a/b")
)
_STRANGERS = tuple(
    parse_http_url(url)
    for url in ("https://other.test/", "https://nothost.test/", "http://192.0.2.2/")
)


def target(data: bytes) -> None:
    """Who sets them, then the headers, a line each: Latin-1, as they come."""
    choices = Choices(data)
    address = choices.pick(_ADDRESSES)
    lines = [
        "".join(c for c in line if c not in "\r\n\0")
        for line in choices.rest().decode("latin-1").split("\n")
    ]
    jar = CookieJar()
    jar.store(address, lines)
    assert all(isinstance(value, str) for value in cookies_set(lines).values())
    assert len(jar) == len(list(jar)) <= len(lines)
    assert len(repr(jar)) >= 0
    for stranger in _STRANGERS:
        assert jar.header_for(stranger) == "", stranger
    header = jar.header_for(address)
    assert not set(header) & set("\r\n\0")
    assert jar.header_for(address, "mine=1").startswith("mine=1")
    plain = address._replace(scheme="http", port=80)
    assert len(jar.header_for(plain)) <= len(header)
