"""Which proxy to go through: an explicit one, or the one that the environment names."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Mapping

from checkwire.wire.url import Address, parse_url

__all__ = ["PROXY_SCHEMES", "environment_proxy", "parse_proxy"]

PROXY_SCHEMES = ("http", "https", "socks5", "socks5h")


def parse_proxy(url: str) -> Address:
    """Take a proxy's URL apart; ``proxy:3128`` is taken for ``http://proxy:3128``.

    Raises:
        FailureError: ``check.bad_url``.
    """
    if "://" not in url:
        url = f"http://{url}"
    return parse_url(url, PROXY_SCHEMES)


def environment_proxy(target: Address, environ: Mapping[str, str] = os.environ) -> str | None:
    """The proxy that the usual variables name for this target, or ``None``.

    For ``wss`` those are ``wss_proxy``, ``https_proxy`` and ``all_proxy``; for ``ws``,
    ``ws_proxy``, ``http_proxy`` and ``all_proxy``; in lower or upper case. ``no_proxy`` lists hosts
    (with their subdomains), ``host:port``, address ranges, or ``*``.
    """
    web = "https" if target.secure else "http"
    names = dict.fromkeys((f"{target.scheme}_proxy", f"{web}_proxy", "all_proxy"))
    found = (environ.get(name) or environ.get(name.upper()) for name in names)
    proxy = next(filter(None, found), None)
    if proxy is None or _excluded(target, environ.get("no_proxy") or environ.get("NO_PROXY") or ""):
        return None
    return proxy


def _excluded(target: Address, no_proxy: str) -> bool:
    for entry in no_proxy.lower().replace(" ", ",").split(","):
        if not entry:
            continue
        if entry == "*":
            return True
        if "/" in entry:
            try:
                if ipaddress.ip_address(target.host) in ipaddress.ip_network(entry, strict=False):
                    return True
            except ValueError:
                pass
            continue
        host, port = _split_port(entry)
        if port is not None and port != target.port:
            continue
        name = host.strip("[]").removeprefix("*").removeprefix(".")
        if target.host == name or target.host.endswith("." + name):
            return True
    return False


def _split_port(entry: str) -> tuple[str, int | None]:
    host, colon, port = entry.rpartition(":")
    # An IPv6 address has colons of its own; with a port it is in brackets.
    if colon and port.isdecimal() and (":" not in host or host.endswith("]")):
        return host, int(port)
    return entry, None
