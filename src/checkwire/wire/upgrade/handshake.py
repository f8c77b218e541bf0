"""Sending the upgrade request, and judging the answer."""

from __future__ import annotations

import contextlib
import ssl
import time
from collections.abc import Callable, Iterable
from typing import NamedTuple

from websockets.datastructures import Headers
from websockets.exceptions import InvalidHandshake, InvalidHeader
from websockets.http11 import Request, Response
from websockets.protocol import State
from websockets.typing import Origin, Subprotocol
from websockets.uri import WebSocketURI

from checkwire.model.errors import ConnectError, UsageError
from checkwire.model.events import Handshake, Phase
from checkwire.model.failures import Failure
from checkwire.wire.collector import Collector
from checkwire.wire.dial.diagnosis import diagnose_reset
from checkwire.wire.dial.dialer import Dialled
from checkwire.wire.http_head import Head, head_ended, parse_head, unchunked
from checkwire.wire.loss import is_reset
from checkwire.wire.observer import Observer
from checkwire.wire.options import ConnectOptions
from checkwire.wire.session.compression import DeflateFactory
from checkwire.wire.session.protocol import MeasuredProtocol
from checkwire.wire.tls.diagnosis import diagnose_tls_after_handshake
from checkwire.wire.upgrade.diagnosis import diagnose_end, diagnose_head
from checkwire.wire.upgrade.refusal import BODY_LIMIT, diagnose_refusal
from checkwire.wire.upgrade.rejection import diagnose_no_subprotocol, diagnose_rejection
from checkwire.wire.url import Address

__all__ = ["Redirected", "Upgraded", "refuse_handshake_headers", "upgrade"]

_DEFLATE = DeflateFactory()
_OURS = ("host", "origin", "authorization", "user-agent")
"""Headers of which ours goes when the caller gives one."""
_BODY_READ = 16 * 1024
"""Bytes of it that are looked at."""
_HANDSHAKE_HEADERS = {
    "connection": "the handshake sends it",
    "upgrade": "the handshake sends it",
    "sec-websocket-key": "the handshake sends it",
    "sec-websocket-version": "the handshake sends it",
    "sec-websocket-protocol": "use subprotocols=[...]",
    "sec-websocket-extensions": "use compression=True or compression=False",
}
"""Headers on which the handshake depends, and what there is instead (RFC 6455 section 4.1)."""
_BODY_PATIENCE = 0.25
"""Seconds to wait for the body of a response that refuses."""


class Redirected(ConnectError):  # noqa: N818 - a fact, as its siblings
    """The server points elsewhere: ``upgrade.redirect``, with the Location as it came."""

    def __init__(self, failure: Failure, location: str) -> None:
        super().__init__(failure)
        self.location = location


class Upgraded(NamedTuple):
    """An open WebSocket: the protocol has already taken what came with the answer."""

    protocol: MeasuredProtocol
    handshake: Handshake
    opened_ns: int
    """When the answer was complete."""
    kernel: bool
    duration_ns: int
    ended: OSError | EOFError | None
    """What has ended the connection already, if anything has."""


def refuse_handshake_headers(headers: Iterable[tuple[str, str]]) -> None:
    """Refuse headers that the handshake itself sends: twice they are wrong.

    Raises:
        UsageError: it says what to use instead.
    """
    for name, _ in headers:
        instead = _HANDSHAKE_HEADERS.get(name.lower())
        if instead is not None:
            raise UsageError(f"headers= cannot have {name}: {instead}")


async def upgrade(
    dialled: Dialled,
    address: Address,
    options: ConnectOptions,
    observer: Observer,
    connection: int,
    silent: Callable[[], None] | None = None,
) -> Upgraded:
    """Turn the pipe into a WebSocket.

    The pipe is left without a sink. On failure it is left open. If nothing has come somewhat before
    the time is over, ``silent`` is called.

    Raises:
        ConnectError: ``upgrade.*``, ``tcp.reset``, or what TLS tells only now.
        Redirected: ``upgrade.redirect``, if the server says where to.
        UsageError: a header of the options cannot be sent.
    """
    protocol = _protocol(address, options)
    request, data = _request(protocol, options)
    collector = Collector(dialled.pipe)
    collector.silent = silent
    collector.ask(data, observer.timeline.now())
    where, timeout, masker = dialled.where, options.timeouts.upgrade, observer.masker
    try:
        head = await _head(collector, timeout)
    except (TimeoutError, EOFError, OSError) as error:
        if isinstance(error, ssl.SSLError):
            name = options.tls.server_name or address.host
            failure = diagnose_tls_after_handshake(error, name, where, options.tls)
        elif is_reset(error) and not collector.data and dialled.direct and not address.secure:
            failure = diagnose_reset(error, where, "upgrade")
        else:
            failure = diagnose_end(error, bytes(collector.data), where, masker, timeout=timeout)
        raise ConnectError(failure) from None
    if head is None:
        alpn = None if dialled.tls is None else dialled.tls.alpn or ""
        raise ConnectError(diagnose_head(bytes(collector.data), where, masker, alpn=alpn))
    duration_ns = max(0, collector.at_ns - collector.left_ns)

    def tell() -> Handshake:
        handshake = Handshake(
            at_ns=collector.at_ns,
            connection=connection,
            request_target=address.target,
            request_headers=observer.masker.headers(request.headers.raw_items()),
            status=head.status,
            reason=head.reason,
            response_headers=observer.masker.headers(head.headers),
            remote_address=dialled.remote_address,
            local_address=dialled.local_address,
            subprotocol=protocol.subprotocol,
            extensions=protocol.extension_header,
        )
        observer.emit(
            Phase(
                at_ns=collector.left_ns,
                connection=connection,
                name="upgrade",
                duration_ns=duration_ns,
                clock="kernel" if collector.kernel else "user",
            )
        )
        observer.emit(handshake)
        return handshake

    if head.status != 101:
        tell()
        body = await _body(collector, head)
        failure = diagnose_refusal(head, body, where, masker)
        location = head.get("location")
        if failure.code == "upgrade.redirect" and location is not None:
            raise Redirected(failure, location)
        raise ConnectError(failure)
    wrong = _judge(protocol, head, request, bytes(collector.data), where, options, observer)
    handshake = tell()
    if wrong is not None:
        raise ConnectError(wrong)
    dialled.pipe.sink = None
    ended = collector.error or (EOFError() if collector.eof else None)
    return Upgraded(protocol, handshake, collector.at_ns, collector.kernel, duration_ns, ended)


async def _head(collector: Collector, timeout: float) -> Head | None:
    deadline = time.monotonic() + timeout
    while (left := deadline - time.monotonic()) > 0:
        await collector.until(head_ended, left)
        head = parse_head(collector.data)
        if head is None or head.status == 101 or not 100 <= head.status < 200:
            return head
        # An interim response, such as 103 Early Hints (RFC 9110 section 15.2): the next one counts.
        del collector.data[: head.size]
        collector.pipe.resume()
    raise TimeoutError


def _protocol(address: Address, options: ConnectOptions) -> MeasuredProtocol:
    path, _, query = address.target.partition("?")
    user = address.user
    uri = WebSocketURI(
        address.secure,
        address.host,
        address.port,
        path,
        query,
        user,
        None if user is None else address.password or "",
    )
    # The answer is read and judged here, so the protocol begins where it is open.
    return MeasuredProtocol(
        uri,
        state=State.OPEN,
        origin=None if options.origin is None else Origin(options.origin),
        extensions=[_DEFLATE] if options.compression else None,
        subprotocols=[Subprotocol(name) for name in options.subprotocols] or None,
        max_size=options.limits.message,
    )


def _request(protocol: MeasuredProtocol, options: ConnectOptions) -> tuple[Request, bytes]:
    try:
        request = protocol.connect()
        _add_headers(request.headers, options)
        return request, request.serialize()
    except InvalidHeader as error:
        raise UsageError(f"this header cannot be sent: {error}") from None
    except UnicodeEncodeError as error:
        wrong = error.object[error.start : error.end]
        raise UsageError(f"{wrong!r} cannot be sent in a header, which is Latin-1") from None


def _add_headers(headers: Headers, options: ConnectOptions) -> None:
    if options.user_agent is not None:
        headers["User-Agent"] = options.user_agent
    replaced = {name.lower() for name, _ in options.headers}
    for name in list(headers):
        # What the caller gives wins, except where the handshake itself depends on it.
        if name.lower() in replaced and name.lower() in _OURS:
            del headers[name]
    for name, value in options.headers:
        headers[name] = value


async def _body(collector: Collector, head: Head) -> bytes:
    chunked = "chunked" in (head.get("transfer-encoding") or "").lower()
    length = head.get("content-length") or ""
    wanted = BODY_LIMIT
    if length.isdecimal() and len(length) < len(str(BODY_LIMIT)):
        wanted = int(length)
    if head.status in (204, 304):
        return b""

    def enough(data: bytearray) -> bool:
        return len(data) >= head.size + wanted or (chunked and data.endswith(b"\r\n0\r\n\r\n"))

    collector.pipe.resume()
    with contextlib.suppress(TimeoutError, EOFError, OSError):
        await collector.until(enough, _BODY_PATIENCE)
    # One read may hold more than is waited for, and the smallest of chunks.
    body = bytes(collector.data[head.size : head.size + _BODY_READ])
    return (unchunked(body) if chunked else body)[:BODY_LIMIT]


def _judge(
    protocol: MeasuredProtocol,
    head: Head,
    request: Request,
    data: bytes,
    where: str,
    options: ConnectOptions,
    observer: Observer,
) -> Failure | None:
    headers = Headers()
    offered, masker = options.subprotocols, observer.masker
    try:
        for name, value in head.headers:
            headers[name] = value
        protocol.process_response(Response(head.status, head.reason, headers))
    except InvalidHandshake as error:
        return diagnose_rejection(error, head, where, request, offered, masker)
    if offered and protocol.subprotocol is None:
        return diagnose_no_subprotocol(head, where, offered, masker)
    if len(data) > head.size:
        protocol.early = data[head.size :]
    return None
