"""How a connection comes to its end: from the first sign of it to the last event."""

from __future__ import annotations

import asyncio
import re
import time
import weakref
from collections.abc import Callable
from typing import Protocol

from websockets.protocol import State

from checkwire.model.close_codes import family_of
from checkwire.model.errors import ConnectionClosed, UsageError
from checkwire.model.events import Handshake, Phase, PhaseName
from checkwire.model.failures import Failure, Severity
from checkwire.model.timers import Lapse
from checkwire.wire.observer import Observer
from checkwire.wire.options import ConnectOptions
from checkwire.wire.pipe import Pipe
from checkwire.wire.session.closing import diagnose_close_timeout, diagnose_loss
from checkwire.wire.session.ends import (
    NORMAL_CODES,
    Circumstances,
    diagnose_close,
    diagnose_close_answer,
)
from checkwire.wire.session.protocol import MeasuredProtocol
from checkwire.wire.session.recorder import FrameRecorder
from checkwire.wire.session.tokens import expiry_of

__all__ = ["Ending", "Owner"]

_LINGER = 0.25
"""Seconds the server gets to end TCP once both Close frames are through (RFC 6455 7.1.1)."""
_FAREWELL = 0.25
"""Seconds a Close frame that tells of a violation gets on its way."""
_CUT_SHORT = re.compile(r"stream ends after (\d+) bytes, expected (\d+) bytes")


class Owner(Protocol):
    """What the ending asks of its connection."""

    number: int
    url: str
    handshake: Handshake
    opened_ns: int
    phases: dict[str, int]

    @property
    def place(self) -> str:
        """The peer's address."""

    def completed(self, failure: Failure) -> Failure:
        """The failure, with what is told with each of this connection."""

    @property
    def untaken(self) -> int:
        """How many messages the check has not taken yet."""

    def write(self, at_ns: int) -> None:
        """The protocol has something to send."""

    def last_words(self) -> Failure | None:
        """What came as the last thing, if it is no WebSocket."""

    def nothing_more(self) -> None:
        """No message and no pong will come any more."""

    def ended(self) -> None:
        """The end has come; the pipe is closed."""


class Ending:
    """The closing half of a connection.

    Attributes:
        failure: what ended it wrongly, if anything did.
        by_peer: whether the peer began: sent the first Close frame, or ended TCP. ``None`` while
            nobody has.
        done: whether it has ended.
    """

    def __init__(
        self,
        owner: Owner,
        protocol: MeasuredProtocol,
        pipe: Pipe,
        recorder: FrameRecorder,
        options: ConnectOptions,
        observer: Observer,
    ) -> None:
        self._owner: Owner = weakref.proxy(owner)  # As in Incoming.
        self._protocol = protocol
        self._pipe = pipe
        self._recorder = recorder
        self._options = options
        self._timeout = options.timeouts.close
        self._observer = observer
        self._loop = pipe.loop
        self._timer: asyncio.TimerHandle | None = None
        self._began_ns: int | None = None
        self._about: Circumstances | None = None
        """Those in which the server closed."""
        self.failure: Failure | None = None
        self.by_peer: bool | None = None
        self.done = False
        self._waiters: list[asyncio.Future[None]] = []

    @property
    def over(self) -> bool:
        """Whether nothing more will be received, even if TCP is still there."""
        return self.failure is not None or self._protocol.close_rcvd is not None or self.done

    @property
    def shown_reason(self) -> str:
        """The reason of the Close frame received, masked; empty if there is none.

        A Close frame has little room: the reason may have been cut by its author.
        """
        received = self._protocol.close_rcvd
        reason = "" if received is None else received.reason
        return self._observer.masker.excerpt(reason, len(reason), ends=False)

    # Begun here

    @property
    def _open(self) -> bool:
        return self._protocol.state is State.OPEN and not self.done

    def check(self, code: int, reason: str) -> None:
        """Refuse what must not be sent, if anything is still to be sent.

        Raises:
            UsageError: for the code, or the reason.
        """
        if not self._open:
            return
        if not (code in (1000, 1001, 1002, 1003) or 1007 <= code <= 1014 or 3000 <= code <= 4999):
            raise UsageError(f"close code {code} must not be sent: use 1000 or 3000-4999")
        if len(reason.encode()) > 123:
            raise UsageError("a close reason holds at most 123 bytes")

    def start(self, code: int, reason: str) -> None:
        """Send a Close frame; the rest happens as the answers come."""
        if self._open:
            # The server may have ended it before, and the event loop not have told of that yet.
            self._pipe.read_now()
        if not self._open:
            return
        self.by_peer = False
        self._began_ns = self._observer.timeline.now()
        self._protocol.send_close(code, reason)
        self._owner.write(self._began_ns)
        self._set_timer(self._timeout, self._expired)

    def violated(self, failure: Failure) -> None:
        """The peer broke the rules: say so with a Close frame, and end."""
        if self.failure is not None or self.done:
            return
        self.failure = self.tell(failure)
        if self.by_peer is None:
            self.by_peer = False
        self._owner.write(self._observer.timeline.now())
        self._set_timer(_FAREWELL, self._finish)
        self._owner.nothing_more()

    def abort(self) -> None:
        """End at once, without a closing handshake."""
        if self.by_peer is None:
            self.by_peer = False
        self._finish()

    # Begun, or answered, there

    def close_received(self, at_ns: int, kernel: bool) -> None:
        """A Close frame came: the answer to ours, or the server's wish to end."""
        received, sent = self._protocol.close_rcvd, self._protocol.close_sent
        assert received is not None
        # One that was here before ours went out is no answer, though it was read later.
        if self._began_ns is not None and at_ns >= self._began_ns:
            self.tell_phase("close", self._began_ns, at_ns - self._began_ns, kernel)
            if sent is not None and received.code not in (sent.code, *NORMAL_CODES):
                answer = diagnose_close_answer(
                    received.code, self.shown_reason, self._circumstances(at_ns), sent.code
                )
                self.tell(answer, "warning")
        else:
            self.by_peer = True
            self._began_ns = at_ns
            cut_short = self._protocol.cut_short
            self._about = self._circumstances(at_ns)
            if received.code not in NORMAL_CODES or cut_short:
                self.failure = self.tell(self._diagnose_close(cut_short=cut_short))
        self._set_timer(min(_LINGER, self._timeout), self._finish)
        self._owner.nothing_more()

    def lost(self, error: OSError | None, at_ns: int) -> None:
        """TCP ended; with an error, it broke."""
        if self.done:
            return
        protocol = self._protocol
        foreign = self._owner.last_words()
        partial, missing = len(protocol.reader.buffer), None
        protocol.receive_eof()
        if protocol.close_rcvd is None and self.failure is None:
            if match := _CUT_SHORT.match(str(protocol.parser_exc or "")):
                # The frame's header is gone from the buffer; it came too.
                missing = int(match[2]) - int(match[1])
                partial = max(partial, int(match[1]), 1)
            failure = foreign or diagnose_loss(
                error,
                self._circumstances(at_ns, reset=isinstance(error, ConnectionResetError)),
                partial,
                missing,
                sent=None if protocol.close_sent is None else protocol.close_sent.code,
                closing=self._began_ns is not None,
            )
            if self._began_ns is None:
                self.by_peer = True
                self.failure = self.tell(failure)
            else:
                # What was to be known is known: that the server did not say goodbye harms little.
                self.tell(failure, "warning")
        elif self.by_peer and self._began_ns is not None:
            self.tell_phase("close", self._began_ns, at_ns - self._began_ns, False)
        self._finish()

    def _circumstances(self, at_ns: int, *, reset: bool = False) -> Circumstances:
        """What is known of the connection, of which this is the end."""
        owner, options, recorder = self._owner, self._options, self._recorder
        opened_ns = owner.opened_ns
        sent_ns = max(recorder.sent_ns, opened_ns)
        lapse = Lapse(
            lifetime=(at_ns - opened_ns) / 1e9,
            sent=(at_ns - sent_ns) / 1e9,
            received=(at_ns - max(recorder.received_ns, opened_ns)) / 1e9,
            before=min(recorder.silent_ns, sent_ns - opened_ns) / 1e9,
            reset=reset,
        )
        agreed = owner.handshake.subprotocol
        offered = options.subprotocols
        texts = (owner.url, *offered, *(value for _, value in options.headers))
        return Circumstances(
            place=owner.place,
            lapse=lapse,
            family=family_of((agreed,) if agreed else offered, owner.url),
            expiry=expiry_of(texts),
            now=time.time(),
            untaken=owner.untaken,
            timers=options.timers,
        )

    def _diagnose_close(self, *, awaited: bool = False, cut_short: bool = False) -> Failure:
        """What the server's Close frame means."""
        received, sent = self._protocol.close_rcvd, self._protocol.close_sent
        assert received is not None
        assert self._about is not None
        return diagnose_close(
            received.code,
            self.shown_reason,
            self._about,
            sent=None if sent is None else sent.code,
            awaited=awaited,
            cut_short=cut_short,
        )

    # The end

    def _expired(self) -> None:
        self._pipe.read_now()  # The answer may be here.
        if self.done or self._protocol.close_rcvd is not None:
            return
        place, unwritten = self._owner.place, self._pipe.unwritten
        self.tell(diagnose_close_timeout(place, self._timeout, unwritten), "warning")
        self._finish()

    async def wait(self) -> None:
        """Until it has ended."""
        if not self.done:
            waiter = self._loop.create_future()
            self._waiters.append(waiter)
            await waiter

    def _finish(self) -> None:
        if self.done:
            return
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        # If nobody else holds the connection any more, it still is to be told.
        connection = self._pipe.sink
        if self.clean:
            self._pipe.end_session()  # In TLS, this says that it is meant.
        self._pipe.close()
        self._protocol.release()
        self.done = True
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)
        self._owner.ended()
        del connection

    @property
    def clean(self) -> bool:
        """Whether there was a closing handshake (RFC 6455 section 7.1.4)."""
        return self._protocol.close_rcvd is not None and self._protocol.close_sent is not None

    def error(self, *, awaited: bool) -> ConnectionClosed:
        """The exception for using the connection now that it has ended."""
        received = self._protocol.close_rcvd
        code, reason = (1006, "") if received is None else (received.code, received.reason)
        failure = self.failure
        if failure is None and self.by_peer and self._about is not None:
            failure = self._owner.completed(self._diagnose_close(awaited=awaited))
        if failure is None:
            what = "a message was awaited on" if awaited else "something was sent on"
            failure = self._owner.completed(
                Failure(
                    code="check.usage",
                    message=f"{what.capitalize()} a WebSocket that the check itself had closed "
                    "(readyState CLOSED)",
                )
            )
        return ConnectionClosed(failure, code, reason)

    # Telling

    def tell(self, failure: Failure, severity: Severity = "failed") -> Failure:
        """Tell the observer; returns the failure as it was told."""
        failure = self._owner.completed(failure)
        self._observer.failed(failure, severity)
        return failure

    def tell_phase(self, name: PhaseName, at_ns: int, duration_ns: int, kernel: bool) -> None:
        """A phase that began at ``at_ns`` ended well."""
        duration_ns = max(0, duration_ns)
        self._owner.phases[name] = duration_ns
        self._observer.emit(
            Phase(
                at_ns=at_ns,
                connection=self._owner.number,
                name=name,
                duration_ns=duration_ns,
                clock="kernel" if kernel else "user",
            )
        )

    def _set_timer(self, seconds: float, then: Callable[[], None]) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_later(seconds, then)
