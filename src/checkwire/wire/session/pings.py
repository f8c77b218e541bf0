"""Pings under way (RFC 6455 sections 5.5.2 and 5.5.3)."""

from __future__ import annotations

import asyncio
import os
from typing import NamedTuple

from checkwire.model.errors import UsageError
from checkwire.model.events import RoundTrip
from checkwire.wire.kernel.tcp_info import TcpInfo
from checkwire.wire.session.roundtrip import Departures

__all__ = ["Ping", "Pings", "is_probe"]

_PROBE = b"checkwire probe "
"""What a ping begins with that no check has sent: whoever sees it should know whose it is."""


def is_probe(payload: object) -> bool:
    """Whether a ping or pong with this payload is Checkwire's own, and not the check's."""
    return isinstance(payload, bytes | bytearray) and payload.startswith(_PROBE)


class Ping(NamedTuple):
    """A ping that was sent.

    Attributes:
        payload: what it carries.
        answered: its round trip, once the pong has come.
        sent: when, by the loop's clock.
        before: what the kernel knew of the connection then.
        taken: bytes that the peer had taken before.
        end: bytes that it will have taken when the ping was among them.
    """

    payload: bytes
    answered: asyncio.Future[RoundTrip]
    sent: float
    before: TcpInfo | None
    taken: int
    end: int


class _Waiting(NamedTuple):
    """``number`` is the ping's frame; a ``quiet`` one is nobody's business but its sender's."""

    number: int
    answered: asyncio.Future[RoundTrip]
    quiet: bool


class Pings:
    """Matches pongs to pings."""

    __slots__ = ("_departures", "_waiting")

    def __init__(self, departures: Departures) -> None:
        self._departures = departures
        self._waiting: dict[bytes, _Waiting] = {}

    def payload(self, data: bytes | None) -> bytes:
        """What a new ping carries: the given data, or something that no other one under way does.

        Raises:
            UsageError: more than 125 bytes, or the same as a ping under way.
        """
        if data is None:
            return os.urandom(8)
        if len(data) > 125:
            raise UsageError("a ping holds at most 125 bytes (RFC 6455 section 5.5)")
        if data in self._waiting:
            raise UsageError("a ping with the same payload is under way")
        return data

    def probe(self) -> bytes:
        """What a ping of Checkwire's own carries."""
        return _PROBE + os.urandom(4).hex().encode()

    @property
    def waiting(self) -> bool:
        """Whether any is under way."""
        return bool(self._waiting)

    def add(self, payload: bytes, number: int, *, quiet: bool = False) -> asyncio.Future[RoundTrip]:
        """A ping goes out as the frame of that number; the future is for its pong.

        The round trip of a ``quiet`` one is not told to the observer.
        """
        answered: asyncio.Future[RoundTrip] = asyncio.get_running_loop().create_future()
        answered.add_done_callback(_seen)
        self._waiting[payload] = _Waiting(number, answered, quiet)
        return answered

    def forget(self, payload: bytes) -> None:
        """Nobody waits for this pong any more."""
        waiting = self._waiting.pop(payload, None)
        if waiting is not None:
            self._departures.forget_ping(waiting.number)
            waiting.answered.cancel()

    def pong(self, payload: bytes, number: int, at_ns: int) -> None:
        """A pong came as the frame of that number. It also answers the pings before its own."""
        if payload not in self._waiting:
            return
        for earlier in list(self._waiting):
            ping, answered, quiet = self._waiting.pop(earlier)
            round_trip = self._departures.pong_received(ping, number, at_ns, quiet=quiet)
            if not answered.done():
                answered.set_result(round_trip)
            if earlier == payload:
                break

    def fail(self, error: Exception) -> None:
        """No pong will come."""
        for waiting in self._waiting.values():
            if not waiting.answered.done():
                waiting.answered.set_exception(error)


def _seen(answered: asyncio.Future[RoundTrip]) -> None:
    """Nobody need wait for a pong: that none will come is no error of the event loop then."""
    if not answered.cancelled():
        answered.exception()
