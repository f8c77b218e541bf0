"""Runs beside the schedules: those that somebody asks for, and the first ones of new checks."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from checkwire.model.definition import CheckDefinition
from checkwire.model.due import DueRun
from checkwire.model.run_id import new_run_id
from checkwire.schedule.span import extra_run
from checkwire.schedule.timetable import timetable_of
from checkwire.server.monitor import Refused

__all__ = ["asked_runs", "first_runs"]

_SPREAD_NS = 60 * 10**9
_MOST_APART_NS = 10**9 // 4
_SOON_NS = 30 * 10**9


def asked_runs(
    project: str,
    definition: CheckDefinition,
    locations: Sequence[str],
    home: str,
    now_ns: int,
) -> list[DueRun]:
    """Runs of a check that are due now.

    Args:
        project: its id.
        definition: of the check.
        locations: where; if it is empty, wherever the check runs.
        home: where checks run that name no location.
        now_ns: the time.

    Raises:
        Refused: the check does not run at one of the locations.
    """
    offered = definition.locations or (home,)
    for name in locations:
        if name not in offered:
            raise Refused(
                f"{definition.id} does not run at {name}: its locations are {', '.join(offered)}",
                field="locations",
            )
    return [
        extra_run(project, definition, name, now_ns, new_run_id())
        for name in dict.fromkeys(locations or offered)
    ]


def first_runs(
    project: str, definitions: Collection[CheckDefinition], home: str, now_ns: int
) -> Iterator[DueRun]:
    """A first run of each check that is new: nobody wants to wait an hour to see if it works.

    They are a quarter of a second apart, and many within a minute. There is none where the schedule
    has the check run soon, nor for a cron expression, which names the times that are wanted.

    Args:
        project: its id.
        definitions: of the new checks.
        home: where checks run that name no location.
        now_ns: the time.
    """
    wanted = [
        (definition, location)
        for definition in definitions
        if definition.activated and definition.every is not None
        for location in _where(definition, home)
        if timetable_of(project, definition, location).next_after(now_ns) - now_ns > _SOON_NS
    ]
    apart_ns = min(_MOST_APART_NS, _SPREAD_NS // max(1, len(wanted)))
    for number, (definition, location) in enumerate(wanted):
        due_ns = now_ns + number * apart_ns
        yield extra_run(project, definition, location, due_ns, new_run_id(), "first")


def _where(definition: CheckDefinition, home: str) -> Sequence[str]:
    locations = definition.locations or (home,)
    return locations[:1] if definition.scheduling == "round-robin" else locations
