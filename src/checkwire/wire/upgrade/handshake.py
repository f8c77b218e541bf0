"""Sending the upgrade request, and judging the answer."""

from __future__ import annotations

import contextlib
from typing import NamedTuple

from websockets.datastructures import Headers
from websockets.exceptions import InvalidHandshake
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory
from websockets.http11 import Response
from websockets.protocol import State
from websockets.typing import Origin, Subprotocol
from websockets.uri import WebSocketURI

from checkwire.model.errors import ConnectError
from checkwire.model.events import Handshake, Phase
from checkwire.model.failures import Failure
from checkwire.wire.collector import Collector
from checkwire.wire.dial.dialer import Dialled
from checkwire.wire.http_head import Head, head_ended, parse_head
from checkwire.wire.observer import Observer
from checkwire.wire.options import ConnectOptions
from checkwire.wire.session.protocol import MeasuredProtocol
from checkwire.wire.upgrade.diagnosis import (
    BODY_LIMIT,
    diagnose_end,
    diagnose_head,
    diagnose_refusal,
    diagnose_rejection,
)
from checkwire.wire.url import Address

__all__ = ["Upgraded", "upgrade"]

_BODY_PATIENCE = 0.25
"""Seconds to wait for the body of a response that refuses."""


class Upgraded(NamedTuple):
    """An open WebSocket: the protocol has already taken what came with the answer."""

    protocol: MeasuredProtocol
    handshake: Handshake
    opened_ns: int
    """When the answer was complete."""
    kernel: bool
    duration_ns: int
    eof: bool
    """Whether the peer has ended its side already."""


async def upgrade(
    dialled: Dialled,
    address: Address,
    options: ConnectOptions,
    observer: Observer,
    connection: int,
) -> Upgraded:
    """Turn the pipe into a WebSocket.

    The pipe is left paused, with no sink. On failure it is left open.

    Raises:
        ConnectError: ``upgrade.*``, or ``tls.client_certificate_required``.
    """
    protocol = _protocol(address, options)
    request = protocol.connect()
    _add_headers(request.headers, options)
    collector = Collector(dialled.pipe)
    started_ns = observer.timeline.now()
    dialled.pipe.write(request.serialize())
    place, timeout = dialled.remote_address, options.timeouts.upgrade
    try:
        await collector.until(head_ended, timeout)
    except (TimeoutError, EOFError, OSError) as error:
        name = options.tls.server_name or address.host
        raise ConnectError(
            diagnose_end(error, bytes(collector.data), place, name, timeout=timeout)
        ) from None
    head = parse_head(collector.data)
    if head is None:
        raise ConnectError(diagnose_head(bytes(collector.data), place))
    duration_ns = collector.at_ns - started_ns

    def tell() -> Handshake:
        handshake = Handshake(
            at_ns=collector.at_ns,
            connection=connection,
            request_target=observer.masker.text(address.target),
            request_headers=observer.masker.headers(request.headers.raw_items()),
            status=head.status,
            reason=head.reason,
            response_headers=observer.masker.headers(head.headers),
            remote_address=place,
            local_address=dialled.local_address,
            subprotocol=protocol.subprotocol,
            extensions=protocol.extension_header,
        )
        observer.emit(
            Phase(
                at_ns=started_ns,
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
        raise ConnectError(diagnose_refusal(head, body, place, observer.masker))
    failure = _judge(protocol, head, bytes(collector.data), place, options, observer)
    handshake = tell()
    if failure is not None:
        raise ConnectError(failure)
    dialled.pipe.sink = None
    return Upgraded(
        protocol, handshake, collector.at_ns, collector.kernel, duration_ns, collector.eof
    )


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
    # The offer that browsers make. memLevel 5 spares memory at little cost in size.
    deflate = ClientPerMessageDeflateFactory(
        client_max_window_bits=True, compress_settings={"memLevel": 5}
    )
    # The answer is read and judged here, so the protocol begins where it is open.
    return MeasuredProtocol(
        uri,
        state=State.OPEN,
        origin=None if options.origin is None else Origin(options.origin),
        extensions=[deflate] if options.compression else None,
        subprotocols=[Subprotocol(name) for name in options.subprotocols] or None,
        max_size=options.limits.message,
    )


def _add_headers(headers: Headers, options: ConnectOptions) -> None:
    if options.user_agent is not None:
        headers["User-Agent"] = options.user_agent
    replaced = {name.lower() for name, _ in options.headers}
    for name in list(headers):
        # What the caller gives wins, except where the handshake itself depends on it.
        if name.lower() in replaced and name.lower() in ("host", "origin", "authorization"):
            del headers[name]
    for name, value in options.headers:
        headers[name] = value


async def _body(collector: Collector, head: Head) -> bytes:
    length = head.get("content-length") or ""
    wanted = min(int(length), BODY_LIMIT) if length.isdigit() else BODY_LIMIT
    collector.pipe.resume()
    with contextlib.suppress(TimeoutError, EOFError, OSError):
        await collector.until(lambda data: len(data) >= head.size + wanted, _BODY_PATIENCE)
    return bytes(collector.data[head.size :])


def _judge(
    protocol: MeasuredProtocol,
    head: Head,
    data: bytes,
    place: str,
    options: ConnectOptions,
    observer: Observer,
) -> Failure | None:
    headers = Headers()
    for name, value in head.headers:
        headers[name] = value
    try:
        protocol.process_response(Response(head.status, head.reason, headers))
    except InvalidHandshake as error:
        return diagnose_rejection(error, head, place, options.subprotocols, observer.masker)
    if options.subprotocols and protocol.subprotocol is None:
        return Failure(
            code="upgrade.subprotocol",
            message=f"{place} accepted none of the subprotocols offered: "
            f"{', '.join(options.subprotocols)}",
            phase="upgrade",
            evidence={"offered": list(options.subprotocols)},
        )
    if len(data) > head.size:
        protocol.receive_data(data[head.size :])
    return None
