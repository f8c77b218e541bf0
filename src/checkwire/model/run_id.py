"""Names for runs: unique, and sorted by time when sorted as text."""

from __future__ import annotations

import os
import time

__all__ = ["new_run_id", "run_id_at"]

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_PAIRS = tuple(one + other for one in _ALPHABET for other in _ALPHABET)
_PLACES = tuple(range(120, -1, -10))


def new_run_id() -> str:
    """A ULID of this moment."""
    return run_id_at(time.time_ns(), os.urandom(10))


def run_id_at(at_ns: int, tail: bytes) -> str:
    """A ULID: 48 bits of milliseconds, then 80 others, in Crockford's base 32.

    https://github.com/ulid/spec

    Args:
        at_ns: the instant (Unix epoch).
        tail: ten bytes, which are to be random or a hash.
    """
    value = at_ns // 1_000_000 << 80 | int.from_bytes(tail)
    # Two characters at once: a tick with thousands of due runs spends most of its time here.
    return "".join([_PAIRS[value >> place & 1023] for place in _PLACES])
