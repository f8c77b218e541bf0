"""Hosts and ports as URLs write them (RFC 3986 section 3.2)."""

from __future__ import annotations

__all__ = ["bracketed", "host_and_port"]


def bracketed(host: str) -> str:
    """The host; in brackets if it is an IPv6 address."""
    return f"[{host}]" if ":" in host else host


def host_and_port(host: str, port: int) -> str:
    """``host:port``, or ``[address]:port``."""
    return f"{bracketed(host)}:{port}"
