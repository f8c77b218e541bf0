"""What a run that is under way told so far, as attempts."""

from __future__ import annotations

from collections.abc import Iterable

from checkwire.model.attempt import Attempt, Status
from checkwire.model.events import AttemptStarted, Event, Excused, Failed
from checkwire.model.failures import code_of
from checkwire.runner.fold import connections_of, steps_of

__all__ = ["attempts_so_far"]


def attempts_so_far(told: Iterable[tuple[int, Event]]) -> list[Attempt]:
    """The attempts, the last of them under way.

    Args:
        told: number of the attempt and event, in order.
    """
    events: dict[int, list[Event]] = {}
    for number, event in told:
        events.setdefault(number, []).append(event)
    return [_attempt(number, of_one) for number, of_one in sorted(events.items())]


def _attempt(number: int, events: list[Event]) -> Attempt:
    events.sort(key=lambda event: event.at_ns)
    excused = {event.number for event in events if isinstance(event, Excused)}
    failures = tuple(
        event for event in events if isinstance(event, Failed) and event.number not in excused
    )
    leads = next((failed for failed in failures if failed.severity == "failed"), None)
    status: Status = "passed"
    if leads is not None:
        status = "error" if code_of(leads.failure.code).is_error else "failed"
    started = next((event for event in events if isinstance(event, AttemptStarted)), None)
    return Attempt(
        number=number,
        status=status,
        started_ns=started.started_ns if started is not None else 0,
        duration_ns=events[-1].at_ns,
        failure=leads.failure if leads is not None else None,
        failures=failures,
        steps=steps_of(events),
        connections=connections_of(events),
        events=tuple(events),
    )
