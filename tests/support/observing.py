"""An observer that keeps everything it is told."""

from __future__ import annotations

from typing import TypeVar

from checkwire.model.events import (
    ConnectionClosed,
    Delivered,
    Event,
    FrameSeen,
    FramesSkipped,
    Phase,
    RoundTrip,
)
from checkwire.model.explanations import explanation_of
from checkwire.model.failures import CODES, Failure, Severity
from checkwire.model.masking import Masker
from checkwire.wire.clock import Timeline
from checkwire.wire.observer import Observer
from support.sentences import explained

__all__ = ["Recording"]

E = TypeVar("E")


class Recording(Observer):
    """What happened on the connections made for it."""

    def __init__(self, *secrets: str) -> None:
        super().__init__(Timeline(), Masker(secrets))
        self.events: list[Event] = []
        self.failures: list[Failure] = []
        self.warnings: list[Failure] = []

    def take(self, event: Event) -> None:
        self.events.append(event)

    def failed(
        self, failure: Failure, severity: Severity = "failed", *, at_ns: int | None = None
    ) -> None:
        assert failure.code in CODES, failure
        if failure.code.startswith("ws.") and explanation_of(failure.code):
            explained(failure)
        (self.failures if severity == "failed" else self.warnings).append(failure)

    def of(self, kind: type[E]) -> list[E]:
        """The events of a kind."""
        return [event for event in self.events if isinstance(event, kind)]

    def one(self, kind: type[E]) -> E:
        """The only event of a kind."""
        (event,) = self.of(kind)
        return event

    @property
    def phases(self) -> dict[str, Phase]:
        """The phases by name; each ended once."""
        phases = self.of(Phase)
        by_name = {phase.name: phase for phase in phases}
        assert len(by_name) == len(phases), phases
        return dict(by_name)

    @property
    def frames(self) -> list[FrameSeen]:
        return self.of(FrameSeen)

    @property
    def skipped(self) -> FramesSkipped:
        return self.one(FramesSkipped)

    @property
    def closed(self) -> ConnectionClosed:
        return self.one(ConnectionClosed)

    @property
    def round_trips(self) -> list[RoundTrip]:
        return self.of(RoundTrip)

    @property
    def delivered(self) -> list[Delivered]:
        return self.of(Delivered)

    @property
    def codes(self) -> list[str]:
        """The codes of all failures, warnings left out."""
        return [failure.code for failure in self.failures]

    @property
    def warned(self) -> list[str]:
        """The codes of all warnings."""
        return [failure.code for failure in self.warnings]
