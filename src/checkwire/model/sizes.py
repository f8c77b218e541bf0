"""Sizes in bytes, for people."""

from __future__ import annotations

__all__ = ["size_text"]


def size_text(count: int) -> str:
    """Bytes in the unit in which they are likely to have been written: ``64 MiB``."""
    units = (("GiB", 1 << 30), ("GB", 10**9), ("MiB", 1 << 20), ("MB", 10**6))
    for unit, scale in (*units, ("KiB", 1 << 10), ("kB", 1000)):
        if count and count % scale == 0:
            return f"{count // scale:,} {unit}"
    return f"{count:,} bytes"
