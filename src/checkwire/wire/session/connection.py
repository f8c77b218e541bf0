"""An open WebSocket, client side: what its user holds."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable

import msgspec
from websockets.frames import Close, Opcode
from websockets.protocol import State

from checkwire.model import events
from checkwire.model.errors import ConnectionClosed, TimedOut, UsageError
from checkwire.model.events import Handshake, Phase, PhaseName, RoundTrip, TlsEstablished
from checkwire.model.failures import Failure, Severity
from checkwire.wire.dial.dialer import Dialled
from checkwire.wire.observer import Observer
from checkwire.wire.options import ConnectOptions
from checkwire.wire.pipe import Pipe
from checkwire.wire.session.closing import NORMAL_CODES, diagnose_close, diagnose_loss
from checkwire.wire.session.inbox import Inbox, Message
from checkwire.wire.session.incoming import Incoming
from checkwire.wire.session.liveness import diagnose_no_pong, diagnose_silence
from checkwire.wire.session.pings import Pings
from checkwire.wire.session.recorder import FrameRecorder
from checkwire.wire.session.roundtrip import Departures
from checkwire.wire.tls.pipe import TlsPipe
from checkwire.wire.upgrade.handshake import Upgraded

__all__ = ["Connection"]

_TEXT, _BINARY, _PING = Opcode.TEXT, Opcode.BINARY, Opcode.PING
_LINGER = 1.0
"""Seconds the server gets to end TCP once both Close frames are through (RFC 6455 7.1.1)."""
_FAREWELL = 0.25
"""Seconds a Close frame that tells of a violation gets on its way."""
_CUT_SHORT = re.compile(r"stream ends after (\d+) bytes, expected (\d+) bytes")


class Connection:
    """A WebSocket connection.

    Everything that happens on it is told to the observer, with its time. One task may receive at a
    time; any may send.

    Attributes:
        number: counts the connections of the attempt, from 1.
        url: as it was given.
        handshake: request, response and addresses.
        phases: nanoseconds per phase ended so far.
        tls: the TLS session, if there is one.
        opened_ns: when the server's answer to the upgrade arrived.
        failure: what ended it wrongly, if anything did.
        on_ping, on_pong: listeners, called with the payload.
        on_closed: listener, called once with close code and reason.
    """

    def __init__(
        self,
        url: str,
        dialled: Dialled,
        upgraded: Upgraded,
        options: ConnectOptions,
        observer: Observer,
        number: int,
    ) -> None:
        limits = options.limits
        self.number = number
        self.url = url
        self.handshake: Handshake = upgraded.handshake
        self.phases = dialled.phases
        self.tls: TlsEstablished | None = dialled.tls
        self.opened_ns = upgraded.opened_ns
        self.failure: Failure | None = None
        self.on_ping: Callable[[bytes], None] | None = None
        self.on_pong: Callable[[bytes], None] | None = None
        self.on_closed: Callable[[int, str], None] | None = None
        self._loop = asyncio.get_running_loop()
        self._protocol = upgraded.protocol
        self._pipe: Pipe = dialled.pipe
        self._timeouts = options.timeouts
        self._observer = observer
        self._recorder = FrameRecorder(number, observer, limits)
        self._departures = Departures(number, observer)
        self._pings = Pings(self._departures)
        self._inbox = Inbox(limits.queue_messages, limits.queue_bytes, self.pause, self.resume)
        self._incoming = Incoming(self, self._protocol, self._recorder, self._inbox)
        self._closed: asyncio.Future[None] = self._loop.create_future()
        self._timer: asyncio.TimerHandle | None = None
        self._closed_by_peer: bool | None = None
        self._closing_ns: int | None = None
        self._messages_out = self._bytes_out = 0
        self._begin(upgraded)

    def _begin(self, upgraded: Upgraded) -> None:
        self._incoming.last_ns = upgraded.opened_ns
        if isinstance(self._pipe, TlsPipe):
            self._pipe.attach(self, upgraded.opened_ns)
        else:
            self._pipe.sink = self
        # Frames may have come with the answer to the upgrade.
        self._incoming.take(upgraded.opened_ns, upgraded.kernel)
        if upgraded.eof and not self._closed.done():
            self.eof_received(upgraded.opened_ns)
        if not self._closed.done():
            self._pipe.resume()

    # State

    @property
    def state(self) -> State:
        """OPEN, CLOSING or CLOSED (RFC 6455)."""
        return State.CLOSED if self._closed.done() else self._protocol.state

    @property
    def place(self) -> str:
        """The peer's address and port."""
        return self.handshake.remote_address

    @property
    def kernel_clock(self) -> bool:
        """Whether times are the kernel's."""
        return self._pipe.kernel_clock

    @property
    def close_code(self) -> int | None:
        """The close code received, 1006 if the connection ended without, ``None`` before."""
        received = self._protocol.close_rcvd
        if received is not None:
            return received.code
        return 1006 if self._closed.done() else None

    @property
    def close_reason(self) -> str:
        """The reason that came with the close code."""
        received = self._protocol.close_rcvd
        return received.reason if received is not None else ""

    # Receiving

    @property
    def on_message(self) -> Callable[[Message], None] | None:
        """Takes the messages as they come, when set; :meth:`receive` is of no use then."""
        return self._incoming.on_message

    @on_message.setter
    def on_message(self, listener: Callable[[Message], None] | None) -> None:
        self._incoming.on_message = listener
        while listener is not None and (message := self._inbox.take()) is not None:
            listener(message)

    async def receive(self, timeout: float | None = None) -> Message:
        """The next message.

        Raises:
            TimedOut: none came within ``timeout`` seconds.
            ConnectionClosed: the connection ended, and all that came before was taken.
            UsageError: another task is receiving, or a listener takes the messages.
        """
        message = self._inbox.take()
        if message is not None:
            return message
        if self.on_message is not None:
            raise UsageError("messages go to the 'message' handler of this connection")
        if self._inbox.awaited:
            raise UsageError("another task is receiving on this connection already")
        deadline = None if timeout is None else self._loop.time() + timeout
        while message is None:
            if self._over:
                raise self.closed_error(awaited=True)
            try:
                await self._inbox.wait(deadline)
            except TimeoutError:
                raise TimedOut(self._silence(timeout or 0.0)) from None
            message = self._inbox.take()
        return message

    def pause(self) -> None:
        """Read no more, so that the peer feels that it sends too fast."""
        self._pipe.pause()

    def resume(self) -> None:
        """Read again."""
        self._pipe.resume()

    def _silence(self, waited: float) -> Failure:
        now = self._observer.timeline.now()
        failure = diagnose_silence(
            self._pipe.socket,
            self.place,
            waited,
            messages=self._incoming.messages,
            open_ns=now - self.opened_ns,
            quiet_ns=now - self._incoming.last_ns,
            partial=len(self._protocol.reader.buffer),
        )
        return msgspec.structs.replace(failure, connection=self.number)

    # Sending

    def send(self, data: str | bytes | bytearray | memoryview) -> None:
        """Send a text (``str``) or binary message; what the socket does not take is queued.

        Raises:
            ConnectionClosed: the connection has ended.
            UsageError: it is being closed by this side.
        """
        self._must_be_open("send on")
        if isinstance(data, str):
            raw = data.encode()
            self._protocol.send_text(raw)
        else:
            data = raw = bytes(data)
            self._protocol.send_binary(raw)
        self._messages_out += 1
        self._bytes_out += len(raw)
        self.write(self._observer.timeline.now(), data, len(raw))

    async def drain(self) -> None:
        """Wait until little of what was sent is still queued here."""
        await self._pipe.drain()

    def write(self, at_ns: int, payload: str | bytes | None = None, size: int = 0) -> None:
        """Hand what the protocol wants to send to the pipe, and record its frames.

        ``payload`` and ``size`` are of the data frame among them, if there is one.
        """
        track = 0
        for opcode, fin, compressed, wire in self._protocol.take_written():
            data = opcode is _TEXT or opcode is _BINARY
            number = self._recorder.add(
                at_ns,
                "out",
                opcode,
                size if data else len(wire),
                len(wire),
                fin,
                compressed,
                payload if data else bytes(wire),
                False,
                False,
            )
            self._incoming.last_ns = at_ns
            if data:
                self._departures.last = number
            if data or opcode is _PING:
                self._departures.wrote(number, at_ns)
                track = number
        for chunk in self._protocol.data_to_send():
            if chunk:
                self._pipe.write(chunk, track)
            else:
                self._pipe.half_close()

    def _must_be_open(self, what: str) -> None:
        if self._over:
            raise self.closed_error()
        if self._protocol.state is not State.OPEN:
            raise UsageError(f"cannot {what} a WebSocket that is being closed (readyState CLOSING)")

    async def ping(self, data: bytes | None = None, timeout: float | None = None) -> RoundTrip:
        """Send a ping and wait for its pong.

        Raises:
            TimedOut: ``ws.no_pong`` or ``ws.peer_lost``; the observer is told too.
            ConnectionClosed: the connection ended before.
        """
        self._must_be_open("ping on")
        payload = self._pings.payload(data)
        if timeout is None:
            timeout = self._timeouts.pong
        # Known before it is written: a pong may come while it is.
        answered = self._pings.add(payload, self._recorder.number + 1)
        self._protocol.send_ping(payload)
        self.write(self._observer.timeline.now())
        try:
            async with asyncio.timeout(timeout):
                return await answered
        except TimeoutError:
            failure = self._tell(diagnose_no_pong(self._pipe.socket, self.place, timeout))
            raise TimedOut(failure) from None
        finally:
            self._pings.forget(payload)

    # What the incoming side tells

    def message_received(self, number: int, at_ns: int, kernel: bool) -> None:
        """A message is complete (see :class:`~checkwire.wire.session.incoming.Owner`)."""
        if self._incoming.messages == 1:
            self._phase("first_message", self.opened_ns, at_ns - self.opened_ns, kernel)
        self._departures.message_received(number, at_ns)

    def ping_received(self, data: bytes) -> None:
        """A ping came; the protocol answers it."""
        if self.on_ping is not None:
            self.on_ping(data)

    def pong_received(self, data: bytes, number: int, at_ns: int) -> None:
        """A pong came."""
        self._pings.pong(data, number, at_ns)
        if self.on_pong is not None:
            self.on_pong(data)

    def close_received(self, at_ns: int, kernel: bool) -> None:
        """A Close frame came: the answer to ours, or the server's wish to end."""
        received: Close | None = self._protocol.close_rcvd
        assert received is not None
        if self._closing_ns is not None:
            self._phase("close", self._closing_ns, at_ns - self._closing_ns, kernel)
        else:
            self._closed_by_peer = True
            self._closing_ns = at_ns
            if received.code not in NORMAL_CODES:
                age_ns = at_ns - self.opened_ns
                self.failure = self._tell(
                    diagnose_close(received.code, received.reason, self.place, age_ns)
                )
        self._set_timer(min(_LINGER, self._timeouts.close), self._finish)
        self._release_waiters()

    def violated(self, failure: Failure) -> None:
        """The peer broke the rules: say so with a Close frame, and end."""
        if self.failure is not None:
            return
        self.failure = self._tell(failure)
        if self._closed_by_peer is None:
            self._closed_by_peer = False
        self.write(self._observer.timeline.now())
        self._set_timer(_FAREWELL, self._finish)
        self._release_waiters()

    # What the pipe tells

    def data_received(self, data: bytes, at_ns: int, kernel: bool) -> None:
        """Bytes came."""
        self._incoming.feed(data, at_ns, kernel)

    def sent(self, number: int, at_ns: int, acked: bool) -> None:
        """The kernel told of a frame's way."""
        self._departures.stamped(number, at_ns, acked)

    def eof_received(self, at_ns: int) -> None:
        """The peer ended TCP."""
        self._ended(None, at_ns)

    def pipe_lost(self, error: OSError) -> None:
        """TCP broke."""
        self._ended(error, self._observer.timeline.now())

    def _ended(self, error: OSError | None, at_ns: int) -> None:
        protocol = self._protocol
        partial, missing = len(protocol.reader.buffer), None
        protocol.receive_eof()
        if protocol.close_rcvd is None and self.failure is None:
            if self._closed_by_peer is None:
                self._closed_by_peer = True
            if match := _CUT_SHORT.match(str(protocol.parser_exc or "")):
                # The frame's header is gone from the buffer; it came too.
                missing = int(match[2]) - int(match[1])
                partial = max(partial, int(match[1]), 1)
            age_ns, idle_ns = at_ns - self.opened_ns, at_ns - self._incoming.last_ns
            self.failure = self._tell(
                diagnose_loss(error, self.place, age_ns, idle_ns, partial, missing)
            )
        elif self._closed_by_peer and self._closing_ns is not None:
            self._phase("close", self._closing_ns, at_ns - self._closing_ns, False)
        self._finish()

    # Closing

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Perform the closing handshake, then end TCP. Harmless when closed already.

        Raises:
            UsageError: the code must not be sent, or the reason exceeds 123 bytes
                (RFC 6455 sections 5.5.1 and 7.4).
        """
        self.start_closing(code, reason)
        await self.wait_closed()

    def start_closing(self, code: int = 1000, reason: str = "") -> None:
        """Send the Close frame; the rest happens as the answers come."""
        if self._protocol.state is not State.OPEN or self._closed.done():
            return
        if not (code in (1000, 1001, 1002, 1003) or 1007 <= code <= 1014 or 3000 <= code <= 4999):
            raise UsageError(f"close code {code} must not be sent: use 1000 or 3000-4999")
        if len(reason.encode()) > 123:
            raise UsageError("a close reason holds at most 123 bytes")
        self._closed_by_peer = False
        self._closing_ns = self._observer.timeline.now()
        self._protocol.send_close(code, reason)
        self.write(self._closing_ns)
        # A full queue must not keep the server's Close frame out.
        self._pipe.resume()
        self._set_timer(self._timeouts.close, self._close_expired)

    async def wait_closed(self) -> None:
        """Until the connection has ended; being cancelled here ends it at once."""
        try:
            await asyncio.shield(self._closed)
        except asyncio.CancelledError:
            self.abort()
            raise

    def abort(self) -> None:
        """End at once, without a closing handshake."""
        if not self._closed.done():
            if self._closed_by_peer is None:
                self._closed_by_peer = False
            self._finish()

    def _close_expired(self) -> None:
        failure = Failure(
            code="ws.close_timeout",
            message=f"{self.place} did not answer the Close frame within "
            f"{self._timeouts.close:g} s",
            phase="close",
        )
        self._tell(failure, "warning")
        self._finish()

    def _finish(self) -> None:
        if self._closed.done():
            return
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._pipe.close()
        now = self._observer.timeline.now()
        self._recorder.flush(now)
        protocol, incoming = self._protocol, self._incoming
        received, sent = protocol.close_rcvd, protocol.close_sent
        self._observer.emit(
            events.ConnectionClosed(
                at_ns=now,
                connection=self.number,
                code=1006 if received is None else received.code,
                reason="" if received is None else self._observer.masker.text(received.reason),
                sent_code=None if sent is None else sent.code,
                initiator="remote" if self._closed_by_peer else "local",
                clean=received is not None and sent is not None,
                messages_in=incoming.messages,
                messages_out=self._messages_out,
                bytes_in=incoming.size,
                bytes_out=self._bytes_out,
                clock="kernel" if self._pipe.kernel_clock else "user",
                coalesced=self._recorder.coalesced,
            )
        )
        self._closed.set_result(None)
        self._release_waiters()
        if self.on_closed is not None:
            self.on_closed(self.close_code or 1006, self.close_reason)

    @property
    def _over(self) -> bool:
        """Whether nothing more will be received, even if TCP is still there."""
        return (
            self.failure is not None or self._protocol.close_rcvd is not None or self._closed.done()
        )

    def closed_error(self, *, awaited: bool = False) -> ConnectionClosed:
        """The exception for using the connection now that it has ended."""
        code, reason = self.close_code or 1006, self.close_reason
        failure = self.failure
        if failure is None and self._closed_by_peer:
            age_ns = (self._closing_ns or self._incoming.last_ns) - self.opened_ns
            failure = diagnose_close(code, reason, self.place, age_ns, awaited=awaited)
        if failure is None:
            what = "a message was awaited on" if awaited else "something was sent on"
            failure = Failure(
                code="check.usage",
                message=f"{what.capitalize()} a WebSocket that the check itself had closed "
                "(readyState CLOSED)",
            )
        failure = msgspec.structs.replace(failure, connection=self.number)
        return ConnectionClosed(failure, code, reason)

    def _release_waiters(self) -> None:
        self._inbox.wake()
        self._pings.fail(self.closed_error())

    def _tell(self, failure: Failure, severity: Severity = "failed") -> Failure:
        failure = msgspec.structs.replace(failure, connection=self.number)
        self._observer.failed(failure, severity)
        return failure

    def _phase(self, name: PhaseName, at_ns: int, duration_ns: int, kernel: bool) -> None:
        self.phases[name] = duration_ns
        self._observer.emit(
            Phase(
                at_ns=at_ns,
                connection=self.number,
                name=name,
                duration_ns=duration_ns,
                clock="kernel" if kernel else "user",
            )
        )

    def _set_timer(self, seconds: float, then: Callable[[], None]) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_later(seconds, then)
