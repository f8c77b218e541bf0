"""Telling the attempt what failed, at the moment it does, whatever the script does with it."""

from __future__ import annotations

from collections.abc import Hashable

import msgspec

from checkwire.model.errors import UsageError
from checkwire.model.failures import Failure
from checkwire.sdk.context import Context, Site

__all__ = ["tell", "tell_misuse"]


def tell(failure: Failure, context: Context, site: Site, key: Hashable) -> Failure:
    """Enter a failure into the ledger; returns it as it was told, for raising.

    Args:
        failure: what failed.
        context: the attempt.
        site: the place in the script.
        key: what must go well later to excuse it. More than the place: the next URL of a loop
            is no second try of this one.
    """
    failure = context.masked(msgspec.structs.replace(failure, location=context.location(site)))
    context.ledger.failed(failure, "failed", key)
    return failure


def tell_misuse(error: UsageError, context: Context, site: Site) -> UsageError:
    """Enter a mistake in how ``http`` is used, unless that was done; returns what to raise."""
    known = context.number_of(Failure(code="check.usage", message=str(error)))
    return error if known else context.misused(str(error), site)
