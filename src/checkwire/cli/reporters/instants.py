"""Instants as readers want them: in their own time zone, and as near or far as they are."""

from __future__ import annotations

import time

from checkwire.model.durations import format_ns

__all__ = ["ago", "date", "instant", "iso", "span"]

_DAY_NS = 86_400_000_000_000
_MINUTE_NS = 60_000_000_000


def instant(at_ns: int, now_ns: int) -> str:
    """The time, and the day if it is not today's: ``14:02:11``, ``11-23 14:02``, ``2025-11-23``."""
    at, now = _local(at_ns), _local(now_ns)
    if at[:3] == now[:3]:
        return time.strftime("%H:%M:%S", at)
    near = abs(now_ns - at_ns) < 300 * _DAY_NS
    return time.strftime("%m-%d %H:%M" if near else "%Y-%m-%d", at)


def date(at_ns: int) -> str:
    """The day, and the time to the minute: ``2026-11-23 14:02``."""
    return time.strftime("%Y-%m-%d %H:%M", _local(at_ns))


def iso(at_ns: int) -> str:
    """The instant as ISO 8601 has it, to the second, with the offset of the zone."""
    text = time.strftime("%Y-%m-%dT%H:%M:%S%z", _local(at_ns))
    return f"{text[:-2]}:{text[-2:]}"


def span(ns: int) -> str:
    """How long, roughly: ``45 s``, ``12 m``, ``3 h 10 m``, ``4 d``, ``70 d``."""
    minutes, days = ns // _MINUTE_NS, ns // _DAY_NS
    if minutes < 1:
        return f"{max(ns, 0) // 1_000_000_000} s" if ns >= 1_000_000_000 else format_ns(max(ns, 0))
    if minutes < 60:
        return f"{minutes} m"
    hours, minutes = divmod(minutes, 60)
    if hours < 10 and minutes:
        return f"{hours} h {minutes:02} m"
    return f"{hours} h" if days < 2 else f"{days} d"


def ago(at_ns: int, now_ns: int) -> str:
    """How long it is since then, in words: ``12 m ago``, ``just now``, ``in 3 h``."""
    passed = now_ns - at_ns
    if abs(passed) < 1_000_000_000:
        return "just now"
    return f"{span(passed)} ago" if passed > 0 else f"in {span(-passed)}"


def _local(at_ns: int) -> time.struct_time:
    return time.localtime(min(max(at_ns, 0), 253_402_200_000 * 10**9) // 10**9)
