"""Hours, days and weeks, which begin when UTC's do: weeks on Thursdays, as 1970 did."""

from __future__ import annotations

__all__ = ["DAY", "HOUR", "WEEK", "ceil_to", "floor_to", "hours_between"]

HOUR = 3600 * 10**9
DAY = 24 * HOUR
WEEK = 7 * DAY


def floor_to(span_ns: int, at_ns: int) -> int:
    """When the hour, day or week began."""
    return at_ns - at_ns % span_ns


def ceil_to(span_ns: int, at_ns: int) -> int:
    """When the next one begins, unless this is just when one does."""
    return at_ns + -at_ns % span_ns


def hours_between(since_ns: int, until_ns: int) -> range:
    """When each hour begins that the span touches: the one of ``since_ns`` in any case."""
    return range(floor_to(HOUR, since_ns), max(until_ns, since_ns + 1), HOUR)
