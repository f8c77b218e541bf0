"""Durations as people write them: ``"500ms"``, ``"30s"``, ``"5m"``, or a number of seconds."""

from __future__ import annotations

import math
import re

__all__ = ["Duration", "format_ns", "format_seconds", "parse_duration"]

Duration = float | int | str
"""A span of time: a number of seconds, or a string such as ``"1.5s"`` or ``"1h30m"``."""

_UNITS = {
    "ns": 1e-9,
    "us": 1e-6,
    "µs": 1e-6,
    "ms": 1e-3,
    "s": 1.0,
    "min": 60.0,
    "m": 60.0,
    "h": 3600.0,
    "d": 86400.0,
}
_LONGEST = 2**63 / 1e9
_PART = re.compile(r"(\d+(?:\.\d+)?|\.\d+)\s*(ns|us|µs|ms|s|min|m|h|d)\s*")


def parse_duration(value: Duration) -> float:
    """Turn a duration as written into seconds.

    Numbers are seconds. Strings are one or more numbers with a unit each (``ns``, ``us``, ``ms``,
    ``s``, ``m`` or ``min``, ``h``, ``d``), largest first or not: ``"90s"``, ``"1m30s"``,
    ``"1.5m"``.

    Raises:
        ValueError: if it is not a duration, is negative, or has more nanoseconds than are stored
            in 64 bits (292 years); the message says how to write one.
    """
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        # A ValueError, as for any other value: callers treat all of them as bad input.
        raise ValueError(  # noqa: TRY004
            f'{value!r} is not a duration: write seconds, or "500ms", "30s", "5m"'
        )
    if isinstance(value, str):
        text = value.strip()
        position, seconds = 0, 0.0
        while position < len(text) and (part := _PART.match(text, position)):
            seconds += float(part[1]) * _UNITS[part[2]]
            position = part.end()
        if not text or position != len(text):
            raise ValueError(f'"{value}" is not a duration: write "500ms", "30s" or "5m"')
    else:
        try:
            seconds = float(value)
        except OverflowError:
            seconds = math.inf
    if not seconds >= 0 or math.isinf(seconds):
        raise ValueError(f"{_short(value)} is not a duration: it must be zero or more, and finite")
    if seconds >= _LONGEST:
        raise ValueError(f"{_short(value)} is not a duration: it must be less than 292 years")
    return seconds


def _short(value: Duration) -> str:
    """The value as it was written, cut if it is endless."""
    if isinstance(value, int) and abs(value) > 10**40:
        return "such a number"  # Python writes no integers of thousands of digits.
    written = repr(value)
    return written if len(written) <= 60 else f"{written[:60]}…"


def format_seconds(seconds: float) -> str:
    """Seconds for a reader, in three significant figures: ``412 ms``, ``1.42 s``, ``2 m 05 s``."""
    return format_ns(round(seconds * 1e9))


def format_ns(ns: int) -> str:
    """Nanoseconds for a reader, in three significant figures: ``18.5 µs``, ``412 ms``."""
    sign, ns = ("-", -ns) if ns < 0 else ("", ns)
    # The limits sit half a unit below the next one, so that 999.7 µs reads "1.00 ms".
    if ns >= 119_500_000_000:
        minutes, rest = divmod(round(ns / 1e9), 60)
        hours, minutes = divmod(minutes, 60)
        return f"{sign}{hours} h {minutes:02} m" if hours else f"{sign}{minutes} m {rest:02} s"
    for limit, scale, unit in ((999.5e6, 1e9, "s"), (999.5e3, 1e6, "ms"), (999.5, 1e3, "µs")):
        if ns >= limit:
            return f"{sign}{_three_figures(ns / scale)} {unit}"
    return f"{sign}{ns} ns"


def _three_figures(number: float) -> str:
    if number >= 99.95:
        return f"{number:.0f}"
    return f"{number:.1f}" if number >= 9.995 else f"{number:.2f}"
