"""What became of a run: its attempts, folded from their event streams."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import msgspec

from checkwire.model.definition import CheckDefinition
from checkwire.model.events import (
    Clock,
    ConnectionClosed,
    Event,
    Failed,
    Handshake,
    Phase,
    RoundTrip,
    TlsEstablished,
)
from checkwire.model.failures import Failure, Location

__all__ = ["Attempt", "Connection", "Run", "Status", "Step", "Unfinished", "Usage", "folded"]

Status = Literal["passed", "degraded", "failed", "error", "skipped"]
"""``failed``: the target is at fault. ``error``: the check or Checkwire is."""


class Step(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A named part of an attempt. ``duration_ns`` is ``None`` if it never ended."""

    number: int
    name: str
    at_ns: int
    duration_ns: int | None = None
    status: Literal["passed", "failed", "running"] = "running"
    parent: int = 0
    location: Location | None = None


class Connection(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One WebSocket of an attempt, from dial to close.

    ``closed`` is ``None`` if the process died with the connection open.
    """

    number: int
    url: str
    at_ns: int
    step: int = 0
    clock: Clock = "user"
    phases: tuple[Phase, ...] = ()
    tls: TlsEstablished | None = None
    handshake: Handshake | None = None
    round_trips: tuple[RoundTrip, ...] = ()
    closed: ConnectionClosed | None = None

    def phase(self, name: str) -> Phase | None:
        """The phase of that name, or ``None`` if it did not take place or did not end."""
        return next((phase for phase in self.phases if phase.name == name), None)


class Usage(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the attempt's process used: CPU seconds (user and system) and peak memory in bytes."""

    cpu_seconds: float = 0.0
    peak_memory: int = 0


class Attempt(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One try of a check.

    Attributes:
        number: counts the attempts of the run, from 1.
        status: the verdict.
        failure: the headline: the first failure that counts, ``None`` if there is none.
        failures: every failure that counts, worst first, degradations and warnings included.
        started_ns: wall clock, Unix epoch.
        duration_ns: from the first event to the last.
        events: the transcript, in the order of ``at_ns``, bounded.
        verifications: how many things were verified.
        location: where it was made, if not at its run's location.
    """

    number: int
    status: Status
    started_ns: int
    duration_ns: int
    failure: Failure | None = None
    failures: tuple[Failed, ...] = ()
    steps: tuple[Step, ...] = ()
    connections: tuple[Connection, ...] = ()
    events: tuple[Event, ...] = ()
    verifications: int = 0
    usage: Usage = Usage()
    location: str = ""


def folded(failures: Iterable[Failed]) -> list[Failed]:
    """The failures as people want them: of equal ones the first, which says how many there are.

    Equal are those that read the same, and are of the same place in the check.
    """
    found: dict[object, list[Failed]] = {}
    for failed in failures:
        failure = failed.failure
        key = (failed.severity, failure.code, failure.message, failure.details, failure.location)
        found.setdefault(key, []).append(failed)
    return [_counted(first, 1 + len(others)) for first, *others in found.values()]


def _counted(failed: Failed, times: int) -> Failed:
    if times == 1:
        return failed
    message = f"{failed.failure.message}, {times:,} times"
    failure = msgspec.structs.replace(failed.failure, message=message)
    return msgspec.structs.replace(failed, failure=failure)


class Run(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One execution of one check: its attempts, of which the last one decides."""

    id: str
    check: CheckDefinition
    status: Status
    started_ns: int
    duration_ns: int
    attempts: tuple[Attempt, ...] = ()
    location: str = "local"
    skipped: str = ""

    @property
    def flaky(self) -> bool:
        """Whether it passed only after a retry."""
        return self.status in ("passed", "degraded") and len(self.attempts) > 1


class Unfinished(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A check that was to run and has no run, for all was ended before.

    Attributes:
        check: its definition.
        duration_ns: how long it had been under way; ``None`` if it had not begun.
    """

    check: CheckDefinition
    duration_ns: int | None = None
