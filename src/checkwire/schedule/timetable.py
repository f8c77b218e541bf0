"""When one check is due: instants that follow from its definition alone."""

from __future__ import annotations

from typing import Protocol

from checkwire.model.definition import CheckDefinition
from checkwire.model.errors import CheckwireError
from checkwire.schedule.phase import phase_ns

__all__ = ["NEVER_NS", "Every", "ScheduleError", "Timetable", "timetable_of"]

NEVER_NS = 2**63 - 1
"""An instant after all others: there is no further one."""


class ScheduleError(CheckwireError):
    """A definition holds a schedule that cannot be understood here."""


class Timetable(Protocol):
    """The due instants of a check: the same set for whoever asks, and whenever.

    All instants are nanoseconds since the Unix epoch.
    """

    def next_after(self, t_ns: int) -> int:
        """The first due instant after ``t_ns``; :data:`NEVER_NS` if there is none."""

    def latest(self, until_ns: int) -> int:
        """The last due instant that is not after ``until_ns``; ``-NEVER_NS`` if there is none."""

    def count(self, after_ns: int, until_ns: int) -> int:
        """How many due instants there are after ``after_ns`` and not after ``until_ns``."""

    def index(self, due_ns: int) -> int:
        """The place of a due instant in the sequence of all: the next one's is one more."""


class Every:
    """Due at ``phase + n * every``, for every whole n: no error adds up.

    Args:
        every_ns: the interval.
        phase_ns: see :mod:`checkwire.schedule.phase`.
    """

    __slots__ = ("every_ns", "phase_ns")

    def __init__(self, every_ns: int, phase_ns: int) -> None:
        self.every_ns = every_ns
        self.phase_ns = phase_ns

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Every)
            and other.every_ns == self.every_ns
            and other.phase_ns == self.phase_ns
        )

    def __hash__(self) -> int:
        return hash((self.every_ns, self.phase_ns))

    def next_after(self, t_ns: int) -> int:
        """See :class:`Timetable`."""
        return t_ns + self.every_ns - (t_ns - self.phase_ns) % self.every_ns

    def latest(self, until_ns: int) -> int:
        """See :class:`Timetable`."""
        return until_ns - (until_ns - self.phase_ns) % self.every_ns

    def count(self, after_ns: int, until_ns: int) -> int:
        """See :class:`Timetable`."""
        return max(0, self.index(until_ns) - self.index(after_ns))

    def index(self, due_ns: int) -> int:
        """See :class:`Timetable`."""
        return (due_ns - self.phase_ns) // self.every_ns


def timetable_of(project: str, definition: CheckDefinition, location: str | None) -> Timetable:
    """When a check is due at a location.

    Args:
        project: its id.
        definition: of a check that has ``every`` or ``cron``.
        location: where. It does not matter for a check whose runs go round its locations.

    Raises:
        ScheduleError: if its schedule cannot be understood; says which check's.
    """
    if definition.cron is not None:
        from checkwire.schedule.cron import cron_of  # zoneinfo, datetime: 10 ms

        return cron_of(definition)
    if definition.every is None:
        raise ScheduleError(f"{definition.id} has no schedule: write every= or cron=")
    if definition.scheduling == "round-robin":
        location = None
    every_ns = round(definition.every * 1e9)
    return Every(every_ns, phase_ns(project, definition.id, location, every_ns))
