"""The life of a WebSocket in the event style, as a sequence of what happens."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING, Final

from checkwire.model.errors import ConnectError, MessageError
from checkwire.model.failures import Failure
from checkwire.sdk.context import Site
from checkwire.sdk.happenings import Happening, Happenings

if TYPE_CHECKING:
    from checkwire.sdk.websocket import WebSocket

__all__ = ["happenings_of"]

_GRACE: Final = 1.0
"""Seconds in which handlers may still take what came before their time was over."""


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
    deadline = None if duration is None else loop.time() + duration
    yield Happening("open", ())
    closing, messages = False, 0
    while True:
        try:
            happening = await happenings.next(deadline)
        except TimeoutError:
            if closing:
                happenings.drop()
                deadline = None
            else:
                # What comes until the server has answered the Close frame is handled too, unless
                # the handlers are so slow that this would take for ever.
                connection.start_closing()
                deadline = loop.time() + _GRACE
            closing = True
            continue
        if happening is None:
            break
        messages += happening.event == "message"
        yield happening
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
        raise MessageError(ws._context.verification_failed(failure, site))
