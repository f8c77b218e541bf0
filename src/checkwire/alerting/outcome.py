"""Why a notice was not delivered, and whether and when to try again."""

from __future__ import annotations

import random

from checkwire.model.errors import CheckwireError
from checkwire.store.records import OutboxEntry

__all__ = ["KEEP_TRYING_NS", "NotDelivered", "next_try_ns", "without_value"]

KEEP_TRYING_NS = 24 * 3600 * 1_000_000_000
"""From when a notice was written; then it is tried a last time, and given up."""

_FIRST_DELAY = 5.0
_LONGEST_DELAY = 600.0
"""Seconds. A channel that is back after hours should not stay silent for another one."""
_JITTER = 0.2


class NotDelivered(CheckwireError):  # noqa: N818 - reads as a fact, as the others do
    """A notice was not delivered.

    Attributes:
        final: whether to give up at once: trying again cannot help.
        retry_after: seconds that the other side asks to be left in peace, if it does.
    """

    def __init__(
        self, message: str, *, final: bool = False, retry_after: float | None = None
    ) -> None:
        super().__init__(message)
        self.final = final
        self.retry_after = retry_after


def next_try_ns(entry: OutboxEntry, error: NotDelivered, now_ns: int) -> int | None:
    """When to try again; ``None`` to give up.

    After 5, 10, 20... up to 600 s, each 20 % more or less, so that notices that failed together
    do not come back together.

    Args:
        entry: the notice as it was before this try.
        error: how it failed.
        now_ns: now.
    """
    last_ns = entry.created_ns + KEEP_TRYING_NS
    if error.final or now_ns >= last_ns:
        return None
    doublings = min(entry.tries, 20)
    delay = min(_FIRST_DELAY * 2.0**doublings, _LONGEST_DELAY)
    delay *= random.uniform(1 - _JITTER, 1 + _JITTER)
    if error.retry_after is not None:
        delay = max(delay, error.retry_after)
    return min(now_ns + round(delay * 1e9), last_ns)


def without_value(secret: str) -> str:
    """Why a channel with such a secret cannot be told anything, and what to do."""
    return f"the secret {secret} has no value: set it with checkwire secret set {secret}"
