"""What a check can ask a WebSocket about: state, timings, the handshake, TLS, how it closed."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from enum import IntEnum
from typing import Any, NamedTuple

from checkwire.model.durations import format_seconds
from checkwire.model.errors import UsageError
from checkwire.model.events import Certificate, RoundTrip, TlsEstablished

__all__ = ["Closed", "Ping", "ReadyState", "Response", "Seconds", "Timings", "Tls"]


class ReadyState(IntEnum):
    """The four states of the standard (WHATWG WebSockets, section 3)."""

    CONNECTING = 0
    OPEN = 1
    CLOSING = 2
    CLOSED = 3


class Seconds(float):
    """A span of time that was measured: a number of seconds, shown as ``412 ms``."""

    __slots__ = ()

    def __repr__(self) -> str:
        return format_seconds(self)


_ABSENT = {
    "dns": "no name was looked up (an IP address, or resolve=)",
    "tcp": "it is not connected yet",
    "proxy": "no proxy was used",
    "tls": "there was no TLS handshake (ws:// is not encrypted)",
    "upgrade": "it is not open yet",
    "open": "it is not open yet",
    "first_message": "no message has come yet",
    "close": "no closing handshake has taken place",
}


class Timings(Mapping[str, Seconds]):
    """Seconds that each phase took.

    Each phase is an attribute; one that did not take place raises ``UsageError``. It is also a
    mapping of those that did: ``"tls" in ws.timings``, ``ws.timings.get("dns")``.
    """

    __slots__ = ("_phases",)

    def __init__(self, phases: Mapping[str, int]) -> None:
        self._phases = phases

    def __getitem__(self, name: str) -> Seconds:
        return Seconds(self._phases[name] / 1e9)

    def __iter__(self) -> Iterator[str]:
        return iter(self._phases)

    def __len__(self) -> int:
        return len(self._phases)

    def _phase(self, name: str) -> Seconds:
        if name not in self._phases:
            raise UsageError(
                f"timings.{name}: {_ABSENT[name]}; where that may be, ask first: "
                f'if "{name}" in ws.timings'
            )
        return self[name]

    @property
    def dns(self) -> Seconds:
        """Looking the host up; absent for an IP address."""
        return self._phase("dns")

    @property
    def tcp(self) -> Seconds:
        """Connecting, by the kernel's measure."""
        return self._phase("tcp")

    @property
    def proxy(self) -> Seconds:
        """Having a proxy open the tunnel; absent without a proxy."""
        return self._phase("proxy")

    @property
    def tls(self) -> Seconds:
        """The TLS handshake; absent for ``ws://``."""
        return self._phase("tls")

    @property
    def upgrade(self) -> Seconds:
        """From the upgrade request to its answer."""
        return self._phase("upgrade")

    @property
    def open(self) -> Seconds:
        """The sum of the above: what the network and the peers took until the WebSocket was open.

        What this machine needed in between, to check a certificate say, is not in it.
        """
        return self._phase("open")

    @property
    def first_message(self) -> Seconds:
        """From open until the first message; absent before it came."""
        return self._phase("first_message")

    @property
    def close(self) -> Seconds:
        """From the first Close frame to its answer; absent while open."""
        return self._phase("close")

    def __repr__(self) -> str:
        shown = ", ".join(f"{name} {self[name]!r}" for name in self)
        return f"<Timings {shown}>"


class Response(NamedTuple):
    """The server's answer to the upgrade request."""

    status: int
    headers: Mapping[str, str]
    """Names match in any case; the values of a repeated header are joined by commas."""


class Tls(NamedTuple):
    """The TLS session of a connection."""

    version: str
    cipher: str
    chain: tuple[Certificate, ...]

    @classmethod
    def of(cls, established: TlsEstablished) -> Tls:
        """From the event."""
        return cls(established.version, established.cipher, established.chain)

    @property
    def certificate(self) -> Certificate | None:
        """The server's own certificate."""
        return self.chain[0] if self.chain else None

    @property
    def days_left(self) -> float:
        """Days until the first certificate of the chain expires; negative if one has."""
        if not self.chain:
            raise UsageError("the server presented no certificate")
        return (min(c.not_after for c in self.chain) - time.time()) / 86400


class Closed(NamedTuple):
    """How the server closed: RFC 6455 section 7.4."""

    code: int
    reason: str


class Ping(Seconds):
    """Seconds from a ping to its pong.

    Attributes:
        network: the part until the peer's kernel acknowledged the ping, if that came by itself.
        server: the rest: what the peer's process took.
    """

    __slots__ = ("network", "server")

    network: Seconds | None
    server: Seconds | None

    def __new__(cls, value: Any, network: Any = None, server: Any = None) -> Ping:
        self = super().__new__(cls, value)
        self.network = None if network is None else Seconds(network)
        self.server = None if server is None else Seconds(server)
        return self

    @classmethod
    def of(cls, round_trip: RoundTrip) -> Ping:
        """From the event."""
        network, server = round_trip.network_ns, round_trip.server_ns
        return cls(
            round_trip.duration_ns / 1e9,
            None if network is None else network / 1e9,
            None if server is None else server / 1e9,
        )
