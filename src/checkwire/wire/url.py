"""WebSocket addresses (RFC 6455 section 3)."""

from __future__ import annotations

import functools
import ipaddress
import re
from collections.abc import Callable
from typing import NamedTuple
from urllib.parse import quote, unquote, urlsplit

from checkwire.model.errors import FailureError
from checkwire.model.failures import Failure
from checkwire.model.masking import without_credentials
from checkwire.model.places import bracketed, host_and_port

__all__ = ["Address", "is_ip", "parse_url"]

_PORTS = {"ws": 80, "wss": 443, "http": 80, "https": 443, "socks5": 1080, "socks5h": 1080}
_SAFE = ":/?#[]@!$&'()*+,;=%-._~"
_FORBIDDEN = re.compile(r"""[\x00-\x20"#/<>?@\[\\\]^`{|}\x7f]""")
"""What no host holds (WHATWG URL, "forbidden domain code point", without the zone's %)."""
_WEB_SOCKET = {"http": "ws", "https": "wss"}


class Address(NamedTuple):
    """Where a URL points.

    Attributes:
        host: lower case, in its ASCII form, without the brackets of an IPv6 address.
        target: path and query as they go into the request line.
    """

    scheme: str
    host: str
    port: int
    target: str
    user: str | None = None
    password: str | None = None

    @property
    def secure(self) -> bool:
        """Whether TLS is spoken."""
        return self.scheme in ("wss", "https")

    @property
    def netloc(self) -> str:
        """Host and port as in a Host header: the port only when it is not the scheme's own."""
        return bracketed(self.host) if self.port == _PORTS[self.scheme] else self.place

    @property
    def place(self) -> str:
        """Host and port, always both."""
        return host_and_port(self.host, self.port)


def parse_url(url: str, schemes: tuple[str, ...] = ("ws", "wss")) -> Address:
    """Take a URL apart, and refuse what cannot be connected to.

    Raises:
        FailureError: ``check.bad_url``, with what is wrong and how to write it.
    """
    if not isinstance(url, str):
        message = f"{url!r}: a URL is a string"
        raise FailureError(Failure(code="check.bad_url", message=message))
    return _parse(url, schemes)


@functools.lru_cache(maxsize=256)
def _parse(url: str, schemes: tuple[str, ...]) -> Address:
    shown = without_credentials(url)

    def bad(what: str, hint: str = "") -> FailureError:
        return FailureError(Failure(code="check.bad_url", message=f"{shown!r}: {what}", hint=hint))

    if url != url.strip() or any(ord(c) < 0x20 or c == " " for c in url):
        raise bad("there is white space in this URL")
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise bad(without_credentials(str(error)).lower()) from None
    try:
        port = parts.port
    except ValueError as error:
        # What Python says of it quotes it: there, a password with a slash in it looks like a port.
        raise bad(str(error).lower() if shown == url else "the port is no number") from None
    scheme = parts.scheme.lower()
    if scheme not in schemes:
        # With a port behind it, a host without a scheme looks like one.
        if not scheme or not url[len(scheme) :].startswith(":/"):
            raise bad(
                "a scheme is missing", f"Write {schemes[0]}://{shown} or {schemes[1]}://{shown}"
            )
        better = _WEB_SOCKET.get(scheme)
        if better in schemes:
            raise bad(f"{scheme}:// is not a WebSocket address", f"Write {better}:// instead")
        raise bad(f"{scheme}:// is not one of {', '.join(s + '://' for s in schemes)}")
    if not parts.hostname:
        raise bad("a host is missing", f"Write {scheme}://host:port/path")
    if parts.fragment or url.endswith("#"):
        raise bad("a fragment (#...) has no meaning here (RFC 6455 section 3)")
    if port == 0:
        raise bad("port 0 cannot be connected to")
    _, bracket, after = parts.netloc.rpartition("@")[2].partition("]")
    if bracket and after and not after.startswith(":"):
        raise bad(f"{after!r} stands where only a port may")
    # A zone's "%" is written "%25" (RFC 6874).
    host = _ascii_host(parts.hostname.replace("%25", "%"), bad)
    if len(host) > 255:
        raise bad("a host name has at most 255 characters")
    user = None if parts.username is None else unquote(parts.username)
    password = None if parts.password is None else unquote(parts.password)
    try:
        f"{user}{password}".encode()
        target = quote(parts.path or "/", safe=_SAFE)
        if parts.query:
            target += "?" + quote(parts.query, safe=_SAFE)
    except UnicodeEncodeError:
        raise bad("half of a surrogate pair is no character") from None
    return Address(scheme, host, port or _PORTS[scheme], target, user, password)


def _ascii_host(host: str, bad: Callable[[str], FailureError]) -> str:
    try:
        name = host if host.isascii() else host.encode("idna").decode("ascii")
    except UnicodeError:
        name = "?"
    if _FORBIDDEN.search(name) or name.endswith("%") or ("%" in name and ":" not in name):
        raise bad(f"{host!r} is not a host name")
    return name


@functools.lru_cache(maxsize=256)
def is_ip(host: str) -> bool:
    """Whether the host is an address already, not a name."""
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True
