"""Numbers, sizes, spans and instants as readers of the pages want them."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from checkwire.model.durations import format_ns

__all__ = [
    "after",
    "ago",
    "at",
    "clock_time",
    "counted",
    "day",
    "in_ms",
    "iso",
    "lasts",
    "moment",
    "ms",
    "percent",
    "size",
    "span",
]

_MICRO = re.compile(r"(?<![\w.,])(\d+(?:\.\d+)?) µs\b")
_MINUTE = 60
_HOUR = 3600
_DAY = 86400
_WORDS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


def ms(ns: int) -> str:
    """A span in milliseconds, short, without its unit: ``0.42``, ``8.5``, ``131``, ``1,422``."""
    value = ns / 1e6
    if not ns:
        return "0"
    if value >= 99.5:
        return f"{value:,.0f}"
    if value >= 0.995:
        return f"{value:.1f}"
    return f"{value:.2f}" if value >= 0.0095 else "0.01"


def lasts(ns: int) -> str:
    """A span with its unit, in milliseconds below a second: ``0.42 ms``, ``1.42 s``, ``12.1 s``."""
    return format_ns(ns) if ns >= 999_500_000 else f"{ms(ns)} ms"


def in_ms(text: str) -> str:
    """A sentence with its microseconds as milliseconds: the fonts of the pages have no micro sign,
    and another font's would stand out.
    """
    return _MICRO.sub(lambda found: lasts(round(float(found[1]) * 1e3)), text)


def at(ns: int) -> str:
    """A point on an attempt's timeline, in milliseconds: ``1,422.8``."""
    return f"{ns / 1e6:,.1f}"


def after(ns: int) -> str:
    """How long after the one before, in milliseconds: ``+422.2``."""
    return f"{ns / 1e6:+,.1f}"


def size(count: int) -> str:
    """Bytes: ``1,204 B``, ``97.7 KiB``, ``1.5 MiB``."""
    if count < 10_000:
        return f"{count:,} B"
    if count < 1024 * 1024:
        return f"{count / 1024:.1f} KiB"
    return f"{count / 1024 / 1024:,.1f} MiB"


def counted(count: int, noun: str, *, words: bool = False) -> str:
    """``1 message``, ``3 messages``; ``words``: ``one message``, up to ten."""
    number = _WORDS[count] if words and count < len(_WORDS) else f"{count:,}"
    if count == 1:
        return f"{number} {noun}"
    return f"{number} {noun[:-1] + 'ies' if noun.endswith('ty') else noun + 's'}"


def percent(share: float) -> str:
    """A share of 1 as percent, never rounded up to 100: ``99.98 %``, ``100 %``."""
    if share >= 1:
        return "100 %"
    if share >= 0.99:
        return f"{min(share * 100, 99.99):.2f} %"
    return f"{share * 100:.1f} %"


def span(ns: int) -> str:
    """A span for a sentence: ``412 ms``, ``3.4 s``, ``4 min``, ``2 h 05 min``, ``3 days``."""
    seconds = ns / 1e9
    if seconds < 10:
        return lasts(ns)
    if seconds < 100:
        return f"{seconds:.0f} s"
    if seconds < 100 * _MINUTE:
        return f"{seconds / _MINUTE:.0f} min"
    if seconds < _DAY:
        hours, rest = divmod(round(seconds / _MINUTE), 60)
        return f"{hours} h {rest:02} min" if rest else f"{hours} h"
    return counted(round(seconds / _DAY), "day")


def ago(ns: int, now_ns: int) -> str:
    """``4 min ago``, ``in 40 s``, ``just now``."""
    passed = now_ns - ns
    if abs(passed) < 1_000_000_000:
        return "just now" if passed >= 0 else "in a moment"
    rounded = round(abs(passed) / 1e9) * 1_000_000_000
    text = span(rounded) if rounded >= 10_000_000_000 else f"{rounded // 1_000_000_000} s"
    return f"{text} ago" if passed >= 0 else f"in {text}"


def _utc(ns: int) -> datetime:
    return datetime.fromtimestamp(ns // 1_000_000_000, UTC)


def iso(ns: int) -> str:
    """For ``<time datetime=…>``, to the millisecond."""
    return f"{_utc(ns):%Y-%m-%dT%H:%M:%S}.{ns // 1_000_000 % 1000:03}Z"


def clock_time(ns: int, *, millis: bool = False) -> str:
    """``16:07:39``, or ``16:07:39.695``; UTC."""
    text = f"{_utc(ns):%H:%M:%S}"
    return f"{text}.{ns // 1_000_000 % 1000:03}" if millis else text


def day(ns: int) -> str:
    """``2026-11-25``, UTC."""
    return f"{_utc(ns):%Y-%m-%d}"


def moment(ns: int, now_ns: int) -> str:
    """An instant, UTC, no longer than need be: ``16:07:39`` today, else ``24 Nov 16:07:39``."""
    then, now = _utc(ns), _utc(now_ns)
    if then.date() == now.date():
        return f"{then:%H:%M:%S}"
    if then.year == now.year:
        return f"{then.day} {then:%b %H:%M:%S}"
    return f"{then:%Y-%m-%d %H:%M:%S}"
