"""Whether messages come as a stream of them should: in sequence, often enough, and in time."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from datetime import UTC, datetime
from typing import Any, NamedTuple

import msgspec

from checkwire.model.durations import format_ns

__all__ = ["Member", "Problem", "Stream", "StreamJudge", "StreamRules", "reader_of"]

Member = str | Callable[[Any], Any]
"""Where in a message something is: a path such as ``"data.seq"``, or a function of the message."""

_UNITS = ((1e17, 1), (1e14, 1_000), (1e11, 1_000_000), (0, 1_000_000_000))
"""From which number on a time is in nanoseconds, microseconds, milliseconds, seconds: each of them
means a year after 1973."""
_LATEST = 1 << 63
"""What is more is no time, in whatever unit: as nanoseconds it is after the year 2262."""
_MOST_HOLES = 1_000


class Stream(msgspec.Struct, frozen=True, kw_only=True):
    """What came.

    Attributes:
        messages: how many counted.
        seconds: for how long they were watched.
        longest_silence: seconds between two of them, or before the first, or after the last.
        lags: seconds from the time in each message to its arrival, of those that have one.
        keys: how many sequences there were.
    """

    messages: int
    seconds: float
    longest_silence: float
    lags: tuple[float, ...] = ()
    keys: int = 0

    @property
    def rate(self) -> float:
        """Messages per second."""
        return self.messages / self.seconds if self.seconds else 0.0


class StreamRules(msgspec.Struct, frozen=True, kw_only=True):
    """What must hold; ``None`` for what need not.

    Attributes:
        sequence: where the number is that grows by one from message to message.
        by: where the key is of which each value has a sequence of its own.
        timestamp: where the time is at which a message was made.
        max_lag: seconds from then to its arrival.
        max_silence: seconds without a message.
        min_rate, max_rate: messages per second.
    """

    sequence: Member | None = None
    by: Member | None = None
    timestamp: Member | None = None
    max_lag: float | None = None
    max_silence: float | None = None
    min_rate: float | None = None
    max_rate: float | None = None


class Problem(NamedTuple):
    """Something that did not hold: a code, a sentence, and what proves it."""

    code: str
    message: str
    evidence: dict[str, Any]


class _Line:
    """One sequence."""

    __slots__ = ("first", "holes", "last")

    def __init__(self, number: int) -> None:
        self.first = self.last = number
        self.holes: list[tuple[int, int]] = []  # from, and to before

    def fill(self, number: int) -> bool:
        """Whether the number was missing; now it is not."""
        for index, (start, end) in enumerate(self.holes):
            if start <= number < end:
                left = [(start, number), (number + 1, end)]
                self.holes[index : index + 1] = [hole for hole in left if hole[0] < hole[1]]
                return True
        return False


class _Kind:
    """All problems of one kind: how many, and the first."""

    __slots__ = ("count", "evidence", "message")

    def __init__(self, message: str, evidence: dict[str, Any]) -> None:
        self.count = 0
        self.message = message
        self.evidence = evidence


class StreamJudge:
    """Takes messages as they come, and says in the end what was wrong with them.

    Args:
        rules: what must hold.
        began_ns: when watching began, on the attempt's timeline.
        started_ns: the wall clock when the timeline began.

    Attributes:
        counted: messages so far.
    """

    def __init__(self, rules: StreamRules, began_ns: int, started_ns: int) -> None:
        self.counted = 0
        self._rules = rules
        self._began_ns = self._last_ns = began_ns
        self._last_frame: int | None = None
        self._started_ns = started_ns
        self._silence_ns = 0
        self._lines: dict[Hashable, _Line] = {}
        self._lags: list[float] = []
        self._kinds: dict[str, _Kind] = {}
        self._sequence = reader_of(rules.sequence)
        self._by = reader_of(rules.by)
        self._timestamp = reader_of(rules.timestamp)

    def take(self, value: Any, at_ns: int, frame: int) -> None:
        """A message.

        Args:
            value: it, parsed.
            at_ns: when it arrived, on the attempt's timeline.
            frame: its number.
        """
        self.counted += 1
        self._pause(at_ns, frame)
        if self._sequence is not None:
            number = self._sequence(value)
            if isinstance(number, int) and not isinstance(number, bool):
                self._count(self._key_of(value), number, frame)
        if self._timestamp is not None:
            made_ns = _time_of(self._timestamp(value))
            if made_ns is not None:
                self._measure(self._started_ns + at_ns - made_ns, frame)

    def end(self, now_ns: int) -> tuple[Stream, list[Problem]]:
        """What came, and what was wrong with it, the worst kind first."""
        self._pause(now_ns, None)
        seconds = (now_ns - self._began_ns) / 1e9
        stream = Stream(
            messages=self.counted,
            seconds=seconds,
            longest_silence=self._silence_ns / 1e9,
            lags=tuple(self._lags),
            keys=len(self._lines),
        )
        return stream, [*self._in_sequence(), *self._in_time(), *self._often_enough(stream)]

    def unread(self) -> str | None:
        """Which member none of the messages had, though it was asked for."""
        if not self.counted:
            return None
        if self._sequence is not None and not self._lines:
            return "sequence"
        if self._timestamp is not None and not self._lags:
            return "timestamp"
        return None

    # One message

    def _key_of(self, value: Any) -> Hashable:
        key = None if self._by is None else self._by(value)
        return key if isinstance(key, Hashable) else repr(key)

    def _count(self, key: Hashable, number: int, frame: int) -> None:
        line = self._lines.get(key)
        if line is None:
            self._lines[key] = _Line(number)
            return
        of = "" if self._by is None else f" of {key}"
        found: dict[str, Any] = {"last": line.last, "number": number, "frame": frame}
        if self._by is not None:
            found["key"] = key
        if number == line.last + 1:
            line.last = number
        elif number > line.last:
            # It may come yet, late; what is missing in the end is told then.
            if len(line.holes) < _MOST_HOLES:
                line.holes.append((line.last + 1, number))
            self._note("stream.gap", f"number {number}{of} came after {line.last}", found)
            line.last = number
        elif line.fill(number) or number < line.first:
            self._note("stream.out_of_order", f"number {number}{of} came after {line.last}", found)
        else:
            self._note("stream.duplicate", f"number {number}{of} came again", found)

    def _measure(self, lag_ns: int, frame: int) -> None:
        lag = lag_ns / 1e9
        self._lags.append(lag)
        limit = self._rules.max_lag
        if limit is not None and lag > limit:
            kind = self._note("stream.lagging", "", {"lag_ms": 0.0, "limit_ms": limit * 1e3})
            if lag * 1e3 > kind.evidence["lag_ms"]:
                kind.evidence.update(lag_ms=round(lag * 1e3, 3), frame=frame)

    def _pause(self, at_ns: int, frame: int | None) -> None:
        silence_ns = at_ns - self._last_ns
        self._silence_ns = max(self._silence_ns, silence_ns)
        limit = self._rules.max_silence
        if limit is not None and silence_ns > limit * 1e9:
            kind = self._note("stream.stale", "", {"silence_ms": 0.0, "limit_ms": limit * 1e3})
            if silence_ns / 1e6 > kind.evidence["silence_ms"]:
                kind.evidence.update(
                    silence_ms=round(silence_ns / 1e6, 3),
                    after_frame=self._last_frame,
                    before_frame=frame,
                )
        self._last_ns, self._last_frame = at_ns, frame

    def _note(self, code: str, message: str, evidence: dict[str, Any]) -> _Kind:
        kind = self._kinds.setdefault(code, _Kind(message, evidence))
        kind.count += 1
        return kind

    # All of them

    def _in_sequence(self) -> Iterator[Problem]:
        holes = [hole for line in self._lines.values() for hole in line.holes]
        missing = sum(end - start for start, end in holes)
        if missing and (gap := self._kinds.get("stream.gap")):
            start, end = holes[0]
            first = str(start) if end == start + 1 else f"{start} to {end - 1}"
            message = (
                f"{_counted(missing, 'message')} missing in {_counted(len(holes), 'place')}, first "
                f"{first}: {gap.message}"
            )
            evidence = {**gap.evidence, "missing": missing, "gaps": len(holes)}
            yield Problem("stream.gap", message, evidence)
        for code, words in (
            ("stream.duplicate", "came twice"),
            ("stream.out_of_order", "came out of order"),
        ):
            if (kind := self._kinds.get(code)) is not None:
                message = f"{_counted(kind.count, 'message')} {words}, first: {kind.message}"
                yield Problem(code, message, {**kind.evidence, "count": kind.count})

    def _in_time(self) -> Iterator[Problem]:
        if (kind := self._kinds.get("stream.stale")) is not None:
            silence, limit = kind.evidence["silence_ms"], kind.evidence["limit_ms"]
            message = f"no message came for {_in_ms(silence)}; at most {_in_ms(limit)} is right"
            yield Problem("stream.stale", message, {**kind.evidence, "count": kind.count})
        if (kind := self._kinds.get("stream.lagging")) is not None:
            lag, limit = kind.evidence["lag_ms"], kind.evidence["limit_ms"]
            message = (
                f"{_counted(kind.count, 'message')} of {self.counted:,} arrived late, one "
                f"{_in_ms(lag)} after the time in it; at most {_in_ms(limit)} is right"
            )
            yield Problem("stream.lagging", message, {**kind.evidence, "count": kind.count})

    def _often_enough(self, stream: Stream) -> Iterator[Problem]:
        least, most, rate = self._rules.min_rate, self._rules.max_rate, stream.rate
        evidence = {"messages": stream.messages, "seconds": round(stream.seconds, 3)}
        came = f"{_counted(stream.messages, 'message')} came in {stream.seconds:.3g} s"
        if least is not None and rate < least:
            message = f"{came}, {rate:.3g} a second; at least {least:g} a second is right"
            yield Problem("stream.rate_low", message, {**evidence, "limit": least})
        if most is not None and rate > most:
            message = f"{came}, {rate:.3g} a second; at most {most:g} a second is right"
            yield Problem("stream.rate_high", message, {**evidence, "limit": most})


def reader_of(member: Member | None) -> Callable[[Any], Any] | None:
    """A function that takes the member out of a message; ``None`` for one that is not there."""
    if member is None:
        return None
    if not isinstance(member, str):
        given = member

        def ask(value: Any) -> Any:
            try:
                return given(value)
            except (LookupError, TypeError, AttributeError, ValueError):
                return None  # As for a pattern: a message of another shape.

        return ask
    names = member.split(".")

    def follow(value: Any) -> Any:
        for name in names:
            if isinstance(value, dict):
                value = value.get(name)
            elif isinstance(value, list) and name.isdecimal() and int(name) < len(value):
                value = value[int(name)]
            else:
                return None
        return value

    return follow


def _time_of(value: Any) -> int | None:
    """Nanoseconds since the Unix epoch, from a number of any unit, or from ISO 8601 (UTC)."""
    if isinstance(value, str):
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            try:
                value = float(value)
            except ValueError:
                return None
        else:
            moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
            return round(moment.timestamp() * 1e6) * 1_000
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if not abs(value) <= _LATEST:  # It may be no number at all.
        return None
    factor = next(factor for least, factor in _UNITS if abs(value) >= least)
    return round(value * factor)


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _in_ms(milliseconds: float) -> str:
    return format_ns(round(milliseconds * 1e6))
