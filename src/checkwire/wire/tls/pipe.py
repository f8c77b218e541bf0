"""TLS through memory buffers, over a pipe that tells when bytes arrived."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Callable

from checkwire.wire.patience import Patience
from checkwire.wire.pipe import REQUEST, Pipe, Sink

__all__ = ["TlsPipe"]

_RECORD = 16 * 1024 + 256
_KEPT = 32
"""Bytes that are kept of what began the handshake."""
_ALERT = 7
"""Bytes of an alert in the clear."""


class TlsPipe:
    """The client's side of a TLS session. A message's time is that of its last ciphertext byte.

    Attributes:
        received: bytes that came.
        first, last: the first and the last of those that came in the handshake.
    """

    __slots__ = (
        "_end",
        "_ending",
        "_eof",
        "_handshake",
        "_incoming",
        "_lower",
        "_object",
        "_outgoing",
        "_silent",
        "_unsent",
        "first",
        "handshake_at_ns",
        "handshake_began_ns",
        "handshake_kernel",
        "last",
        "received",
        "sink",
    )

    def __init__(self, lower: Pipe, context: ssl.SSLContext, server_name: str) -> None:
        """Begin over a connected pipe; nothing is sent before :meth:`handshake`.

        Raises:
            ValueError: ``server_name`` cannot be asked for.
        """
        self._lower = lower
        lower.sink = self
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._object = context.wrap_bio(
            self._incoming, self._outgoing, server_hostname=server_name or None
        )
        self._handshake: asyncio.Future[None] | None = None
        self._silent: Callable[[], None] | None = None
        self._unsent: list[tuple[bytes, int]] = []
        """Waits for the peer, who wants to negotiate again first (TLS 1.2)."""
        self._ending = False
        """A close_notify came in one read with the data before it."""
        self._eof = False
        self._end: tuple[int, OSError | None] | None = None
        """What ended it while nobody listened: between the handshake and :meth:`attach`."""
        self.sink: Sink | None = None
        self.handshake_at_ns = self.handshake_began_ns = 0
        self.handshake_kernel = False
        self.received = 0
        self.first = self.last = b""

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        return self._lower.loop

    @property
    def socket(self) -> socket.socket:
        return self._lower.socket

    @property
    def kernel_clock(self) -> bool:
        return self._lower.kernel_clock

    @property
    def paused(self) -> bool:
        return self._lower.paused

    @property
    def ending(self) -> bool:
        return self._ending or self._lower.ending

    @property
    def written(self) -> int:
        return self._lower.written

    @property
    def unwritten(self) -> int:
        return self._lower.unwritten

    @property
    def congested(self) -> bool:
        return self._lower.congested

    @property
    def tls(self) -> ssl.SSLObject:
        """The session: version, cipher, certificates."""
        return self._object

    async def handshake(self, timeout: float, silent: Callable[[], None] | None = None) -> None:
        """Shake hands, within ``timeout`` seconds.

        If the peer has said nothing somewhat before they are over, ``silent`` is called.

        When it returns, ``handshake_at_ns`` is when the last needed bytes arrived, and
        ``handshake_kernel`` whether the kernel says so; ``handshake_began_ns`` is when the kernel
        sent the first ones, 0 if it does not say.

        Raises:
            TimeoutError: it did not end in time.
            ssl.SSLError: the session could not be agreed on.
            OSError: the connection broke.
            EOFError: the peer closed it.
        """
        loop = self.loop
        self._handshake = loop.create_future()
        self._silent = silent
        timer = Patience(
            loop, loop.time() + timeout, self._expire, None if silent is None else self._notice
        )
        self._step_handshake(0, False, REQUEST)
        try:
            await self._handshake
        finally:
            timer.cancel()
            self._handshake = self._silent = None

    def _notice(self) -> None:
        self._lower.read_now()
        waiting = self._handshake is not None and not self._handshake.done()
        if waiting and not self.received and self._silent is not None:
            self._silent()

    def _expire(self) -> None:
        self._lower.read_now()  # The rest may be here, and the event loop have been held up.
        if self._handshake is not None and not self._handshake.done():
            self._handshake.set_exception(TimeoutError())

    def _step_handshake(self, at_ns: int, kernel: bool, track: int = 0) -> None:
        waiter = self._handshake
        assert waiter is not None
        try:
            self._object.do_handshake()
        except ssl.SSLWantReadError:
            self._write_out(track)
            return
        except (ssl.SSLError, ValueError) as error:
            self._write_out()  # The alert that tells the peer why.
            if not waiter.done():
                waiter.set_exception(error)
            return
        self._write_out()
        self.handshake_at_ns, self.handshake_kernel = at_ns, kernel
        if not waiter.done():
            waiter.set_result(None)

    def _write_out(self, track: int = 0) -> None:
        if self._outgoing.pending:
            self._lower.write(self._outgoing.read(), track)

    # Pipe

    def write(self, data: bytes, track: int = 0) -> None:
        if self._unsent:
            self._unsent.append((data, track))
        elif data:
            self._encrypt(data, track)

    def _encrypt(self, data: bytes, track: int) -> None:
        try:
            self._object.write(data)
        except ssl.SSLWantReadError:
            self._unsent.append((data, track))
        except ssl.SSLError:
            return  # The session is over; reading tells how.
        self._write_out(track)

    async def drain(self) -> None:
        await self._lower.drain()

    def pause(self) -> None:
        self._lower.pause()

    def resume(self) -> None:
        self._lower.resume()

    def read_now(self) -> None:
        self._lower.read_now()

    def end_session(self) -> None:
        # close_notify, then the FIN (RFC 8446 section 6.1).
        with contextlib.suppress(ssl.SSLError):
            self._object.unwrap()
        self._write_out()
        self._lower.end_session()

    def close(self) -> None:
        self._lower.close()
        self.sink = None

    # Sink

    def data_received(self, data: bytes | memoryview, at_ns: int, kernel: bool) -> None:
        self.received += len(data)
        if self._eof:
            return
        self._incoming.write(data)
        if self._handshake is not None:
            if len(self.first) < _KEPT:
                self.first += data[: _KEPT - len(self.first)]
            self.last = bytes(data[-_ALERT:])
            if not self._handshake.done():
                self._step_handshake(at_ns, kernel)
            return
        if self.sink is not None:
            self._decrypt(at_ns, kernel)

    def _decrypt(self, at_ns: int, kernel: bool) -> None:
        chunks = []
        error: ssl.SSLError | None = None
        ended = False
        while True:
            try:
                chunk = self._object.read(_RECORD)
            except ssl.SSLWantReadError:
                break
            except ssl.SSLZeroReturnError:
                ended = True
                break
            except ssl.SSLError as problem:
                error = problem
                break
            if not chunk:
                ended = True
                break
            chunks.append(chunk)
        self._write_out()  # Key updates, and what negotiating again takes.
        if self._unsent:
            unsent, self._unsent = self._unsent, []
            for data, track in unsent:
                self.write(data, track)
        self._ending = ended
        sink = self.sink
        if chunks and sink is not None:
            sink.data_received(chunks[0] if len(chunks) == 1 else b"".join(chunks), at_ns, kernel)
        if self.sink is not None and (error is not None or ended):  # It may have closed us.
            self._tell_end(at_ns, error)

    def attach(self, sink: Sink, at_ns: int) -> None:
        """Deliver to this sink from now on, first what came with the end of the handshake."""
        self.sink = sink
        if self._incoming.pending or self._object.pending():
            self._decrypt(at_ns, self.handshake_kernel)
        if self._end is not None:
            self._tell_end(*self._end)

    def eof_received(self, at_ns: int) -> None:
        if self._handshake is not None and not self._handshake.done():
            self._handshake.set_exception(EOFError())
        else:
            self._tell_end(at_ns, None)

    def pipe_lost(self, error: OSError) -> None:
        if self._handshake is not None and not self._handshake.done():
            self._handshake.set_exception(error)
        else:
            self._tell_end(0, error)

    def _tell_end(self, at_ns: int, error: OSError | None) -> None:
        """There is one end, the first: what TCP does after that of TLS tells nothing new."""
        if self._eof:
            return
        if self.sink is None:
            self._end = self._end or (at_ns, error)
            return
        self._eof = True
        if error is not None:
            self.sink.pipe_lost(error)
        else:
            self.sink.eof_received(at_ns)

    def sent(self, number: int, at_ns: int, acked: bool) -> None:
        if self._handshake is not None and not acked:
            self.handshake_began_ns = at_ns
        elif self.sink is not None:
            self.sink.sent(number, at_ns, acked)

    def drained(self) -> None:
        if self.sink is not None:
            self.sink.drained()
