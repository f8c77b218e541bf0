"""How a check stands, from how it stands at each of its locations. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from checkwire.model.definition import CheckDefinition
from checkwire.store.records import CheckState, Incident

__all__ = ["down_since", "failing", "is_well", "that_count"]


def that_count(
    states: Iterable[CheckState], definition: CheckDefinition, home: str
) -> list[CheckState]:
    """The states at the locations that the check runs from now.

    One that it no longer runs from does not count, nor one where somebody had it run by hand. If
    it has run from none of its locations yet, because they are new, the former ones do.

    Args:
        states: at all locations where it ever ran.
        definition: for its locations.
        home: where checks run that name none.
    """
    states = list(states)
    wanted = definition.locations or (home,)
    return [state for state in states if state.location in wanted] or states


def failing(states: Iterable[CheckState], after: int) -> CheckState | None:
    """The location at which enough runs in a row failed or were in error: the worst, if any.

    Args:
        states: at the locations that count.
        after: so many runs in a row.
    """
    bad = [state for state in states if state.bad_in_row >= after]
    return max(bad, key=lambda state: (state.bad_in_row, state.location), default=None)


def down_since(states: Iterable[CheckState], incident: Incident | None) -> int | None:
    """Since when a check is down; ``None`` if it is not.

    That is when its open incident began. If none is open, it is when the first of the runs was due
    that failed, or were in error, in a row, at any of the locations. What was missed meanwhile,
    because the server was down, does not make it begin anew.

    Args:
        states: at the locations that count.
        incident: the check's open one, if there is one.
    """
    if incident is not None:
        return incident.began_ns
    return min((s.bad_since_ns for s in states if s.bad_since_ns is not None), default=None)


def is_well(states: Iterable[CheckState]) -> bool:
    """Whether the latest run is good at every location. Skipped and missed runs are no runs.

    Args:
        states: at the locations that count. One where it never ran does not stand in the way.
    """
    ran = [state for state in states if state.bad_in_row or state.good_in_row]
    return bool(ran) and all(state.good_in_row for state in ran)
