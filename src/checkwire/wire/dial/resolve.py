"""Phase ``dns``: from a host to its addresses."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import socket
import threading
import time
from collections.abc import Callable
from typing import Any, NamedTuple

from checkwire.model.errors import ConnectError
from checkwire.model.failures import Failure
from checkwire.model.places import host_and_port
from checkwire.wire.url import is_ip

__all__ = ["Endpoint", "Resolution", "diagnose_dns", "resolve"]

Resolver = Callable[[str, int], list[Any]]

# EAI_NODATA and EAI_ADDRFAMILY are GNU extensions: the name exists, without such a record.
_CODES = {
    socket.EAI_NONAME: "dns.not_found",
    getattr(socket, "EAI_NODATA", -5): "dns.no_address",
    getattr(socket, "EAI_ADDRFAMILY", -9): "dns.no_address",
    socket.EAI_AGAIN: "dns.temporary",
}


class Endpoint(NamedTuple):
    """An address to connect to: the family, and what ``socket.connect`` takes."""

    family: int
    address: Any

    def __str__(self) -> str:
        if self.family == socket.AF_UNIX:
            return str(self.address)
        return host_and_port(*self.address[:2])


class Resolution(NamedTuple):
    """What a look-up gave. ``duration_ns`` is ``None`` when nothing was looked up."""

    endpoints: list[Endpoint]
    duration_ns: int | None


def system_resolver(host: str, port: int) -> list[Any]:
    """The operating system's way, /etc/hosts included."""
    # As bytes: a str would be encoded by a codec whose import takes milliseconds, and the name is
    # ASCII already.
    return socket.getaddrinfo(host.encode("ascii"), port, type=socket.SOCK_STREAM)


async def resolve(
    host: str, port: int, *, timeout: float, resolver: Resolver | None = None
) -> Resolution:
    """The addresses of a host, in the order in which they should be tried (RFC 6724).

    The look-up runs in a thread of its own and is timed there: neither a queue of look-ups nor a
    busy event loop is taken for a slow resolver.

    Raises:
        ConnectError: ``dns.*``.
        Exception: what a ``resolver`` raises that is no ``OSError``.
    """
    if is_ip(host):
        try:
            return Resolution([_literal(host, port)], None)
        except socket.gaierror as error:
            raise ConnectError(diagnose_dns(host, error, 0)) from None
    loop = asyncio.get_running_loop()
    done: asyncio.Future[tuple[list[Any] | Exception, int]] = loop.create_future()
    look_up = resolver or system_resolver

    def answer(result: list[Any] | Exception, duration_ns: int) -> None:
        if not done.done():
            done.set_result((result, duration_ns))

    def work() -> None:
        started_ns = time.monotonic_ns()
        result: list[Any] | Exception
        try:
            result = look_up(host, port)
        except Exception as error:
            result = error
        duration_ns = time.monotonic_ns() - started_ns
        with contextlib.suppress(RuntimeError):  # The loop may be gone: nobody waits any more.
            loop.call_soon_threadsafe(answer, result, duration_ns)

    try:
        threading.Thread(target=work, name=f"dns {host}", daemon=True).start()
    except RuntimeError as error:
        raise ConnectError(diagnose_dns(host, socket.gaierror(0, str(error)), 0)) from None
    # Not asyncio.timeout: an answer that is here when time is over counts.
    await asyncio.wait((done,), timeout=timeout)
    if not done.done():
        raise ConnectError(
            Failure(
                code="dns.timeout",
                message=f"Looking up {host} got no answer within {timeout:g} s",
                phase="dns",
                evidence={"host": host},
            )
        )
    result, duration_ns = done.result()
    if isinstance(result, OSError):
        raise ConnectError(diagnose_dns(host, result, duration_ns)) from None
    if isinstance(result, UnicodeError):
        invalid = socket.gaierror(socket.EAI_NONAME, "the name is not valid")
        raise ConnectError(diagnose_dns(host, invalid, duration_ns)) from None
    if isinstance(result, Exception):
        raise result
    endpoints = _endpoints(result)
    if not endpoints:
        empty = socket.gaierror(getattr(socket, "EAI_NODATA", -5), "no address")
        raise ConnectError(diagnose_dns(host, empty, duration_ns))
    return Resolution(endpoints, duration_ns)


@functools.lru_cache(maxsize=256)
def _literal(host: str, port: int) -> Endpoint:
    """The endpoint of an IP address. Only the C library knows what a zone (``%eth0``) means."""
    found = socket.getaddrinfo(
        host.encode(), port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST
    )
    return Endpoint(found[0][0], found[0][4])


def _endpoints(found: list[Any]) -> list[Endpoint]:
    # The same address may come once per socket type.
    return list(dict.fromkeys(Endpoint(entry[0], entry[4]) for entry in found))


def diagnose_dns(host: str, error: OSError, duration_ns: int) -> Failure:
    """Why a name could not be looked up, as the resolver put it."""
    code = "dns.failed"
    if isinstance(error, socket.gaierror):
        code = _CODES.get(error.errno or 0, code)
    sentence = {
        "dns.not_found": f"The name {host} does not exist",
        "dns.no_address": f"The name {host} has no address",
        "dns.temporary": f"The resolver could not look up {host} for now",
    }.get(code, f"Looking up {host} failed")
    return Failure(
        code=code,
        message=f"{sentence} ({error.strerror or error})",
        phase="dns",
        evidence={"host": host, "error": error.errno, "duration_ms": duration_ns // 1_000_000},
    )
