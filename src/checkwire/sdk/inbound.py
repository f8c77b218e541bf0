"""What a check receives on a WebSocket: the awaitable style."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, Never, TypeVar, overload

from checkwire.model.durations import Duration
from checkwire.model.errors import ConnectionClosed
from checkwire.sdk.context import current, here
from checkwire.sdk.facts import Closed
from checkwire.sdk.matching import Pattern
from checkwire.sdk.receiving import REQUIRED, Kind, Receiver
from checkwire.sdk.streams import Member, Stream, StreamRules
from checkwire.sdk.suggestion import did_you_mean
from checkwire.sdk.waiting import seconds
from checkwire.wire.session.ends import NORMAL_CODES

__all__ = ["Inbound"]

D = TypeVar("D")

_KEYWORDS = ("where", "within", "default")


class Inbound:
    """The receiving half of a WebSocket.

    The methods are plain functions that return coroutines, not coroutine functions: so the place
    in the script where they were called is known even if it is another task that awaits them.
    """

    __slots__ = ()

    def _receiver(self) -> Receiver:
        raise NotImplementedError

    def _receive(
        self, kind: Kind, where: Pattern, within: Duration, default: Any, others: dict[str, Never]
    ) -> Coroutine[Any, Any, Any]:
        for name in others:
            hint = "; write within=" if "time" in name else did_you_mean(name, _KEYWORDS, quote="")
            raise current().misused(f"receive() does not take {name!r}{hint}")
        return self._receiver().receive(kind, where, seconds("within", within), default, here())

    @overload
    def receive(
        self, *, where: Pattern = ..., within: Duration = ...
    ) -> Coroutine[Any, Any, str | bytes]: ...

    @overload
    def receive(
        self, *, where: Pattern = ..., within: Duration = ..., default: D
    ) -> Coroutine[Any, Any, str | bytes | D]: ...

    def receive(
        self,
        *,
        where: Pattern = None,
        within: Duration = 10.0,
        default: Any = REQUIRED,
        **others: Never,
    ) -> Coroutine[Any, Any, Any]:
        """The next message: ``str`` for text, ``bytes`` for binary.

        Args:
            where: take the first message that fits this pattern; those before are skipped, and are
                in the transcript. See :data:`checkwire.sdk.matching.Pattern`.
            within: how long to wait: seconds, or a string such as ``"500ms"``.
            default: what to return if none comes in time, instead of failing.

        Raises:
            TimedOut: ``timeout.first_message``, ``timeout.message`` or ``timeout.no_match``, which
                shows what did come, closest first.
            ConnectionClosed: the connection ended first.
        """
        return self._receive("any", where, within, default, others)

    @overload
    def receive_text(
        self, *, where: Pattern = ..., within: Duration = ...
    ) -> Coroutine[Any, Any, str]: ...

    @overload
    def receive_text(
        self, *, where: Pattern = ..., within: Duration = ..., default: D
    ) -> Coroutine[Any, Any, str | D]: ...

    def receive_text(
        self,
        *,
        where: Pattern = None,
        within: Duration = 10.0,
        default: Any = REQUIRED,
        **others: Never,
    ) -> Coroutine[Any, Any, Any]:
        """As :meth:`receive`, for text: binary is ``message.wrong_type``, or skipped by ``where``.

        Raises:
            MessageError, TimedOut, ConnectionClosed: as above.
        """
        return self._receive("text", where, within, default, others)

    @overload
    def receive_bytes(
        self, *, where: Pattern = ..., within: Duration = ...
    ) -> Coroutine[Any, Any, bytes]: ...

    @overload
    def receive_bytes(
        self, *, where: Pattern = ..., within: Duration = ..., default: D
    ) -> Coroutine[Any, Any, bytes | D]: ...

    def receive_bytes(
        self,
        *,
        where: Pattern = None,
        within: Duration = 10.0,
        default: Any = REQUIRED,
        **others: Never,
    ) -> Coroutine[Any, Any, Any]:
        """As :meth:`receive`, for binary: text is ``message.wrong_type``, or skipped by ``where``.

        Raises:
            MessageError, TimedOut, ConnectionClosed: as above.
        """
        return self._receive("bytes", where, within, default, others)

    def receive_json(
        self,
        *,
        where: Pattern = None,
        within: Duration = 10.0,
        default: Any = REQUIRED,
        **others: Never,
    ) -> Coroutine[Any, Any, Any]:
        """As :meth:`receive`, for JSON (RFC 8259), parsed; in a text or in a binary message.

        Anything else is ``message.invalid_json``, or skipped by ``where``.

        Raises:
            MessageError, TimedOut, ConnectionClosed: as above.
        """
        return self._receive("json", where, within, default, others)

    def expect_silence(self, for_: Duration, *, where: Pattern = None) -> Coroutine[Any, Any, None]:
        """Nothing (that fits ``where``) must come for this long.

        A message that waits already, not received yet, breaks the silence too.

        Raises:
            MessageError: ``message.unexpected``.
            ConnectionClosed: the connection ended first.
        """
        return self._receiver().silence(seconds("for_", for_), where, here())

    def expect_stream(
        self,
        for_: Duration,
        *,
        where: Pattern = None,
        sequence: Member | None = None,
        by: Member | None = None,
        timestamp: Member | None = None,
        max_lag: Duration | None = None,
        max_silence: Duration | None = None,
        min_rate: float | None = None,
        max_rate: float | None = None,
    ) -> Coroutine[Any, Any, Stream]:
        """Watch what comes for this long, and hold it to what a stream must be like.

        All that is wrong is told in the end, each kind once, with how often it was. Returns what
        came: how many messages, the rate, the longest silence, the lags.

        Args:
            for_: how long.
            where: only messages that fit this pattern count.
            sequence: where the number is that grows by one from message to message: a path such as
                ``"data.seq"``, or a function of the message.
            by: where the key is of which each value has a sequence of its own: ``"symbol"``.
            timestamp: where the time is at which a message was made: a number since the Unix
                epoch, in seconds to nanoseconds, or ISO 8601.
            max_lag: from that time to the arrival, as this machine's clock has it.
            max_silence: the longest time without a message, also before the first and after the
                last.
            min_rate, max_rate: messages a second, over all of the time.

        Raises:
            MessageError: ``stream.*``.
            ConnectionClosed: the connection ended first.
            UsageError: none of the messages has what ``sequence`` or ``timestamp`` names.
        """
        if timestamp is None and max_lag is not None:
            raise current().misused("expect_stream(): max_lag= needs timestamp=")
        if sequence is None and by is not None:
            raise current().misused("expect_stream(): by= needs sequence=")
        rules = StreamRules(
            sequence=sequence,
            by=by,
            timestamp=timestamp,
            max_lag=None if max_lag is None else seconds("max_lag", max_lag),
            max_silence=None if max_silence is None else seconds("max_silence", max_silence),
            min_rate=min_rate,
            max_rate=max_rate,
        )
        return self._receiver().stream(seconds("for_", for_), where, rules, here())

    def receive_close(
        self, code: int | None = None, *, within: Duration = 10.0
    ) -> Coroutine[Any, Any, Closed]:
        """Wait until the server closes; a close that would fail the check is right here.

        Messages that come before are skipped.

        Args:
            code: the close code that it must have; any if left out.
            within: how long to wait.

        Raises:
            TimedOut: ``timeout.close``.
            ConnectionClosed: it closed otherwise, with another code or without a Close frame.
        """
        return self._receiver().close(code, seconds("within", within), here())

    def __aiter__(self) -> Inbound:
        """The messages, until the connection is closed, normally or by the check itself.

        Raises:
            ConnectionClosed: it ended otherwise.
        """
        return self

    async def __anext__(self) -> str | bytes:
        try:
            return await self._receiver().next()
        except ConnectionClosed as closed:
            if closed.by_check or closed.code in NORMAL_CODES:
                raise StopAsyncIteration from None
            raise
