"""Folding event streams, good and bad, into attempts."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from checkwire.model.attempt import Attempt
from checkwire.model.events import (
    ConnectionStarted,
    Event,
    Excused,
    Failed,
    Finished,
    FrameSeen,
    FramesSkipped,
    Logged,
    RoundTrip,
)
from checkwire.runner.exit import Exit
from checkwire.runner.fold import Fold
from support.run_events import MS, definition, ended, events, failed, frame, passing_stream


def fold(told: list[Event], end: Exit | None = None) -> Attempt:
    folding = Fold(definition(), 1)
    for event in told:
        folding.feed(event)
    return folding.finish(end or ended())


def test_an_ordinary_stream_becomes_an_attempt() -> None:
    attempt = fold(passing_stream())
    assert attempt.status == "passed"
    assert attempt.failure is None
    assert attempt.started_ns == 10**18
    assert attempt.duration_ns == 10 * MS
    assert attempt.verifications == 2
    assert attempt.events == tuple(passing_stream())
    (step,) = attempt.steps
    assert (step.name, step.status, step.duration_ns) == ("subscribe", "passed", 8 * MS)
    (connection,) = attempt.connections
    assert connection.step == 1
    assert connection.clock == "kernel"
    assert connection.closed is not None
    phase = connection.phase("tcp")
    assert phase is not None
    assert phase.duration_ns == MS


def test_a_stream_cut_off_keeps_what_came_before() -> None:
    attempt = fold(passing_stream()[:5], ended(77, signal=9, code=None))
    assert attempt.status == "error"
    assert attempt.failure is not None
    assert attempt.failure.code == "runner.killed"
    assert attempt.duration_ns == 77 * MS
    assert attempt.steps[0].status == "running"
    assert attempt.steps[0].duration_ns is None
    assert attempt.connections[0].closed is None
    assert isinstance(attempt.events[-1], Failed)


@given(st.lists(events, max_size=30))
def test_no_stream_makes_it_raise(told: list[Event]) -> None:
    attempt = fold(told)
    times = [event.at_ns for event in attempt.events]
    assert times == sorted(times)
    assert (attempt.failure is None) == (attempt.status == "passed")


@given(st.data())
def test_no_order_and_no_truncation_makes_it_raise(data: st.DataObject) -> None:
    whole = data.draw(st.permutations(passing_stream()))
    attempt = fold(whole[: data.draw(st.integers(0, len(whole)))])
    finished = any(isinstance(event, Finished) for event in attempt.events)
    assert attempt.status == ("passed" if finished else "error")


def test_the_order_of_arrival_does_not_matter() -> None:
    shuffled = passing_stream()
    random.Random(4).shuffle(shuffled)
    assert fold(shuffled) == fold(passing_stream())


def test_events_of_one_instant_stay_in_the_order_of_arrival() -> None:
    told: list[Event] = [
        Logged(at_ns=MS, message="first"),
        frame(1, at_ms=1),
        Logged(at_ns=MS, message="third"),
    ]
    assert fold(told).events[:3] == tuple(told)


def test_the_middle_frames_of_a_connection_are_counted() -> None:
    told: list[Event] = [ConnectionStarted(at_ns=0, connection=1, url="ws://127.0.0.1/")]
    told += [frame(number, at_ms=number) for number in range(1, 301)]
    told.append(FramesSkipped(at_ns=300 * MS, connection=1, count=1000, size=7000))
    told += [frame(number, at_ms=number) for number in range(1301, 1601)]
    attempt = fold(told)
    frames = [event for event in attempt.events if isinstance(event, FrameSeen)]
    assert [f.number for f in frames] == [*range(1, 201), *range(1401, 1601)]
    (skipped,) = [event for event in attempt.events if isinstance(event, FramesSkipped)]
    assert (skipped.count, skipped.size) == (1200, 8000)
    place = attempt.events.index(skipped)
    assert attempt.events[place - 1] == frames[199]
    assert attempt.events[place + 1] == frames[200]


def test_each_connection_has_bounds_of_its_own() -> None:
    told: list[Event] = [
        frame(number, at_ms=number, connection=1 + number % 2) for number in range(1, 801)
    ]
    assert not [event for event in fold(told).events if isinstance(event, FramesSkipped)]


def test_round_trips_are_bounded_as_frames_are() -> None:
    told: list[Event] = [ConnectionStarted(at_ns=0, connection=1, url="ws://127.0.0.1/")]
    told += [
        RoundTrip(at_ns=n, connection=1, kind="ping", duration_ns=1, request=n, answer=n)
        for n in range(1000)
    ]
    (connection,) = fold(told).connections
    assert len(connection.round_trips) == 400


def test_log_lines_are_bounded_and_the_rest_counted() -> None:
    told: list[Event] = [Logged(at_ns=n, message=str(n)) for n in range(5000)]
    logs = [event for event in fold(told).events if isinstance(event, Logged)]
    assert len(logs) == 1001
    (note,) = [log for log in logs if log.source == "checkwire"]
    assert "4,000" in note.message


def test_large_payloads_of_many_connections_fill_the_room_and_no_more() -> None:
    folding = Fold(definition())
    payload = "x" * 1024 * 1024
    for connection in range(1, 200):
        folding.feed(frame(1, connection=connection, payload=payload))
    attempt = folding.finish(ended())
    kept = [event for event in attempt.events if isinstance(event, FrameSeen)]
    skipped = [event for event in attempt.events if isinstance(event, FramesSkipped)]
    assert 60 <= len(kept) <= 64
    assert len(kept) + len(skipped) == 199


def test_a_million_connections_are_not_kept_apart() -> None:
    folding = Fold(definition())
    for connection in range(10_000):
        folding.feed(frame(1, connection=connection))
    assert len(folding.finish(ended()).events) < 4500


def test_the_failure_that_counts_is_found_among_thousands_that_were_excused() -> None:
    told: list[Event] = []
    for number in range(1, 5001):
        told.append(failed("assertion.failed", number, at_ms=number))
        if number != 2500:
            told.append(Excused(at_ns=number * MS, number=number, reason="held_later"))
    told.append(Finished(at_ns=9000 * MS, outcome="returned", verifications=1))
    attempt = fold(told)
    assert attempt.status == "failed"
    assert [one.number for one in attempt.failures] == [2500]


def test_an_excuse_may_come_before_its_failure() -> None:
    told: list[Event] = [
        Excused(at_ns=2 * MS, number=1, reason="expected"),
        failed("tcp.refused", 1, at_ms=3),
        Finished(at_ns=4 * MS, outcome="returned", verifications=1),
    ]
    assert fold(told).status == "passed"
