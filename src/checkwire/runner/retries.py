"""Whether to try again, and when. Pure."""

from __future__ import annotations

from checkwire.model.attempt import Attempt
from checkwire.model.definition import Retries
from checkwire.model.failures import code_of

__all__ = ["delay_before_retry"]


def delay_before_retry(retries: Retries, last: Attempt, elapsed: float) -> float | None:
    """Seconds to wait before the next attempt; ``None`` if the last one stands.

    There is no retry after an attempt that passed or was degraded, after a failure that trying
    again cannot help (its code says so), or if the retry would start later than
    ``retries.max_duration`` seconds into the run.

    Args:
        retries: the check's policy.
        last: the attempt just ended; its number counts the attempts so far.
        elapsed: seconds since the run began.
    """
    if last.status not in ("failed", "error") or last.failure is None:
        return None
    if last.failure.code == "runner.cancelled" or not code_of(last.failure.code).retryable:
        return None
    delay = retries.delay_before(last.number)
    if delay is None or elapsed + delay > retries.max_duration:
        return None
    return delay
