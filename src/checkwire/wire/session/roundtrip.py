"""Round trips: pings with their pongs, and messages with those taken as their answers."""

from __future__ import annotations

import socket
from typing import Literal

from checkwire.model.events import Delivered, RoundTrip
from checkwire.wire.kernel.tcp_info import read_tcp_info
from checkwire.wire.observer import Observer

__all__ = ["Departures"]

_Departure = tuple[int, int | None]
"""When it was sent, and when it was acknowledged."""
_REMEMBERED = 64
"""Messages of which the kernel may still tell."""
_PROMPT_NS = 200_000
"""What a kernel may need for an acknowledgement that it does not hold back."""
_TOGETHER_NS = 20_000
"""An acknowledgement this close to the answer came in the same packet."""


class Departures:
    """When frames left and were acknowledged, by frame number.

    The kernel tells both a little after the fact, in most cases before the answer comes.
    """

    __slots__ = ("_connection", "_last", "_messages", "_observer", "_pings", "_sock", "_unanswered")

    def __init__(self, connection: int, observer: Observer, sock: socket.socket) -> None:
        self._connection = connection
        self._observer = observer
        self._sock = sock
        self._messages: dict[int, _Departure] = {}
        self._pings: dict[int, _Departure] = {}
        self._last = 0
        """Number of the last message sent."""
        self._unanswered = 0
        """Messages sent since one was answered."""

    def sent_message(self, number: int, at_ns: int) -> None:
        """A message was handed to the kernel, or queued."""
        self._last = number
        self._unanswered += 1
        self._messages[number] = at_ns, None
        if len(self._messages) > _REMEMBERED:
            del self._messages[next(iter(self._messages))]

    def sent_ping(self, number: int, at_ns: int) -> None:
        """A ping was handed to the kernel, or queued; it is remembered until its answer."""
        self._pings[number] = at_ns, None

    def forget_ping(self, number: int) -> None:
        """The answer to a ping does not matter any more."""
        self._pings.pop(number, None)

    def stamped(self, number: int, at_ns: int, acked: bool) -> None:
        """The kernel told when the frame left, or was acknowledged by the peer's kernel."""
        sent = self._pings if number in self._pings else self._messages
        known = sent.get(number)
        if known is None:
            return
        if not acked:
            sent[number] = at_ns, known[1]
            return
        sent[number] = known[0], at_ns
        self._observer.emit(
            Delivered(at_ns=known[0], connection=self._connection, number=number, acked_ns=at_ns)
        )

    def answered(self, number: int, at_ns: int) -> None:
        """A message was taken for the answer to what was sent.

        It is told only where there is no doubt what it answers: one message was sent since the
        last answer, and had left by the time this one came.
        """
        if not self._unanswered or at_ns <= self._messages[self._last][0]:
            return
        if self._unanswered == 1:
            self._tell("reply", self._messages[self._last], self._last, number, at_ns)
        self._unanswered = 0

    def pong_received(
        self, ping: int, number: int, at_ns: int, *, quiet: bool = False
    ) -> RoundTrip:
        """A pong answered the ping of that number; ``quiet`` if only the caller is to know."""
        return self._tell("ping", self._pings.pop(ping), ping, number, at_ns, quiet=quiet)

    def _tell(
        self,
        kind: Literal["ping", "reply"],
        departure: _Departure,
        request: int,
        answer: int,
        at_ns: int,
        *,
        quiet: bool = False,
    ) -> RoundTrip:
        sent_ns, acked_ns = departure
        network_ns = server_ns = None
        if acked_ns is not None and sent_ns <= acked_ns < at_ns - _TOGETHER_NS:
            network_ns = self._on_the_way(acked_ns - sent_ns)
        if network_ns is not None:
            server_ns = at_ns - sent_ns - network_ns
        round_trip = RoundTrip(
            at_ns=sent_ns,
            connection=self._connection,
            kind=kind,
            duration_ns=max(0, at_ns - sent_ns),
            request=request,
            answer=answer,
            network_ns=network_ns,
            server_ns=server_ns,
        )
        if not quiet:
            self._observer.emit(round_trip)
        return round_trip

    def _on_the_way(self, acked_after_ns: int) -> int | None:
        """The network's part of a round trip: the time until the acknowledgement, if it was prompt.

        The peer's kernel may hold an acknowledgement back, for an answer to go with or until the
        server reads (RFC 9293 section 3.8.6.3). Such time is the server's as well as the
        network's, and nobody can tell how much. So it has to be about as short as the path allows.
        """
        info = read_tcp_info(self._sock)
        if info is None or info.min_rtt_ns is None:
            return None
        prompt_ns = info.min_rtt_ns + max(_PROMPT_NS, info.min_rtt_ns // 4)
        return acked_after_ns if acked_after_ns <= prompt_ns else None
