"""The life of a WebSocket in the event style, as a sequence of what happens."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Coroutine
from typing import TYPE_CHECKING, Any, Final

from checkwire.model.errors import ConnectError, MessageError, TimedOut
from checkwire.model.failures import Failure
from checkwire.sdk.context import Site
from checkwire.sdk.handlers import EventName, Handlers, Registered
from checkwire.sdk.happenings import Happening, Happenings
from checkwire.sdk.scope import handler_call

if TYPE_CHECKING:
    from checkwire.sdk.websocket import WebSocket

__all__ = ["happenings_of", "run"]

_GRACE: Final = 1.0
"""Seconds in which handlers may still take what came before their time was over, and in which those
that are under way may end before the end is told to others."""
_PATIENCE: Final = 2.0
"""Seconds that handlers which are under way get when all is over."""


async def run(ws: WebSocket, duration: float | None, site: Site) -> None:
    """Call the handlers, which may be coroutine functions, for what happens on the WebSocket.

    The arguments are those of :func:`happenings_of`.

    Raises:
        TimedOut: ``timeout.handler``.
        Exception: what a handler raised, and what :func:`happenings_of` does.
    """
    loop = asyncio.get_running_loop()
    happenings = happenings_of(ws, duration, site)
    raised: BaseException | None = None
    over = 0.0
    try:
        async with asyncio.timeout(None) as limit, asyncio.TaskGroup() as group:
            calls = _Calls(ws._handlers, group)
            async for happening in happenings:
                event = happening.event
                if event == "open" and duration is not None:
                    limit.reschedule(
                        loop.time() + duration + ws._options.timeouts.close + _PATIENCE
                    )
                if event in ("error", "close"):
                    over = over or loop.time()
                    await calls.settle(_GRACE)
                await calls.make(happening)
            if duration is not None:
                limit.reschedule((over or loop.time()) + _PATIENCE)
    except BaseExceptionGroup as several:
        raised = several if len(several.exceptions) > 1 else several.exceptions[0]
    except TimeoutError:
        if not limit.expired():
            raise
        context = ws._context
        failure = Failure(
            code="timeout.handler",
            message=f"A handler of '{calls.slowest}' had not ended when the time for run() was "
            f"over, and not {_PATIENCE:g} s later",
            location=context.location(site),
            connection=ws._open.number,
        )
        raised = TimedOut(context.verification_failed(failure, (site, "run")))
    finally:
        await happenings.aclose()
    if raised is not None:
        raise raised


class _Calls:
    """Calls the handlers of an event one after the other, beside those of other events.

    So a handler can wait for what another is told.
    """

    def __init__(self, handlers: Handlers, group: asyncio.TaskGroup) -> None:
        self._handlers = handlers
        self._group = group
        self._under_way: dict[EventName, asyncio.Task[None]] = {}

    async def make(self, happening: Happening) -> None:
        """Call those that listen to this, when those that were called for the last one have ended.

        Those that are plain functions have ended afterwards, others have begun.
        """
        event, arguments = happening
        if (before := self._under_way.pop(event, None)) is not None and not before.done():
            self._under_way[event] = before
            await asyncio.wait([before])
        handlers = self._handlers.take(event)
        for index, handler in enumerate(handlers):
            with handler_call():
                result = handler(*arguments)
                if not asyncio.iscoroutine(result):
                    continue
                rest = self._finish(result, handlers[index + 1 :], arguments)
                self._under_way[event] = self._group.create_task(rest)
            await asyncio.sleep(0)
            return

    async def _finish(
        self, begun: Coroutine[Any, Any, Any], others: list[Registered], arguments: tuple[Any, ...]
    ) -> None:
        await begun
        for handler in others:
            with handler_call():
                result = handler(*arguments)
                if asyncio.iscoroutine(result):
                    await result

    async def settle(self, within: float) -> None:
        """Wait until all have ended, but no longer than that."""
        if left := [task for task in self._under_way.values() if not task.done()]:
            await asyncio.wait(left, timeout=within)

    @property
    def slowest(self) -> EventName | None:
        """The event whose handlers are under way for the longest time."""
        return next(iter(self._under_way), None)


async def happenings_of(
    ws: WebSocket, duration: float | None, site: Site
) -> AsyncGenerator[Happening, None]:
    """Open the WebSocket, and tell what happens on it, in order, until it is closed.

    Args:
        ws: not opened yet, or open.
        duration: seconds from open to the closing handshake; ``None`` to leave closing to the
            handlers, or to the server.
        site: where in the script it is run.

    Raises:
        ConnectError: it did not open, and nobody listens to ``error``.
        MessageError: ``message.none_received``, at the end.
    """
    handlers = ws._handlers
    handlers.called = True
    try:
        connection = await ws._opened()
    except ConnectError as error:
        if not handlers.listens("error"):
            raise
        yield Happening("error", (error,))
        yield Happening("close", (1006, ""))
        return
    happenings = Happenings(connection, ws._options.limits)
    loop = asyncio.get_running_loop()
    timers = []
    if duration is not None:
        # What comes until the server has answered the Close frame is handled too, unless the
        # handlers are so slow that this would take for ever.
        timers = [
            loop.call_later(duration, connection.start_closing),
            loop.call_later(duration + _GRACE, happenings.drop),
        ]
    wait, key, messages = ws._context.waits.begin(site), (site, "run"), 0
    try:
        yield Happening("open", ())
        while (happening := await happenings.next()) is not None:
            messages += happening.event == "message"
            yield happening
    except (asyncio.CancelledError, GeneratorExit):
        if handlers.listens("message") and not messages:
            doing = "waiting for a message for its 'message' handler"
            ws._context.waits.cancelled(wait, key, doing, connection.number)
        raise
    finally:
        for timer in timers:
            timer.cancel()
    if messages:
        ws._context.waits.came(wait)
        ws._context.ledger.recovered(key, connection=connection.number)
    if connection.failure is not None:
        yield Happening("error", (connection.closed_error(),))
    yield Happening("close", (connection.close_code or 1006, connection.close_reason))
    if handlers.listens("message") and not messages and connection.failure is None:
        within = "before it was closed" if duration is None else f"within {duration:g} s"
        failure = Failure(
            code="message.none_received",
            message=f"{connection.place} sent no message {within}, and a 'message' handler waited "
            "for one",
            location=ws._context.location(site),
            connection=connection.number,
        )
        raise MessageError(ws._context.verification_failed(failure, key))
