"""How long to wait, as authors write it."""

from __future__ import annotations

from checkwire.model.durations import Duration, parse_duration
from checkwire.sdk.context import current

__all__ = ["PERHAPS_MILLISECONDS", "seconds"]

PERHAPS_MILLISECONDS = 500
"""A bare number from here on is far more likely to be meant as milliseconds than as seconds."""


def seconds(name: str, value: Duration) -> float:
    """The seconds that an argument stands for.

    Args:
        name: the argument's, for the message.
        value: a number of seconds, or a string with units.

    Raises:
        UsageError: it is not a duration, or a number so large that milliseconds must be meant.
    """
    try:
        found = parse_duration(value)
    except ValueError as error:
        raise current().misused(f"{name}: {error}") from None
    if not isinstance(value, str) and found >= PERHAPS_MILLISECONDS:
        raise current().misused(
            f'{name}={value!r} would be {found:,g} seconds: write "{value}ms" for milliseconds, '
            f'or "{value}s" if it is meant'
        )
    return found
