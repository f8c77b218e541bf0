"""The event style: handlers for what happens on a WebSocket."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, Literal, TypeVar

from checkwire.sdk.context import Context, here
from checkwire.sdk.suggestion import did_you_mean

__all__ = ["EVENTS", "EventName", "Handler", "Handlers"]

Handler = Callable[..., Any]
H = TypeVar("H", bound=Handler)

EventName = Literal["open", "message", "error", "close", "ping", "pong"]

EVENTS: Final[dict[str, tuple[str, ...]]] = {
    "open": (),
    "message": ("the message",),
    "error": ("the exception",),
    "close": ("the code", "the reason"),
    "ping": ("the payload",),
    "pong": ("the payload",),
}
"""Every event, with what its handlers are given."""

_VARARGS, _GENERATOR, _ASYNC_GENERATOR = 0x04, 0x20, 0x200
"""Flags of a code object, from :mod:`inspect`, which would cost 15 ms to import."""


class Handlers:
    """The handlers of one WebSocket, by event.

    Attributes:
        called: whether there was a chance for them to be called.
    """

    __slots__ = ("_context", "_handlers", "called")

    def __init__(self, context: Context) -> None:
        self._context = context
        self._handlers: dict[str, list[tuple[Handler, bool]]] = {}
        self.called = False

    def __bool__(self) -> bool:
        return any(self._handlers.values())

    def listens(self, event: EventName) -> bool:
        """Whether there is a handler for this event, or was before it was called once."""
        return event in self._handlers

    def add(self, event: EventName, handler: Handler | None, *, once: bool) -> Any:
        """Register a handler, or return the decorator that does.

        Raises:
            UsageError: there is no such event, or the handler cannot take it.
        """
        self._must_exist(event)
        if handler is None:

            def decorate(function: H) -> H:
                self._add(event, function, once)
                return function

            return decorate
        return self._add(event, handler, once)

    def remove(self, event: EventName, handler: Handler) -> None:
        """Forget a handler; one that is not registered does no harm.

        Raises:
            UsageError: there is no such event.
        """
        self._must_exist(event)
        known = self._handlers.get(event, [])
        known[:] = [entry for entry in known if entry[0] != handler]

    def take(self, event: EventName) -> list[Handler]:
        """The handlers to call now, in the order in which they were registered."""
        known = self._handlers.get(event)
        if not known:
            return []
        handlers = [handler for handler, _ in known]
        known[:] = [entry for entry in known if not entry[1]]
        return handlers

    def _add(self, event: EventName, handler: H, once: bool) -> H:
        if (problem := _problem(event, handler)) is not None:
            raise self._context.misused(problem, here())
        self._handlers.setdefault(event, []).append((handler, once))
        return handler

    def _must_exist(self, event: str) -> None:
        if event not in EVENTS:
            hint = did_you_mean(str(event), EVENTS) or f"; there are {', '.join(EVENTS)}"
            raise self._context.misused(f'a WebSocket has no event "{event}"{hint}', here())


def arguments_for(handler: Handler, offered: tuple[Any, ...]) -> tuple[Any, ...]:
    """As many of the arguments as a handler takes."""
    code = _code(handler)
    if code is None or code.co_flags & _VARARGS:
        return offered
    return offered[: max(code.co_argcount - _bound(handler), 0)]


def _problem(event: str, handler: object) -> str | None:
    """Why this cannot be a handler of the event; ``None`` if it can."""
    if not callable(handler):
        return f'the handler of "{event}" must be a function, not {handler!r}'
    code = _code(handler)
    if code is None:
        return None
    name = getattr(handler, "__name__", "it")
    if code.co_flags & (_GENERATOR | _ASYNC_GENERATOR):
        return f"{name}() has a yield in it, so calling it would run nothing"
    given = EVENTS[event]
    defaults = len(getattr(handler, "__defaults__", None) or ())
    required = code.co_argcount - defaults - _bound(handler)
    if required > len(given):
        gets = " and ".join(given) or "nothing"
        binary = "; binary messages are bytes, text is str" if event == "message" else ""
        wants = f"{name}() requires {required} arguments"
        return f'{wants}, and a handler of "{event}" is given {gets}{binary}'
    return None


def _code(handler: object) -> Any:
    """The code of a function or a method; ``None`` for any other callable."""
    return getattr(handler, "__code__", None)


def _bound(handler: object) -> int:
    return 0 if getattr(handler, "__self__", None) is None else 1
