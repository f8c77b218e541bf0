"""An open WebSocket: frames both ways, pings, and the end."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Callable
from typing import Any

import msgspec
from websockets.frames import Close, Frame, Opcode
from websockets.protocol import State

from checkwire.model import events
from checkwire.model.errors import ConnectionClosed, TimedOut, UsageError
from checkwire.model.events import Handshake, Phase, PhaseName, RoundTrip
from checkwire.model.failures import Failure, Severity
from checkwire.wire.assembly import Assembler
from checkwire.wire.closing import (
    NORMAL_CODES,
    diagnose_close,
    diagnose_loss,
    diagnose_violation,
)
from checkwire.wire.inbox import Inbox, Message
from checkwire.wire.kernel.tcp_info import read_tcp_info
from checkwire.wire.observer import Observer
from checkwire.wire.options import ConnectOptions
from checkwire.wire.pipe import Pipe
from checkwire.wire.recorder import FrameRecorder
from checkwire.wire.roundtrip import Departures
from checkwire.wire.tls.pipe import TlsPipe
from checkwire.wire.upgrade.handshake import Upgraded

__all__ = ["Connection"]

_NAMES: dict[Opcode, events.Opcode] = {
    Opcode.CONT: "continuation",
    Opcode.TEXT: "text",
    Opcode.BINARY: "binary",
    Opcode.CLOSE: "close",
    Opcode.PING: "ping",
    Opcode.PONG: "pong",
}
_TEXT, _BINARY, _CONT = Opcode.TEXT, Opcode.BINARY, Opcode.CONT
_LINGER = 1.0
"""Seconds the server gets to end TCP once both Close frames are through (RFC 6455 7.1.1)."""
_FAREWELL = 0.25
"""Seconds a Close frame that tells of a violation gets on its way."""
_CUT_SHORT = re.compile(r"stream ends after (\d+) bytes, expected (\d+) bytes")


class Connection:
    """A WebSocket connection, client side.

    Everything that happens on it is told to the observer, with its time. One task may receive at a
    time; any may send.

    Attributes:
        number: counts the connections of the attempt, from 1.
        url: as it was given.
        handshake: request, response and addresses.
        phases: nanoseconds per phase ended so far.
        opened_ns: when the server's answer to the upgrade arrived.
        failure: what ended it wrongly, if anything did.
        on_message, on_ping, on_pong, on_closed: listeners; with ``on_message`` set, messages go
            there and not to :meth:`receive`.
    """

    def __init__(
        self,
        url: str,
        pipe: Pipe,
        upgraded: Upgraded,
        phases: dict[str, int],
        options: ConnectOptions,
        observer: Observer,
        number: int,
    ) -> None:
        limits = options.limits
        self.number = number
        self.url = url
        self.handshake: Handshake = upgraded.handshake
        self.phases = phases
        self.opened_ns = upgraded.opened_ns
        self.failure: Failure | None = None
        self.on_message: Callable[[Message], None] | None = None
        self.on_ping: Callable[[bytes], None] | None = None
        self.on_pong: Callable[[bytes], None] | None = None
        self.on_closed: Callable[[int, str], None] | None = None
        self._loop = asyncio.get_running_loop()
        self._protocol = upgraded.protocol
        self._pipe = pipe
        self._options = options
        self._observer = observer
        self._recorder = FrameRecorder(number, observer, limits)
        self._departures = Departures(number, observer)
        self._assembler = Assembler()
        self._inbox = Inbox(limits.queue_messages, limits.queue_bytes, pipe.pause, pipe.resume)
        self._pings: dict[bytes, tuple[int, asyncio.Future[RoundTrip]]] = {}
        self._closed: asyncio.Future[None] = self._loop.create_future()
        self._timer: asyncio.TimerHandle | None = None
        self._initiator: str = ""
        self._closing_ns: int | None = None
        self._last_frame_ns = upgraded.opened_ns
        self._messages_in = self._messages_out = self._bytes_in = self._bytes_out = 0
        self._begin(upgraded)

    def _begin(self, upgraded: Upgraded) -> None:
        pipe = self._pipe
        if isinstance(pipe, TlsPipe):
            pipe.attach(self, upgraded.opened_ns)
        else:
            pipe.sink = self
        # Frames may have come with the answer itself.
        self._take_frames(upgraded.opened_ns, upgraded.kernel, b"")
        if upgraded.eof and not self._closed.done():
            self.eof_received(upgraded.opened_ns)
        if not self._closed.done():
            pipe.resume()

    # State

    @property
    def state(self) -> State:
        """CONNECTING, OPEN, CLOSING or CLOSED (RFC 6455); it is never CONNECTING here."""
        return State.CLOSED if self._closed.done() else self._protocol.state

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

    def data_received(self, data: bytes, at_ns: int, kernel: bool) -> None:
        """Bytes came (called by the pipe)."""
        protocol = self._protocol
        if data.startswith(b"HTTP/1.") and not protocol.reader.buffer and not self._closed.done():
            self._injected_http(data)
            return
        if protocol.reader.eof:
            return
        protocol.receive_data(data)
        self._take_frames(at_ns, kernel, data)

    def _take_frames(self, at_ns: int, kernel: bool, data: bytes) -> None:
        protocol = self._protocol
        frames: list[Any] = protocol.events_received()
        sizes = protocol.take_read()
        last = len(frames) - 1
        for index, frame in enumerate(frames):
            if not isinstance(frame, Frame):  # The response of the opening handshake.
                if sizes is not None:
                    sizes.insert(0, (0, False))
                continue
            size, compressed = (len(frame.data), False) if sizes is None else sizes[index]
            opcode = frame.opcode
            if opcode is _TEXT or opcode is _BINARY or opcode is _CONT:
                self._data_frame(frame, at_ns, kernel, index < last, size, compressed)
            else:
                self._control_frame(frame, at_ns, kernel, index < last)
        if protocol.writes:
            self._write(at_ns)
        if protocol.parser_exc is not None and self.failure is None and not protocol.reader.eof:
            place = self.handshake.remote_address
            error = protocol.parser_exc
            self._fail(diagnose_violation(error, place, self._recorder.number, data), _FAREWELL)

    def _data_frame(
        self,
        frame: Frame,
        at_ns: int,
        kernel: bool,
        coalesced: bool,
        wire_size: int,
        compressed: bool,
    ) -> None:
        self._last_frame_ns = at_ns
        self._bytes_in += len(frame.data)
        try:
            data = self._assembler.add(frame)
        except UnicodeDecodeError as error:
            data = None
            self._invalid_utf8(error)
        number = self._recorder.add(
            at_ns,
            "in",
            _NAMES[frame.opcode],
            len(frame.data),
            wire_size,
            fin=frame.fin,
            compressed=compressed,
            payload=data,
            kernel=kernel,
            coalesced=coalesced,
        )
        if data is None:
            return
        self._messages_in += 1
        if self._messages_in == 1:
            self._phase("first_message", self.opened_ns, at_ns - self.opened_ns, kernel)
        departures = self._departures
        if departures.last > departures.last_answered:
            departures.last_answered = departures.last
            departures.answered("reply", departures.last, number, at_ns)
        message = Message(data, at_ns, number)
        if self.on_message is not None:
            self.on_message(message)
        else:
            self._inbox.put(message)

    def _invalid_utf8(self, error: UnicodeDecodeError) -> None:
        place = self.handshake.remote_address
        self._protocol.fail(1007, f"invalid UTF-8 at byte {error.start}")
        self._fail(diagnose_violation(error, place, self._recorder.number, b""), _FAREWELL)

    def _control_frame(self, frame: Frame, at_ns: int, kernel: bool, coalesced: bool) -> None:
        self._last_frame_ns = at_ns
        data = bytes(frame.data)
        number = self._recorder.add(
            at_ns,
            "in",
            _NAMES[frame.opcode],
            len(data),
            len(data),
            payload=_shown(frame.opcode, data),
            kernel=kernel,
            coalesced=coalesced,
        )
        if frame.opcode is Opcode.PING:
            if self.on_ping is not None:
                self.on_ping(data)
        elif frame.opcode is Opcode.PONG:
            self._pong(data, number, at_ns)
        else:
            self._close_received(at_ns, kernel)

    def _injected_http(self, data: bytes) -> None:
        line = data.partition(b"\r\n")[0][:100].decode("latin-1")
        self._protocol.fail(1002, "HTTP inside the WebSocket stream")
        message = f"{self.handshake.remote_address} sent HTTP inside the open WebSocket: {line}"
        evidence = {"first_bytes": data[:512].decode("latin-1")}
        failure = Failure(code="ws.not_websocket", message=message, phase="open", evidence=evidence)
        self._fail(failure, _FAREWELL)

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
        try:
            async with asyncio.timeout(timeout):
                while True:
                    if self.failure is not None or self._protocol.close_rcvd is not None:
                        raise self.closed_error(awaited=True)
                    if self._closed.done():
                        raise self.closed_error(awaited=True)
                    await self._inbox.wait()
                    message = self._inbox.take()
                    if message is not None:
                        return message
        except TimeoutError:
            raise TimedOut(self._nothing_came(timeout or 0.0)) from None

    def _nothing_came(self, timeout: float) -> Failure:
        now = self._observer.timeline.now()
        place = self.handshake.remote_address
        evidence: dict[str, Any] = {
            "messages": self._messages_in,
            "waited_ms": round(timeout * 1e3),
        }
        info = read_tcp_info(self._pipe.socket)
        if info is not None:
            evidence["unacknowledged_segments"] = info.unacked
            evidence["retransmits"] = info.retransmits
        partial = len(self._protocol.reader.buffer)
        if partial:
            evidence["partial_bytes"] = partial
        if not self._messages_in:
            age = (now - self.opened_ns) / 1e9
            code = "timeout.first_message"
            message = f"{place} sent no message within {timeout:g} s; open for {age:.1f} s"
        else:
            quiet = (now - self._last_frame_ns) / 1e9
            code = "timeout.message"
            message = f"No further message came from {place} within {timeout:g} s"
            message += f"; {self._messages_in} before, the last frame {quiet:.1f} s ago"
        return Failure(
            code=code, message=message, phase="open", evidence=evidence, connection=self.number
        )

    # Sending

    def send(self, data: str | bytes | bytearray | memoryview) -> None:
        """Send a text (``str``) or binary message; what the socket does not take is queued.

        Raises:
            ConnectionClosed: the connection has ended.
            UsageError: it is being closed by this side.
        """
        self._must_be_open("send on")
        protocol = self._protocol
        if isinstance(data, str):
            raw = data.encode()
            protocol.send_text(raw)
        else:
            raw = bytes(data)
            protocol.send_binary(raw)
        self._messages_out += 1
        self._bytes_out += len(raw)
        self._write(self._observer.timeline.now(), data if isinstance(data, str) else raw)

    async def drain(self) -> None:
        """Wait until little of what was sent is still queued here."""
        await self._pipe.drain()

    def _write(self, at_ns: int, payload: str | bytes | None = None) -> None:
        """Hand what the protocol wants to send to the pipe, and record its frames."""
        track = 0
        for opcode, fin, compressed, wire in self._protocol.take_written():
            data = opcode is _TEXT or opcode is _BINARY
            shown = payload if data else _shown(opcode, bytes(wire))
            size = len(wire)
            if data and payload is not None:
                size = len(payload) if isinstance(payload, bytes) else len(payload.encode())
            number = self._recorder.add(
                at_ns,
                "out",
                _NAMES[opcode],
                size,
                len(wire),
                fin=fin,
                compressed=compressed,
                payload=shown,
            )
            self._last_frame_ns = at_ns
            if data:
                self._departures.last = number
            if data or opcode is Opcode.PING:
                self._departures.wrote(number, at_ns)
                track = number
        for chunk in self._protocol.data_to_send():
            if chunk:
                self._pipe.write(chunk, track)
            else:
                self._pipe.half_close()

    def _must_be_open(self, what: str) -> None:
        if self._closed.done() or self.failure is not None:
            raise self.closed_error()
        if self._protocol.state is not State.OPEN:
            if self._protocol.close_rcvd is not None:
                raise self.closed_error()
            raise UsageError(f"cannot {what} a WebSocket that is being closed (readyState CLOSING)")

    def sent(self, number: int, at_ns: int, acked: bool) -> None:
        """The kernel told of a frame's way (called by the pipe)."""
        if number > 0:
            self._departures.stamped(number, at_ns, acked)

    # Pings

    async def ping(self, data: bytes | None = None, timeout: float | None = None) -> RoundTrip:
        """Send a ping and wait for its pong.

        Raises:
            TimedOut: ``ws.no_pong``.
            ConnectionClosed: the connection ended before.
        """
        self._must_be_open("ping on")
        payload = os.urandom(4) if data is None else data
        if len(payload) > 125:
            raise UsageError("a ping holds at most 125 bytes (RFC 6455 section 5.5)")
        if payload in self._pings:
            raise UsageError("a ping with the same payload is under way")
        if timeout is None:
            timeout = self._options.timeouts.pong
        answered: asyncio.Future[RoundTrip] = self._loop.create_future()
        self._protocol.send_ping(payload)
        # Known before it is written: the pong cannot be faster.
        self._pings[payload] = (self._recorder.number + 1, answered)
        self._write(self._observer.timeline.now())
        try:
            async with asyncio.timeout(timeout):
                return await answered
        except TimeoutError:
            failure = self._no_pong(timeout)
            self._tell(failure)
            raise TimedOut(failure) from None
        finally:
            self._pings.pop(payload, None)

    def _pong(self, data: bytes, number: int, at_ns: int) -> None:
        if data in self._pings:
            # A pong also answers the pings before it (RFC 6455 section 5.5.3).
            for payload in list(self._pings):
                request, answered = self._pings.pop(payload)
                round_trip = self._departures.answered("ping", request, number, at_ns)
                if not answered.done() and round_trip is not None:
                    answered.set_result(round_trip)
                if payload == data:
                    break
        if self.on_pong is not None:
            self.on_pong(data)

    def _no_pong(self, timeout: float) -> Failure:
        place = self.handshake.remote_address
        info = read_tcp_info(self._pipe.socket)
        evidence: dict[str, Any] = {"waited_ms": round(timeout * 1e3)}
        if info is None:
            acknowledged = ""
        elif info.unacked:
            evidence["unacknowledged_segments"] = info.unacked
            return Failure(
                code="ws.peer_lost",
                message=f"{place} has not acknowledged a ping for {timeout:g} s",
                phase="open",
                evidence=evidence,
                connection=self.number,
            )
        else:
            acknowledged = ", though its kernel acknowledged it"
        return Failure(
            code="ws.no_pong",
            message=f"{place} did not answer a ping within {timeout:g} s{acknowledged}",
            phase="open",
            evidence=evidence,
            connection=self.number,
        )

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
        """Send the Close frame, and see to the rest in the background."""
        if self._protocol.state is not State.OPEN or self._closed.done():
            return
        if not (code in (1000, 1001, 1002, 1003) or 1007 <= code <= 1014 or 3000 <= code <= 4999):
            raise UsageError(f"close code {code} must not be sent: use 1000 or 3000-4999")
        if len(reason.encode()) > 123:
            raise UsageError("a close reason holds at most 123 bytes")
        self._initiator = "local"
        self._closing_ns = self._observer.timeline.now()
        self._protocol.send_close(code, reason)
        self._write(self._closing_ns)
        # A full queue must not keep the server's Close frame out.
        self._pipe.resume()
        self._set_timer(self._options.timeouts.close, self._close_expired)

    def _close_received(self, at_ns: int, kernel: bool) -> None:
        received: Close | None = self._protocol.close_rcvd
        assert received is not None
        if self._closing_ns is None:
            self._initiator = "remote"
            self._closing_ns = at_ns
            if received.code not in NORMAL_CODES:
                self.failure = self._tell(
                    diagnose_close(
                        received.code,
                        received.reason,
                        self.handshake.remote_address,
                        at_ns - self.opened_ns,
                    )
                )
        else:
            self._phase("close", self._closing_ns, at_ns - self._closing_ns, kernel)
        self._set_timer(min(_LINGER, self._options.timeouts.close), self._finish)
        self._release_waiters()

    def _close_expired(self) -> None:
        seconds = self._options.timeouts.close
        failure = Failure(
            code="ws.close_timeout",
            message=f"{self.handshake.remote_address} did not answer the Close frame within "
            f"{seconds:g} s",
            phase="close",
        )
        self._tell(failure, "warning")
        self._finish()

    def eof_received(self, at_ns: int) -> None:
        """The peer ended TCP (called by the pipe)."""
        self._ended(None, at_ns)

    def pipe_lost(self, error: OSError) -> None:
        """TCP broke (called by the pipe)."""
        self._ended(error, self._observer.timeline.now())

    def _ended(self, error: OSError | None, at_ns: int) -> None:
        protocol = self._protocol
        partial, missing = len(protocol.reader.buffer), None
        protocol.receive_eof()
        if protocol.close_rcvd is None and self.failure is None:
            if not self._initiator:
                self._initiator = "remote"
            if match := _CUT_SHORT.match(str(protocol.parser_exc or "")):
                # The frame's header is gone from the buffer; it came too.
                missing = int(match[2]) - int(match[1])
                partial = max(partial, int(match[1]), 1)
            self.failure = self._tell(
                diagnose_loss(
                    error,
                    self.handshake.remote_address,
                    at_ns - self.opened_ns,
                    at_ns - self._last_frame_ns,
                    partial,
                    missing,
                )
            )
        elif self._initiator == "remote" and self._closing_ns is not None:
            self._phase("close", self._closing_ns, at_ns - self._closing_ns, False)
        self._finish()

    def _fail(self, failure: Failure, linger: float) -> None:
        """The peer broke the rules: say so with a Close frame, and end."""
        self.failure = self._tell(failure)
        if not self._initiator:
            self._initiator = "local"
        self._write(self._observer.timeline.now())
        self._set_timer(linger, self._finish)
        self._release_waiters()

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

    def _release_waiters(self) -> None:
        self._inbox.wake()
        for _, answered in self._pings.values():
            if not answered.done():
                answered.set_exception(self.closed_error())

    def abort(self) -> None:
        """End at once, without a closing handshake."""
        if not self._closed.done():
            self._initiator = self._initiator or "local"
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
        protocol = self._protocol
        received, sent = protocol.close_rcvd, protocol.close_sent
        self._observer.emit(
            events.ConnectionClosed(
                at_ns=now,
                connection=self.number,
                code=1006 if received is None else received.code,
                reason="" if received is None else self._observer.masker.text(received.reason),
                sent_code=None if sent is None else sent.code,
                initiator="remote" if self._initiator == "remote" else "local",
                clean=received is not None and sent is not None,
                messages_in=self._messages_in,
                messages_out=self._messages_out,
                bytes_in=self._bytes_in,
                bytes_out=self._bytes_out,
                clock="kernel" if self._pipe.kernel_clock else "user",
                coalesced=self._recorder.coalesced,
            )
        )
        self._closed.set_result(None)
        self._release_waiters()
        if self.on_closed is not None:
            self.on_closed(self.close_code or 1006, self.close_reason)

    async def wait_closed(self) -> None:
        """Until the connection has ended."""
        try:
            await asyncio.shield(self._closed)
        except asyncio.CancelledError:
            if not self._closed.done():
                self.abort()
            raise

    def closed_error(self, *, awaited: bool = False) -> ConnectionClosed:
        """The exception for using the connection now that it has ended."""
        code, reason = self.close_code or 1006, self.close_reason
        failure = self.failure
        if failure is None and self._protocol.close_rcvd is not None:
            age_ns = (self._closing_ns or self._last_frame_ns) - self.opened_ns
            failure = diagnose_close(
                code, reason, self.handshake.remote_address, age_ns, awaited=awaited
            )
        if failure is None:
            failure = Failure(
                code="check.usage", message="This WebSocket was closed by the check itself"
            )
        failure = msgspec.structs.replace(failure, connection=self.number)
        return ConnectionClosed(failure, code, reason)


def _shown(opcode: Opcode, data: bytes) -> str | bytes | None:
    """A control frame's payload, as a reader wants to see it."""
    if not data:
        return None
    if opcode is Opcode.CLOSE and len(data) >= 2:
        code = int.from_bytes(data[:2], "big")
        return f"{code} {data[2:].decode('utf-8', 'replace')}".rstrip()
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return data
    return text if text.isprintable() else data
