"""The WebSocket of a check: awaitable, or with event handlers."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Generator
from contextlib import suppress
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Unpack

from websockets.protocol import State

from checkwire.model.durations import Duration
from checkwire.model.errors import (
    ConnectError,
    ConnectionClosed,
    FailureError,
    UsageError,
)
from checkwire.model.events import Logged
from checkwire.model.failures import Failure
from checkwire.model.masking import without_credentials
from checkwire.sdk.begun import Begun
from checkwire.sdk.connecting import ConnectKeywords, connect_options, vain_options
from checkwire.sdk.context import Context, Site, current, here
from checkwire.sdk.described import Described
from checkwire.sdk.facts import ReadyState
from checkwire.sdk.handlers import Handlers
from checkwire.sdk.inbound import Inbound
from checkwire.sdk.listening import Listening
from checkwire.sdk.outbound import Outbound
from checkwire.sdk.receiving import Receiver
from checkwire.sdk.scope import current_flow, opening
from checkwire.sdk.waiting import seconds
from checkwire.wire.opening import open_connection
from checkwire.wire.session.connection import Connection

__all__ = ["OPENS_ONCE", "WebSocket", "connect", "running_loop"]

_HOW_TO_OPEN: Final = "write `async with connect(url) as ws:`, or `await ws.run()` with handlers"

OPENS_ONCE: Final = "a WebSocket opens once; make a new one to connect again"

_NORMAL: Final = (1000, "")
"""How close() closes if nothing else is asked for."""

_POLITENESS: Final = 1.0
"""Seconds for the closing handshake when a block is left by an exception: what went wrong is known
by then, and a server that is stuck need not delay it."""


class WebSocket(Inbound, Outbound, Listening, Described):
    """A WebSocket connection of a check.

    It opens with ``async with connect(url) as ws``, with ``ws = await connect(url)``, or, as in
    the event style, with :meth:`run`::

        ws = WebSocket(url)

        @ws.on("message")
        def received(message): ...

        await ws.run(for_="5s")

    Attributes:
        url: as it was given.
    """

    __slots__ = (
        "_connection",
        "_context",
        "_ended",
        "_handlers",
        "_how_to_open",
        "_incoming",
        "_loop",
        "_opening",
        "_options",
        "_site",
        "_vain",
        "url",
    )

    def __init__(self, url: str, **options: Unpack[ConnectKeywords]) -> None:
        """See :func:`connect` for the arguments. Nothing is sent before it is opened."""
        self._context: Context = current()
        self._site: Site = here()
        if not isinstance(url, str):
            shown = self._context.masker.excerpt(repr(url), 80)
            raise self._context.misused(f"a URL is a string, not {shown}")
        self.url = url
        self._how_to_open = _HOW_TO_OPEN
        self._options = connect_options(options, self._context)
        self._vain = vain_options(url, options, self._options) if options else ()
        self._connection: Connection | None = None
        self._incoming: Receiver | None = None
        self._handlers = Handlers(self._context)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._opening = False
        self._ended = False
        self._context.made(self, f"The WebSocket was never opened: {_HOW_TO_OPEN}", self._site)

    # Opening and closing

    async def open(self) -> WebSocket:
        """Connect. Done by ``async with``, ``await`` and :meth:`run`.

        Raises:
            ConnectError: ``dns.*``, ``tcp.*``, ``proxy.*``, ``tls.*``, ``upgrade.*``.
            FailureError: ``check.bad_url``.
            UsageError: it was opened before.
        """
        context, ledger = self._context, self._context.ledger
        if self._connection is not None or self._ended or self._opening:
            raise context.misused(OPENS_ONCE)
        context.used(self)
        if self._vain:
            self._tell_vain_options()
        began, key, wait = ledger.told, (self._site, self.url), context.waits.begin(self._site)
        self._loop = asyncio.get_running_loop()
        token = opening.set(key)
        self._opening = True
        context.waits.dialling += 1
        try:
            connection = await open_connection(self.url, self._options, context)
        except ConnectError as error:
            context.noticed(error.failure, key)  # The wire has told of it.
            raise
        except FailureError as error:
            failure = context.located(error.failure, self._site)
            raise FailureError(context.verification_failed(failure, key)) from None
        except UsageError as error:
            raise context.misused(str(error), self._site) from None
        except asyncio.CancelledError:
            context.waits.cancelled(wait, key, f"connecting to {without_credentials(self.url)}")
            raise
        finally:
            opening.reset(token)
            self._opening = False
            context.waits.dialling -= 1
            closed, self._ended = self._ended, True
        if closed:
            connection.abort()
            raise context.misused("the WebSocket was closed before it was open", self._site)
        ledger.opened(connection.number)
        ledger.recovered(key, began=began)
        context.waits.came(wait)
        self._ended = False
        self._connection = connection
        self._incoming = Receiver(connection, context)
        context.sockets.add(self)
        return self

    def _tell_vain_options(self) -> None:
        names = ", ".join(f"{name}=" for name in self._vain)
        have = "has" if len(self._vain) == 1 else "have"
        shown = without_credentials(self.url)
        failure = Failure(
            code="check.no_effect",
            message=f"{names} {have} no effect on {shown}: no TLS is spoken there",
        )
        self._context.failed(self._context.located(failure, self._site), "warning")

    async def _opened(self) -> Connection:
        """The open connection, opened now if it was not yet."""
        if self._connection is None:
            await self.open()  # The server may have closed it by now; that is seen soon enough.
            return self._open
        return self._usable(self._site)

    def close(self, code: int = 1000, reason: str = "") -> Begun:
        """Close with the closing handshake. Closing twice does no harm.

        The Close frame is sent at once, so handlers that are plain functions can close too;
        awaiting waits for the server's answer.

        Args:
            code: 1000 for normal, or one from 3000 to 4999.
            reason: at most 123 bytes.

        Raises:
            UsageError: ``code`` must not be sent (RFC 6455 section 7.4), or ``reason`` is too long.
        """
        if not isinstance(code, int) or not isinstance(reason, str):
            raise self._context.misused("close() takes a code and a reason: close(1000, 'done')")
        self._context.used(self)
        connection = self._connection
        if connection is None:
            self._ended = True
        else:
            try:
                if self._incoming is not None and connection.state is State.OPEN:
                    self._incoming.closer = current_flow()
                elif (before := connection.closed_with) is not None:
                    self._tell_if_vain((code, reason), before)
                connection.start_closing(code, reason)
            except UsageError as error:
                raise self._context.misused(str(error)) from None
        return Begun(self._wait_closed)

    def _tell_if_vain(self, close: tuple[int, str], before: tuple[int, str]) -> None:
        if close in (_NORMAL, before):
            return
        context = self._context
        with_what = f"{before[0]} {before[1]}".rstrip()
        context.emit(
            Logged(
                at_ns=context.timeline.now(),
                message=context.masker.text(
                    f"this close() has no effect: the check has closed with {with_what} already"
                ),
                level="warning",
                source="checkwire",
            )
        )

    async def _wait_closed(self) -> None:
        if self._connection is not None:
            await self._connection.wait_closed()
            self._context.sockets.discard(self)

    async def _leave(self, error: BaseException | None) -> None:
        """Close at the end of a block, which was left by this exception, if by one."""
        connection = self._connection
        if connection is None:
            return
        if error is not None:
            self._context.mark(error)
        try:
            if error is None:
                await self.close()
            elif isinstance(error, Exception):
                with suppress(TimeoutError):
                    async with asyncio.timeout(_POLITENESS):
                        await self.close()
        finally:
            connection.abort()
            self._context.sockets.discard(self)
        if error is None and self._handlers and not self._handlers.called:
            raise self._context.misused(
                "handlers were registered with on(), and nothing called them: await ws.run()",
                self._site,
            )

    def _abandon(self) -> None:
        """Let go of the connection at once, from whatever thread, if it is still there."""
        self._context.sockets.discard(self)
        connection, loop = self._connection, self._loop
        if connection is None or loop is None or loop.is_closed():
            return
        if loop.is_running() and running_loop() is not loop:
            aborted = threading.Event()

            def abort() -> None:
                connection.abort()
                aborted.set()

            with suppress(RuntimeError):
                loop.call_soon_threadsafe(abort)
                aborted.wait(_POLITENESS)
        else:
            connection.abort()

    def __await__(self) -> Generator[Any, None, WebSocket]:
        return self.open().__await__()

    async def __aenter__(self) -> WebSocket:
        await self._opened()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._leave(error)

    # Events

    def run(self, for_: Duration | None = None) -> Coroutine[Any, Any, None]:
        """Open, call the handlers as things happen, and close after ``for_``.

        Handlers are called in order. Those of one event are called one at a time, whether they
        are plain functions or coroutine functions; while one waits, those of other events are
        called. An exception in one ends the run, and is raised here.

        Args:
            for_: how long to stay open; if left out, until either side closes. Handlers that are
                under way then get 2 s to end.

        Raises:
            ConnectError: it did not open, and there is no ``error`` handler. With one the check
                fails all the same.
            MessageError: ``message.none_received``: there is a ``message`` handler, and no message
                came.
            TimedOut: ``timeout.handler``: a handler did not end.
        """
        self._context.used(self)
        return self._run(None if for_ is None else seconds("for_", for_), here())

    async def _run(self, duration: float | None, site: Site) -> None:
        from checkwire.sdk.running import run

        try:
            await run(self, duration, site)
        except BaseException as error:
            await self._leave(error)
            raise
        self._context.sockets.discard(self)

    # What is there to be used

    @property
    def _async(self) -> WebSocket:
        return self

    @property
    def _open(self) -> Connection:
        """The connection, which may have ended since.

        Raises:
            UsageError: it was never open.
        """
        if self._connection is None:
            raise self._not_open()
        return self._connection

    def _usable(self, site: Site | None = None) -> Connection:
        """The connection, if something can be sent on it.

        Raises:
            UsageError: it is not open yet, or the check itself has closed it.
            ConnectionClosed: the server has closed it, or another task of the check.
        """
        connection = self._open
        if connection.state is State.OPEN and connection.failure is None:
            return connection
        closed = connection.closed_error()
        if closed.by_check and not self._receiver().may_be_in_use:
            raise self._not_open(site)
        site = site or here()
        failure = self._context.located(closed.failure, site)
        if closed.by_check:
            raise ConnectionClosed(failure, closed.code, closed.reason)
        failure = self._context.noticed(failure, (site, "use"))
        raise ConnectionClosed(failure, closed.code, closed.reason)

    def _not_open(self, site: Site | None = None) -> UsageError:
        state = self.ready_state
        why = {
            ReadyState.CONNECTING: self._how_to_open,
            ReadyState.CLOSING: "the check itself is closing it",
            ReadyState.CLOSED: "the check itself has closed it"
            if self._connection is not None
            else "it could not be opened, or was closed before",
        }.get(state, "")
        message = f"WebSocket is not open: readyState {state.value} ({state.name}); {why}"
        return self._context.misused(message, site)

    def _receiver(self) -> Receiver:
        if self._incoming is None:
            raise self._not_open()
        return self._incoming

    if not TYPE_CHECKING:  # A type checker would say so before it runs.

        def __enter__(self):
            raise self._context.misused(
                "write `async with connect(...)`; a check that is a plain function takes connect "
                "from checkwire.sync"
            )

        def __exit__(self, *_):
            pass


def running_loop() -> asyncio.AbstractEventLoop | None:
    """The event loop that runs in this thread, if one does."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def connect(url: str, **options: Unpack[ConnectKeywords]) -> WebSocket:
    """Open a WebSocket: ``async with connect(url) as ws``.

    Leaving the block closes it with the closing handshake. ``ws = await connect(url)`` opens it
    too; then ``await ws.close()`` closes it.

    Args:
        url: ``ws://`` or ``wss://``.
        options: see :class:`~checkwire.sdk.connecting.ConnectKeywords`.

    Raises:
        ConnectError: ``dns.*``, ``tcp.*``, ``proxy.*``, ``tls.*``, ``upgrade.*``.
        FailureError: ``check.bad_url``.
        UsageError: an option is not known, or cannot be used.
    """
    return WebSocket(url, **options)
