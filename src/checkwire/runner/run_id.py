"""Names for runs: unique, and sorted by time when sorted as text."""

from __future__ import annotations

import os
import time

__all__ = ["new_run_id"]

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_LENGTH = 26


def new_run_id() -> str:
    """A ULID: 48 bits of milliseconds (Unix epoch), then 80 random ones, in Crockford's base 32.

    https://github.com/ulid/spec
    """
    value = time.time_ns() // 1_000_000 << 80 | int.from_bytes(os.urandom(10))
    return "".join(_ALPHABET[value >> 5 * place & 31] for place in reversed(range(_LENGTH)))
