"""The host that a request is for, and whether a page elsewhere sent it."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection
from urllib.parse import urlsplit

from starlette.datastructures import Headers

__all__ = ["host_name", "is_loopback", "sent_from_elsewhere"]

_HOST = re.compile(r"(?P<name>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._~-]+)(?::(?P<port>\d{0,5}))?")
_SCHEME_PORTS = {"http": "80", "https": "443"}


def host_name(value: str) -> str | None:
    """The name or address in a Host header, without its port, in lower case."""
    match = _HOST.fullmatch(value)
    return match["name"].strip("[]").rstrip(".").lower() if match else None


def is_loopback(name: str) -> bool:
    """Whether a name or an address can only mean this machine, RFC 6761 section 6.3."""
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def sent_from_elsewhere(headers: Headers, allowed: Collection[str] = ()) -> bool:
    """Whether a browser sent this on behalf of a page of another site.

    Browsers say so by ``Sec-Fetch-Site`` where the address is trustworthy, and by ``Origin`` for
    any request that is not a plain reading. Other programs send neither.

    Args:
        headers: of the request.
        allowed: further names that this server goes by.
    """
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site not in ("same-origin", "none")
    origin = headers.get("origin")
    if origin is None:
        return False
    try:
        parts = urlsplit(origin)
        port = str(parts.port or _SCHEME_PORTS.get(parts.scheme, ""))
    except ValueError:
        return True
    host = _HOST.fullmatch(headers.get("host", ""))
    if host is None or parts.hostname is None:
        return True
    if parts.hostname in allowed:
        return False
    here = host["port"] or _SCHEME_PORTS.get(parts.scheme, "")
    return (parts.hostname, port) != (host["name"].strip("[]").lower(), here)
