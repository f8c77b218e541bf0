"""An open connection to an HTTP server: bytes with their times, and the HTTP/1.1 state of it."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import NamedTuple

import h11

from checkwire.wire.clock import Timeline
from checkwire.wire.dial.dialer import Dialled
from checkwire.wire.http_head import HEAD_LIMIT
from checkwire.wire.tls.pipe import TlsPipe

__all__ = ["Arrival", "HttpConnection", "write_request"]

_QUEUE_LIMIT = 1024 * 1024
"""Bytes that wait to be taken above which reading pauses."""


class Arrival(NamedTuple):
    """Bytes that came, and when: by the kernel's clock where it tells. No bytes: the end."""

    data: bytes
    at_ns: int


def write_request(protocol: h11.Connection, request: h11.Request, body: bytes) -> bytes:
    """The bytes of a request.

    Raises:
        h11.LocalProtocolError: it is not valid.
    """
    parts = [protocol.send(request)]
    if body:
        parts.append(protocol.send(h11.Data(data=body)))
    parts.append(protocol.send(h11.EndOfMessage()))
    return b"".join(filter(None, parts))


class HttpConnection:
    """A connection on which one request at a time is made (RFC 9112 section 9).

    Attributes:
        protocol: the state of HTTP on it.
        used: whether a response has come on it before.
        dialled: how it was opened.
        sent_ns: when the last request had left the machine.
    """

    def __init__(self, dialled: Dialled, timeline: Timeline) -> None:
        self.dialled = dialled
        self.protocol = h11.Connection(h11.CLIENT, max_incomplete_event_size=HEAD_LIMIT)
        self.used = False
        self.sent_ns = 0
        self._pipe = dialled.pipe
        self._timeline = timeline
        self._arrived: deque[Arrival] = deque()
        self._waiting_bytes = 0
        self._paused = False
        self._waiter: asyncio.Future[None] | None = None
        self._error: OSError | None = None
        self._requests = 0
        self._idle = True
        self._closed = False
        if isinstance(self._pipe, TlsPipe):
            self._pipe.attach(self, self._pipe.handshake_at_ns)
        else:
            self._pipe.sink = self

    @property
    def alive(self) -> bool:
        """Whether a request can be made on it now: the server has not closed it meanwhile."""
        if not self._closed:
            self._pipe.read_now()  # The event loop may not have been told yet.
        return not self._closed

    @property
    def unsent(self) -> int:
        """Bytes of the request that the server has not taken yet."""
        return 0 if self._closed else self._pipe.unwritten

    def send(self, request: h11.Request, body: bytes) -> None:
        """Send a request, which is valid."""
        self._idle = False
        self._requests += 1
        self.sent_ns = 0
        self._pipe.write(write_request(self.protocol, request, body), self._requests)
        if not self.sent_ns:  # Until the kernel tells.
            self.sent_ns = self._timeline.now()

    async def receive(self) -> Arrival:
        """The next bytes, or the end.

        Raises:
            OSError: the connection broke.
        """
        while not self._arrived:
            if self._error is not None:
                raise self._error
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        arrival = self._arrived.popleft()
        self._waiting_bytes -= len(arrival.data)
        if self._paused and self._waiting_bytes <= _QUEUE_LIMIT // 2:
            self._paused = False
            self._pipe.resume()
        return arrival

    def keep(self) -> bool:
        """A response has come whole: get ready for another request.

        Returns whether that is possible; if not, the connection is closed.
        """
        self.used = self._idle = True
        protocol = self.protocol
        done = protocol.our_state is h11.DONE and protocol.their_state is h11.DONE
        if not done or self._arrived or protocol.trailing_data[0] or self._pipe.unwritten:
            self.close()
            return False
        protocol.start_next_cycle()
        return not self._closed

    def close(self) -> None:
        """Let go of the connection. Doing so twice does no harm."""
        if not self._closed:
            self._closed = True
            if self._idle:
                self._pipe.end_session()  # With TLS, this says that it is meant.
            self._pipe.close()

    def _add(self, arrival: Arrival) -> None:
        if self._idle and self.used:
            self.close()  # The end, or something that nobody asked for.
            return
        self._arrived.append(arrival)
        self._waiting_bytes += len(arrival.data)
        if self._waiting_bytes > _QUEUE_LIMIT and not self._paused:
            self._paused = True
            self._pipe.pause()
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    # Sink

    def data_received(self, data: bytes | memoryview, at_ns: int, kernel: bool) -> None:
        self._add(Arrival(bytes(data), at_ns))  # What the pipe hands out it uses again.

    def eof_received(self, at_ns: int) -> None:
        self._add(Arrival(b"", at_ns))

    def pipe_lost(self, error: OSError) -> None:
        if self._idle and self.used:
            self.close()
            return
        self._error = self._error or error  # The first one says why, such as an alert of TLS.
        self._wake()

    def sent(self, number: int, at_ns: int, acked: bool) -> None:
        if number == self._requests and not acked:
            self.sent_ns = at_ns

    def drained(self) -> None:
        pass  # Whoever sends a request waits for its answer.
