"""The run-event stream of a process that runs other people's code, read and folded."""

from __future__ import annotations

import msgspec

from checkwire.model.attempt import Attempt
from checkwire.model.definition import CheckDefinition
from checkwire.model.events import Event
from checkwire.runner.exit import Exit
from checkwire.runner.fold import Fold
from checkwire.runner.stream import EventReader
from fuzz.choices import Choices, cut

__all__ = ["target"]

_CHECK = CheckDefinition(id="c.py::c", name="c", path="c.py", line=1, function="c")
_EXITS = (
    Exit(at_ns=5, started_ns=1, code=0),
    Exit(at_ns=5, started_ns=1, signal=9),
    Exit(at_ns=5, started_ns=1, signal=1000, out_of_memory=True),
    Exit(at_ns=5, started_ns=1, cause="timeout"),
    Exit(at_ns=5, started_ns=1, cause="not_started", reason="no"),
)


def target(data: bytes) -> None:
    """How the process ended, then where to cut, then the stream."""
    choices = Choices(data)
    end, places = choices.pick(_EXITS), choices.cuts()
    stream = choices.rest()
    events, faults, secrets = _read([stream])
    assert _read(cut(stream, places)) == (events, faults, secrets)
    attempt = _fold(events, end)
    encoded = msgspec.msgpack.encode(attempt)
    assert msgspec.msgpack.encode(msgspec.msgpack.decode(encoded, type=Attempt)) == encoded
    assert msgspec.json.encode(attempt)
    times = [event.at_ns for event in attempt.events]
    assert times == sorted(times)
    assert (attempt.failure is None) == (attempt.status == "passed")


def _read(chunks: list[bytes]) -> tuple[list[Event], int, set[str]]:
    reader = EventReader(max_line=2000)
    events = [event for chunk in chunks for event in reader.feed(chunk)]
    return events, reader.faults, reader.secrets


def _fold(events: list[Event], end: Exit) -> Attempt:
    fold = Fold(_CHECK)
    for event in events:
        fold.feed(event)
    return fold.finish(end)
