"""Phase ``proxy``: through an HTTP CONNECT (RFC 9110 section 9.3.6) or SOCKS5 (RFC 1928) proxy."""

from __future__ import annotations

import ipaddress
import struct
from base64 import b64encode
from collections.abc import Callable
from typing import NamedTuple

from checkwire.model.errors import ConnectError
from checkwire.model.failures import Failure
from checkwire.model.masking import Masker
from checkwire.model.places import host_and_port
from checkwire.wire.collector import Collector
from checkwire.wire.http_head import head_ended, parse_head
from checkwire.wire.observer import Observer
from checkwire.wire.pipe import Pipe
from checkwire.wire.url import Address, is_ip

__all__ = ["Tunnel", "open_tunnel"]

_SOCKS_REPLIES = {
    1: "general failure",
    2: "not allowed by its rules",
    3: "network unreachable",
    4: "host unreachable",
    5: "connection refused",
    6: "time to live expired",
    7: "command not supported",
    8: "address type not supported",
}


class Tunnel(NamedTuple):
    """When a tunnel was asked for, and when it was there; ``kernel`` if the kernel says that."""

    asked_ns: int
    opened_ns: int
    kernel: bool


async def open_tunnel(
    pipe: Pipe,
    proxy: Address,
    where: str,
    host: str,
    port: int,
    observer: Observer,
    deadline: float,
) -> Tunnel:
    """Ask the proxy at the other end of the pipe, which is ``where``, to connect it to the target.

    Raises:
        ConnectError: ``proxy.*``.
        TimeoutError: it had not done so when the event loop's clock passed ``deadline``.
        OSError, EOFError: the connection to the proxy broke.
    """
    collector = Collector(pipe, deadline)
    began_ns, masker = observer.timeline.now(), observer.masker
    if proxy.scheme in ("http", "https"):
        rest = await _connect(collector, proxy, where, host, port, began_ns, masker)
    else:
        rest = await _socks(collector, proxy, where, host, port, began_ns, masker)
    if rest:
        raise _failure(
            "proxy.protocol",
            f"The proxy at {where} opened a tunnel, and sent {len(rest)} bytes through it "
            "before anything was asked",
            first_bytes=_first(rest, masker),
        )
    if collector.error is not None:
        raise collector.error
    if collector.eof:
        raise EOFError
    pipe.sink = None
    pipe.resume()
    return Tunnel(collector.left_ns, collector.at_ns, collector.kernel)


def _failure(code: str, message: str, **evidence: object) -> ConnectError:
    return ConnectError(Failure(code=code, message=message, phase="proxy", evidence=evidence))


def _first(data: bytearray, masker: Masker) -> str:
    return masker.excerpt_of_bytes(data, 32, ends=False).hex(" ")


async def _connect(
    collector: Collector,
    proxy: Address,
    where: str,
    host: str,
    port: int,
    now_ns: int,
    masker: Masker,
) -> bytearray:
    place = host_and_port(host, port)
    lines = [f"CONNECT {place} HTTP/1.1", f"Host: {place}"]
    if proxy.user is not None:
        credentials = b64encode(f"{proxy.user}:{proxy.password or ''}".encode()).decode()
        lines.append(f"Proxy-Authorization: Basic {credentials}")
    collector.ask("\r\n".join([*lines, "", ""]).encode(), now_ns)
    await collector.until(head_ended)
    head = parse_head(collector.data)
    if head is None:
        raise _failure(
            "proxy.protocol",
            f"The proxy at {where} did not answer CONNECT with HTTP",
            first_bytes=_first(collector.data, masker),
        )
    evidence = {
        "request": f"CONNECT {place}",
        "status": head.status,
        "reason": head.reason,
        "headers": [list(pair) for pair in masker.headers(head.headers)],
    }
    if head.status == 407:
        raise _failure(
            "proxy.auth_required",
            f"The proxy at {where} wants other credentials (407 {head.reason})",
            **evidence,
        )
    if not 200 <= head.status < 300:
        raise _failure(
            "proxy.refused",
            f"The proxy at {where} refused to connect to {place} ({head.status} {head.reason})",
            **evidence,
        )
    return collector.data[head.size :]


async def _socks(
    collector: Collector,
    proxy: Address,
    where: str,
    host: str,
    port: int,
    now_ns: int,
    masker: Masker,
) -> bytearray:
    user = (proxy.user or "").encode()
    password = (proxy.password or "").encode()
    if len(user) > 255 or len(password) > 255:
        raise _failure("proxy.auth_required", "SOCKS5 takes credentials of up to 255 bytes")
    collector.ask(b"\x05\x02\x00\x02" if user else b"\x05\x01\x00", now_ns)
    reply = await _take(collector, lambda _: 2)
    if reply[0] != 5:
        raise _failure(
            "proxy.protocol",
            f"The proxy at {where} does not speak SOCKS5",
            first_bytes=_first(reply, masker),
        )
    if reply[1] == 2 and user:  # RFC 1929
        collector.pipe.write(
            b"\x01" + bytes([len(user)]) + user + bytes([len(password)]) + password
        )
        if (await _take(collector, lambda _: 2))[1] != 0:
            raise _failure(
                "proxy.auth_required", f"The proxy at {where} rejected user and password"
            )
    elif reply[1] != 0:
        raise _failure(
            "proxy.auth_required",
            f"The proxy at {where} accepts none of the ways to log in that are offered",
            method=reply[1],
        )
    collector.pipe.write(b"\x05\x01\x00" + _socks_address(host) + struct.pack("!H", port))
    try:
        reply = await _take(collector, _socks_reply_size)
    except EOFError:
        reply = collector.data  # Some say no more than that they refuse.
        if len(reply) < 2 or not reply[1]:
            raise
    if reply[0] != 5:
        raise _failure(
            "proxy.protocol",
            f"The proxy at {where} does not speak SOCKS5",
            first_bytes=_first(reply, masker),
        )
    if reply[1] != 0:
        reason = _SOCKS_REPLIES.get(reply[1], f"code {reply[1]}")
        raise _failure(
            "proxy.refused",
            f"The proxy at {where} could not connect to {host}:{port}: {reason}",
            socks_reply=reply[1],
        )
    return collector.data


def _socks_address(host: str) -> bytes:
    if not is_ip(host):
        name = host.encode()
        return b"\x03" + bytes([len(name)]) + name
    address = ipaddress.ip_address(host)
    return (b"\x01" if address.version == 4 else b"\x04") + address.packed


def _socks_reply_size(data: bytearray) -> int:
    if len(data) < 5:
        return 5
    sizes = {1: 4, 3: 1 + data[4], 4: 16}
    return 4 + sizes.get(data[3], 0) + 2


async def _take(collector: Collector, size: Callable[[bytearray], int]) -> bytearray:
    await collector.until(lambda data: len(data) >= size(data))
    collector.pipe.resume()
    taken = collector.data[: size(collector.data)]
    del collector.data[: len(taken)]
    return taken
