"""Which status an attempt has, and which of its failures leads.

Pure: all that decides is in the arguments.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

import msgspec

from checkwire.model.attempt import Status
from checkwire.model.definition import CheckDefinition
from checkwire.model.durations import format_ns, format_seconds
from checkwire.model.events import Failed, Finished
from checkwire.model.failures import Failure, Severity, code_of
from checkwire.runner.exit import LIMITS, Exit, failure_of_exit

__all__ = ["Verdict", "judge"]

_RANK: dict[Severity, int] = {"failed": 0, "degraded": 1, "warning": 2}
_STARVED = 0.5
"""Who had no CPU for this part of the time was not late for anybody else's sake."""
_HAD_SOME, _ALL = 0.1, 0.9
"""Who had a CPU for the first part of the time, and would have had for the second, only spun."""
_ENDED_BY_TIMEOUT = frozenset({"timeout.check", "script.timeout", "script.blocked"})


class Verdict(msgspec.Struct, frozen=True):
    """The judgement of an attempt.

    Attributes:
        status: passed, degraded, failed (the target is at fault) or error (the check is, or we).
        headline: the failure that made it so; ``None`` if it passed.
        failures: all that count, worst first, then in the order of time; the headline leads.
        added: those among them that no event told: they follow from the end of the process, from
            the duration, or from nothing having been verified.
    """

    status: Status
    headline: Failed | None
    failures: tuple[Failed, ...]
    added: tuple[Failed, ...]


def judge(
    definition: CheckDefinition,
    told: Iterable[Failed],
    *,
    excused: Collection[int],
    finished: Finished | None,
    end: Exit,
    duration_ns: int,
) -> Verdict:
    """Judge an attempt.

    - Failures that were excused do not count, but for one that ended the check when nothing else
      failed: what stands behind it was never verified.
    - The first failure in time leads: it is the cause, and later ones are consequences.
    - Its code says whose fault it is, and so whether the status is ``failed`` or ``error``.
    - If the check did not finish, the way its process ended is a failure too. It leads, unless
      the target had failed before.
    - If time ran out for a check that spent most of it waiting for a CPU, the probe is at fault:
      ``probe.overloaded`` leads.
    - If it had finished, a signal that killed its process is worth a warning.
    - A check that passes more slowly than ``degraded`` is degraded.
    - A check that passes and verified nothing gets a warning, ``check.no_assertion``.
    """
    all_told = sorted(told, key=lambda failed: failed.at_ns)
    counting = [failed for failed in all_told if failed.number not in excused]
    added: list[Failed] = []

    def add(failure: Failure, severity: Severity) -> Failed:
        number = max((failed.number for failed in (*all_told, *added)), default=0) + 1
        added.append(Failed(at_ns=duration_ns, number=number, failure=failure, severity=severity))
        return added[-1]

    failing = [failed for failed in counting if failed.severity == "failed"]
    if not failing and finished is not None and finished.outcome == "raised":
        failing = [failed for failed in all_told if failed.number == finished.raised] or [
            add(Failure(code="script.exception", message="The check raised an exception"), "failed")
        ]
        counting += [failed for failed in failing if failed not in (*counting, *added)]
    headline = failing[0] if failing else None
    # A check that exceeds a limit has not kept to it for having finished at the same time.
    if (finished is None and not _told_already(end, failing)) or end.cause in LIMITS:
        ending = add(failure_of_exit(end, definition), "failed")
        headline = next(filter(_blames_target, failing), ending)
    if finished is not None and end.signal is not None and end.cause == "itself":
        add(failure_of_exit(end, definition), "warning")
    starved_ns = max(end.starved_ns, finished.starved_ns if finished is not None else 0)
    if headline and _is_late(headline) and _is_starved(end, starved_ns, duration_ns):
        headline = add(_starved(starved_ns, duration_ns), "failed")
    if headline is None:
        if definition.degraded is not None and duration_ns > definition.degraded * 1e9:
            add(_too_slow(duration_ns, definition.degraded), "degraded")
        if finished is not None and finished.verifications <= 0:
            add(Failure(code="check.no_assertion", message="The check verified nothing"), "warning")
    failures = sorted(
        (*counting, *added),
        key=lambda failed: (failed is not headline, _RANK[failed.severity]),
    )
    if headline is not None:
        blamed_here = code_of(headline.failure.code).is_error
        return Verdict(
            "error" if blamed_here else "failed", headline, tuple(failures), tuple(added)
        )
    if failures and failures[0].severity == "degraded":
        return Verdict("degraded", failures[0], tuple(failures), tuple(added))
    return Verdict("passed", None, tuple(failures), tuple(added))


def _told_already(end: Exit, failing: Iterable[Failed]) -> bool:
    """Whether the process itself said that its time is up, before it was killed for that."""
    return end.cause == "timeout" and any(
        failed.failure.code in _ENDED_BY_TIMEOUT for failed in failing
    )


def _blames_target(failed: Failed) -> bool:
    return not code_of(failed.failure.code).is_error


def _is_late(failed: Failed) -> bool:
    """Whether it says no more than that something took too long."""
    code = failed.failure.code
    return code.startswith("timeout.") or code in _ENDED_BY_TIMEOUT


def _is_starved(end: Exit, starved_ns: int, duration_ns: int) -> bool:
    """Whether it waited for a CPU for most of its time, and not for having wanted all of it."""
    used_ns = end.usage.cpu_seconds * 1e9
    spun = used_ns > _HAD_SOME * duration_ns and used_ns + starved_ns > _ALL * duration_ns
    return starved_ns > _STARVED * duration_ns and not spun


def _starved(starved_ns: int, duration_ns: int) -> Failure:
    return Failure(
        code="probe.overloaded",
        message=f"The check ran for {format_ns(duration_ns)}, and waited for a CPU for "
        f"{format_ns(min(starved_ns, duration_ns))} of that: what it waited for may have come in "
        "time",
        evidence={"starved_ns": starved_ns, "duration_ns": duration_ns},
    )


def _too_slow(duration_ns: int, limit: float) -> Failure:
    return Failure(
        code="assertion.too_slow",
        message=f"The check took {format_ns(duration_ns)}; "
        f"above {format_seconds(limit)} it counts as degraded",
        evidence={"duration_ns": duration_ns, "limit_ns": round(limit * 1e9)},
    )
