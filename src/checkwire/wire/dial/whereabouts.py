"""Where an opening is: in which phase, with whom, and since when."""

from __future__ import annotations

from typing import Any

import msgspec

from checkwire.model.durations import format_ns
from checkwire.model.failures import Failure
from checkwire.wire.clock import Timeline
from checkwire.wire.url import is_ip

__all__ = ["Whereabouts", "located", "named"]

_SAYS_ITSELF = (".timeout", ".queue_full")
"""Codes whose messages say how long was waited."""


def named(place: str, host: str) -> str:
    """An address for a reader, with the name that was wanted: ``192.0.2.1:443 (example.org)``."""
    return place if is_ip(host) or place.startswith(f"{host}:") else f"{place} ({host})"


class Whereabouts:
    """What every failure to open says beside its cause.

    Attributes:
        place: the peer: address and port, or host and port while there is no address.
        began_ns: when the phase began.
        failed_ns: when it failed, if something was looked up after that.
    """

    __slots__ = ("_timeline", "began_ns", "failed_ns", "place")

    def __init__(self, timeline: Timeline, place: str) -> None:
        self._timeline = timeline
        self.place = place
        self.began_ns = timeline.now()
        self.failed_ns: int | None = None

    def enter(self, place: str, at_ns: int | None = None) -> None:
        """The next phase begins, now if it is not said when."""
        self.place = place
        self.began_ns = self._timeline.now() if at_ns is None else at_ns

    @property
    def spent_ns(self) -> int:
        """Time since the phase began, with what was looked up after it failed."""
        return self._timeline.now() - self.began_ns

    @property
    def elapsed_ns(self) -> int:
        """How long the phase has taken, or took until it failed."""
        ended_ns = self._timeline.now() if self.failed_ns is None else self.failed_ns
        return max(0, ended_ns - self.began_ns)

    def locate(self, failure: Failure) -> Failure:
        """The failure with the place and the time that its phase took until it came."""
        return located(failure, self.place, self.elapsed_ns)


def located(failure: Failure, place: str, elapsed_ns: int) -> Failure:
    """The failure with the place, and the time that its phase took until it came."""
    if "elapsed_ms" in failure.evidence:
        return failure
    evidence: dict[str, Any] = {
        "place": place,
        "elapsed_ms": round(elapsed_ns / 1e6, 3),
        **failure.evidence,
    }
    message = failure.message
    cause = failure.evidence.get("cause") or failure.code
    if not str(cause).endswith(_SAYS_ITSELF):
        after = f"after {format_ns(elapsed_ns)}"
        # A parenthesis is at the end already: the server's name, or the system's reason.
        message = f"{message[:-1]}, {after})" if message.endswith(")") else f"{message} ({after})"
    return msgspec.structs.replace(failure, message=message, evidence=evidence)
