"""Cookies of a session (RFC 6265).

Names, values, ``Domain``, ``Path``, ``Secure``, ``Max-Age`` and ``Expires`` are kept to. Not done:
the public suffix list (a server may set a cookie for ``co.uk``), ``SameSite``, name prefixes
(``__Host-``), and keeping cookies from one session to the next.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from checkwire.wire.url import Address, is_ip, parse_url

__all__ = ["CookieJar", "cookies_set"]

_SCHEMES = ("http", "https", "ws", "wss")
_SECONDS = re.compile("-?[0-9]+")


class _Cookie(NamedTuple):
    name: str
    value: str
    host: str
    host_only: bool
    path: str
    secure: bool
    expires: float | None
    """Unix seconds; ``None`` for the end of the session."""

    def is_for(self, address: Address, now: float) -> bool:
        """Whether it is sent there (RFC 6265 section 5.4)."""
        if self.expires is not None and self.expires <= now:
            return False
        if self.secure and not address.secure:
            return False
        if address.host != self.host and (self.host_only or not _within(address.host, self.host)):
            return False
        return _path_fits(address.target.partition("?")[0], self.path)


class CookieJar(Mapping[str, str]):
    """The cookies that servers have set, by name; of equal names the latest."""

    def __init__(self) -> None:
        self._cookies: dict[tuple[str, str, str], _Cookie] = {}

    def store(self, address: Address, set_cookie: Iterable[str]) -> None:
        """Keep what these ``Set-Cookie`` values from this address say (RFC 6265 section 5.3)."""
        for line in set_cookie:
            cookie = _parse(line, address)
            if cookie is not None:
                key = (cookie.host, cookie.path, cookie.name)
                self._cookies.pop(key, None)  # The latest stands last.
                self._cookies[key] = cookie

    def header(self, url: str) -> str:
        """The ``Cookie`` header for this URL, also of a WebSocket; empty if there is none.

        With it a WebSocket joins a session::

            connect(url, headers={"Cookie": api.cookies.header(url)})
        """
        return self.header_for(parse_url(url, _SCHEMES))

    def header_for(self, address: Address, given: str | None = None) -> str:
        """The same for an address. What is ``given`` comes first, and wins over equal names."""
        now = time.time()
        fitting = [cookie for cookie in self._cookies.values() if cookie.is_for(address, now)]
        fitting.sort(key=lambda cookie: -len(cookie.path))
        pairs = [part.strip() for part in (given or "").split(";") if part.strip()]
        taken = {pair.partition("=")[0].strip() for pair in pairs}
        pairs += [f"{c.name}={c.value}" for c in fitting if c.name not in taken]
        return "; ".join(pairs)

    def _living(self) -> dict[str, str]:
        now = time.time()
        return {
            cookie.name: cookie.value
            for cookie in self._cookies.values()
            if cookie.expires is None or cookie.expires > now
        }

    def __getitem__(self, name: str) -> str:
        return self._living()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._living())

    def __len__(self) -> int:
        return len(self._living())

    def __repr__(self) -> str:
        return f"<CookieJar: {', '.join(self) or 'empty'}>"  # Values are credentials.


def cookies_set(set_cookie: Iterable[str]) -> dict[str, str]:
    """Names and values in ``Set-Cookie`` headers, whatever else these say."""
    pairs = (line.partition(";")[0].partition("=") for line in set_cookie)
    return {name.strip(): value.strip() for name, equals, value in pairs if equals and name.strip()}


def _parse(line: str, address: Address) -> _Cookie | None:
    """The cookie, or ``None`` if it must be ignored (RFC 6265 section 5.2)."""
    first, *rest = line.split(";")
    name, equals, value = (part.strip() for part in first.partition("="))
    if not equals or not name:
        return None
    attributes: dict[str, str] = {}
    for part in rest:
        key, _, text = part.partition("=")
        attributes[key.strip().lower()] = text.strip()
    domain = attributes.get("domain", "").lower().removeprefix(".")
    if domain and domain != address.host and (is_ip(address.host) or "." not in domain):
        return None
    if domain and not _within(address.host, domain):
        return None
    path = attributes.get("path", "")
    return _Cookie(
        name,
        value,
        domain or address.host,
        not domain,
        path if path.startswith("/") else _default_path(address.target.partition("?")[0]),
        "secure" in attributes,
        _expiry(attributes),
    )


def _expiry(attributes: Mapping[str, str]) -> float | None:
    max_age = attributes.get("max-age", "")
    if _SECONDS.fullmatch(max_age):
        seconds = float(max_age)  # Of any number of digits, unlike int().
        return time.time() + seconds if seconds > 0 else 0.0
    if not attributes.get("expires"):
        return None
    # Heavy, and seldom needed.
    from datetime import UTC
    from email.utils import parsedate_to_datetime

    try:
        instant = parsedate_to_datetime(attributes["expires"])
    except (ValueError, OverflowError):
        return None
    return (instant if instant.tzinfo else instant.replace(tzinfo=UTC)).timestamp()


def _within(host: str, domain: str) -> bool:
    return host == domain or (host.endswith(f".{domain}") and not is_ip(host))


def _default_path(path: str) -> str:
    """Up to the last slash (RFC 6265 section 5.1.4)."""
    return path.rpartition("/")[0] or "/"


def _path_fits(path: str, cookie_path: str) -> bool:
    if path == cookie_path:
        return True
    return path.startswith(cookie_path) and (
        cookie_path.endswith("/") or path[len(cookie_path)] == "/"
    )
