"""Folding a stream of run events into an attempt."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, Final

from checkwire.model.attempt import Attempt, Connection, Step
from checkwire.model.definition import CheckDefinition
from checkwire.model.events import (
    AttemptStarted,
    Clock,
    ConnectionClosed,
    ConnectionStarted,
    Event,
    Excused,
    Failed,
    Finished,
    FrameSeen,
    Handshake,
    Phase,
    RoundTrip,
    StepFinished,
    StepStarted,
    TlsEstablished,
)
from checkwire.model.failures import Failure
from checkwire.runner.exit import Exit
from checkwire.runner.transcript import Transcript
from checkwire.runner.verdict import judge

__all__ = ["Fold", "connections_of", "steps_of"]

_FAILURES: Final = 1000
_EXCUSES: Final = 100_000


class Fold:
    """Takes the events of one attempt as they come, and makes the attempt of them at the end.

    It asks nothing of the stream: events may be missing, cut off at any point, repeated, or in any
    order. What it holds is bounded, see :class:`checkwire.runner.transcript.Transcript`.

    Args:
        definition: the check that runs.
        number: the attempt's number within its run, from 1.
    """

    def __init__(self, definition: CheckDefinition, number: int = 1) -> None:
        self._definition = definition
        self._number = number
        self._transcript = Transcript()
        self._started: AttemptStarted | None = None
        self._finished: Finished | None = None
        self._failed: list[Failed] = []
        self._excused: set[int] = set()
        self._own: list[tuple[int, Failure]] = []

    @property
    def started(self) -> AttemptStarted | None:
        """The attempt's first event, once it has come."""
        return self._started

    @property
    def finished(self) -> Finished | None:
        """The attempt's last event, once it has come."""
        return self._finished

    def feed(self, event: Event) -> None:
        """Take one event."""
        self._transcript.add(event)
        match event:
            case AttemptStarted():
                self._started = self._started or event
            case Finished():
                self._finished = self._finished or event
            case Failed():
                self._keep_failed(event)
            case Excused(number=number) if len(self._excused) < _EXCUSES:
                self._excused.add(number)

    def fail(self, at_ns: int, failure: Failure) -> None:
        """Add a failure that the stream does not tell, because the reader found it."""
        self._own.append((at_ns, failure))

    def finish(self, end: Exit) -> Attempt:
        """The attempt, now that its process is gone. Call it once."""
        for at_ns, failure in self._own:
            number = max((told.number for told in self._failed), default=0) + 1
            self.feed(Failed(at_ns=at_ns, number=number, failure=failure))
        duration_ns = self._finished.at_ns if self._finished is not None else end.at_ns
        verdict = judge(
            self._definition,
            self._failed,
            excused=self._excused,
            finished=self._finished,
            end=end,
            duration_ns=duration_ns,
        )
        for failed in verdict.added:
            self._transcript.add(failed)
        events = tuple(self._transcript)
        return Attempt(
            number=self._number,
            status=verdict.status,
            started_ns=self._started.started_ns if self._started else end.started_ns,
            duration_ns=duration_ns,
            failure=verdict.headline.failure if verdict.headline else None,
            failures=verdict.failures,
            steps=steps_of(events),
            connections=connections_of(events),
            events=events,
            verifications=self._finished.verifications if self._finished else 0,
            usage=end.usage,
        )

    def _keep_failed(self, failed: Failed) -> None:
        # A polling expectation may fail and be excused any number of times. Those go first, so
        # that the one which counts is never among what is dropped.
        if len(self._failed) >= _FAILURES:
            self._failed = [kept for kept in self._failed if kept.number not in self._excused]
        if len(self._failed) < _FAILURES:
            self._failed.append(failed)


def steps_of(events: Iterable[Event]) -> tuple[Step, ...]:
    """The steps that events tell of, also those that did not end (yet)."""
    started: dict[int, StepStarted] = {}
    finished: dict[int, StepFinished] = {}
    for event in events:
        if isinstance(event, StepStarted):
            started.setdefault(event.step, event)
        elif isinstance(event, StepFinished):
            finished.setdefault(event.step, event)
    return tuple(_step(start, finished.get(number)) for number, start in started.items())


def _step(start: StepStarted, end: StepFinished | None) -> Step:
    return Step(
        number=start.step,
        name=start.name,
        at_ns=start.at_ns,
        duration_ns=None if end is None else max(0, end.at_ns - start.at_ns),
        status="running" if end is None else end.status,
        parent=start.parent,
        location=start.location,
    )


def connections_of(events: Iterable[Event]) -> tuple[Connection, ...]:
    """The connections that events tell of, also those that are not closed (yet)."""
    parts: dict[int, dict[type, list[Any]]] = {}
    for event in events:
        number = getattr(event, "connection", None)
        if number is not None:
            parts.setdefault(number, defaultdict(list))[type(event)].append(event)
    return tuple(_connection(part) for part in parts.values() if part[ConnectionStarted])


def _connection(events: Mapping[type, list[Any]]) -> Connection:
    start = events[ConnectionStarted][0]
    return Connection(
        number=start.connection,
        url=start.url,
        at_ns=start.at_ns,
        step=start.step,
        clock=_clock(events),
        phases=tuple(events[Phase]),
        tls=next(iter(events[TlsEstablished]), None),
        handshake=next(iter(events[Handshake]), None),
        round_trips=tuple(events[RoundTrip]),
        closed=next(iter(events[ConnectionClosed]), None),
    )


def _clock(events: Mapping[type, list[Any]]) -> Clock:
    """The kernel's as soon as one time is: the ends of some phases never are."""
    timed = (event for kind in (ConnectionClosed, Phase, FrameSeen) for event in events[kind])
    return "kernel" if any(event.clock == "kernel" for event in timed) else "user"
