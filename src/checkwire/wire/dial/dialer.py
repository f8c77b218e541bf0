"""From a URL to a pipe, phase by phase, each with its time, its timeout and its failures."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec

from checkwire.model.errors import ConnectError, UsageError
from checkwire.model.events import Phase, PhaseName, TlsEstablished
from checkwire.model.failures import Failure
from checkwire.wire.dial.diagnosis import describe_try, diagnose_reset, diagnose_tcp, reason_of
from checkwire.wire.dial.policy import allowed
from checkwire.wire.dial.proxies import environment_proxy, parse_proxy
from checkwire.wire.dial.race import Connected, Try, connect_first
from checkwire.wire.dial.resolve import Endpoint, resolve
from checkwire.wire.dial.tunnel import Tunnel, open_tunnel
from checkwire.wire.dial.whereabouts import Whereabouts, named
from checkwire.wire.loss import is_reset
from checkwire.wire.observer import Observer
from checkwire.wire.options import ConnectOptions
from checkwire.wire.pipe import Pipe
from checkwire.wire.socket_pipe import SocketPipe
from checkwire.wire.tls.certificates import peer_chain, read_certificate
from checkwire.wire.tls.contexts import tls_context
from checkwire.wire.tls.diagnosis import deserves_a_look, diagnose_tls
from checkwire.wire.tls.look import Shown, watching
from checkwire.wire.tls.pipe import TlsPipe
from checkwire.wire.url import Address, is_ip

__all__ = ["Dialled", "Dialler"]

_LOOK = 3.0
"""Seconds for a second handshake at most."""


class Dialled(NamedTuple):
    """An open pipe, with what was learnt on the way.

    Attributes:
        where: the peer, for a reader.
        direct: whether there is no proxy.
    """

    pipe: Pipe
    remote_address: str
    where: str
    local_address: str
    tls: TlsEstablished | None
    phases: dict[str, int]
    direct: bool


class Dialler:
    """Opens one pipe. Phases and TLS facts are told to the observer as they end.

    Attributes:
        phases: nanoseconds of each phase that has ended.
        reached: the endpoint that TCP reached; ``None`` through a proxy.
        looking_up: the host that is being looked up, if one is.
        at: the phase that is under way, or was the last.
    """

    def __init__(
        self,
        address: Address,
        options: ConnectOptions,
        observer: Observer,
        connection: int,
        context: ssl.SSLContext | None = None,
    ) -> None:
        """``context`` is for TLS with the target, instead of that of the options."""
        self._context = context
        self._address = address
        self._options = options
        self._observer = observer
        self._timeline = observer.timeline
        self._connection = connection
        self.phases: dict[str, int] = {}
        self.reached: Endpoint | None = None
        self.looking_up: str | None = None
        self.at = Whereabouts(observer.timeline, address.place)

    async def dial(self, silent: Callable[[], None] | None = None) -> Dialled:
        """Connect.

        Args:
            silent: called if the server says nothing to TLS, somewhat before its time is over.

        Raises:
            ConnectError: ``dns.*``, ``tcp.*``, ``proxy.*`` or ``tls.*``.
            FailureError: ``check.bad_url`` for the proxy's URL.
            UsageError: for options that cannot be used.
        """
        try:
            return await self._dial(silent)
        except ConnectError as error:
            raise ConnectError(self.at.locate(error.failure)) from None

    async def _dial(self, silent: Callable[[], None] | None) -> Dialled:
        proxy, address = self._proxy(), self._address
        pipe: Pipe
        if proxy is None:
            pipe, remote = await self._connect(address.host, address.port)
            where = named(remote, address.host)
        else:
            pipe, remote = await self._connect_through(proxy)
            where = f"{address.place} (through the proxy {proxy.place})"
        try:
            tls = None
            if address.secure:
                self.at.enter(remote if proxy is None else address.place)
                name = self._options.tls.server_name or address.host
                pipe, tls = await self._start_tls(pipe, name, where, silent)
            return Dialled(
                pipe, remote, where, _local_address(pipe.socket), tls, self.phases, proxy is None
            )
        except BaseException:
            pipe.close()
            raise

    def _tell(
        self,
        name: PhaseName,
        at_ns: int,
        duration_ns: int,
        *,
        kernel: bool = False,
        **details: Any,
    ) -> None:
        # Names may be looked up twice: the proxy's and the target's.
        self.phases[name] = self.phases.get(name, 0) + duration_ns
        self._observer.emit(
            Phase(
                at_ns=at_ns,
                connection=self._connection,
                name=name,
                duration_ns=duration_ns,
                clock="kernel" if kernel else "user",
                details=details,
            )
        )

    def _proxy(self) -> Address | None:
        if self._options.proxy is None or self._options.unix_socket is not None:
            return None
        url: str | None = self._options.proxy
        if url == "env":
            url = environment_proxy(self._address)
        return None if url is None else parse_proxy(url)

    # dns and tcp

    async def _connect(self, host: str, port: int) -> tuple[SocketPipe, str]:
        endpoints = await self._endpoints(host, port)
        tries: list[Try] = []
        connected = await self._reach(endpoints, tries, host)
        winner = next(t for t in tries if t.endpoint is connected.endpoint)
        started_ns = tries[0].started_ns
        duration_ns = winner.started_ns - started_ns + (winner.duration_ns or 0)
        details = {"tries": [describe_try(t) for t in tries]} if len(tries) > 1 else {}
        self._tell("tcp", started_ns, duration_ns, kernel=winner.kernel, **details)
        self._warn_of_dead_family(tries, winner)
        self.reached = connected.endpoint
        return self._pipe(connected), str(connected.endpoint)

    async def _reach(self, endpoints: list[Endpoint], tries: list[Try], host: str) -> Connected:
        timeout = self._options.timeouts.tcp
        self.at.enter(str(endpoints[0]))
        try:
            return await connect_first(
                endpoints,
                tries,
                self._timeline,
                timeout=timeout,
                delay=self._options.happy_eyeballs,
                local_address=self._options.local_address,
                kernel_clock=self._options.kernel_clock,
            )
        except TimeoutError:
            raise ConnectError(diagnose_tcp(tries, host, timeout=timeout)) from None
        except OSError as error:
            raise ConnectError(diagnose_tcp(tries, host, error=error)) from None

    def _pipe(self, connected: Connected) -> SocketPipe:
        return SocketPipe(connected.sock, self._timeline, kernel_clock=connected.kernel_clock)

    async def _endpoints(self, host: str, port: int) -> list[Endpoint]:
        if self._options.unix_socket is not None:
            return [Endpoint(socket.AF_UNIX, self._options.unix_socket)]
        return self._of_family(await self._look_up(host, port))

    async def _look_up(self, host: str, port: int) -> list[Endpoint]:
        options = self._options
        host, port = options.resolve.get((host, port), (host, port))
        started_ns = self._timeline.now()
        self.at.enter(host, started_ns)
        self.looking_up = host
        resolution = await resolve(
            host, port, timeout=options.timeouts.dns, resolver=options.resolver
        )
        self.looking_up = None
        if resolution.duration_ns is not None:
            addresses = [str(endpoint) for endpoint in resolution.endpoints]
            self._tell("dns", started_ns, resolution.duration_ns, addresses=addresses)
        return allowed(resolution.endpoints, options.deny, host)

    def _of_family(self, endpoints: list[Endpoint]) -> list[Endpoint]:
        """Those that the source address can be used for; all, if none: the failure says why."""
        source = self._options.local_address
        if source is None:
            return endpoints
        if not is_ip(source):
            raise UsageError(f"local_address is an IP address of this machine, not {source!r}")
        family = socket.AF_INET6 if ":" in source else socket.AF_INET
        return [e for e in endpoints if e.family == family] or endpoints

    def _warn_of_dead_family(self, tries: list[Try], winner: Try) -> None:
        for attempt in tries:
            if attempt.endpoint.family == winner.endpoint.family:
                continue
            # A refusal is an answer: the family works, only the server does not listen on it.
            silent = attempt.duration_ns is None and attempt.error is None
            if silent and attempt.started_ns < winner.started_ns:
                waited = winner.started_ns - attempt.started_ns
                family = "IPv6" if attempt.endpoint.family == socket.AF_INET6 else "IPv4"
                other = "IPv4" if family == "IPv6" else "IPv6"
                failure = Failure(
                    code="tcp.family_broken",
                    message=f"{attempt.endpoint} ({family}) did not answer; "
                    f"{winner.endpoint} ({other}) did, {waited / 1e6:.0f} ms later",
                    phase="tcp",
                    evidence={"tries": [describe_try(t) for t in tries]},
                    connection=self._connection,
                )
                self._observer.failed(failure, "warning")
                return

    # proxy

    async def _connect_through(self, proxy: Address) -> tuple[Pipe, str]:
        targets = await self._targets(proxy)
        pipe: Pipe
        try:
            pipe, remote = await self._connect(proxy.host, proxy.port)
        except ConnectError as error:
            raise ConnectError(_unreachable(proxy, error.failure)) from None
        at, self.reached = self.reached, None
        assert at is not None
        self.at.enter(remote)
        shown = named(remote, proxy.host)
        deadline = asyncio.get_running_loop().time() + self._options.timeouts.proxy
        while True:
            host, port = targets.pop(0)
            try:
                pipe, tunnel = await self._tunnel(pipe, proxy, shown, host, port, deadline)
                break
            except ConnectError as error:
                # A proxy may have no way to one address, and have one to the next.
                if not targets or "socks_reply" not in error.failure.evidence:
                    raise
            pipe = self._pipe(await self._reach([at], [], proxy.host))
            self.at.enter(remote)
        spent_ns = tunnel.opened_ns - tunnel.asked_ns
        url = f"{proxy.scheme}://{proxy.place}"
        self._tell("proxy", tunnel.asked_ns, spent_ns, kernel=tunnel.kernel, proxy=url)
        return pipe, remote

    async def _tunnel(
        self, pipe: Pipe, proxy: Address, shown: str, host: str, port: int, deadline: float
    ) -> tuple[Pipe, Tunnel]:
        try:
            began_ns = 0
            if proxy.scheme == "https":
                left = deadline - asyncio.get_running_loop().time()
                pipe = await self._tls_to_proxy(pipe, proxy, shown, left)
                began_ns = pipe.handshake_began_ns
            observer = self._observer
            tunnel = await open_tunnel(pipe, proxy, shown, host, port, observer, deadline)
            return pipe, tunnel._replace(asked_ns=began_ns or tunnel.asked_ns)
        except BaseException as error:
            pipe.close()
            if isinstance(error, TimeoutError):
                timeout = self._options.timeouts.proxy
                what = f"did not open a tunnel to {self._address.place} within {timeout:g} s"
                raise ConnectError(_of_proxy("proxy.timeout", shown, what)) from None
            if isinstance(error, OSError | EOFError):
                why = "closed the connection" if isinstance(error, EOFError) else reason_of(error)
                what = f"did not open a tunnel to {self._address.place}: {why}"
                raise ConnectError(_of_proxy("proxy.protocol", shown, what)) from None
            raise

    async def _targets(self, proxy: Address) -> list[tuple[str, int]]:
        """What to ask the proxy for: with socks5, looking names up is left to us."""
        place = self._address.host, self._address.port
        host, port = self._options.resolve.get(place, place)
        if is_ip(host):
            return [(endpoint.address[0], port) for endpoint in await self._look_up(*place)]
        if proxy.scheme != "socks5":
            return [(host, port)]
        return [(endpoint.address[0], port) for endpoint in await self._look_up(*place)]

    async def _tls_to_proxy(
        self, pipe: Pipe, proxy: Address, shown: str, timeout: float
    ) -> TlsPipe:
        inner = self._tls_pipe(pipe, proxy.host, tls_context(self._options.tls))
        try:
            await inner.handshake(timeout)
        except ssl.SSLError as error:
            what = f"does not agree on TLS: {reason_of(error)}"
            raise ConnectError(_of_proxy("proxy.protocol", shown, what)) from None
        return inner

    # tls

    async def _start_tls(
        self, lower: Pipe, name: str, where: str, silent: Callable[[], None] | None
    ) -> tuple[TlsPipe, TlsEstablished]:
        timeout = self._options.timeouts.tls
        pipe = self._tls_pipe(lower, name, self._context or tls_context(self._options.tls))
        try:
            await pipe.handshake(timeout, silent)
        except (ssl.SSLError, ValueError, OSError, EOFError) as error:  # TimeoutError, too.
            raise ConnectError(await self._why_no_tls(error, pipe, name, where)) from None
        started_ns = pipe.handshake_began_ns or self.at.began_ns
        duration_ns = pipe.handshake_at_ns - started_ns
        self._tell("tls", started_ns, duration_ns, kernel=pipe.handshake_kernel)
        session = pipe.tls
        cipher = session.cipher()
        established = TlsEstablished(
            at_ns=pipe.handshake_at_ns,
            connection=self._connection,
            version=session.version() or "",
            cipher=cipher[0] if cipher else "",
            server_name=name,
            verified=self._options.tls.verify,
            alpn=session.selected_alpn_protocol(),
            chain=tuple(map(read_certificate, peer_chain(session))),
        )
        self._observer.emit(established)
        return pipe, established

    async def _why_no_tls(self, error: Exception, pipe: TlsPipe, name: str, where: str) -> Failure:
        options, timeout = self._options.tls, self._options.timeouts.tls
        self.at.failed_ns = self._timeline.now()
        if is_reset(error) and not pipe.received and self.reached is not None:
            return diagnose_reset(error, where, "tls")
        shown = None
        try:
            if deserves_a_look(error, pipe, options):
                shown = await self.look(timeout - self.at.elapsed_ns / 1e9)
        except asyncio.CancelledError:
            # Time is up; what failed had failed before.
            failure = self.at.locate(diagnose_tls(error, pipe, name, where, options))
            failure = msgspec.structs.replace(failure, connection=self._connection)
            self._observer.failed(failure, at_ns=self.at.failed_ns)
            raise
        return diagnose_tls(error, pipe, name, where, options, shown=shown, timeout=timeout)

    def _tls_pipe(self, lower: Pipe, name: str, context: ssl.SSLContext) -> TlsPipe:
        try:
            return TlsPipe(lower, context, name.partition("%")[0])
        except (ValueError, TypeError) as error:  # The latter for a NUL.
            raise UsageError(f"{name!r} cannot be asked for in TLS: {error}") from None

    async def look(self, timeout: float) -> Shown:
        """A second handshake without verification: what the server shows to such a client.

        It takes as long as there is left of the first one's time, and no more than a few seconds.
        """
        shown = Shown()
        context = watching(self._options.tls, shown)
        options = self._options.without_verification()
        look = Dialler(self._address, options, Observer(self._timeline), 0, context)
        try:
            async with asyncio.timeout(max(0.0, min(_LOOK, timeout))):
                dialled = await look._dial(None)
        except (ConnectError, OSError, EOFError, TimeoutError):
            return shown  # What was seen until then.
        assert isinstance(dialled.pipe, TlsPipe)
        # Also if it was compressed on the way (RFC 8879).
        shown.chain = peer_chain(dialled.pipe.tls) or shown.chain
        dialled.pipe.close()
        return shown


def _of_proxy(code: str, shown: str, what: str) -> Failure:
    return Failure(code=code, message=f"The proxy at {shown} {what}", phase="proxy")


def _unreachable(proxy: Address, cause: Failure) -> Failure:
    return Failure(
        code="proxy.unreachable",
        message=f"The proxy {proxy.place} cannot be reached: {cause.message}",
        phase="proxy",
        evidence={**cause.evidence, "cause": cause.code},
    )


def _local_address(sock: socket.socket) -> str:
    try:
        name = sock.getsockname()
    except OSError:
        return ""
    return "" if isinstance(name, str | bytes) else str(Endpoint(sock.family, name))
