"""Whatever happens to checks and clock, each due instant is dealt with exactly once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from checkwire.model.definition import CheckDefinition
from checkwire.model.due import due_run_id
from checkwire.schedule.plan import Missed, Plan
from checkwire.schedule.planner import Planner
from support.schedules import HOUR, MINUTE, SECOND, dues, instant, scheduled

PROJECT = "orders"
START = instant("2026-03-28T23:00:00")  # two hours before clocks are changed in Berlin
SCHEDULES: tuple[dict[str, object], ...] = (
    {"every": 10},
    {"every": 60},
    {"every": 3600},
    {"cron": "*/5 * * * *"},
    {"cron": "15,45 1-3 * * *", "timezone": "Europe/Berlin"},
)
PLACES = (("eu",), ("eu", "us"), ("us", "eu", "ap"))
checks = st.fixed_dictionaries(
    {
        id_: st.none()
        | st.builds(
            lambda id_, schedule, places, scheduling: scheduled(
                id_, **schedule, locations=places, scheduling=scheduling
            ),
            st.just(id_),
            st.sampled_from(SCHEDULES),
            st.sampled_from(PLACES),
            st.sampled_from(["parallel", "round-robin"]),
        )
        for id_ in "ab"
    }
).map(lambda found: [one for one in found.values() if one is not None])
spans = st.one_of(
    st.integers(0, 20 * SECOND), st.integers(0, 20 * MINUTE), st.integers(0, 3 * HOUR)
)


class Due(NamedTuple):
    """Due instants that belong together: of a check at a location, or round its locations."""

    check: str
    location: str | None
    schedule: tuple[object, ...]

    def between(self, after_ns: int, until_ns: int) -> Sequence[int]:
        every, cron, timezone = self.schedule
        definition = scheduled(self.check, every=every, cron=cron, timezone=timezone)
        return dues(PROJECT, definition, self.location, after_ns, until_ns)


def sequences(definition: CheckDefinition) -> list[Due]:
    schedule = (definition.every, definition.cron, definition.timezone)
    if definition.scheduling == "round-robin":
        return [Due(definition.id, None, schedule)]
    return [Due(definition.id, place, schedule) for place in definition.locations]


class Planning(RuleBasedStateMachine):
    """A planner, and beside it a plain book of what must come of it.

    ``active`` holds, for each sequence that is due at present, the instant after which it is;
    ``until`` the latest instant that was seen while it was; ``expected`` all that was due so far.
    """

    def __init__(self) -> None:
        super().__init__()
        self.planner = Planner()
        self.now = START
        self.definitions: list[CheckDefinition] = []
        self.paused: dict[str, int] = {}
        self.active: dict[Due, int] = {}
        self.expected: dict[Due, set[int]] = {}
        self.retired: dict[str, int] = {}
        self.since: dict[str, int] = {}
        self.dealt: dict[tuple[str, str | None, int], str] = {}
        self.recorded: dict[tuple[str, str], int] = {}

    # The book.

    def see(self, sequence: Due) -> None:
        """All that is due by now is expected to be told."""
        found = sequence.between(self.active[sequence], self.now)
        self.expected.setdefault(sequence, set()).update(found)
        if found:
            self.active[sequence] = found[-1]

    def begin(self, sequence: Due, after_ns: int) -> None:
        known = self.expected.get(sequence, set())
        self.active[sequence] = max(after_ns, max(known, default=0))

    @property
    def resting(self) -> set[Due]:
        return {s for d in self.definitions if d.id in self.paused for s in sequences(d)}

    # What happens.

    @initialize(definitions=checks)
    def begin_with(self, definitions: list[CheckDefinition]) -> None:
        self.put(definitions)

    @rule(definitions=checks)
    def put(self, definitions: list[CheckDefinition]) -> None:
        self.tick()  # as is asked for; what is left untold is told as missed
        wanted = {s for d in definitions for s in sequences(d)}
        old = {s for d in self.definitions for s in sequences(d)}
        for sequence in old - wanted:
            self.active.pop(sequence, None)
            last = max(self.expected.get(sequence, set()), default=0)
            self.retired[sequence.check] = max(self.retired.get(sequence.check, 0), last)
        for sequence in wanted - old:
            self.since[sequence.check] = max(self.now, self.since.get(sequence.check, 0))
            if sequence.check not in self.paused:
                self.begin(sequence, max(self.now, self.retired.get(sequence.check, 0)))
        self.definitions = definitions
        self.planner.put(PROJECT, definitions, self.now)

    @rule(check=st.sampled_from("ab"), tick=st.booleans())
    def pause(self, check: str, tick: bool) -> None:
        if tick:
            self.tick()
        for sequence in [s for s in self.active if s.check == check]:
            self.see(sequence)
            del self.active[sequence]
        self.paused.setdefault(check, self.now)
        self.planner.pause(PROJECT, check, self.now)

    @rule(check=st.sampled_from("ab"))
    def resume(self, check: str) -> None:
        if check in self.paused:
            for sequence in [s for s in self.resting if s.check == check]:
                self.begin(sequence, max(self.now, self.retired.get(check, 0)))
            del self.paused[check]
            self.since[check] = max(self.now, self.since.get(check, 0))
        self.planner.resume(PROJECT, check, self.now)

    @rule(span=spans)
    def time_passes(self, span: int) -> None:
        self.now += span
        self.tick()

    @rule(span=spans)
    def time_passes_without_a_tick(self, span: int) -> None:
        self.now += span

    @rule(span=spans)
    def clock_is_set_back(self, span: int) -> None:
        self.now -= span

    @rule()
    def time_passes_as_planned(self) -> None:
        if (next_ns := self.planner.next_ns) is not None:
            self.now = max(self.now, next_ns)
        plan = self.tick()
        assert all(run.due_ns <= self.now for run in plan.due)

    @rule(span=spans)
    def restart(self, span: int) -> None:
        """The server stops, and begins again later with what the store holds."""
        self.tick()
        self.now += span
        self.planner = Planner()
        seen = {check for check, _ in self.recorded}
        for definition in self.definitions:
            if definition.id in self.paused:
                continue
            for sequence in sequences(definition):
                places = [sequence.location] if sequence.location else definition.locations
                keys = [(sequence.check, place) for place in places]
                found = [self.recorded[key] for key in keys if key in self.recorded]
                since = min(self.now, self.since[definition.id])
                if found or definition.id not in seen:
                    self.active[sequence] = max([*found, since])
                else:
                    self.active[sequence] = self.now
        self.retired.clear()
        self.planner.put(
            PROJECT,
            self.definitions,
            self.now,
            last_due=self.recorded,
            since=self.since,
            paused=self.paused,
        )

    def tick(self) -> Plan:
        for sequence in self.active:
            self.see(sequence)
        plan = self.planner.tick(self.now)
        ran = set()
        for run in plan.due:
            assert run.run_id == due_run_id(PROJECT, run.check, run.location, run.due_ns)
            assert 0 <= self.now - run.due_ns <= run.grace_ns
            assert run.holds_ns > run.grace_ns
            self.deal(run.check, run.location, run.due_ns, "run")
            lane = run.check, run.location if self.is_parallel(run.check) else None
            assert lane not in ran, "two runs at once"
            ran.add(lane)
        for missed in plan.missed:
            first = missed.due
            for due_ns in self.block(missed):
                self.deal(first.check, first.location, due_ns, "missed")
        assert [run.due_ns for run in plan.due] == sorted(run.due_ns for run in plan.due)
        again = self.planner.tick(self.now)
        assert not again.due
        assert not again.missed
        return plan

    def is_parallel(self, check: str) -> bool:
        return any(d.id == check and d.scheduling == "parallel" for d in self.definitions)

    def block(self, missed: Missed) -> list[int]:
        """Every instant of a block of missed ones."""
        first, last, count = missed.due, missed.last_due_ns, missed.count
        for sequence in self.expected:
            if sequence.check != first.check or sequence.location not in (None, first.location):
                continue
            found = sequence.between(first.due_ns - 1, last)
            stride = (len(found) - 1) // (count - 1) if count > 1 else max(1, len(found) - 1)
            if not found or found[0] != first.due_ns or found[-1] != last:
                continue
            if sequence.location is not None and stride != 1 and count != 1:
                continue  # Only around the locations are some left out in a block.
            chosen = found[::stride] if count > 1 else found[:1]
            if len(chosen) == count and chosen[-1] == last:
                return list(chosen)
        raise AssertionError(f"no sequence has such a block: {missed}")

    def deal(self, check: str, location: str, due_ns: int, how: str) -> None:
        key = (check, location, due_ns)
        assert key not in self.dealt, f"{key} is {how}, and was {self.dealt[key]}"
        self.dealt[key] = how
        known = self.recorded.get((check, location), 0)
        self.recorded[check, location] = max(known, due_ns)

    # What must hold.

    @invariant()
    def wakes_in_time(self) -> None:
        next_ns = self.planner.next_ns
        firsts = [s.between(after, after + 30 * HOUR)[:1] for s, after in self.active.items()]
        first = min((found[0] for found in firsts if found), default=None)
        assert first is None or (next_ns is not None and next_ns <= first)
        for definition in self.definitions:
            if definition.id in self.paused:
                assert self.planner.next_due_ns(PROJECT, definition.id) is None

    def teardown(self) -> None:
        self.now = max(self.now, START)
        self.tick()
        told = {(check, due_ns) for check, _, due_ns in self.dealt}
        due = {(s.check, due_ns) for s, found in self.expected.items() for due_ns in found}
        assert told == due
        for sequence, found in self.expected.items():
            if sequence.location is not None:
                assert all((sequence.check, sequence.location, d) in self.dealt for d in found)


TestPlanning = Planning.TestCase
TestPlanning.settings = settings(max_examples=60, stateful_step_count=20, deadline=None)
