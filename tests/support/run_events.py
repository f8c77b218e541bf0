"""Streams of run events, by hand and by hypothesis."""

from __future__ import annotations

from typing import Any, get_args, get_type_hints

from hypothesis import strategies as st

from checkwire.model.definition import CheckDefinition
from checkwire.model.events import (
    AttemptStarted,
    ConnectionClosed,
    ConnectionStarted,
    Event,
    Failed,
    Finished,
    FrameSeen,
    Phase,
    StepFinished,
    StepStarted,
)
from checkwire.model.failures import CODES, Failure
from checkwire.runner.exit import Exit

MS = 1_000_000


def definition(**changes: Any) -> CheckDefinition:
    """A check; give what matters to the test."""
    fields: dict[str, Any] = {
        "id": "a_check.py::a",
        "name": "a",
        "path": "a_check.py",
        "line": 1,
        "function": "a",
    }
    return CheckDefinition(**(fields | changes))


def ended(at_ms: int = 100, **changes: Any) -> Exit:
    """The end of a process that exited by itself with 0."""
    fields: dict[str, Any] = {"at_ns": at_ms * MS, "started_ns": 1, "code": 0}
    return Exit(**(fields | changes))


def failed(code: str, number: int = 1, at_ms: int = 1, **changes: Any) -> Failed:
    """A failure with that code."""
    failure = Failure(code=code, message=f"{code} happened")
    return Failed(at_ns=at_ms * MS, number=number, failure=failure, **changes)


def frame(number: int, at_ms: int = 1, connection: int = 1, **changes: Any) -> FrameSeen:
    """A text frame that came in."""
    fields: dict[str, Any] = {"direction": "in", "opcode": "text", "size": 5, "wire_size": 5}
    return FrameSeen(at_ns=at_ms * MS, connection=connection, number=number, **(fields | changes))


def passing_stream() -> list[Event]:
    """What an ordinary check says."""
    return [
        AttemptStarted(at_ns=0, check="a_check.py::a", started_ns=10**18, engine="python", pid=7),
        StepStarted(at_ns=1 * MS, step=1, name="subscribe"),
        ConnectionStarted(at_ns=2 * MS, connection=1, url="ws://127.0.0.1:9/", step=1),
        Phase(at_ns=2 * MS, connection=1, name="tcp", duration_ns=MS, clock="kernel"),
        frame(1, at_ms=5),
        frame(2, at_ms=6, direction="out"),
        ConnectionClosed(at_ns=8 * MS, connection=1, code=1000, initiator="local", clean=True),
        StepFinished(at_ns=9 * MS, step=1),
        Finished(at_ns=10 * MS, outcome="returned", verifications=2),
    ]


_small = st.integers(min_value=0, max_value=4)
_times = st.integers(min_value=0, max_value=50 * MS)
_by_field: dict[str, st.SearchStrategy[Any]] = {
    "at_ns": _times,
    "failure": st.sampled_from(sorted(CODES)).map(lambda code: Failure(code=code, message="m")),
    "location": st.none(),
    "chain": st.just(()),
    "details": st.just({}),
    "phases": st.just({}),
    "verifications": st.integers(min_value=0, max_value=3),
}


def _field(name: str, hint: Any) -> st.SearchStrategy[Any]:
    if name in _by_field:
        return _by_field[name]
    if hint is int:
        return _small
    return st.none() | _small if hint == (int | None) else st.from_type(hint)


def _events_of(kind: type) -> st.SearchStrategy[Event]:
    hints = get_type_hints(kind)
    return st.builds(kind, **{name: _field(name, hints[name]) for name in kind.__struct_fields__})


events: st.SearchStrategy[Event] = st.one_of([_events_of(kind) for kind in get_args(Event)])
"""Any event, with small numbers so that they meet."""
