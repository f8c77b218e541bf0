"""From a URL to a pipe, phase by phase, each with its time, its timeout and its failures."""

from __future__ import annotations

import asyncio
import socket
import ssl
from typing import Any, NamedTuple

import msgspec

from checkwire.model.errors import ConnectError, UsageError
from checkwire.model.events import Phase, PhaseName, TlsEstablished
from checkwire.model.failures import Failure
from checkwire.wire.dial.diagnosis import describe_try, diagnose_tcp, reason_of
from checkwire.wire.dial.proxies import environment_proxy, parse_proxy
from checkwire.wire.dial.race import Connected, Try, connect_first
from checkwire.wire.dial.resolve import Endpoint, resolve
from checkwire.wire.dial.tunnel import Tunnel, open_tunnel
from checkwire.wire.observer import Observer
from checkwire.wire.options import ConnectOptions
from checkwire.wire.pipe import Pipe
from checkwire.wire.socket_pipe import SocketPipe
from checkwire.wire.tls.certificates import peer_chain, read_certificate
from checkwire.wire.tls.contexts import tls_context
from checkwire.wire.tls.diagnosis import diagnose_tls
from checkwire.wire.tls.pipe import TlsPipe
from checkwire.wire.url import Address, is_ip

__all__ = ["Dialled", "Dialler"]


class Dialled(NamedTuple):
    """An open pipe, with what was learnt on the way."""

    pipe: Pipe
    remote_address: str
    local_address: str
    tls: TlsEstablished | None
    phases: dict[str, int]


class Dialler:
    """Opens one pipe. Phases and TLS facts are told to the observer as they end.

    Attributes:
        phases: nanoseconds of each phase that has ended.
        reached: the endpoint that TCP reached; ``None`` through a proxy.
        looking_up: the host that is being looked up, if one is.
    """

    def __init__(
        self, address: Address, options: ConnectOptions, observer: Observer, connection: int
    ) -> None:
        self._address = address
        self._options = options
        self._observer = observer
        self._timeline = observer.timeline
        self._connection = connection
        self.phases: dict[str, int] = {}
        self.reached: Endpoint | None = None
        self.looking_up: str | None = None

    async def dial(self) -> Dialled:
        """Connect.

        Raises:
            ConnectError: ``dns.*``, ``tcp.*``, ``proxy.*`` or ``tls.*``.
            FailureError: ``check.bad_url`` for the proxy's URL.
            UsageError: for options that cannot be used.
        """
        proxy = self._proxy()
        pipe: Pipe
        if proxy is None:
            pipe, remote = await self._connect(self._address.host, self._address.port)
        else:
            pipe, remote = await self._connect_through(proxy)
        try:
            tls = None
            if self._address.secure:
                name = self._options.tls.server_name or self._address.host
                pipe, tls = await self._start_tls(pipe, name, remote)
            return Dialled(pipe, remote, _local_address(pipe.socket), tls, self.phases)
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
        connected = await self._reach(endpoints, tries)
        winner = next(t for t in tries if t.endpoint is connected.endpoint)
        started_ns = tries[0].started_ns
        duration_ns = winner.started_ns - started_ns + (winner.duration_ns or 0)
        details = {"tries": [describe_try(t) for t in tries]} if len(tries) > 1 else {}
        self._tell("tcp", started_ns, duration_ns, kernel=winner.kernel, **details)
        self._warn_of_dead_family(tries, winner)
        self.reached = connected.endpoint
        return self._pipe(connected), str(connected.endpoint)

    async def _reach(self, endpoints: list[Endpoint], tries: list[Try]) -> Connected:
        timeout = self._options.timeouts.tcp
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
            raise ConnectError(diagnose_tcp(tries, timeout=timeout)) from None
        except OSError as error:
            raise ConnectError(diagnose_tcp(tries, error=error)) from None

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
        self.looking_up = host
        resolution = await resolve(
            host, port, timeout=options.timeouts.dns, resolver=options.resolver
        )
        self.looking_up = None
        if resolution.duration_ns is not None:
            addresses = [str(endpoint) for endpoint in resolution.endpoints]
            self._tell("dns", started_ns, resolution.duration_ns, addresses=addresses)
        return resolution.endpoints

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
        deadline = asyncio.get_running_loop().time() + self._options.timeouts.proxy
        while True:
            host, port = targets.pop(0)
            try:
                pipe, tunnel = await self._tunnel(pipe, proxy, host, port, deadline)
                break
            except ConnectError as error:
                # A proxy may have no way to one address, and have one to the next.
                if not targets or "socks_reply" not in error.failure.evidence:
                    raise
            pipe = self._pipe(await self._reach([at], []))
        shown = f"{proxy.scheme}://{proxy.place}"
        spent_ns = tunnel.opened_ns - tunnel.asked_ns
        self._tell("proxy", tunnel.asked_ns, spent_ns, kernel=tunnel.kernel, proxy=shown)
        return pipe, remote

    async def _tunnel(
        self, pipe: Pipe, proxy: Address, host: str, port: int, deadline: float
    ) -> tuple[Pipe, Tunnel]:
        try:
            began_ns = 0
            if proxy.scheme == "https":
                left = deadline - asyncio.get_running_loop().time()
                pipe = await self._tls_to_proxy(pipe, proxy, left)
                began_ns = pipe.handshake_began_ns
            observer = self._observer
            tunnel = await open_tunnel(pipe, proxy, host, port, observer, deadline)
            return pipe, tunnel._replace(asked_ns=began_ns or tunnel.asked_ns)
        except BaseException as error:
            pipe.close()
            if isinstance(error, TimeoutError):
                timeout = self._options.timeouts.proxy
                what = f"did not open a tunnel to {self._address.place} within {timeout:g} s"
                raise ConnectError(_of_proxy("proxy.timeout", proxy, what)) from None
            if isinstance(error, OSError | EOFError):
                why = "closed the connection" if isinstance(error, EOFError) else reason_of(error)
                what = f"did not open a tunnel to {self._address.place}: {why}"
                raise ConnectError(_of_proxy("proxy.protocol", proxy, what)) from None
            raise

    async def _targets(self, proxy: Address) -> list[tuple[str, int]]:
        """What to ask the proxy for: with socks5, looking names up is left to us."""
        place = self._address.host, self._address.port
        host, port = self._options.resolve.get(place, place)
        if proxy.scheme != "socks5" or is_ip(host):
            return [(host, port)]
        return [(endpoint.address[0], port) for endpoint in await self._look_up(*place)]

    async def _tls_to_proxy(self, pipe: Pipe, proxy: Address, timeout: float) -> TlsPipe:
        inner = self._tls_pipe(pipe, proxy.host)
        try:
            await inner.handshake(timeout)
        except ssl.SSLError as error:
            what = f"does not agree on TLS: {reason_of(error)}"
            raise ConnectError(_of_proxy("proxy.protocol", proxy, what)) from None
        return inner

    # tls

    async def _start_tls(
        self, lower: Pipe, name: str, remote: str
    ) -> tuple[TlsPipe, TlsEstablished]:
        options = self._options.tls
        timeout = self._options.timeouts.tls
        started_ns = self._timeline.now()
        pipe = self._tls_pipe(lower, name)
        try:
            await pipe.handshake(timeout)
        except TimeoutError as error:
            raise ConnectError(diagnose_tls(error, pipe, name, remote, timeout=timeout)) from None
        except (ssl.SSLError, ValueError, OSError, EOFError) as error:
            failed_ns, chain = self._timeline.now(), []
            try:
                chain = await self._look_at_chain(error, name)
            except asyncio.CancelledError:
                # Time is up; what failed had failed before.
                failure = diagnose_tls(error, pipe, name, remote, chain=chain)
                failure = msgspec.structs.replace(failure, connection=self._connection)
                self._observer.failed(failure, at_ns=failed_ns)
                raise
            raise ConnectError(diagnose_tls(error, pipe, name, remote, chain=chain)) from None
        started_ns = pipe.handshake_began_ns or started_ns
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
            verified=options.verify,
            alpn=session.selected_alpn_protocol(),
            chain=tuple(map(read_certificate, peer_chain(session))),
        )
        self._observer.emit(established)
        return pipe, established

    def _tls_pipe(self, lower: Pipe, name: str) -> TlsPipe:
        context = tls_context(self._options.tls)
        try:
            return TlsPipe(lower, context, name.partition("%")[0])
        except (ValueError, TypeError) as error:  # The latter for a NUL.
            raise UsageError(f"{name!r} cannot be asked for in TLS: {error}") from None

    async def _look_at_chain(self, error: Exception, name: str) -> list[bytes]:
        """A second handshake without verification, to see what was presented in the first.

        OpenSSL does not hand out a chain that it rejected.
        """
        if not isinstance(error, ssl.SSLCertVerificationError):
            return []
        look = Dialler(
            self._address, self._options.without_verification(), Observer(self._timeline), 0
        )
        try:
            async with asyncio.timeout(min(3.0, self._options.timeouts.tls)):
                dialled = await look.dial()
        except (ConnectError, OSError, EOFError, TimeoutError):
            return []
        try:
            assert isinstance(dialled.pipe, TlsPipe)
            return peer_chain(dialled.pipe.tls)
        finally:
            dialled.pipe.close()


def _of_proxy(code: str, proxy: Address, what: str) -> Failure:
    return Failure(code=code, message=f"The proxy at {proxy.place} {what}", phase="proxy")


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
