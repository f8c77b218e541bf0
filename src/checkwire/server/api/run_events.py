"""The events of one run: as they happen, or as they are kept."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from typing import Any, NamedTuple

import msgspec

from checkwire.model.events import Event
from checkwire.server.api.models.runs import Run
from checkwire.server.api.streams import event, listening, waited
from checkwire.server.live import MISSED, Message, Subscription
from checkwire.server.monitor import Monitor
from checkwire.server.problems import Problem
from checkwire.store import runs
from checkwire.store.records import RunRecord

__all__ = ["OVER", "Place", "read_place", "run_events"]

OVER = "over"
"""Id of the last event of every such stream: there is nothing after it."""

_PLACE = re.compile(r"(live|kept)-(\d{1,9})", re.ASCII)


class Place(NamedTuple):
    """How far a reader has come. What is kept is bounded and put in order, so it counts anew."""

    kind: str
    number: int


def read_place(text: str | None) -> Place | None:
    """The place that an event's id names; ``None`` for ``None``.

    Raises:
        Problem: 400.
    """
    if text is None:
        return None
    match = _PLACE.fullmatch(text)
    if match is None:
        raise Problem.of_field(
            400,
            "malformed_event_id",
            "Last-Event-ID",
            "This is not the id of an event of a run, such as live-17.",
        )
    return Place(match[1], int(match[2]))


async def run_events(
    monitor: Monitor,
    run_id: str,
    after: Place | None,
    may: Callable[[], Awaitable[bool]],
) -> AsyncGenerator[bytes, None]:
    """What the run told so far, what it tells, and its record at the end.

    ``reset`` says that what was read before is of no use: all of it comes again.
    """
    async with listening(monitor.hub, [f"run:{run_id}"], monitor.stopped) as subscription:
        place = after
        told = monitor.running_events(run_id)
        if told is not None:
            live = _Live(monitor, run_id, after)
            async for part in live.events(told, subscription, may):
                yield part
            if not live.over:
                return
            if not live.cut:
                yield event("finished", await _finished(monitor, run_id, live.last), OVER)
                return
            place = Place("live", live.count)
        async for part in _kept(monitor, run_id, place):
            yield part


class _Live:
    """The events of a run under way."""

    def __init__(self, monitor: Monitor, run_id: str, after: Place | None) -> None:
        self._monitor = monitor
        self._run_id = run_id
        self._after = after
        self.count = 0
        self.over = False  # the run is
        self.cut = False  # some of its events were missed, and are nowhere but in the store
        self.last: dict[str, Any] = {}

    async def events(
        self,
        told: Sequence[tuple[int, Event]],
        subscription: Subscription,
        may: Callable[[], Awaitable[bool]],
    ) -> AsyncGenerator[bytes, None]:
        if self._after is not None:
            if self._after.kind == "live" and self._after.number <= len(told):
                self.count = self._after.number
            else:
                yield event("reset", {}, "live-0")
        # A copy: it may grow while we wait for the reader.
        for part in self._next(list(told)):
            yield part
        async for message in waited(subscription, may):
            if isinstance(message, bytes):
                yield message
            elif message.kind == MISSED:
                for part in await self._caught_up(subscription):
                    yield part
            elif message.kind == "event":
                self.count += 1
                yield event("event", message.data, f"live-{self.count}")
            else:
                self._note(message)
            if self.over:
                return

    async def _caught_up(self, subscription: Subscription) -> list[bytes]:
        """What was missed, from the memory of the run; what waits is in there too."""
        while (message := await subscription.receive(within=0)) is not None:
            if message.kind not in ("event", MISSED):
                self._note(message)
        told = self._monitor.running_events(self._run_id)
        if told is None:
            self.over = self.cut = True
            return []
        return self._next(list(told))

    def _next(self, told: Sequence[tuple[int, Event]]) -> list[bytes]:
        parts = []
        for attempt, one in told[self.count :]:
            self.count += 1
            parts.append(event("event", _data(attempt, one), f"live-{self.count}"))
        return parts

    def _note(self, message: Message) -> None:
        self.over, self.last = True, message.data


async def _kept(monitor: Monitor, run_id: str, after: Place | None) -> AsyncGenerator[bytes, None]:
    async with monitor.store.reading() as tx:
        record = await runs.get_run(tx, run_id)
        run = None if record is None else await runs.get_transcript(tx, record)
    count = 0
    if run is not None:
        told = [(attempt.number, one) for attempt in run.attempts for one in attempt.events]
        if after is not None:
            if after.kind == "kept" and after.number <= len(told):
                count = after.number
            else:
                yield event("reset", {}, "kept-0")
        for attempt, one in told[count:]:
            count += 1
            yield event("event", _data(attempt, one), f"kept-{count}")
    yield event("finished", _record(record, {}), OVER)


async def _finished(monitor: Monitor, run_id: str, told: dict[str, Any]) -> dict[str, Any]:
    async with monitor.store.reading() as tx:
        return _record(await runs.get_run(tx, run_id), told)


def _record(record: RunRecord | None, otherwise: dict[str, Any]) -> dict[str, Any]:
    return otherwise if record is None else Run.of(record).model_dump()


def _data(attempt: int, one: Event) -> dict[str, Any]:
    return {**msgspec.to_builtins(one), "attempt": attempt}
