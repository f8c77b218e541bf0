"""One run of one check: attempts, with waits between them, until one passes or the last fails."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

import msgspec

from checkwire.model.attempt import Attempt, Run
from checkwire.model.definition import CheckDefinition
from checkwire.model.run_id import new_run_id
from checkwire.runner.retries import delay_before_retry, location_of_retry

__all__ = ["run_attempts", "skipped_run"]


async def run_attempts(
    definition: CheckDefinition,
    attempt: Callable[[int], Awaitable[Attempt]],
    *,
    location: str = "local",
    run_id: str | None = None,
) -> Run:
    """Run a check, and again as its ``retries`` say. The last attempt decides; all are kept.

    Args:
        definition: the check.
        attempt: makes the attempt of that number, from 1.
        location: where this is.
        run_id: the run's name; a new one if left out.
    """
    attempts: list[Attempt] = []
    while True:
        last = await attempt(len(attempts) + 1)
        place = location_of_retry(definition, location, len(attempts))
        if place != location:
            last = msgspec.structs.replace(last, location=place)
        attempts.append(last)
        # The run begins with its first attempt: what it waited for its turn is not the target's.
        started_ns = attempts[0].started_ns
        elapsed_ns = max(last.started_ns + last.duration_ns - started_ns, last.duration_ns)
        delay = delay_before_retry(definition.retries, last, elapsed_ns / 1e9)
        if delay is None:
            return Run(
                id=run_id or new_run_id(),
                check=definition,
                status=last.status,
                started_ns=started_ns,
                duration_ns=elapsed_ns,
                attempts=tuple(attempts),
                location=location,
            )
        await asyncio.sleep(delay)


def skipped_run(
    definition: CheckDefinition, reason: str, *, location: str = "local", run_id: str | None = None
) -> Run:
    """The run of a check that was not run, for that reason."""
    return Run(
        id=run_id or new_run_id(),
        check=definition,
        status="skipped",
        started_ns=time.time_ns(),
        duration_ns=0,
        location=location,
        skipped=reason,
    )
