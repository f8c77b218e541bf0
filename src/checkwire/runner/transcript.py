"""Keeping a transcript in bounds: the first and the last of everything, and a count of the rest."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator
from operator import itemgetter
from typing import Final, get_args

from checkwire.model.events import (
    Delivered,
    Event,
    FrameSeen,
    FramesSkipped,
    HttpExchange,
    Logged,
    RoundTrip,
)

__all__ = ["Transcript"]

_PER_CONNECTION: Final = 200
_OTHERS: Final = 500
_SERIES: Final = 4000
_ROOM: Final = 64 * 1024 * 1024
_COST: Final = 400

# Every event of every run comes by here: to look its type up takes a third of asking what it is.
_OF_CONNECTION: Final[dict[type, str]] = {
    FrameSeen: "frames",
    FramesSkipped: "frames",
    RoundTrip: "round trips",
    Delivered: "deliveries",
}
_WORDS: Final = {kind: f"{kind.__name__} events" for kind in get_args(Event)}

_Series = tuple[str, int | None]
"""What is counted together: a word for it, and the connection it is of, if it is of one."""

_Arrived = tuple[int, int, Event]
"""An event behind its time and its place in the order of arrival."""


class Transcript:
    """The events of one attempt, bounded.

    Of each series the first and the last events are kept, 200 each for the frames of a connection
    (likewise its deliveries and its round trips), 500 each for everything else: log lines, stdout,
    steps, phases, and so on. What lies between is counted, and the count stands in its place:
    :class:`FramesSkipped` for frames, those that the writer itself left out included, and a log
    line for others.

    Args:
        per_connection: how many frames to keep at each end.
        others: how many of everything else.
        room: bytes that all of it may take, roughly; what comes when it is full is only counted.
    """

    def __init__(
        self, *, per_connection: int = _PER_CONNECTION, others: int = _OTHERS, room: int = _ROOM
    ) -> None:
        self._per_connection = per_connection
        self._others = others
        self._room = room
        self._arrivals = 0
        self._heads: dict[_Series, list[_Arrived]] = {}
        self._tails: dict[_Series, deque[_Arrived]] = {}
        self._skipped: Counter[_Series] = Counter()
        self._skipped_size: Counter[_Series] = Counter()
        self._skipped_from: dict[_Series, int] = {}

    def add(self, event: Event) -> None:
        """Keep the event, or count it."""
        series = self._series_of(event)
        if isinstance(event, FramesSkipped):
            self._skip(series, event, event.count)
            return
        cost = _cost(event)
        if cost > self._room:
            self._skip(series, event, 1)
            return
        self._room -= cost
        self._arrivals += 1
        arrived = (event.at_ns, self._arrivals, event)
        limit = self._others if series[1] is None else self._per_connection
        head = self._heads.setdefault(series, [])
        if len(head) < limit:
            head.append(arrived)
            return
        tail = self._tails.setdefault(series, deque())
        tail.append(arrived)
        if len(tail) > limit:
            *_, gone = tail.popleft()
            self._room += _cost(gone)
            self._skip(series, gone, 1)

    def __iter__(self) -> Iterator[Event]:
        """What is kept, and the counts of what is not, in the order of time, then of arrival."""
        kept = [arrived for head in self._heads.values() for arrived in head]
        kept += [arrived for tail in self._tails.values() for arrived in tail]
        kept += map(self._note, self._skipped)
        kept.sort(key=itemgetter(0, 1))
        return (event for _, _, event in kept)

    def _series_of(self, event: Event) -> _Series:
        kind = type(event)
        word = _OF_CONNECTION.get(kind)
        if word is None:
            return (f"{event.source} lines" if isinstance(event, Logged) else _WORDS[kind], None)
        series = (word, event.connection)  # type: ignore[union-attr]
        if series in self._heads or series in self._skipped:
            return series
        # With so many connections they are no longer kept apart.
        return series if len(self._heads) + len(self._skipped) < _SERIES else (word, 0)

    def _skip(self, series: _Series, event: Event, count: int) -> None:
        self._skipped[series] += count
        self._skipped_from.setdefault(series, event.at_ns)
        if isinstance(event, FrameSeen | FramesSkipped):
            self._skipped_size[series] += event.size

    def _note(self, series: _Series) -> _Arrived:
        at_ns, count = self._skipped_from[series], self._skipped[series]
        word, connection = series
        if word == "frames" and connection is not None:
            size = self._skipped_size[series]
            frames = FramesSkipped(at_ns=at_ns, connection=connection, count=count, size=size)
            return (at_ns, 0, frames)
        of = "" if connection is None else f" of connection {connection}"
        message = f"{word}{of}: {count:,} between the first and the last ones are not kept"
        note = Logged(at_ns=at_ns, message=message, level="warning", source="checkwire")
        return (at_ns, 0, note)


def _cost(event: Event) -> int:
    match event:
        case FrameSeen(payload=payload):
            return _COST + len(payload or "")
        case Logged(message=message):
            return _COST + len(message)
        case HttpExchange(request_body=request, response_body=response):
            return 4 * _COST + len(request or "") + len(response or "")
        case _:
            return _COST
