"""When a check with a cron expression is due."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from checkwire.model.definition import CheckDefinition
from checkwire.schedule.timetable import NEVER_NS, ScheduleError

__all__ = ["Cron", "cron_of"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND = timedelta(seconds=1)
_DAY = timedelta(days=1)
_US = timedelta(microseconds=1)
_INDEX_FROM_NS = 1_767_225_600_000_000_000
"""2026-01-01: counting begins there, since to count from the epoch would take 50 years' days."""


class Cron:
    """Due when the clock on the wall of a time zone shows what the expression says.

    What happens as that clock is changed is what Debian's cron does, see ``cronsim``. If both the
    minute and the hour are named (neither begins with ``*``), an instant that the change leaves out
    is due right after it, and one that comes twice is due the first time only. Otherwise the check
    is due whenever the clock shows it, so that what runs each hour goes on each hour.

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
        self._fields = CronSim(expression, _EPOCH.astimezone(self._zone))
        self._per_day = len(self._fields.hours) * len(self._fields.minutes)
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
            self._asked_ns, self._next_ns = t_ns, next(self._walk(t_ns), NEVER_NS)
        return self._next_ns

    def latest(self, until_ns: int) -> int:
        """See :class:`checkwire.schedule.timetable.Timetable`."""
        # Walked backwards, the library may mistake an hour that comes twice, or not at all; what it
        # finds is where to begin to walk forwards.
        for candidate in CronSim(self.expression, self._local(until_ns) + _SECOND, reverse=True):
            found = -NEVER_NS
            for due_ns in self._walk(_ns(candidate) - 1):
                if due_ns > until_ns:
                    break
                found = due_ns
            if found != -NEVER_NS:
                return found
        return -NEVER_NS

    def count(self, after_ns: int, until_ns: int) -> int:
        """See :class:`checkwire.schedule.timetable.Timetable`.

        Days on which the clock is not changed are not walked through: a year takes milliseconds.
        """
        day = self._local(after_ns).date() + _DAY
        last = self._local(until_ns).date()
        if day >= last:
            return self._walked(after_ns, until_ns)
        start = self._start(day)
        total = self._walked(after_ns, start - 1)
        while day < last:
            end = self._start(day + _DAY)
            if self._is_regular(start, end):
                matches = day.month in self._fields.months and self._fields.match_day(day)
                total += self._per_day if matches else 0
            else:
                total += self._walked(start - 1, end - 1)
            day, start = day + _DAY, end
        return total + self._walked(start - 1, until_ns)

    def index(self, due_ns: int) -> int:
        """See :class:`checkwire.schedule.timetable.Timetable`."""
        if due_ns >= self._counted_ns:
            self._counted += self.count(self._counted_ns, due_ns)
        else:
            self._counted -= self.count(due_ns, self._counted_ns)
        self._counted_ns = due_ns
        return self._counted

    def _walk(self, after_ns: int) -> Iterator[int]:
        """The due instants after that one, each once."""
        for moment in CronSim(self.expression, self._local(after_ns)):
            if (due_ns := _ns(moment)) > after_ns:
                yield due_ns
                after_ns = due_ns

    def _walked(self, after_ns: int, until_ns: int) -> int:
        total = 0
        for due_ns in self._walk(after_ns):
            if due_ns > until_ns:
                break
            total += 1
        return total

    def _local(self, t_ns: int) -> datetime:
        return (_EPOCH + timedelta(microseconds=t_ns // 1000)).astimezone(self._zone)

    def _start(self, day: date) -> int:
        """When a day begins: what comes before the changed clock shows it belongs to no other."""
        return _ns(datetime(day.year, day.month, day.day, tzinfo=self._zone))

    def _is_regular(self, start: int, end: int) -> bool:
        """Whether the clock is not changed on a day."""
        offsets = (self._local(t_ns).utcoffset() for t_ns in (start, end - 1))
        return end - start == 86400 * 10**9 and len(set(offsets)) == 1


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
