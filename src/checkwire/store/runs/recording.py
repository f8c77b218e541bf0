"""The narrow row of a run: what lists, charts and decisions need of it."""

from __future__ import annotations

from statistics import median_low
from typing import Any

from checkwire.model.attempt import Attempt, Run
from checkwire.model.due import DueRun
from checkwire.store.records import RunRecord

__all__ = ["broken_record", "missed_record", "record_of"]

_LONGEST = 1000
"""Characters of a message; the transcript has all of it."""


def record_of(run: Run, due: DueRun, check_id: int) -> RunRecord:
    """The row of a run that took place, or was skipped.

    Args:
        run: what became of it.
        due: what was planned. Its ``run_id`` is the one that counts.
        check_id: of the check's row.
    """
    last = run.attempts[-1] if run.attempts else None
    failure = last.failure if last is not None else None
    connection = last.connections[0] if last is not None and last.connections else None
    message = failure.message if failure is not None else run.skipped or None
    return _row(
        due,
        check_id,
        status=run.status,
        started_ns=run.started_ns,
        duration_ns=run.duration_ns,
        holds_ns=due.holds_ns,
        attempts=len(run.attempts),
        clock=connection.clock if connection is not None else "user",
        code=failure.code if failure is not None else None,
        message=_cut(message) if message is not None else None,
        phase=failure.phase if failure is not None else None,
        times=_times(last) if last is not None else {},
    )


def missed_record(
    due: DueRun,
    check_id: int,
    count: int,
    last_due_ns: int,
    *,
    code: str | None = None,
    message: str | None = None,
) -> RunRecord:
    """The row of due runs, one after another, that never began.

    Args:
        due: the first of them.
        check_id: of the check's row.
        count: how many there are.
        last_due_ns: when the last one was due. It is stored as the span from the first.
        code, message: why, if that is known.
    """
    return _row(
        due,
        check_id,
        status="missed",
        holds_ns=last_due_ns - due.due_ns,
        missed=count,
        code=code,
        message=message,
    )


def broken_record(due: DueRun, check_id: int, code: str, message: str) -> RunRecord:
    """The row of a run that was in error before there was an attempt.

    Args:
        due: what was planned.
        check_id: of the check's row.
        code, message: of the failure.
    """
    return _row(due, check_id, status="error", holds_ns=due.holds_ns, code=code, message=message)


def _row(due: DueRun, check_id: int, **became: Any) -> RunRecord:
    return RunRecord(
        run_id=due.run_id,
        check_id=check_id,
        check=due.check,
        project=due.project,
        location=due.location,
        due_ns=due.due_ns,
        cause=due.cause,
        **became,
    )


def _times(attempt: Attempt) -> dict[str, int]:
    if not attempt.connections:
        return {}
    connection = attempt.connections[0]
    times: dict[str, int] = {phase.name: phase.duration_ns for phase in connection.phases}
    if connection.round_trips:
        times["reply"] = median_low(trip.duration_ns for trip in connection.round_trips)
    return times


def _cut(message: str) -> str:
    return message if len(message) <= _LONGEST else f"{message[: _LONGEST - 1]}…"
