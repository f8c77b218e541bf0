"""Opening a connection for an HTTP request, within the time that the request has."""

from __future__ import annotations

from typing import Any

import msgspec

from checkwire.model.durations import format_seconds
from checkwire.model.failures import Failure, Severity
from checkwire.sdk.context import Context
from checkwire.wire.dial.dialer import Dialled, Dialler
from checkwire.wire.dial.proxies import environment_proxy, parse_proxy
from checkwire.wire.observer import Observer
from checkwire.wire.options import ConnectOptions, Timeouts
from checkwire.wire.url import Address

__all__ = ["Dialling", "in_terms_of_http"]

_HINTS = {"tls.not_tls": "Use http:// instead of https://, or the server's TLS port"}


class Dialling:
    """One connection on its way to being open.

    Attributes:
        phases: nanoseconds of each phase that has ended.
    """

    def __init__(
        self, address: Address, options: ConnectOptions, context: Context, timeout: float
    ) -> None:
        """The phases have no timeouts of their own: the request has one, of ``timeout`` seconds."""
        proxy = options.proxy
        if options.unix_socket is not None:
            proxy = None
        elif proxy == "env":
            proxy = environment_proxy(address)
        self._address = address
        self._options = msgspec.structs.replace(
            options,
            proxy=proxy,
            timeouts=Timeouts(dns=timeout, tcp=timeout, proxy=timeout, tls=timeout),
        )
        self._timeout = timeout
        # Connections have numbers if they are WebSockets; this one is 0.
        self._dialler = Dialler(address, self._options, _Observer(context), 0)

    @property
    def phases(self) -> dict[str, int]:
        return self._dialler.phases

    async def run(self) -> Dialled:
        """Connect.

        Raises:
            ConnectError: ``dns.*``, ``tcp.*``, ``proxy.*`` or ``tls.*``.
        """
        return await self._dialler.dial()

    def timed_out(self) -> Failure:
        """The time of the request is over: the phase under way is the one that took too long."""
        proxy = None if self._options.proxy is None else parse_proxy(self._options.proxy)
        place, within = self._address.place, f"within {format_seconds(self._timeout)}"
        peer = self._address if proxy is None else proxy
        phase = self._phase_under_way(proxied=proxy is not None)
        match phase:
            case "dns":
                host = self._dialler.looking_up
                code, message = "dns.timeout", f"Looking up {host} got no answer {within}"
            case "tcp":
                code = "tcp.timeout"
                message = f"{peer.place} did not answer the connection request {within}"
            case "tls":
                code = "tls.timeout"
                message = f"The TLS handshake with {place} did not finish {within}"
            case _:
                code = "proxy.timeout"
                message = f"The proxy at {peer.place} did not open a tunnel to {place} {within}"
        evidence: dict[str, Any] = {f"{name}_ns": ns for name, ns in self.phases.items()}
        place_of_proxy = self._options.resolve.get((peer.host, peer.port), (peer.host, peer.port))
        to_peer = phase == "tcp" or self._dialler.looking_up == place_of_proxy[0]
        if proxy is not None and to_peer:
            evidence["cause"] = code
            code = "proxy.unreachable"
            message = f"The proxy {peer.place} cannot be reached: {message}"
        failure = Failure(code=code, message=message, phase=phase, evidence=evidence)
        return self._dialler.at.locate(failure)

    def _phase_under_way(self, *, proxied: bool) -> str:
        if self._dialler.looking_up is not None:
            return "dns"
        if "tcp" not in self.phases:
            return "tcp"
        return "proxy" if proxied and "proxy" not in self.phases else "tls"


def in_terms_of_http(failure: Failure) -> Failure:
    """A failure to connect, with the advice that fits HTTP instead of WebSocket."""
    hint = _HINTS.get(failure.code, failure.hint)
    return msgspec.structs.replace(failure, hint=hint, connection=None)


class _Observer(Observer):
    """Phases are kept by the dialler; what it warns of is told."""

    def __init__(self, context: Context) -> None:
        super().__init__(context.timeline, context.masker)
        self._context = context

    def failed(
        self, failure: Failure, severity: Severity = "failed", *, at_ns: int | None = None
    ) -> None:
        self._context.failed(in_terms_of_http(failure), severity, at_ns=at_ns)
