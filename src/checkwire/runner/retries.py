"""Whether to try again, and when. Pure."""

from __future__ import annotations

from checkwire.model.attempt import Attempt
from checkwire.model.definition import CheckDefinition, Retries
from checkwire.model.failures import BLAMES, FailureCode, code_of

__all__ = ["delay_before_retry", "location_of_retry"]


def delay_before_retry(retries: Retries, last: Attempt, elapsed: float) -> float | None:
    """Seconds to wait before the next attempt; ``None`` if the last one stands.

    There is no retry after an attempt that passed or was degraded, after a failure that trying
    again cannot help (its code says so), after one that ``retries.only`` does not name, or if the
    retry would start later than ``retries.max_duration`` seconds into the run.

    Args:
        retries: the check's policy.
        last: the attempt just ended; its number counts the attempts so far.
        elapsed: seconds since the run began.
    """
    if last.status not in ("failed", "error") or last.failure is None:
        return None
    code = code_of(last.failure.code)
    if code.code == "runner.cancelled" or not code.retryable:
        return None
    if retries.only and not any(_names(one, code) for one in retries.only):
        return None
    delay = retries.delay_before(last.number)
    if delay is None or elapsed + delay > retries.max_duration:
        return None
    return delay


def location_of_retry(definition: CheckDefinition, first: str, retry: int) -> str:
    """Where the given retry (from 1) of a run that began at ``first`` takes place."""
    places = definition.locations
    if definition.retries.location == "same" or first not in places:
        return first
    return places[(places.index(first) + retry) % len(places)]


def _names(one: str, code: FailureCode) -> bool:
    """Whether an entry of ``only`` is this code, a floor of it, or who is to blame for it.

    ``check`` is both a floor and somebody to blame: alone it is the latter, and ``check.*`` the
    former.
    """
    if one in BLAMES:
        return one == code.blame
    return one == code.code or one.removesuffix(".*") == code.code.partition(".")[0]
