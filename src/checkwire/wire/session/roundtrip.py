"""Round trips: pings with their pongs, and sends with the first message after them."""

from __future__ import annotations

from typing import Literal

from checkwire.model.events import Delivered, RoundTrip
from checkwire.wire.observer import Observer

__all__ = ["Departures"]

_REMEMBERED = 64
_TOGETHER_NS = 20_000
"""An acknowledgement this close to the answer came in the same packet."""


class Departures:
    """When frames left and were acknowledged, by frame number.

    The kernel tells both a little after the fact, in most cases before the answer comes.
    """

    __slots__ = ("_answered", "_connection", "_observer", "_sent", "last")

    def __init__(self, connection: int, observer: Observer) -> None:
        self._connection = connection
        self._observer = observer
        self._sent: dict[int, tuple[int, int | None]] = {}
        self.last = 0
        """Number of the last message sent."""
        self._answered = 0

    def wrote(self, number: int, at_ns: int) -> None:
        """The frame was handed to the kernel, or queued."""
        self._sent[number] = (at_ns, None)
        if len(self._sent) > _REMEMBERED:
            del self._sent[next(iter(self._sent))]

    def stamped(self, number: int, at_ns: int, acked: bool) -> None:
        """The kernel told when the frame left, or was acknowledged by the peer's kernel."""
        known = self._sent.get(number)
        if known is None:
            return
        if not acked:
            self._sent[number] = (at_ns, known[1])
            return
        self._sent[number] = (known[0], at_ns)
        self._observer.emit(
            Delivered(at_ns=known[0], connection=self._connection, number=number, acked_ns=at_ns)
        )

    def message_received(self, number: int, at_ns: int) -> None:
        """The first message after a send counts as its answer."""
        if self.last > self._answered:
            self._answered = self.last
            self.answered("reply", self.last, number, at_ns)

    def answered(
        self, kind: Literal["ping", "reply"], request: int, answer: int, at_ns: int
    ) -> RoundTrip | None:
        """The answer to a frame arrived."""
        known = self._sent.get(request)
        if known is None:
            return None
        sent_ns, acked_ns = known
        network_ns = server_ns = None
        if acked_ns is not None and acked_ns < at_ns - _TOGETHER_NS:
            network_ns, server_ns = acked_ns - sent_ns, at_ns - acked_ns
        round_trip = RoundTrip(
            at_ns=sent_ns,
            connection=self._connection,
            kind=kind,
            duration_ns=at_ns - sent_ns,
            request=request,
            answer=answer,
            network_ns=network_ns,
            server_ns=server_ns,
        )
        self._observer.emit(round_trip)
        return round_trip
