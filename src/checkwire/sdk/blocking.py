"""The same WebSocket for checks that are plain functions.

An event loop runs in a thread of its own while a connection is open; each call is carried over to
it. Times do not suffer: the kernel takes them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Never, TypeVar, Unpack, overload

from checkwire.model.durations import Duration
from checkwire.sdk.connecting import ConnectKeywords
from checkwire.sdk.context import Site, here, on_behalf_of
from checkwire.sdk.described import Described
from checkwire.sdk.facts import Closed, Ping
from checkwire.sdk.handlers import Registered
from checkwire.sdk.happenings import Happening
from checkwire.sdk.listening import Listening
from checkwire.sdk.matching import Pattern
from checkwire.sdk.portal import Portal
from checkwire.sdk.receiving import REQUIRED
from checkwire.sdk.running import happenings_of
from checkwire.sdk.scope import handler_call
from checkwire.sdk.streams import Stream
from checkwire.sdk.waiting import seconds
from checkwire.sdk.websocket import OPENS_ONCE, WebSocket, running_loop

__all__ = ["BlockingWebSocket", "connect"]

_HOW_TO_OPEN: Final = "write `with connect(url) as ws:`, or `ws.run()` with handlers"

D = TypeVar("D")
T = TypeVar("T")


class BlockingWebSocket(Listening, Described):
    """A :class:`~checkwire.WebSocket` whose methods wait.

    It opens with ``with connect(url) as ws``, or, as in the event style, with :meth:`run`.
    Handlers are plain functions, called in the thread that runs it. Iterating gives the messages
    until the server closes.

    Attributes:
        url: as it was given.
    """

    __slots__ = ("_handlers", "_portal", "_running", "_ws", "url")

    def __init__(self, url: str, **options: Unpack[ConnectKeywords]) -> None:
        """See :func:`connect` for the arguments. Nothing is sent before it is opened."""
        self._ws = WebSocket(url, **options)
        context, site = self._ws._context, self._ws._site
        context.made(self._ws, f"The WebSocket was never opened: {_HOW_TO_OPEN}", site)
        self._ws._how_to_open = _HOW_TO_OPEN
        self._handlers = self._ws._handlers
        self._portal: Portal | None = None
        self._running = False
        self.url = url

    # Opening and closing

    def open(self) -> BlockingWebSocket:
        """See :meth:`WebSocket.open`."""
        if self._portal is not None:
            raise self._ws._context.misused(OPENS_ONCE)
        self._start()
        try:
            self._call(self._ws.open())
        except BaseException:
            self._stop()
            raise
        return self

    def close(self, code: int = 1000, reason: str = "") -> None:
        """See :meth:`WebSocket.close`. What came before, and was not received, is gone."""

        async def close() -> None:
            await self._ws.close(code, reason)

        if self._portal is None:
            self._ws.close(code, reason)
            return
        self._call(close())
        if not self._running:
            self._stop()

    def __enter__(self) -> BlockingWebSocket:
        return self.open() if self._portal is None else self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            if self._portal is not None:
                self._call(self._ws._leave(error))
        finally:
            self._stop()

    def _call(self, work: Coroutine[Any, Any, T]) -> T:
        if self._portal is None:
            work.close()
            raise self._ws._not_open()
        with on_behalf_of(here()):
            return self._portal.call(work)

    def _start(self) -> None:
        if running_loop() is not None:
            raise self._ws._context.misused(
                "checkwire.sync would block the event loop of an async check: "
                "take connect and WebSocket from checkwire"
            )
        self._portal = Portal()

    def _stop(self) -> None:
        portal, self._portal = self._portal, None
        if portal is not None:
            portal.stop()

    # Sending

    def send(self, data: str | bytes | bytearray | memoryview) -> None:
        """See :meth:`WebSocket.send`."""

        async def send() -> None:
            await self._ws.send(data)

        self._call(send())

    def send_json(self, value: Any) -> None:
        """See :meth:`WebSocket.send_json`."""

        async def send() -> None:
            await self._ws.send_json(value)

        self._call(send())

    def ping(self, data: str | bytes | None = None, *, within: Duration | None = None) -> Ping:
        """See :meth:`WebSocket.ping`."""

        async def ping() -> Ping:
            return await self._ws.ping(data, within=within)

        return self._call(ping())

    # Receiving

    @overload
    def receive(self, *, where: Pattern = ..., within: Duration = ...) -> str | bytes: ...

    @overload
    def receive(
        self, *, where: Pattern = ..., within: Duration = ..., default: D
    ) -> str | bytes | D: ...

    def receive(
        self,
        *,
        where: Pattern = None,
        within: Duration = 10.0,
        default: Any = REQUIRED,
        **others: Never,
    ) -> Any:
        """See :meth:`WebSocket.receive`."""
        return self._call(self._ws._receive("any", where, within, default, others))

    @overload
    def receive_text(self, *, where: Pattern = ..., within: Duration = ...) -> str: ...

    @overload
    def receive_text(
        self, *, where: Pattern = ..., within: Duration = ..., default: D
    ) -> str | D: ...

    def receive_text(
        self,
        *,
        where: Pattern = None,
        within: Duration = 10.0,
        default: Any = REQUIRED,
        **others: Never,
    ) -> Any:
        """See :meth:`WebSocket.receive_text`."""
        return self._call(self._ws._receive("text", where, within, default, others))

    @overload
    def receive_bytes(self, *, where: Pattern = ..., within: Duration = ...) -> bytes: ...

    @overload
    def receive_bytes(
        self, *, where: Pattern = ..., within: Duration = ..., default: D
    ) -> bytes | D: ...

    def receive_bytes(
        self,
        *,
        where: Pattern = None,
        within: Duration = 10.0,
        default: Any = REQUIRED,
        **others: Never,
    ) -> Any:
        """See :meth:`WebSocket.receive_bytes`."""
        return self._call(self._ws._receive("bytes", where, within, default, others))

    def receive_json(
        self,
        *,
        where: Pattern = None,
        within: Duration = 10.0,
        default: Any = REQUIRED,
        **others: Never,
    ) -> Any:
        """See :meth:`WebSocket.receive_json`."""
        return self._call(self._ws._receive("json", where, within, default, others))

    def expect_silence(self, for_: Duration, *, where: Pattern = None) -> None:
        """See :meth:`WebSocket.expect_silence`."""
        self._call(self._ws.expect_silence(for_, where=where))

    def expect_stream(self, for_: Duration, **rules: Any) -> Stream:
        """See :meth:`WebSocket.expect_stream`."""
        return self._call(self._ws.expect_stream(for_, **rules))

    def receive_close(self, code: int | None = None, *, within: Duration = 10.0) -> Closed:
        """See :meth:`WebSocket.receive_close`."""
        return self._call(self._ws.receive_close(code, within=within))

    def __iter__(self) -> Iterator[str | bytes]:
        """The messages, until the connection is closed, normally or by the check itself."""
        while self._portal is not None:
            try:
                message = self._call(self._ws.__anext__())
            except StopAsyncIteration:
                return
            yield message

    # Events

    def run(self, for_: Duration | None = None) -> None:
        """See :meth:`WebSocket.run`."""
        duration, site = None if for_ is None else seconds("for_", for_), here()
        ours = self._portal is None
        if ours:
            self._start()
        happenings = happenings_of(self._ws, duration, site)

        async def following() -> Happening | None:
            return await anext(happenings, None)

        self._running = True
        try:
            while (happening := self._call(following())) is not None:
                for handler in self._handlers.take(happening.event):
                    self._handle(happening, handler, site)
        except BaseException as error:
            self._call(happenings.aclose())
            self._call(self._ws._leave(error))
            raise
        finally:
            self._running = False
            if ours:
                self._stop()

    def _handle(self, happening: Happening, handler: Registered, site: Site) -> None:
        with handler_call():
            result = handler(*happening.arguments)
        if asyncio.iscoroutine(result):
            result.close()
            raise self._ws._context.misused(
                f'the handler of "{happening.event}" is async: in a check that is a plain '
                "function, handlers are plain functions",
                site,
            )

    @property
    def _async(self) -> WebSocket:
        return self._ws

    if not TYPE_CHECKING:  # A type checker would say so before it runs.

        async def __aenter__(self):
            raise self._ws._context.misused(
                "write `with connect(...)`, without async; an async check takes connect from "
                "checkwire"
            )

        async def __aexit__(self, *_):
            pass


def connect(url: str, **options: Unpack[ConnectKeywords]) -> BlockingWebSocket:
    """Open a WebSocket: ``with connect(url) as ws``. See :func:`checkwire.connect`."""
    return BlockingWebSocket(url, **options)
