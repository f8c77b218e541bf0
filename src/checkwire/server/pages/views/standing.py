"""Where a check stands, all its locations together, and the sentence for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from checkwire.alerting.standing import down_since
from checkwire.model.people import by_whom
from checkwire.server.pages.figures import ago, counted, moment, span
from checkwire.server.pages.views.failure import sentence
from checkwire.server.pages.views.payload import Piece
from checkwire.server.pages.words import MARKS, Mark
from checkwire.store.records import CheckRecord, CheckState, Incident, RunRecord

__all__ = ["LATE_NS", "Standing", "standing_of"]

_WORST_FIRST = ("failed", "error", "degraded", "missed", "passed", "skipped")
LATE_NS = 60_000_000_000
"""How long beyond the time that a result speaks for there may be no other."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a check stands.

    Attributes:
        group: ``failed``, ``degraded``, ``none`` (no data), ``paused`` or ``passed``.
        since_ns: since when; None if it never ran.
        run_id: of the run that says so; empty if it never ran.
        bad, places: at how many locations, of how many.
    """

    group: str
    mark: Mark
    sentence: list[Piece]
    since_ns: int | None
    run_id: str
    bad: int = 0
    places: int = 0


def standing_of(
    check: CheckRecord,
    states: Sequence[CheckState],
    runs: Mapping[str, RunRecord],
    *,
    incident: Incident | None = None,
    next_due_ns: int | None,
    now_ns: int,
) -> Standing:
    """Make it.

    Args:
        check: the check.
        states: where it stands at each of its locations.
        runs: what is known of the runs that the states name, by id.
        incident: the check's open one, if there is one.
        next_due_ns: when it is due next.
        now_ns: the time.
    """
    places = len(states)
    worst = min(states, key=lambda s: (_WORST_FIRST.index(s.status), s.since_ns), default=None)
    if check.paused_ns is not None:
        text = f"Paused{by_whom(check.paused_by)} {ago(check.paused_ns, now_ns)}."
        if incident is not None:
            text += f" Its incident has been open since {moment(incident.began_ns, now_ns)}."
        run_id = worst.run_id if worst is not None else ""
        return Standing("paused", MARKS["paused"], _plain(text), check.paused_ns, run_id)
    if worst is None:
        return Standing(
            "none", MARKS["none"], _plain(_no_runs(check, next_due_ns, now_ns)), None, ""
        )
    run = runs.get(worst.run_id)
    bad = [state for state in states if state.status == worst.status]
    if worst.status in ("failed", "error", "degraded"):
        group = "degraded" if worst.status == "degraded" else "failed"
        told = run.message if run is not None and run.message else f"The check {worst.status}."
        return Standing(
            group,
            MARKS[worst.status],
            sentence(told),
            worst.since_ns if group == "degraded" else down_since(states, incident),
            worst.run_id,
            len(bad),
            places,
        )
    if worst.status == "missed":
        count = f" ({counted(run.missed, 'run')})" if run is not None and run.missed > 1 else ""
        where = f" at {', '.join(state.location for state in bad)}" if places > 1 else ""
        due = ago(worst.due_ns, now_ns)
        text = f"Missed{where}{count}: it was due {due} and could not begin in time."
        return Standing(
            "none", MARKS["missed"], _plain(text), worst.since_ns, worst.run_id, len(bad), places
        )
    if worst.status == "skipped":
        why = f": {run.message}" if run is not None and run.message else ""
        return Standing(
            "none",
            MARKS["skipped"],
            _plain(f"Skipped{why}."),
            worst.since_ns,
            worst.run_id,
            len(bad),
            places,
        )
    return _passed(worst, run, places, now_ns)


def _passed(state: CheckState, run: RunRecord | None, places: int, now_ns: int) -> Standing:
    last = f"Passed {ago(state.due_ns, now_ns)}"
    if run is not None and run.flaky:
        failed = counted(run.attempts - 1, "attempt", words=True)
        text = f"{last}, after {failed} that did not."
        return Standing(
            "passed", MARKS["flaky"], _plain(text), state.since_ns, state.run_id, 0, places
        )
    # Not how often: the count goes on where a missed run begins this span anew.
    lasts_ns = state.due_ns - state.since_ns
    more = f", and so did all runs of the {span(lasts_ns)} before" if lasts_ns > 0 else ""
    return Standing(
        "passed", MARKS["passed"], _plain(f"{last}{more}."), state.since_ns, state.run_id, 0, places
    )


def _no_runs(check: CheckRecord, next_due_ns: int | None, now_ns: int) -> str:
    if check.removed_ns is not None:
        return "It is no longer in its project, and never ran."
    if next_due_ns is not None:
        first = ago(next_due_ns, now_ns)
        return (
            "No runs yet, the first one any moment."
            if "ago" in first
            else (f"No runs yet, the first one {first}.")
        )
    if check.definition.is_scheduled:
        return "No runs yet, and none is planned."
    return "No runs yet, and none is scheduled: run it by hand, or give it every= or cron=."


def _plain(text: str) -> list[Piece]:
    return [Piece("", text)]
