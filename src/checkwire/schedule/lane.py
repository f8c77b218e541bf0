"""One sequence of due runs, and how far it has been dealt with."""

from __future__ import annotations

from collections.abc import Iterator

from checkwire.model.definition import CheckDefinition
from checkwire.model.due import DueRun, due_run_id
from checkwire.schedule.plan import Missed
from checkwire.schedule.span import grace_ns, holds_ns, longest_run_ns
from checkwire.schedule.timetable import NEVER_NS, Timetable

__all__ = ["Lane"]


class Lane:
    """The due runs of a check at one location, or of a check that goes round its locations.

    Args:
        project: its id.
        definition: of the check.
        locations: where: one, or those to go round.
        timetable: when.
        done_ns: no instant up to this one is due any more.
        told_ns: the latest due instant that was told.

    Attributes:
        next_ns: the first instant that is due still.
        entry: number of its valid entry in the planner's heap; -1 if it has none.
    """

    __slots__ = (
        "_longest_ns",
        "definition",
        "done_ns",
        "entry",
        "locations",
        "next_ns",
        "project",
        "timetable",
        "told_ns",
    )

    def __init__(
        self,
        project: str,
        definition: CheckDefinition,
        locations: tuple[str, ...],
        timetable: Timetable,
        done_ns: int,
        told_ns: int = -NEVER_NS,
    ) -> None:
        self.project = project
        self.timetable = timetable
        self.entry = -1
        self.define(definition, locations)
        self.told_ns = told_ns
        self.go_on_from(done_ns)

    def define(self, definition: CheckDefinition, locations: tuple[str, ...]) -> None:
        """Take over a definition with the same timetable."""
        self.definition = definition
        self.locations = locations
        self._longest_ns = longest_run_ns(definition.timeout, definition.retries)

    def go_on_from(self, t_ns: int) -> None:
        """Let what comes after that instant be due next, but nothing that was told."""
        self.done_ns = max(t_ns, self.told_ns)
        self.next_ns = self.timetable.next_after(self.done_ns)

    def settle(self, now_ns: int, due: list[DueRun] | None, missed: list[Missed]) -> None:
        """Deal with every instant up to now.

        Args:
            now_ns: now.
            due: takes the latest, if it is within its grace; ``None`` if all have been missed.
            missed: takes the others.
        """
        first = self.next_ns
        if first > now_ns:
            return
        latest, following = first, self.timetable.next_after(first)
        if following <= now_ns:
            latest = self.timetable.latest(now_ns)
            following = self.timetable.next_after(latest)
        self.done_ns = self.told_ns = latest
        self.next_ns = following
        gap_ns = following - latest
        if due is not None and now_ns - latest <= grace_ns(gap_ns):
            due.append(self._due_run(latest, gap_ns, self._turn_ns(latest, following)))
            if latest == first:
                return
            latest = self.timetable.latest(latest - 1)
        missed.extend(self._missed(first, latest))

    def _turn_ns(self, due_ns: int, following_ns: int) -> int:
        """How long it takes until the same location has its turn again."""
        for _ in self.locations[1:]:
            if following_ns == NEVER_NS:
                break
            following_ns = self.timetable.next_after(following_ns)
        return following_ns - due_ns

    def _location_at(self, due_ns: int) -> str:
        if len(self.locations) == 1:
            return self.locations[0]
        return self.locations[self.timetable.index(due_ns) % len(self.locations)]

    def _due_run(
        self, due_ns: int, gap_ns: int, turn_ns: int, location: str | None = None
    ) -> DueRun:
        """The run of an instant.

        Args:
            due_ns: the instant.
            gap_ns: from it to the next.
            turn_ns: from it to the next at the same location.
            location: where, if that is known.
        """
        place = location or self._location_at(due_ns)
        return DueRun(
            run_id=due_run_id(self.project, self.definition.id, place, due_ns),
            project=self.project,
            check=self.definition.id,
            location=place,
            due_ns=due_ns,
            holds_ns=holds_ns(turn_ns, self._longest_ns),
            grace_ns=grace_ns(gap_ns),
        )

    def _missed(self, first_ns: int, last_ns: int) -> Iterator[Missed]:
        """The instants from the first to the last, by location."""
        total = self.timetable.count(first_ns - 1, last_ns)
        places = min(len(self.locations), total)
        # At each location the block begins within the first turn, and ends within the last one.
        begins = [first_ns]
        ends = [last_ns]
        for _ in range(places - 1):
            begins.append(self.timetable.next_after(begins[-1]))
            ends.append(self.timetable.latest(ends[-1] - 1))
        ending = {self._location_at(due_ns): due_ns for due_ns in ends}
        for place, begin_ns in enumerate(begins):
            location = self._location_at(begin_ns)
            end_ns = ending[location]
            after_ns = self.timetable.next_after(end_ns)
            hold_ns = end_ns - begin_ns + (after_ns - end_ns if after_ns != NEVER_NS else 0)
            run = self._due_run(begin_ns, hold_ns, hold_ns, location)
            yield Missed(run, (total - place - 1) // len(self.locations) + 1, end_ns)
