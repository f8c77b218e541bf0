"""What is due, of any number of checks, and what was missed. Pure: every instant is an argument."""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from checkwire.model.definition import CheckDefinition
from checkwire.model.due import DueRun
from checkwire.schedule.lane import Lane
from checkwire.schedule.plan import Missed, Plan
from checkwire.schedule.timetable import NEVER_NS, Timetable, timetable_of

__all__ = ["Planner"]

_REMEMBERED_NS = 2 * 86400 * 10**9


class _Key(NamedTuple):
    project: str
    check: str
    location: str | None  # None: it goes round its locations


class Planner:
    """Holds checks, and says when which of them is to run where::

        planner = Planner()
        planner.put("orders", definitions, now_ns)
        while True:
            ...  # wait until planner.next_ns
            plan = planner.tick(now_ns)

    Each due instant of a check at a location is told exactly once: as a run, or within a block of
    missed ones; or it lies in a time in which the check was paused. That holds for whatever the
    clock does between two calls.

    What it holds is changed between ticks. Tick right before a change, with the same ``now_ns``:
    what has become due since the last tick is missed for checks that the change takes away.

    Args:
        location: where checks run that name no location.
    """

    def __init__(self, location: str = "local") -> None:
        self._location = location
        self._lanes: dict[str, dict[str, list[tuple[_Key, Lane]]]] = {}  # by project, then check
        self._paused: set[tuple[str, str]] = set()
        self._gone: dict[tuple[str, str], int] = {}
        self._heap: list[tuple[int, int, Lane]] = []
        self._entries = 0
        self._missed: list[Missed] = []
        self._missed_ns = NEVER_NS
        self._latest_ns = -NEVER_NS

    def __len__(self) -> int:
        """How many sequences of due runs it holds: of a check, one for each location."""
        return sum(len(lanes) for checks in self._lanes.values() for lanes in checks.values())

    @property
    def next_ns(self) -> int | None:
        """When to tick next; ``None`` if nothing will be due. In the past if it is overdue."""
        heap = self._heap
        while heap and heap[0][2].entry != heap[0][1]:
            heapq.heappop(heap)
        at_ns = min(self._missed_ns, heap[0][0] if heap else NEVER_NS)
        return None if at_ns == NEVER_NS else at_ns

    def next_due_ns(self, project: str, check: str) -> int | None:
        """When a check is due next; ``None`` if it is unknown, paused, or not scheduled."""
        if (project, check) in self._paused:
            return None
        lanes = self._lanes.get(project, {}).get(check, ())
        at_ns = min((lane.next_ns for _, lane in lanes), default=NEVER_NS)
        return None if at_ns == NEVER_NS else at_ns

    def put(
        self,
        project: str,
        definitions: Sequence[CheckDefinition],
        now_ns: int,
        *,
        last_due: Mapping[tuple[str, str], int] | None = None,
        since: Mapping[str, int] | None = None,
        paused: Mapping[str, int] | None = None,
    ) -> None:
        """Let a project's checks be these, and no others. If it raises, nothing has changed.

        A check that is new, or whose schedule is, begins with its first due instant after now. One
        that stays goes on as if nothing had happened. Those that are not activated, or have no
        schedule, are left out.

        After a restart, put what the store holds first, with the three mappings, and then, without
        them, what the files say now: so that what was due meanwhile is missed by the old schedule,
        and the new one begins now.

        Args:
            project: its id.
            definitions: all its checks.
            now_ns: now.
            last_due: by check id and location, the latest instant recorded: what came after it is
                due or missed.
            since: by check id, an instant up to which nothing is due: when the check was added or
                last resumed, whichever is later.
            paused: by check id, since when the check is paused.

        Raises:
            ScheduleError: if a schedule cannot be understood; says which check's.
            ValueError: if two checks have one id.
        """
        last_due, since, paused = last_due or {}, since or {}, paused or {}
        wanted = {d.id: self._keys(project, d) for d in definitions}
        if len(wanted) != len(definitions):
            raise ValueError(f"two checks of {project} have one id")
        timetables = {
            key: timetable_of(project, d, key.location) for d in definitions for key in wanted[d.id]
        }
        old = {key: lane for lanes in self._lanes.pop(project, {}).values() for key, lane in lanes}
        for key, lane in old.items():
            if timetables.get(key) != lane.timetable:
                self._retire(key, lane, now_ns)
        recorded: dict[str, dict[str, int]] = {}
        for (check, location), due_ns in last_due.items():
            recorded.setdefault(check, {})[location] = due_ns
            self._latest_ns = max(self._latest_ns, due_ns)
        checks = self._lanes[project] = {}
        for definition in definitions:
            check = definition.id
            history = _History(
                recorded.get(check, {}),
                since.get(check, -NEVER_NS),
                self._gone.get((project, check), -NEVER_NS),
            )
            checks[check] = [
                (key, self._lane(old, key, definition, places, timetables[key], history, now_ns))
                for key, places in wanted[check].items()
            ]
        for check, at_ns in paused.items():
            self.pause(project, check, min(now_ns, at_ns))
        self._forget()

    def remove(self, project: str, now_ns: int) -> None:
        """Let a project have no checks any more."""
        self.put(project, (), now_ns)
        del self._lanes[project]

    def pause(self, project: str, check: str, now_ns: int) -> None:
        """Let a check not be due until it is resumed; a reload of its project does not resume it.

        What has become due since the last tick is missed.
        """
        if (project, check) in self._paused:
            return
        for _, lane in self._lanes.get(project, {}).get(check, ()):
            self._miss(lane, now_ns)
            lane.entry = -1
        self._paused.add((project, check))

    def resume(self, project: str, check: str, now_ns: int) -> None:
        """Let a paused check be due again, from now on."""
        if (project, check) not in self._paused:
            return
        self._paused.discard((project, check))
        for _, lane in self._lanes.get(project, {}).get(check, ()):
            lane.go_on_from(now_ns)
            self._push(lane)

    def tick(self, now_ns: int) -> Plan:
        """Everything that has become due since the last tick.

        Of each check at each location at most one run is to be started: the latest that was due,
        if it is within its grace. All those before it have been missed, whether the machine was
        suspended, the clock set forward, or this process too busy.

        If the clock was set back, nothing is due until it has caught up: those instants have had
        their runs.
        """
        due: list[DueRun] = []
        missed, self._missed, self._missed_ns = self._missed, [], NEVER_NS
        heap = self._heap
        while heap and heap[0][0] <= now_ns:
            _, entry, lane = heap[0]
            if lane.entry != entry:
                heapq.heappop(heap)
                continue
            lane.settle(now_ns, due, missed)
            self._entries += 1
            lane.entry = self._entries
            heapq.heapreplace(heap, (lane.next_ns, lane.entry, lane))
        if len(due) > 1:
            due.sort(key=lambda run: run.due_ns)
        behind_ns = max(0, self._latest_ns - now_ns)
        self._latest_ns = max(self._latest_ns, now_ns)
        return Plan(due, missed, behind_ns)

    def _keys(self, project: str, definition: CheckDefinition) -> dict[_Key, tuple[str, ...]]:
        """The sequences of due runs that a check has, and the locations of each."""
        check = definition.id
        if not definition.activated or (definition.every is None and definition.cron is None):
            return {}
        locations = definition.locations or (self._location,)
        if definition.scheduling == "round-robin":
            return {_Key(project, check, None): locations}
        return {_Key(project, check, location): (location,) for location in locations}

    def _lane(
        self,
        old: Mapping[_Key, Lane],
        key: _Key,
        definition: CheckDefinition,
        locations: tuple[str, ...],
        timetable: Timetable,
        history: _History,
        now_ns: int,
    ) -> Lane:
        """The lane that was there, if its timetable stays, or a new one."""
        lane = old.get(key)
        told_ns, since_ns = history.told_ns(locations), history.since_ns
        if lane is None or lane.timetable != timetable:
            begin_ns = now_ns
            if told_ns != -NEVER_NS or (not history.recorded and since_ns != -NEVER_NS):
                begin_ns = min(now_ns, since_ns)
            told_ns = max(told_ns, history.gone_ns)
            lane = Lane(key.project, definition, locations, timetable, begin_ns, told_ns)
        else:
            lane.define(definition, locations)
            if told_ns <= lane.done_ns:
                return lane
            lane.go_on_from(told_ns)
        if (key.project, key.check) not in self._paused:
            self._push(lane)
        return lane

    def _retire(self, key: _Key, lane: Lane, now_ns: int) -> None:
        check = key.project, key.check
        if check not in self._paused:
            self._miss(lane, now_ns)
        lane.entry = -1
        self._gone[check] = max(self._gone.get(check, -NEVER_NS), lane.told_ns)

    def _miss(self, lane: Lane, now_ns: int) -> None:
        """Nothing of a lane that is due by now is run any more."""
        lane.settle(now_ns, None, self._missed)
        if self._missed:
            self._missed_ns = min(self._missed_ns, now_ns)

    def _push(self, lane: Lane) -> None:
        self._entries += 1
        lane.entry = self._entries
        heapq.heappush(self._heap, (lane.next_ns, lane.entry, lane))

    def _forget(self) -> None:
        """Let go of what no clock that is set back by less than two days brings up again."""
        self._heap = [item for item in self._heap if item[2].entry == item[1]]
        heapq.heapify(self._heap)
        limit_ns = self._latest_ns - _REMEMBERED_NS
        self._gone = {check: at_ns for check, at_ns in self._gone.items() if at_ns > limit_ns}


class _History(NamedTuple):
    """What is known of a check that is put."""

    recorded: Mapping[str, int]  # latest instant by location
    since_ns: int
    gone_ns: int

    def told_ns(self, locations: tuple[str, ...]) -> int:
        """The latest instant recorded at these locations."""
        found = (self.recorded[place] for place in locations if place in self.recorded)
        return max(found, default=-NEVER_NS)
