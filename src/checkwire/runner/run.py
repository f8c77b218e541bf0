"""One run of one check: attempts, with waits between them, until one passes or the last fails."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

from checkwire.model.attempt import Attempt, Run
from checkwire.model.definition import CheckDefinition
from checkwire.model.run_id import new_run_id
from checkwire.runner.retries import delay_before_retry

__all__ = ["run_attempts", "skipped_run"]


async def run_attempts(
    definition: CheckDefinition,
    attempt: Callable[[int], Awaitable[Attempt]],
    *,
    location: str = "local",
) -> Run:
    """Run a check, and again as its ``retries`` say. The last attempt decides; all are kept.

    Args:
        definition: the check.
        attempt: makes the attempt of that number, from 1.
        location: where this is.
    """
    run_id = new_run_id()
    attempts: list[Attempt] = []
    while True:
        attempts.append(last := await attempt(len(attempts) + 1))
        # The run begins with its first attempt: what it waited for its turn is not the target's.
        started_ns = attempts[0].started_ns
        elapsed_ns = max(last.started_ns + last.duration_ns - started_ns, last.duration_ns)
        delay = delay_before_retry(definition.retries, last, elapsed_ns / 1e9)
        if delay is None:
            return Run(
                id=run_id,
                check=definition,
                status=last.status,
                started_ns=started_ns,
                duration_ns=elapsed_ns,
                attempts=tuple(attempts),
                location=location,
            )
        await asyncio.sleep(delay)


def skipped_run(definition: CheckDefinition, reason: str, *, location: str = "local") -> Run:
    """The run of a check that was not run, for that reason."""
    return Run(
        id=new_run_id(),
        check=definition,
        status="skipped",
        started_ns=time.time_ns(),
        duration_ns=0,
        location=location,
        skipped=reason,
    )
