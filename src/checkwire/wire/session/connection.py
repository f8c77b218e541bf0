"""An open WebSocket, client side: what its user holds."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Literal

import msgspec
from websockets.protocol import State

from checkwire.model import events
from checkwire.model.errors import ConnectionClosed, TimedOut, UsageError
from checkwire.model.events import Handshake, RoundTrip, TlsEstablished
from checkwire.model.failures import Failure
from checkwire.wire.dial.dialer import Dialled
from checkwire.wire.kernel.tcp_info import read_tcp_info
from checkwire.wire.observer import Observer
from checkwire.wire.options import ConnectOptions
from checkwire.wire.pipe import Pipe
from checkwire.wire.session.ending import Ending
from checkwire.wire.session.inbox import Inbox, Message
from checkwire.wire.session.incoming import Incoming
from checkwire.wire.session.liveness import bytes_taken, diagnose_blocked, diagnose_no_pong
from checkwire.wire.session.outgoing import Outgoing
from checkwire.wire.session.pings import Ping, Pings, is_probe
from checkwire.wire.session.probing import Probes
from checkwire.wire.session.recorder import FrameRecorder
from checkwire.wire.session.roundtrip import Departures
from checkwire.wire.session.silence import Probe, lead
from checkwire.wire.tls.pipe import TlsPipe
from checkwire.wire.upgrade.handshake import Upgraded

__all__ = ["Connection"]


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
        on_ping, on_pong: listeners, called with the payload.
        on_closed: listener, called once with close code and reason.
        early: pings and pongs that came with the answer to the upgrade, when nobody could listen:
            number of the frame, ``"ping"`` or ``"pong"``, and the payload.
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
        self.on_ping: Callable[[bytes], None] | None = None
        self.on_pong: Callable[[bytes], None] | None = None
        self.on_closed: Callable[[int, str], None] | None = None
        self._loop = dialled.pipe.loop
        self._protocol = upgraded.protocol
        self._pipe: Pipe = dialled.pipe
        self._timeouts = options.timeouts
        self._observer = observer
        self._recorder = FrameRecorder(number, observer, limits)
        self._departures = Departures(number, observer, self._pipe.socket)
        self._pings = Pings(self._departures)
        self._probes: Probes | None = None
        self._asks = options.probe
        self._inbox = Inbox(limits.queue_messages, limits.queue_bytes, self._pipe)
        self._incoming = Incoming(self, self._protocol, self._recorder, self._inbox, limits.message)
        self._outgoing = Outgoing(
            self._protocol, self._pipe, self._recorder, self._departures, self._incoming, observer
        )
        self._ending = Ending(self, self._protocol, self._pipe, self._recorder, options, observer)
        self._begin(upgraded)

    def _begin(self, upgraded: Upgraded) -> None:
        early: list[tuple[int, Literal["ping", "pong"], bytes]] = []
        self.on_ping = lambda data: early.append((self._recorder.number, "ping", data))
        self.on_pong = lambda data: early.append((self._recorder.number, "pong", data))
        self._incoming.last_ns = upgraded.opened_ns
        # Frames may have come with the answer to the upgrade, and the end too.
        data, self._protocol.early = self._protocol.early, b""
        self._incoming.feed(data, upgraded.opened_ns, upgraded.kernel, upgraded.ended is not None)
        if isinstance(self._pipe, TlsPipe):
            self._pipe.attach(self, upgraded.opened_ns)
        else:
            self._pipe.sink = self
        self.on_ping = self.on_pong = None
        self.early = tuple(early)
        if isinstance(upgraded.ended, OSError):
            self.pipe_lost(upgraded.ended)
        elif upgraded.ended is not None:
            self.eof_received(upgraded.opened_ns)
        elif not self._inbox.full:
            self._pipe.resume()

    # State

    @property
    def state(self) -> State:
        """OPEN, CLOSING or CLOSED (RFC 6455)."""
        return State.CLOSED if self._ending.done else self._protocol.state

    @property
    def failure(self) -> Failure | None:
        """What ended the connection wrongly, if anything did."""
        return self._ending.failure

    @property
    def place(self) -> str:
        """The peer's address and port."""
        return self.handshake.remote_address

    @property
    def kernel_clock(self) -> bool:
        """Whether times are the kernel's."""
        return self._pipe.kernel_clock

    @property
    def untaken(self) -> int:
        """How many messages the check has not taken yet."""
        return len(self._inbox)

    @property
    def close_code(self) -> int | None:
        """The close code received, 1006 if the connection ended without, ``None`` before."""
        received = self._protocol.close_rcvd
        if received is not None:
            return received.code
        return 1006 if self._ending.done else None

    @property
    def closed_with(self) -> tuple[int, str] | None:
        """Code and reason with which this side has closed, if it did so, and of its own will."""
        sent, ending = self._protocol.close_sent, self._ending
        if sent is None or ending.by_peer or ending.failure is not None:
            return None
        return sent.code, sent.reason

    @property
    def close_reason(self) -> str:
        """The reason that came with the close code."""
        received = self._protocol.close_rcvd
        return received.reason if received is not None else ""

    def completed(self, failure: Failure) -> Failure:
        """The failure, with its connection, and what there was of it until now in its evidence."""
        if failure.code.startswith("check."):
            return msgspec.structs.replace(failure, connection=self.number)
        incoming, outgoing = self._incoming, self._outgoing
        evidence = {
            **failure.evidence,
            "place": self.place,
            "messages_in": incoming.messages,
            "messages_out": outgoing.messages,
            "bytes_in": incoming.size,
            "bytes_out": outgoing.size,
        }
        age_ns = self._observer.timeline.now() - self.opened_ns
        evidence.setdefault("lifetime_ms", age_ns // 1_000_000)
        if (sent := self._protocol.close_sent) is not None:
            evidence.setdefault("sent_code", sent.code)
        return msgspec.structs.replace(failure, connection=self.number, evidence=evidence)

    # Receiving

    @property
    def on_message(self) -> Callable[[Message], None] | None:
        """Takes the messages as they come, when set; :meth:`receive` is of no use then."""
        return self._incoming.on_message

    @on_message.setter
    def on_message(self, listener: Callable[[Message], None] | None) -> None:
        while listener is not None and (message := self._inbox.take()) is not None:
            listener(message)
        # Only now: what comes while the listener works is behind what waits.
        self._incoming.on_message = listener

    async def receive(
        self,
        timeout: float | None = None,
        *,
        within: float | None = None,
        closing: str = "",
        probe: bool = True,
    ) -> Message:
        """The next message.

        Args:
            timeout: seconds to wait.
            within: of how many they are the rest, if others were waited for before.
            closing: what the peer should do, if it is no message that is wanted.
            probe: send a ping in the last part of the wait, if nothing comes, to find out why. To
                be left out where it is no failure that nothing comes.

        Raises:
            TimedOut: none came within ``timeout`` seconds: ``timeout.first_message``,
                ``timeout.message`` or ``timeout.close``; ``ws.no_pong``, ``ws.send_blocked`` or
                ``ws.peer_lost``, if the peer is not even there to send one.
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
        until = deadline = None if timeout is None else self._loop.time() + timeout
        if timeout is not None and deadline is not None and probe and self._asks:
            until = deadline - lead(timeout)
        asked: Probe | None = None
        try:
            while message is None:
                if self._ending.over:
                    raise self.closed_error(awaited=True)
                late = False
                try:
                    await self._inbox.wait(until)
                except TimeoutError:
                    late = True
                    self._pipe.read_now()  # It may be here, and the event loop have been held up.
                message = self._inbox.take()
                if not late or message is not None or self._ending.over:
                    continue
                if until == deadline:
                    waited = timeout if within is None else within
                    raise TimedOut(self.judge_silence(waited or 0.0, closing, asked))
                until, asked = deadline, self.ask(deadline)
        finally:
            if asked is not None:
                self._probing.end(asked)
        return message

    @property
    def _probing(self) -> Probes:
        if self._probes is None:
            self._probes = Probes(
                self, self._protocol, self._pipe, self._pings, self._incoming, self._observer
            )
        return self._probes

    def ask(self, deadline: float | None) -> Probe | None:
        """Ask a peer from which nothing comes whether it is there; to be judged by then."""
        return None if deadline is None else self._probing.ask(deadline)

    def judge_silence(self, waited: float, closing: str, probe: Probe | None) -> Failure:
        """Why nothing came for so many seconds; see :meth:`receive`."""
        return self.completed(self._probing.judge(waited, closing, probe))

    def answered(self, message: Message) -> None:
        """The user takes a message for the answer to what it sent: tell the round trip."""
        self._departures.answered(message.frame, message.at_ns)

    @property
    def awaited(self) -> bool:
        """Whether somebody waits for a message at this moment."""
        return not self._ending.over and (self._inbox.awaited or self.on_message is not None)

    def pause(self) -> None:
        """Read no more, so that the peer feels that it sends too fast; not in :attr:`closing`."""
        if not self._inbox.closing:
            self._pipe.pause()

    def resume(self) -> None:
        """Read again."""
        self._pipe.resume()

    # Sending

    def send(self, data: str | bytes | bytearray | memoryview) -> None:
        """Send a text (``str``) or binary message; what the socket does not take is queued.

        Raises:
            ConnectionClosed: the connection has ended.
            UsageError: it is being closed by this side, or the text cannot be encoded.
        """
        self._must_be_open("send on")
        self._outgoing.send(data)

    async def drain(self) -> None:
        """Wait until little of what was sent is still queued here.

        Raises:
            TimedOut: ``ws.send_blocked``: for as long as the timeout for sending, the server took
                nothing; ``ws.slow_consumer``: and neither did the check; ``ws.peer_lost``: its
                kernel did not answer either. The observer is told too.
            ConnectionClosed: the connection ended before.
        """
        if not self._pipe.congested:
            return
        timeout = self._timeouts.send
        while self._pipe.congested:
            taken, before = bytes_taken(self._pipe), read_tcp_info(self._pipe.socket)
            with suppress(TimeoutError):
                async with asyncio.timeout(timeout):
                    await self._pipe.drain()
            # Being slow is not being stuck.
            if self._pipe.congested and bytes_taken(self._pipe) == taken:
                blocked = diagnose_blocked(
                    self._pipe, self.place, timeout, len(self._inbox), before
                )
                raise TimedOut(self._ending.tell(blocked))
        if self._ending.over:
            raise self.closed_error()

    def write(self, at_ns: int | None = None) -> None:
        """Send what the protocol wants to, and record it as sent then, or now."""
        self._outgoing.write(at_ns)

    def _must_be_open(self, what: str) -> None:
        if self._ending.over:
            raise self.closed_error()
        if self._protocol.state is not State.OPEN:
            raise UsageError(f"cannot {what} a WebSocket that is being closed (readyState CLOSING)")

    async def ping(self, data: bytes | None = None, timeout: float | None = None) -> RoundTrip:
        """Send a ping and wait for its pong.

        Raises:
            TimedOut: ``ws.no_pong``, ``ws.peer_lost``, ``ws.send_blocked`` or
                ``ws.slow_consumer``; the observer is told too.
            ConnectionClosed: the connection ended before.
            UsageError: the connection is being closed by this side, or the payload cannot be sent.
        """
        return await self.pong(self.start_ping(data), timeout)

    def start_ping(self, data: bytes | None = None) -> Ping:
        """Send a ping; :meth:`pong` waits for its answer. Raises as :meth:`ping`."""
        self._must_be_open("ping on")
        return self.send_ping(self._pings.payload(data), quiet=False)

    def send_ping(self, payload: bytes, *, quiet: bool) -> Ping:
        """Send a ping on an open connection; of a ``quiet`` one the observer hears no more."""
        pipe = self._pipe
        taken, before = bytes_taken(pipe), read_tcp_info(pipe.socket)
        # Known before it is written: a pong may come while it is.
        answered = self._pings.add(payload, self._recorder.number + 1, quiet=quiet)
        self._protocol.send_ping(payload)
        self.write()
        end = pipe.written + pipe.unwritten
        return Ping(payload, answered, self._loop.time(), before, taken, end)

    async def pong(self, ping: Ping, timeout: float | None = None) -> RoundTrip:
        """The pong to a ping, ``timeout`` seconds after that was sent at the latest.

        Raises:
            TimedOut, ConnectionClosed: as :meth:`ping`.
        """
        if timeout is None:
            timeout = self._timeouts.pong
        timer = self._loop.call_at(ping.sent + timeout, self._expire, ping.answered)
        try:
            return await ping.answered
        except TimeoutError:
            failure = self._incoming.foreign() or diagnose_no_pong(
                self._pipe, self.place, timeout, ping, len(self._inbox)
            )
            raise TimedOut(self._ending.tell(failure)) from None
        finally:
            timer.cancel()
            self._pings.forget(ping.payload)

    def _expire(self, answered: asyncio.Future[RoundTrip]) -> None:
        self._pipe.read_now()  # As in receive().
        if not answered.done():
            answered.set_exception(TimeoutError())

    # What the incoming side tells

    def message_received(self, at_ns: int, kernel: bool) -> None:
        """The first message is complete (see :class:`~.incoming.Owner`)."""
        took_ns = at_ns - self.opened_ns
        self._ending.tell_phase("first_message", self.opened_ns, took_ns, kernel)

    def ping_received(self, data: bytes) -> None:
        """A ping came; the protocol answers it."""
        if self.on_ping is not None:
            self.on_ping(data)

    def pong_received(self, data: bytes, number: int, at_ns: int) -> None:
        """A pong came."""
        self._pings.pong(data, number, at_ns)
        if is_probe(data):
            self._probing.late()
        elif self.on_pong is not None:
            self.on_pong(data)

    def close_received(self, at_ns: int, kernel: bool) -> None:
        """A Close frame came."""
        self._ending.close_received(at_ns, kernel)

    def violated(self, failure: Failure) -> None:
        """The peer broke the rules."""
        self._ending.violated(failure)

    # What the pipe tells

    def data_received(self, data: bytes | memoryview, at_ns: int, kernel: bool) -> None:
        """Bytes came."""
        self._incoming.feed(data, at_ns, kernel, self._pipe.ending)

    def sent(self, number: int, at_ns: int, acked: bool) -> None:
        """The kernel told of a frame's way."""
        self._departures.stamped(number, at_ns, acked)

    def drained(self) -> None:
        """Little is queued again."""
        self._outgoing.drained()

    def eof_received(self, at_ns: int) -> None:
        """The peer ended TCP."""
        self._ending.lost(None, at_ns)

    def pipe_lost(self, error: OSError) -> None:
        """TCP broke."""
        self._ending.lost(error, self._observer.timeline.now())

    # Closing

    @property
    def closing(self) -> bool:
        """Whether this side has begun to close. All is read from then on, however much it is."""
        return self._inbox.closing

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
        self._ending.check(code, reason)
        # A full queue must not keep the server's Close frame out.
        self._inbox.closing = True
        self._pipe.resume()
        self._ending.start(code, reason)

    async def wait_closed(self) -> None:
        """Until the connection has ended; being cancelled here ends it at once."""
        try:
            await self._ending.wait()
        except asyncio.CancelledError:
            self.abort()
            raise

    def last_words(self) -> Failure | None:
        """What came as the last thing, if it is no WebSocket."""
        return self._incoming.foreign(over=True)

    def abort(self) -> None:
        """End at once, without a closing handshake."""
        self._ending.abort()

    def closed_error(self, *, awaited: bool = False) -> ConnectionClosed:
        """The exception for using the connection now that it has ended."""
        return self._ending.error(awaited=awaited)

    def nothing_more(self) -> None:
        """No message and no pong will come (see :class:`~checkwire.wire.session.ending.Owner`)."""
        self._inbox.wake()
        if self._pings.waiting:
            self._pings.fail(self.closed_error())

    def ended(self) -> None:
        """The end has come (see :class:`~checkwire.wire.session.ending.Owner`)."""
        now = self._observer.timeline.now()
        self._incoming.stop()
        self._recorder.flush(now)
        ending, incoming = self._ending, self._incoming
        received, sent = self._protocol.close_rcvd, self._protocol.close_sent
        self._observer.emit(
            events.ConnectionClosed(
                at_ns=now,
                connection=self.number,
                code=1006 if received is None else received.code,
                reason=ending.shown_reason,
                sent_code=None if sent is None else sent.code,
                initiator="remote" if ending.by_peer else "local",
                clean=ending.clean,
                messages_in=incoming.messages,
                messages_out=self._outgoing.messages,
                bytes_in=incoming.size,
                bytes_out=self._outgoing.size,
                clock="kernel" if self._pipe.kernel_clock else "user",
                coalesced=self._recorder.coalesced,
            )
        )
        self.nothing_more()
        if self.on_closed is not None:
            self.on_closed(self.close_code or 1006, self.close_reason)
