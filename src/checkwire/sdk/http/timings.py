"""How long the parts of a request took."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from checkwire.model.errors import UsageError
from checkwire.sdk.facts import Seconds

__all__ = ["Timings"]

_ABSENT = {
    "dns": "no name was looked up (an IP address, resolve=, or a connection that was kept)",
    "tcp": "the connection was kept from an earlier request",
    "proxy": "no proxy was used, or the connection was kept from an earlier request",
    "tls": "there was no TLS handshake (http://, or a connection that was kept)",
}


class Timings(Mapping[str, Seconds]):
    """Seconds that each phase of a request took.

    Each phase is an attribute; one that did not take place raises ``UsageError``. It is also a
    mapping of those that did: ``"tls" in reply.timings``, ``reply.timings.get("dns")``.
    """

    __slots__ = ("_phases",)

    def __init__(self, phases: Mapping[str, int]) -> None:
        """``phases`` are nanoseconds."""
        self._phases = phases

    def with_total(self, total_ns: int) -> Timings:
        """The same, with another total."""
        return Timings({**self._phases, "total": total_ns})

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
                f'if "{name}" in reply.timings'
            )
        return self[name]

    @property
    def dns(self) -> Seconds:
        """Looking the host up; absent for an IP address."""
        return self._phase("dns")

    @property
    def tcp(self) -> Seconds:
        """Connecting, by the kernel's measure; absent for a connection that was kept."""
        return self._phase("tcp")

    @property
    def proxy(self) -> Seconds:
        """Having a proxy open the tunnel; absent without a proxy."""
        return self._phase("proxy")

    @property
    def tls(self) -> Seconds:
        """The TLS handshake; absent for ``http://``, and for a connection that was kept."""
        return self._phase("tls")

    @property
    def wait(self) -> Seconds:
        """From the request's departure until the response's first byte."""
        return self["wait"]

    @property
    def receive(self) -> Seconds:
        """From the response's first byte to its last."""
        return self["receive"]

    @property
    def total(self) -> Seconds:
        """From the call on, redirects that were followed included."""
        return self["total"]

    def __repr__(self) -> str:
        return f"<Timings {', '.join(f'{name} {self[name]!r}' for name in self)}>"
