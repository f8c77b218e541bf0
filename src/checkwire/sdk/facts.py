"""What a check can ask an open WebSocket about: timings, the handshake, TLS, how it closed."""

from __future__ import annotations

import time
from typing import NamedTuple

import msgspec

from checkwire.model.events import Certificate, RoundTrip, TlsEstablished

__all__ = ["Closed", "Ping", "Response", "Timings", "Tls"]


class Timings:
    """Seconds that each phase took; ``None`` for one that did not take place, or not yet."""

    __slots__ = ("_phases",)

    def __init__(self, phases: dict[str, int]) -> None:
        self._phases = phases

    def _seconds(self, name: str) -> float | None:
        ns = self._phases.get(name)
        return None if ns is None else ns / 1e9

    @property
    def dns(self) -> float | None:
        """Looking the host up; ``None`` for an IP address."""
        return self._seconds("dns")

    @property
    def tcp(self) -> float | None:
        """Connecting, by the kernel's measure."""
        return self._seconds("tcp")

    @property
    def proxy(self) -> float | None:
        """Having a proxy open the tunnel."""
        return self._seconds("proxy")

    @property
    def tls(self) -> float | None:
        """The TLS handshake; ``None`` for ``ws://``."""
        return self._seconds("tls")

    @property
    def upgrade(self) -> float | None:
        """From the upgrade request to its answer."""
        return self._seconds("upgrade")

    @property
    def open(self) -> float | None:
        """From the start until the WebSocket was open: all of the above."""
        return self._seconds("open")

    @property
    def first_message(self) -> float | None:
        """From open until the first message."""
        return self._seconds("first_message")

    @property
    def close(self) -> float | None:
        """From the first Close frame to its answer."""
        return self._seconds("close")

    def __repr__(self) -> str:
        shown = ", ".join(f"{name} {ns / 1e6:.3g} ms" for name, ns in self._phases.items())
        return f"<Timings {shown}>"


class Response(NamedTuple):
    """The server's answer to the upgrade request."""

    status: int
    headers: dict[str, str]
    """By lower-case name; the values of a repeated header are joined by commas."""


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
        return (min(c.not_after for c in self.chain) - time.time()) / 86400


class Closed(NamedTuple):
    """How the server closed: RFC 6455 section 7.4."""

    code: int
    reason: str


class Ping(float):
    """Seconds from a ping to its pong.

    Attributes:
        network: the part until the peer's kernel acknowledged the ping, if that came by itself.
        server: the rest: what the peer's process took.
    """

    network: float | None
    server: float | None

    @classmethod
    def of(cls, round_trip: RoundTrip) -> Ping:
        """From the event."""
        ping = cls(round_trip.duration_ns / 1e9)
        ns = msgspec.structs.asdict(round_trip)
        ping.network, ping.server = (
            None if ns[name] is None else ns[name] / 1e9 for name in ("network_ns", "server_ns")
        )
        return ping
