"""Registering handlers: what the WebSockets of both worlds, awaited and blocking, have."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, overload

from checkwire.sdk.handlers import EventName, Handler, Handlers

__all__ = ["Listening"]

H = TypeVar("H", bound=Handler)


class Listening:
    """The events of a WebSocket: ``open``, ``message``, ``error``, ``close``, ``ping``, ``pong``.

    A handler takes: nothing (``open``), the message (``message``: ``str`` for text, ``bytes`` for
    binary), the exception (``error``), code and reason (``close``), the payload (``ping``,
    ``pong``); or fewer arguments than that. :meth:`run` calls them.
    """

    __slots__ = ()

    _handlers: Handlers

    @overload
    def on(self, event: EventName) -> Callable[[H], H]: ...

    @overload
    def on(self, event: EventName, handler: H) -> H: ...

    def on(self, event: EventName, handler: Handler | None = None) -> Any:
        """Call ``handler`` each time: ``ws.on("message", received)``, or as a decorator.

        Raises:
            UsageError: there is no such event, or the handler requires more than it is given.
        """
        return self._handlers.add(event, handler, once=False)

    @overload
    def once(self, event: EventName) -> Callable[[H], H]: ...

    @overload
    def once(self, event: EventName, handler: H) -> H: ...

    def once(self, event: EventName, handler: Handler | None = None) -> Any:
        """As :meth:`on`, for the first time only."""
        return self._handlers.add(event, handler, once=True)

    def off(self, event: EventName, handler: Handler) -> None:
        """No longer call the handler."""
        self._handlers.remove(event, handler)
