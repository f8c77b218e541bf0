"""Whatever order runs of several locations come in: incidents are those of a simple model."""

from __future__ import annotations

import asyncio
from itertools import count
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from checkwire.model.alerts import AlertPolicy
from support.watched import EPOCH_NS, MINUTE_NS, STATUSES_BY_SIGN, Watched, definition, watched

PLACES = ("eu", "us", "ap")

Arrival = tuple[str, int, str]
"""A run's location, the minute it was due, and how it ended."""


class Model:
    """What should happen, in as few words as can be."""

    def __init__(self, after: int) -> None:
        self.after = after
        self.seen: set[tuple[str, int]] = set()
        self.due: dict[str, int] = {}
        self.bad = dict.fromkeys(PLACES, 0)
        self.good: dict[str, bool] = {}
        self.is_open = False
        self.events: list[tuple[str, str, int]] = []

    def batch(self, arrivals: list[Arrival]) -> None:
        for place, due, sign in sorted(arrivals, key=lambda arrival: arrival[1]):
            if (place, due) not in self.seen:
                self.seen.add((place, due))
                if due >= self.due.get(place, -1):
                    self._later(place, due, sign)

    def _later(self, place: str, due: int, sign: str) -> None:
        self.due[place] = due
        if sign in "-!":
            self.bad[place] += 1
            self.good[place] = False
        elif sign in "+~":
            self.bad[place] = 0
            self.good[place] = True
        if not self.is_open and any(bad >= self.after for bad in self.bad.values()):
            self.is_open = True
            self.events.append(("opened", place, due))
        elif self.is_open and all(self.good.values()):
            self.is_open = False
            self.events.append(("closed", place, due))


arrivals = st.tuples(
    st.sampled_from(PLACES),
    st.integers(0, 12),
    # Mostly what decides something.
    st.sampled_from("+++~----!ms"),
)
batches = st.lists(st.lists(arrivals, min_size=1, max_size=6), max_size=12)


async def _happened(scene: Watched, name: str, story: list[list[Arrival]]) -> list[object]:
    """What the store says happened, in the words of the model."""
    await scene.declare(definition(name, locations=PLACES))
    runs = {}
    events: list[object] = []
    for batch in story:
        scene.now_ns += MINUTE_NS
        rows = []
        for place, due, sign in batch:
            row = scene.run(sign, place, EPOCH_NS + due * MINUTE_NS, name)
            runs[row[0].run_id] = place, due
            rows.append(row)
        for event, incident in await scene.ingest(rows):
            by = incident.opened_by if event == "opened" else incident.closed_by
            assert by is not None
            events.append((event, *runs[by]))
    return events


@pytest.mark.timeout(180)
def test_incidents_are_those_of_the_model(tmp_path: Path) -> None:
    numbers = count()
    assert set(STATUSES_BY_SIGN) == set("+~-!sm")

    async def example(scene: Watched, story: list[list[Arrival]], after: int) -> None:
        scene.policies = {"orders": AlertPolicy(after=after, channels=("hook", "mail"))}
        name = f"c{next(numbers)}"
        expected = Model(after)
        for batch in story:
            expected.batch(batch)
        assert await _happened(scene, name, story) == expected.events
        told = [(entry.event, entry.channel) for entry in await scene.told(name)]
        assert sorted(told) == sorted(
            (event, channel) for event, _, _ in expected.events for channel in ("hook", "mail")
        )

    with asyncio.Runner() as runner:
        scene_of_all = watched(f"sqlite:///{tmp_path}/checkwire.db")
        scene = runner.run(scene_of_all.__aenter__())
        try:

            @settings(max_examples=50, deadline=None)
            @given(batches, st.integers(1, 3))
            def incidents_are_those_of_the_model(story: list[list[Arrival]], after: int) -> None:
                runner.run(example(scene, story, after))

            incidents_are_those_of_the_model()
        finally:
            runner.run(scene_of_all.__aexit__(None, None, None))
