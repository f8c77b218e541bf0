"""Where in its interval a check runs: spread over it, and the same for whoever asks."""

from __future__ import annotations

import hashlib

__all__ = ["phase_ns"]

_MS = 1_000_000


def phase_ns(project: str, check: str, location: str | None, every_ns: int) -> int:
    """The offset of a check's due instants from the whole multiples of its interval.

    A hash of the names spreads the checks of an installation evenly over time, so that a thousand
    checks of one minute are not a thousand processes on the full minute. It needs no memory: after
    a restart, and on another server, it is the same.

    Args:
        project: its id.
        check: the check's id within the project.
        location: where; ``None`` for a check whose runs go round its locations.
        every_ns: the interval.

    Returns:
        at least 0 and less than ``every_ns``; in whole milliseconds, which every client of the
        API can hold in a number.
    """
    named = f"{project}\0{check}" if location is None else f"{project}\0{check}\0{location}"
    digest = hashlib.blake2b(named.encode(), digest_size=8).digest()
    return int.from_bytes(digest) % max(1, every_ns // _MS) * _MS
