"""The WebSocket of a check: awaitable, or with event handlers."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Generator
from contextlib import suppress
from enum import IntEnum
from types import TracebackType
from typing import Any, Final, Unpack

from checkwire.model.durations import Duration, parse_duration
from checkwire.model.errors import ConnectionClosed, UsageError
from checkwire.sdk.connecting import ConnectKeywords, connect_options
from checkwire.sdk.context import Context, Site, current, here
from checkwire.sdk.facts import Closed, Ping, Response, Timings, Tls
from checkwire.sdk.handlers import Handler, Handlers
from checkwire.sdk.matching import Pattern
from checkwire.sdk.receiving import REQUIRED, Receiver
from checkwire.wire.opening import open_connection
from checkwire.wire.session.closing import NORMAL_CODES
from checkwire.wire.session.connection import Connection

__all__ = ["ReadyState", "WebSocket", "connect"]


class ReadyState(IntEnum):
    """The four states of the standard (WHATWG WebSockets, section 3)."""

    CONNECTING = 0
    OPEN = 1
    CLOSING = 2
    CLOSED = 3


class WebSocket:
    """A WebSocket connection of a check.

    Made by :func:`connect`, it is open. Made by hand, as in the event style, it opens with
    :meth:`run`::

        ws = WebSocket(url)

        @ws.on("message")
        def received(message): ...

        await ws.run(for_="5s")
    """

    CONNECTING: Final = ReadyState.CONNECTING
    OPEN: Final = ReadyState.OPEN
    CLOSING: Final = ReadyState.CLOSING
    CLOSED: Final = ReadyState.CLOSED

    def __init__(self, url: str, **options: Unpack[ConnectKeywords]) -> None:
        """See :func:`connect` for the arguments. Nothing is sent before :meth:`run`."""
        self.url = url
        self._context: Context = current()
        self._options = connect_options(options, self._context)
        self._connection: Connection | None = None
        self._receiver: Receiver | None = None
        self._handlers = Handlers(self)
        self._ended = False

    # Opening and closing

    async def open(self) -> WebSocket:
        """Connect. Done by :func:`connect` and :meth:`run`.

        Raises:
            ConnectError: ``dns.*``, ``tcp.*``, ``proxy.*``, ``tls.*``, ``upgrade.*``.
        """
        if self._connection is not None or self._ended:
            raise UsageError("a WebSocket opens once; make a new one to connect again")
        try:
            connection = await open_connection(self.url, self._options, self._context)
        except BaseException:
            self._ended = True
            raise
        self._connection = connection
        self._receiver = Receiver(connection, self._context)
        self._context.sockets.add(self)
        return self

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Close with the closing handshake. Closing twice does no harm.

        Raises:
            UsageError: ``code`` must not be sent (RFC 6455 section 7.4), or ``reason`` is longer
                than 123 bytes.
        """
        if self._connection is not None:
            await self._connection.close(code, reason)
            self._context.sockets.discard(self)

    async def _leave(self, error: BaseException | None) -> None:
        """Close at the end of a block."""
        connection = self._connection
        if connection is None:
            return
        try:
            if error is None:
                await self.close()
            elif isinstance(error, Exception):
                # What went wrong is known by now; a server that is stuck need not delay it.
                with suppress(TimeoutError):
                    async with asyncio.timeout(1.0):
                        await self.close()
        finally:
            connection.abort()
            self._context.sockets.discard(self)

    def _open_connection(self) -> Connection:
        if self._connection is None:
            state = self.ready_state
            raise UsageError(f"WebSocket is not open: readyState {state.value} ({state.name})")
        return self._connection

    # Sending

    def send(self, data: str | bytes | bytearray | memoryview) -> Sent:
        """Send text (``str``) or binary (``bytes``).

        It is sent at once; awaiting waits only while much is queued, because the server reads
        slowly. So handlers that are plain functions can send too.

        Raises:
            UsageError: the WebSocket is not open.
            ConnectionClosed: the server has closed it.
        """
        if not isinstance(data, str | bytes | bytearray | memoryview):
            kind = type(data).__name__
            raise UsageError(f"send() takes str or bytes, not {kind}; for JSON use send_json()")
        connection = self._open_connection()
        if self.ready_state is not ReadyState.OPEN and connection.failure is None:
            state = self.ready_state
            raise UsageError(f"WebSocket is not open: readyState {state.value} ({state.name})")
        connection.send(data)
        return Sent(connection)

    def send_json(self, value: Any) -> Sent:
        """Send a value as JSON text.

        Raises:
            UsageError: it cannot be written as JSON, or as :meth:`send`.
        """
        try:
            text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        except (TypeError, ValueError) as error:
            raise UsageError(f"send_json() cannot write this as JSON: {error}") from None
        return self.send(text)

    # Receiving

    async def receive(
        self,
        *,
        where: Pattern = None,
        within: Duration = 10.0,
        default: Any = REQUIRED,
    ) -> Any:
        """The next message: ``str`` for text, ``bytes`` for binary.

        Args:
            where: take the first message that fits this pattern; those before are skipped, and are
                in the transcript. See :data:`checkwire.sdk.matching.Pattern`.
            within: how long to wait.
            default: what to return if none comes in time, instead of failing.

        Raises:
            TimedOut: ``timeout.first_message``, ``timeout.message`` or ``timeout.no_match``, which
                shows what did come, closest first.
            ConnectionClosed: the connection ended first.
        """
        return await self._receive("any", where, within, default, here())

    async def receive_text(
        self, *, where: Pattern = None, within: Duration = 10.0, default: Any = REQUIRED
    ) -> Any:
        """As :meth:`receive`, for text: binary is ``message.wrong_type``."""
        return await self._receive("text", where, within, default, here())

    async def receive_bytes(
        self, *, where: Pattern = None, within: Duration = 10.0, default: Any = REQUIRED
    ) -> Any:
        """As :meth:`receive`, for binary: text is ``message.wrong_type``."""
        return await self._receive("bytes", where, within, default, here())

    async def receive_json(
        self, *, where: Pattern = None, within: Duration = 10.0, default: Any = REQUIRED
    ) -> Any:
        """As :meth:`receive`, for JSON, parsed: anything else is ``message.invalid_json``.

        With ``where=`` messages that are not JSON are skipped, as others that do not fit.
        """
        return await self._receive("json", where, within, default, here())

    async def _receive(
        self, kind: str, where: Pattern, within: Duration, default: Any, site: Site
    ) -> Any:
        self._open_connection()
        assert self._receiver is not None
        return await self._receiver.receive(kind, where, _seconds(within), default, site)

    async def expect_silence(self, for_: Duration, *, where: Pattern = None) -> None:
        """Nothing (that fits ``where``) must come for this long.

        Raises:
            MessageError: ``message.unexpected``.
        """
        await self._expect_silence(for_, where, here())

    async def _expect_silence(self, for_: Duration, where: Pattern, site: Site) -> None:
        self._open_connection()
        assert self._receiver is not None
        await self._receiver.silence(_seconds(for_), where, site)

    async def receive_close(self, code: int | None = None, *, within: Duration = 10.0) -> Closed:
        """Wait until the server closes; a close that would fail the check is right here.

        Args:
            code: the close code that it must have; any if left out.
            within: how long to wait.

        Raises:
            TimedOut: ``timeout.close``.
            ConnectionClosed: it closed otherwise, with another code or without a Close frame.
        """
        return await self._receive_close(code, within, here())

    async def _receive_close(self, code: int | None, within: Duration, site: Site) -> Closed:
        self._open_connection()
        assert self._receiver is not None
        return await self._receiver.close(code, _seconds(within), site)

    def __aiter__(self) -> AsyncIterator[Any]:
        return self._messages()

    async def _messages(self) -> AsyncIterator[Any]:
        connection = self._open_connection()
        while True:
            try:
                message = await connection.receive()
            except ConnectionClosed as closed:
                if closed.code in NORMAL_CODES:
                    return
                raise
            yield message.data

    async def ping(self, data: bytes | None = None, *, within: Duration = 10.0) -> Ping:
        """Ping, and wait for the pong: the round trip in seconds.

        Raises:
            TimedOut: ``ws.no_pong``, or ``ws.peer_lost`` when not even the peer's kernel answers.
        """
        return await self._ping(data, within, here())

    async def _ping(self, data: bytes | None, within: Duration, site: Site) -> Ping:
        round_trip = await self._open_connection().ping(data, _seconds(within))
        self._context.ledger.held(site)
        return Ping.of(round_trip)

    # Events

    def on(self, event: str, handler: Handler | None = None) -> Any:
        """Call ``handler`` on each ``open``, ``message``, ``error``, ``close``, ``ping``, ``pong``.

        As a decorator (``@ws.on("message")``) or with the handler. A handler is a function or a
        coroutine function, and takes: nothing (``open``), the message (``message``: ``str`` or
        ``bytes``), the exception (``error``), code and reason (``close``), the payload (``ping``,
        ``pong``); or fewer arguments than that.
        """
        return self._handlers.add(event, handler, once=False)

    def once(self, event: str, handler: Handler | None = None) -> Any:
        """As :meth:`on`, for the first time only."""
        return self._handlers.add(event, handler, once=True)

    def off(self, event: str, handler: Handler) -> None:
        """No longer call the handler."""
        self._handlers.remove(event, handler)

    async def run(self, for_: Duration | None = None) -> None:
        """Open, call the handlers as things happen, and close after ``for_``.

        Without ``for_`` it runs until either side closes, or the check's time is over. An
        exception in a handler ends it, and is raised here.

        Raises:
            ConnectError: it did not open, and there is no ``error`` handler. With one the check
                fails all the same.
            MessageError: ``message.none_received``: there is a ``message`` handler, and no message
                came.
        """
        await self._handlers.run(None if for_ is None else _seconds(for_), here())

    # Facts

    @property
    def ready_state(self) -> ReadyState:
        """CONNECTING (0), OPEN (1), CLOSING (2) or CLOSED (3)."""
        if self._connection is None:
            return ReadyState.CLOSED if self._ended else ReadyState.CONNECTING
        return ReadyState(int(self._connection.state))

    @property
    def timings(self) -> Timings:
        """Seconds per phase."""
        return Timings({} if self._connection is None else self._connection.phases)

    @property
    def response(self) -> Response:
        """The answer to the upgrade request."""
        handshake = self._open_connection().handshake
        headers: dict[str, str] = {}
        for name, value in handshake.response_headers:
            key = name.lower()
            headers[key] = f"{headers[key]}, {value}" if key in headers else value
        return Response(handshake.status, headers)

    @property
    def subprotocol(self) -> str | None:
        """The subprotocol that the server chose."""
        return self._open_connection().handshake.subprotocol

    @property
    def extensions(self) -> tuple[str, ...]:
        """The extensions in use, as the server named them."""
        return self._open_connection().handshake.extensions

    @property
    def remote_address(self) -> str:
        """Address and port of the peer (of the proxy, if there is one)."""
        return self._open_connection().handshake.remote_address

    @property
    def tls(self) -> Tls | None:
        """Version, cipher and certificates; ``None`` for ``ws://``."""
        established = self._open_connection().tls
        return None if established is None else Tls.of(established)

    @property
    def close_code(self) -> int | None:
        """The close code received, 1006 if there was none; ``None`` while open."""
        if self._connection is None:
            return 1006 if self._ended else None
        return self._connection.close_code

    @property
    def close_reason(self) -> str:
        """The reason that came with the close code."""
        return "" if self._connection is None else self._connection.close_reason

    def __repr__(self) -> str:
        return f"<WebSocket {self._context.masker.text(self.url)} {self.ready_state.name}>"


class Sent:
    """What :meth:`WebSocket.send` returns: awaiting it waits while much is queued."""

    __slots__ = ("_connection",)

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def __await__(self) -> Generator[Any, None, None]:
        return self._connection.drain().__await__()


class Connecting:
    """What :func:`connect` returns: ``async with`` it, or ``await`` it and close by hand."""

    __slots__ = ("_options", "_url", "_ws")

    def __init__(self, url: str, options: ConnectKeywords) -> None:
        self._url = url
        self._options = options
        self._ws: WebSocket | None = None

    def __await__(self) -> Generator[Any, None, WebSocket]:
        return WebSocket(self._url, **self._options).open().__await__()

    async def __aenter__(self) -> WebSocket:
        self._ws = await self
        return self._ws

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        assert self._ws is not None
        await self._ws._leave(error)


def connect(url: str, **options: Unpack[ConnectKeywords]) -> Connecting:
    """Open a WebSocket: ``async with connect(url) as ws``.

    Leaving the block closes it with the closing handshake.

    Args:
        url: ``ws://`` or ``wss://``.
        options: see :class:`~checkwire.sdk.connecting.ConnectKeywords`.

    Raises:
        ConnectError: ``dns.*``, ``tcp.*``, ``proxy.*``, ``tls.*``, ``upgrade.*``.
        FailureError: ``check.bad_url``.
    """
    return Connecting(url, options)


def _seconds(duration: Duration) -> float:
    try:
        return parse_duration(duration)
    except ValueError as error:
        raise UsageError(str(error)) from None
