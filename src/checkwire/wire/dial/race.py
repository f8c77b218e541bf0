"""Phase ``tcp``: to the first of several addresses that answers (Happy Eyeballs, RFC 8305)."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import socket
from collections import defaultdict
from collections.abc import Sequence
from itertools import chain, zip_longest
from typing import Any, NamedTuple

import msgspec

from checkwire.wire.clock import Timeline
from checkwire.wire.dial.resolve import Endpoint
from checkwire.wire.kernel.stamps import enable_receive_stamps
from checkwire.wire.kernel.tcp_info import read_tcp_info

__all__ = ["Connected", "Try", "connect_first", "interleave"]

_UNIX_RETRY = 0.01
"""Seconds until a Unix socket whose queue was full is tried again."""


class Try(msgspec.Struct):
    """One attempt to connect to one address.

    ``duration_ns`` is the kernel's own round trip (SYN to SYN-ACK) where it tells, since noticing
    the connection takes the event loop up to milliseconds; ``kernel`` says so. It is ``None`` if
    the try was given up.
    """

    endpoint: Endpoint
    started_ns: int
    duration_ns: int | None = None
    error: OSError | None = None
    kernel: bool = False


class Connected(NamedTuple):
    """A connected socket, and all the tries it took."""

    sock: socket.socket
    kernel_clock: bool
    endpoint: Endpoint
    tries: list[Try]


def interleave(endpoints: Sequence[Endpoint]) -> list[Endpoint]:
    """Alternate between address families, the first one first (RFC 8305 section 4)."""
    families: defaultdict[int, list[Endpoint]] = defaultdict(list)
    for endpoint in endpoints:
        families[endpoint.family].append(endpoint)
    rounds = zip_longest(*families.values())
    return [endpoint for endpoint in chain.from_iterable(rounds) if endpoint is not None]


async def connect_first(
    endpoints: Sequence[Endpoint],
    tries: list[Try],
    timeline: Timeline,
    *,
    timeout: float,
    delay: float,
    local_address: str | None = None,
    kernel_clock: bool = True,
) -> Connected:
    """Connect to the first address that answers.

    The next address is tried when the one before it failed, or has not answered for ``delay``
    seconds. Tries are appended to ``tries`` as they begin, for evidence also if this is cancelled.

    Raises:
        TimeoutError: none did within ``timeout`` seconds.
        OSError: of the last try, when all failed.
    """
    if len(endpoints) == 1:
        attempt = _begin(endpoints[0], tries, timeline)
        return await _connect(attempt, tries, timeline, local_address, kernel_clock, timeout)
    return await _race(endpoints, tries, timeline, timeout, delay, local_address, kernel_clock)


async def _race(
    endpoints: Sequence[Endpoint],
    tries: list[Try],
    timeline: Timeline,
    timeout: float,
    delay: float,
    local_address: str | None,
    kernel_clock: bool,
) -> Connected:
    waiting = iter(interleave(endpoints))
    running: dict[asyncio.Task[Connected], Try] = {}
    last_error: BaseException = OSError(errno.EHOSTUNREACH, "no address to connect to")
    clock = asyncio.get_running_loop().time
    deadline = clock() + timeout
    try:
        exhausted = False
        while True:
            left = deadline - clock()
            if not exhausted:
                endpoint = next(waiting, None) if left > 0 else None
                if endpoint is None:
                    exhausted = True
                else:
                    attempt = _begin(endpoint, tries, timeline)
                    work = _connect(attempt, tries, timeline, local_address, kernel_clock, left)
                    running[asyncio.ensure_future(work)] = attempt
            if not running:
                raise last_error
            done, _ = await asyncio.wait(
                running,
                timeout=None if exhausted else delay,
                return_when=asyncio.FIRST_COMPLETED,
            )
            for task in done:
                del running[task]
                error = task.exception()
                if error is None:
                    return task.result()
                if not isinstance(last_error, TimeoutError):
                    last_error = error
    finally:
        for task in running:
            task.cancel()
        for result in await asyncio.gather(*running, return_exceptions=True):
            if isinstance(result, Connected):  # Answered while it was being cancelled.
                result.sock.close()


def _begin(endpoint: Endpoint, tries: list[Try], timeline: Timeline) -> Try:
    attempt = Try(endpoint, timeline.now())
    tries.append(attempt)
    return attempt


async def _connect(
    attempt: Try,
    tries: list[Try],
    timeline: Timeline,
    local_address: str | None,
    kernel_clock: bool,
    timeout: float,
) -> Connected:
    endpoint = attempt.endpoint
    unix = endpoint.family == socket.AF_UNIX
    sock = None
    try:
        sock = socket.socket(endpoint.family, socket.SOCK_STREAM)
        sock.setblocking(False)
        stamped = kernel_clock and enable_receive_stamps(sock)
        if not unix:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if local_address is not None:
                sock.bind((local_address, 0))
        attempt.started_ns = timeline.now()
        if not _connect_now(sock, endpoint.address):
            try:
                async with asyncio.timeout(timeout):
                    if unix:
                        await _connect_unix(sock, endpoint.address)
                    else:
                        await asyncio.get_running_loop().sock_connect(sock, endpoint.address)
            except TimeoutError:
                # It may have answered, and the event loop have been held up.
                if not _is_connected(sock):
                    raise
    except BaseException as error:
        if sock is not None:
            sock.close()
        if isinstance(error, OSError) and error.errno:  # Else it is our patience that ended.
            attempt.error = error
            attempt.duration_ns = timeline.now() - attempt.started_ns
        raise
    attempt.duration_ns = timeline.now() - attempt.started_ns
    if kernel_clock and not unix:
        info = read_tcp_info(sock)
        # The kernel's round trip is that of the last SYN only, if the first ones were lost.
        if info is not None and info.rtt_ns and not info.retransmits:
            attempt.duration_ns = min(attempt.duration_ns, info.rtt_ns)
            attempt.kernel = True
    return Connected(sock, stamped, endpoint, tries)


def _connect_now(sock: socket.socket, address: Any) -> bool:
    # A near peer has answered by the time of a second look, and the event loop need not watch.
    for _ in range(2):
        with contextlib.suppress(BlockingIOError):
            sock.connect(address)
            return True
    return False


def _is_connected(sock: socket.socket) -> bool:
    """Whether it is.

    Raises:
        OSError: it cannot be any more.
    """
    number = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if number:
        raise OSError(number, os.strerror(number))
    try:
        sock.getpeername()
    except OSError:
        return False
    return True


async def _connect_unix(sock: socket.socket, path: str) -> None:
    """Connect at once or not: a Unix socket does not tell when a full queue has room again."""
    while True:
        try:
            sock.connect(path)
        except BlockingIOError:
            await asyncio.sleep(_UNIX_RETRY)
        else:
            return
