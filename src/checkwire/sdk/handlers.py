"""The event style: handlers for what happens on a WebSocket."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from checkwire.model.errors import ConnectError, MessageError, UsageError
from checkwire.model.failures import Failure
from checkwire.sdk.context import Site
from checkwire.wire.session.inbox import Message

if TYPE_CHECKING:
    from checkwire.sdk.websocket import WebSocket

__all__ = ["EVENTS", "Handler", "Handlers"]

Handler = Callable[..., Any]

EVENTS = ("open", "message", "error", "close", "ping", "pong")


class Handlers:
    """The handlers of one WebSocket, and the loop that calls them, in order, one at a time."""

    def __init__(self, ws: WebSocket) -> None:
        self._ws = ws
        self._handlers: dict[str, list[tuple[Handler, bool]]] = {name: [] for name in EVENTS}
        self._pending: asyncio.Queue[tuple[str, tuple[Any, ...]]] = asyncio.Queue()
        self._deadline: float | None = None
        self._messages = 0

    def add(self, event: str, handler: Handler | None, *, once: bool) -> Any:
        """See :meth:`checkwire.sdk.websocket.WebSocket.on`."""
        if event not in self._handlers:
            close = get_close_matches(event, EVENTS, 1)
            hint = f"did you mean {close[0]!r}?" if close else f"there are {', '.join(EVENTS)}"
            raise UsageError(f"a WebSocket has no event {event!r}; {hint}")
        if handler is None:

            def decorate(function: Handler) -> Handler:
                self.add(event, function, once=once)
                return function

            return decorate
        if not callable(handler):
            raise UsageError(f"the handler of {event!r} must be a function, not {handler!r}")
        self._handlers[event].append((handler, once))
        return handler

    def remove(self, event: str, handler: Handler) -> None:
        """See :meth:`checkwire.sdk.websocket.WebSocket.off`."""
        known = self._handlers.get(event, [])
        self._handlers[event] = [entry for entry in known if entry[0] is not handler]

    async def run(self, seconds: float | None, site: Site) -> None:
        """See :meth:`checkwire.sdk.websocket.WebSocket.run`."""
        ws = self._ws
        loop = asyncio.get_running_loop()
        self._deadline = None if seconds is None else loop.time() + seconds
        try:
            await ws.open()
        except ConnectError as error:
            if not self._handlers["error"]:
                raise
            await self._call("error", error)
            await self._call("close", 1006, "")
            return
        problem: BaseException | None = None
        try:
            await self._dispatch()
        except BaseException as error:
            problem = error
            raise
        finally:
            await ws._leave(problem)
        await self._drain()
        await self._call("close", ws.close_code or 1006, ws.close_reason)
        if self._handlers["message"] and not self._messages:
            self._nothing_came(seconds, site)

    async def _dispatch(self) -> None:
        connection = self._ws._open_connection()
        put = self._pending.put_nowait
        connection.on_ping = lambda data: put(("ping", (data,)))
        connection.on_pong = lambda data: put(("pong", (data,)))
        connection.on_closed = lambda code, reason: put(("closed", (code, reason)))
        await self._call("open")

        def received(message: Message) -> None:
            put(("message", (message.data,)))
            if self._pending.qsize() >= self._ws._options.limits.queue_messages:
                connection.pause()

        connection.on_message = received
        if self._ws.ready_state is self._ws.CLOSED:
            put(("closed", (connection.close_code, connection.close_reason)))
        while True:
            try:
                async with asyncio.timeout_at(self._deadline):
                    event, arguments = await self._pending.get()
            except TimeoutError:
                return
            if self._pending.empty():
                connection.resume()
            if event == "closed":
                if connection.failure is not None:
                    await self._call("error", connection.closed_error())
                return
            await self._call(event, *arguments)

    async def _drain(self) -> None:
        """What came while closing was under way."""
        while not self._pending.empty():
            event, arguments = self._pending.get_nowait()
            if event != "closed":
                await self._call(event, *arguments)

    async def _call(self, event: str, *arguments: Any) -> None:
        if event == "message":
            self._messages += 1
        for entry in list(self._handlers[event]):
            handler, once = entry
            if once and entry in self._handlers[event]:
                self._handlers[event].remove(entry)
            result = handler(*arguments[: _takes(handler, len(arguments))])
            if asyncio.iscoroutine(result):
                await result

    def _nothing_came(self, seconds: float | None, site: Site) -> None:
        context = self._ws._context
        connection = self._ws._open_connection()
        within = "before it closed" if seconds is None else f"within {seconds:g} s"
        failure = Failure(
            code="message.none_received",
            message=f"{connection.place} sent no message {within}, and a 'message' handler waited "
            "for one",
            location=context.location(site),
            connection=connection.number,
        )
        if connection.failure is not None:
            return  # Why none came is told already.
        raise MessageError(context.verification_failed(failure, site))


def _takes(handler: Handler, offered: int) -> int:
    """How many of the arguments a handler takes."""
    code = getattr(handler, "__code__", None)
    if code is None or code.co_flags & 0x04:  # *args, or not a plain function
        return offered
    bound = 1 if getattr(handler, "__self__", None) is not None else 0
    return min(offered, int(code.co_argcount) - bound)
