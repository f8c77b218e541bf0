"""The faults, a file for each family or a part of one."""

from __future__ import annotations

from importlib import import_module

from checkwire.faults.fault import Fault

__all__ = ["load"]

_FAMILIES = (
    "dns",
    "tcp",
    "proxy",
    "tls_certificates",
    "tls_handshake",
    "upgrade_answers",
    "upgrade_statuses",
    "browser",
    "ws_ends",
    "ws_violations",
    "ws_silence",
    "messages",
    "streams",
    "http",
    "checks",
    "runners",
)
"""In the order of the connection's life."""


def load() -> tuple[Fault, ...]:
    """All of them."""
    found: list[Fault] = []
    for family in _FAMILIES:
        found += import_module(f"{__name__}.{family}").faults.faults
    return tuple(found)
