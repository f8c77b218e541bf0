"""Definitions of checks that are due, and their due instants as one would find them by hand."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from cronsim import CronSim

from checkwire.model.definition import CheckDefinition
from checkwire.schedule.phase import phase_ns

SECOND = 10**9
MINUTE = 60 * SECOND
HOUR = 3600 * SECOND
DAY = 24 * HOUR


def instant(text: str, zone: str = "UTC", fold: int = 0) -> int:
    """Nanoseconds since the epoch of what the clock shows there."""
    moment = datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold)
    return round(moment.timestamp()) * SECOND


def scheduled(id: str = "a", **options: object) -> CheckDefinition:  # noqa: A002
    """A check with these options."""
    if isinstance(every := options.get("every"), int):
        options["every"] = float(every)
    named = {"id": id, "name": id, "path": "a_check.py", "line": 1, "function": "f", **options}
    return CheckDefinition(**named)  # type: ignore[arg-type]


def dues(
    project: str, definition: CheckDefinition, location: str | None, after_ns: int, until_ns: int
) -> Sequence[int]:
    """Every due instant after the one and not after the other, the plain way."""
    if definition.every is not None:
        every_ns = round(definition.every * SECOND)
        phase = phase_ns(project, definition.id, location, every_ns)
        n = (after_ns - phase) // every_ns + 1
        return range(phase + n * every_ns, until_ns + 1, every_ns)
    assert definition.cron is not None
    month = _month(definition.cron, definition.timezone, after_ns // (15 * DAY))
    assert until_ns < (after_ns // (15 * DAY) + 2) * 15 * DAY
    return month[bisect_right(month, after_ns) : bisect_right(month, until_ns)]


@lru_cache
def _month(cron: str, zone: str, number: int) -> list[int]:
    return list(walked(cron, zone, number * 15 * DAY - 1, (number + 2) * 15 * DAY))


def walked(cron: str, zone: str, after_ns: int, until_ns: int) -> Iterator[int]:
    """Due instants of a cron: one walk of the library's, begun two days earlier."""
    start = datetime.fromtimestamp(after_ns // SECOND, UTC) - timedelta(days=2)
    last = after_ns
    for moment in CronSim(cron, start.astimezone(ZoneInfo(zone))):
        due_ns = round(moment.timestamp()) * SECOND
        if due_ns > until_ns:
            return
        if due_ns > last:
            yield due_ns
            last = due_ns


def shown(cron: str, zone: str, after_ns: int, until_ns: int) -> Iterator[int]:
    """Every whole minute at which the clock shows what a cron says."""
    fields, place = CronSim(cron, datetime(2026, 1, 1)), ZoneInfo(zone)
    for minute in range(after_ns // MINUTE + 1, until_ns // MINUTE + 1):
        moment = datetime.fromtimestamp(minute * 60, UTC).astimezone(place)
        if (
            moment.minute in fields.minutes
            and moment.hour in fields.hours
            and moment.month in fields.months
            and fields.match_day(moment.date())
        ):
            yield minute * MINUTE
