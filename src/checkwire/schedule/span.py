"""For how long a due run may wait, and for how long its result speaks."""

from __future__ import annotations

from functools import lru_cache

from checkwire.model.definition import CheckDefinition, Retries
from checkwire.model.due import Cause, DueRun
from checkwire.schedule.timetable import NEVER_NS, timetable_of

__all__ = ["extra_run", "grace_ns", "holds_ns", "longest_run_ns"]

_SECOND = 10**9
_LEAST_GRACE_NS = 10 * _SECOND
_MOST_GRACE_NS = 60 * _SECOND
_UNSCHEDULED_GAP_NS = 86400 * _SECOND
_EXTRA_GRACE_NS = 3600 * _SECOND


def grace_ns(gap_ns: int) -> int:
    """After how long a due run that has not begun is missed.

    Half the way to the next one: later than that, it would say more of the next than of its own.
    A minute at most, since a result that is to show 12:00 should not be of 12:10, however seldom
    the check runs. Ten seconds at least: that long a busy machine may take to start a process, or
    to have its standby server take over, without any harm to a check of ten seconds.

    Args:
        gap_ns: from the due instant to the next.
    """
    return max(_LEAST_GRACE_NS, min(gap_ns // 2, _MOST_GRACE_NS))


def holds_ns(gap_ns: int, longest_ns: int) -> int:
    """For how long from its due instant a result speaks for the check, if no other one comes.

    Until the next run can at the latest have ended: a run that begins late or takes its time
    leaves no hole in a check's history, one that is not there does.

    Args:
        gap_ns: from the due instant to the next.
        longest_ns: see :func:`longest_run_ns`.
    """
    return min(gap_ns, _UNSCHEDULED_GAP_NS * 400) + grace_ns(gap_ns) + longest_ns


@lru_cache(maxsize=1024)
def longest_run_ns(timeout: float, retries: Retries) -> int:
    """How long a run may take, with all its retries and the waits between them.

    Args:
        timeout: seconds that an attempt may take.
        retries: the check's policy.
    """
    seconds, retry = timeout, 1
    # No retry starts after max_duration; when it has started it has its whole timeout.
    while seconds <= retries.max_duration and (delay := retries.delay_before(retry)) is not None:
        if seconds + delay > retries.max_duration:
            break
        seconds += delay + timeout
        retry += 1
    return round(seconds * _SECOND)


def extra_run(
    project: str,
    definition: CheckDefinition,
    location: str,
    due_ns: int,
    run_id: str,
    cause: Cause = "manual",
) -> DueRun:
    """A run beside the check's schedule. Somebody waits for it, so it is missed only after an hour.

    Args:
        project: its id.
        definition: of the check, which need not be scheduled.
        location: a name.
        due_ns: when it is due.
        run_id: a new one.
        cause: why it takes place.

    Raises:
        ScheduleError: see :func:`checkwire.schedule.timetable.timetable_of`.
    """
    gap_ns = _UNSCHEDULED_GAP_NS
    if definition.every is not None or definition.cron is not None:
        timetable = timetable_of(project, definition, location)
        goes_round = definition.scheduling == "round-robin"
        next_ns, turns = due_ns, len(definition.locations) if goes_round else 1
        for _ in range(max(1, turns)):
            next_ns = timetable.next_after(min(next_ns, NEVER_NS - 1))
        gap_ns = next_ns - due_ns
    return DueRun(
        run_id=run_id,
        project=project,
        check=definition.id,
        location=location,
        due_ns=due_ns,
        holds_ns=holds_ns(gap_ns, longest_run_ns(definition.timeout, definition.retries)),
        grace_ns=_EXTRA_GRACE_NS,
        cause=cause,
    )
