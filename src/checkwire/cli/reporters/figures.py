"""Numbers as readers want them."""

from __future__ import annotations

__all__ = ["after", "at", "counted", "day", "ms", "size"]


def ms(ns: int) -> str:
    """A span in milliseconds, short, without its unit: ``0.42``, ``8.5``, ``131``, ``1,422``."""
    value = ns / 1e6
    if not ns:
        return "0"
    if value >= 9.95:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 0.995 else f"{value:.2f}"


def at(ns: int) -> str:
    """A point on the attempt's timeline, in milliseconds: ``1,422.8``."""
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


def counted(count: int, noun: str) -> str:
    """``1 message``, ``3 messages``."""
    if count == 1:
        return f"1 {noun}"
    return f"{count:,} {noun}s"


def day(seconds: int) -> str:
    """The UTC day of an instant: ``2026-10-30``."""
    import time

    try:
        return time.strftime("%Y-%m-%d", time.gmtime(seconds))
    except (OverflowError, ValueError, OSError):
        return f"{seconds} s"
