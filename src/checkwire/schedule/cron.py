"""When a check with a cron expression is due."""

from __future__ import annotations

from bisect import bisect_right
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from checkwire.model.definition import CheckDefinition
from checkwire.schedule.timetable import NEVER_NS, ScheduleError

__all__ = ["Cron", "cron_of"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DAY = timedelta(days=1)
_US = timedelta(microseconds=1)
_MINUTE = timedelta(minutes=1)
_MINUTE_NS = 60 * 10**9
_FARTHEST_DAYS = 50 * 366
"""Where a search ends: 29 February falls on a given day of the week every 28 years, or 40."""
_KEPT_DAYS = 8
_INDEX_FROM_NS = 1_767_225_600_000_000_000
"""2026-01-01: counting begins there, since to count from the epoch would take 50 years' days."""


class Cron:
    """Due when the clock on the wall of a time zone shows what the expression says.

    On days on which that clock is changed it does what Debian's cron does. If both the minute and
    the hour are named (neither begins with ``*``), an instant that the change leaves out is due
    right after it, and one that comes twice is due the first time only. Otherwise the check is due
    whenever the clock shows it, so that what runs each hour goes on each hour.

    ``cronsim`` reads the expression, and says which dates fit. It is not asked to walk: beginning
    elsewhere it may find other instants around a change, and where clocks were changed near
    midnight it never ends.

    Args:
        expression: five fields.
        timezone: an IANA name.

    Raises:
        CronSimError: the expression will not do.
        ValueError, KeyError, OSError: there is no such time zone.
    """

    def __init__(self, expression: str, timezone: str) -> None:
        self.expression = expression
        self.timezone = timezone
        self._zone = UTC if timezone == "UTC" else ZoneInfo(timezone)
        self._fields = fields = CronSim(expression, _EPOCH.astimezone(self._zone))
        minutes = sorted(fields.minutes)
        self._offsets = [
            (hour * 60 + minute) * _MINUTE_NS for hour in sorted(fields.hours) for minute in minutes
        ]
        _, minute, hour, *_ = fields.parts
        self._named = not minute.startswith("*") and not hour.startswith("*")
        self._days: dict[date, list[int]] = {}
        # The answer last given: checks that share an expression ask for the same one in a row.
        self._asked_ns = self._next_ns = 0
        self._counted_ns, self._counted = _INDEX_FROM_NS, 0

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Cron)
            and other.expression == self.expression
            and other.timezone == self.timezone
        )

    def __hash__(self) -> int:
        return hash((self.expression, self.timezone))

    def next_after(self, t_ns: int) -> int:
        """See :class:`checkwire.schedule.timetable.Timetable`."""
        if not self._asked_ns <= t_ns < self._next_ns:
            self._asked_ns, self._next_ns = t_ns, self._search(t_ns)
        return self._next_ns

    def _search(self, t_ns: int) -> int:
        day = self._day_of(t_ns)
        for _ in range(_FARTHEST_DAYS):
            dues = self._dues(day)
            place = bisect_right(dues, t_ns)
            if place < len(dues):
                return dues[place]
            day += _DAY
        return NEVER_NS

    def latest(self, until_ns: int) -> int:
        """See :class:`checkwire.schedule.timetable.Timetable`."""
        day = self._day_of(until_ns)
        for _ in range(_FARTHEST_DAYS):
            dues = self._dues(day)
            place = bisect_right(dues, until_ns)
            if place:
                return dues[place - 1]
            day -= _DAY
        return -NEVER_NS

    def count(self, after_ns: int, until_ns: int) -> int:
        """See :class:`checkwire.schedule.timetable.Timetable`. A year takes milliseconds."""
        if until_ns <= after_ns:
            return 0
        day, last = self._day_of(after_ns), self._day_of(until_ns)
        total = -bisect_right(self._dues(day), after_ns)
        while day < last:
            total += self._count_of(day)
            day += _DAY
        return total + bisect_right(self._dues(last), until_ns)

    def index(self, due_ns: int) -> int:
        """See :class:`checkwire.schedule.timetable.Timetable`."""
        if due_ns >= self._counted_ns:
            self._counted += self.count(self._counted_ns, due_ns)
        else:
            self._counted -= self.count(due_ns, self._counted_ns)
        self._counted_ns = due_ns
        return self._counted

    def _dues(self, day: date) -> list[int]:
        """What is due from a day's start to the next one's."""
        # What the clock shows again after midnight, set back, is of the day before.
        if not self._matches(day) and not self._matches(day - _DAY):
            return []
        found = self._days.get(day)
        if found is None:
            if len(self._days) >= _KEPT_DAYS:
                self._days.clear()
            found = self._days[day] = self._dues_of(day)
        return found

    def _dues_of(self, day: date) -> list[int]:
        start, end = self._start(day), self._start(day + _DAY)
        if self._is_regular(start, end):
            return [start + offset for offset in self._offsets] if self._matches(day) else []
        if self._named:
            dues = self._named_on(day) if self._matches(day) else []
            return [due_ns for due_ns in dues if due_ns < end]  # There are days that never were.
        return [t_ns for t_ns in range(start, end, _MINUTE_NS) if self._shows(self._local(t_ns))]

    def _count_of(self, day: date) -> int:
        if day not in self._days and self._is_regular(self._start(day), self._start(day + _DAY)):
            return len(self._offsets) if self._matches(day) else 0
        return len(self._dues(day))

    def _shows(self, moment: datetime) -> bool:
        fields = self._fields
        return (
            moment.minute in fields.minutes
            and moment.hour in fields.hours
            and self._matches(moment.date())
        )

    def _named_on(self, day: date) -> list[int]:
        midnight = datetime(day.year, day.month, day.day)
        found = set()
        for offset in self._offsets:
            moment = midnight + timedelta(seconds=offset // 10**9)
            while (due_ns := self._shown_at(moment)) is None:
                moment += _MINUTE
            found.add(due_ns)
        return sorted(found)

    def _shown_at(self, moment: datetime) -> int | None:
        """When the clock shows that, first; ``None`` if never: it does not survive the way back."""
        due_ns = _ns(moment.replace(tzinfo=self._zone))
        return due_ns if self._local(due_ns).replace(tzinfo=None) == moment else None

    def _matches(self, day: date) -> bool:
        return day.month in self._fields.months and self._fields.match_day(day)

    def _day_of(self, t_ns: int) -> date:
        day = self._local(t_ns).date()
        # Where the clock is changed near midnight it may show another one.
        if t_ns < self._start(day):
            return day - _DAY
        return day + _DAY if t_ns >= self._start(day + _DAY) else day

    def _local(self, t_ns: int) -> datetime:
        return (_EPOCH + timedelta(microseconds=t_ns // 1000)).astimezone(self._zone)

    def _start(self, day: date) -> int:
        return _ns(datetime(day.year, day.month, day.day, tzinfo=self._zone))

    def _is_regular(self, start: int, end: int) -> bool:
        """Whether the clock is not changed on a day."""
        offsets = {self._local(t_ns).utcoffset() for t_ns in (start, end - 1)}
        return end - start == 1440 * _MINUTE_NS and len(offsets) == 1


def cron_of(definition: CheckDefinition) -> Cron:
    """The timetable of a check with a ``cron``; checks with the same one share it.

    Raises:
        ScheduleError: if the expression or its time zone will not do here; says which check's.
    """
    try:
        return _shared(definition.cron or "", definition.timezone)
    except CronSimError as error:
        problem = f'cron: "{definition.cron}": {str(error).lower()}'
    except (ValueError, KeyError, OSError):
        problem = f'timezone: "{definition.timezone}" is not known on this machine'
    raise ScheduleError(f"{definition.id}: {problem}")


@lru_cache(maxsize=100_000)
def _shared(expression: str, timezone: str) -> Cron:
    return Cron(expression, timezone)


def _ns(moment: datetime) -> int:
    return (moment - _EPOCH) // _US * 1000
