"""Who is told what happens on a connection."""

from __future__ import annotations

from checkwire.model.events import Event
from checkwire.model.failures import Failure, Severity
from checkwire.model.masking import Masker
from checkwire.wire.clock import Timeline

__all__ = ["Observer"]


class Observer:
    """Gets every event of the connections made for it. This one keeps nothing.

    What it is told holds no secrets: whatever an event says is masked here, on its way in. The
    payloads of frames alone, which are many, were when they were cut.

    Attributes:
        timeline: where the events' times lie.
        masker: hides secrets in what is told.
    """

    def __init__(self, timeline: Timeline | None = None, masker: Masker | None = None) -> None:
        self.timeline = timeline or Timeline()
        self.masker = masker or Masker()
        self._connections = 0
        self._warned: set[tuple[str, str]] = set()

    def next_connection(self) -> int:
        """A number for a new connection, from 1."""
        self._connections += 1
        return self._connections

    @property
    def step(self) -> int:
        """The number of the step that is under way, 0 for none."""
        return 0

    def emit(self, event: Event) -> None:
        """Tell that something happened."""
        self.take(self.masker.data(event))

    def take(self, event: Event) -> None:
        """Something happened; what is told of it is masked."""

    def warn_once(self, failure: Failure) -> None:
        """Warn of this, unless that was done before: checks connect again and again."""
        key = failure.code, failure.message
        if key not in self._warned:
            self._warned.add(key)
            self.failed(failure, "warning")

    def failed(
        self, failure: Failure, severity: Severity = "failed", *, at_ns: int | None = None
    ) -> None:
        """Something went wrong on the wire, whether the script notices or not.

        ``at_ns`` is when, if that is not now.
        """
