"""The event style: handlers for what happens on a WebSocket."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, Literal, NamedTuple, TypeVar

from checkwire.sdk.context import Context, here
from checkwire.sdk.suggestion import did_you_mean

__all__ = ["EVENTS", "EventName", "Handler", "Handlers", "Registered"]

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
_ANY = 99
"""As many arguments as there are."""


class Registered(NamedTuple):
    """A handler, how many arguments it takes at most, and whether it is called once only."""

    handler: Handler
    most: int
    once: bool

    def __call__(self, *arguments: Any) -> Any:
        """Call it with as many of the arguments as it takes."""
        return self.handler(*arguments[: self.most])


class Handlers:
    """The handlers of one WebSocket, by event.

    Attributes:
        called: whether there was a chance for them to be called.
    """

    __slots__ = ("_context", "_handlers", "called")

    def __init__(self, context: Context) -> None:
        self._context = context
        self._handlers: dict[str, list[Registered]] = {}
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
        if handler is not None:
            return self._add(event, handler, once)

        def decorate(function: H) -> H:
            return self._add(event, function, once)

        return decorate

    def remove(self, event: EventName, handler: Handler) -> None:
        """Forget a handler; one that is not registered does no harm.

        Raises:
            UsageError: there is no such event.
        """
        self._must_exist(event)
        known = self._handlers.get(event, [])
        known[:] = [entry for entry in known if entry.handler != handler]

    def take(self, event: EventName) -> list[Registered]:
        """The handlers to call now, in the order in which they were registered."""
        known = self._handlers.get(event)
        if not known:
            return []
        now = known.copy()
        known[:] = [entry for entry in known if not entry.once]
        return now

    def _add(self, event: EventName, handler: H, once: bool) -> H:
        if (problem := _problem(event, handler)) is not None:
            raise self._context.misused(problem, here())
        entry = Registered(handler, _accepts(handler)[1], once)
        self._handlers.setdefault(event, []).append(entry)
        return handler

    def _must_exist(self, event: str) -> None:
        if event not in EVENTS:
            hint = did_you_mean(str(event), EVENTS) or f"; there are {', '.join(EVENTS)}"
            raise self._context.misused(f'a WebSocket has no event "{event}"{hint}', here())


def _problem(event: str, handler: object) -> str | None:
    """Why this cannot be a handler of the event; ``None`` if it can."""
    if not callable(handler):
        return f'the handler of "{event}" must be a function, not {handler!r}'
    name = getattr(handler, "__name__", "it")
    code = getattr(handler, "__code__", None)
    if code is not None and code.co_flags & (_GENERATOR | _ASYNC_GENERATOR):
        return f"{name}() has a yield in it, so calling it would run nothing"
    given = EVENTS[event]
    required, _ = _accepts(handler)
    if required > len(given):
        gets = " and ".join(given) or "nothing"
        binary = "; binary messages are bytes, text is str" if event == "message" else ""
        wants = f"{name}() requires {required} arguments"
        return f'{wants}, and a handler of "{event}" is given {gets}{binary}'
    return None


def _accepts(handler: Handler) -> tuple[int, int]:
    """How many positional arguments a handler requires, and how many it takes at most."""
    code = getattr(handler, "__code__", None)
    if code is None:
        return _accepts_by_signature(handler)
    bound = 0 if getattr(handler, "__self__", None) is None else 1
    most = code.co_argcount - bound
    required = most - len(getattr(handler, "__defaults__", None) or ())
    return required, _ANY if code.co_flags & _VARARGS else most


def _accepts_by_signature(handler: Handler) -> tuple[int, int]:
    """The same for what is no plain function: built-in ones, objects, ``functools.partial``."""
    from inspect import Parameter, signature  # 15 ms, and rarely needed

    try:
        parameters = signature(handler).parameters.values()
    except (TypeError, ValueError):
        return 0, _ANY
    positional = [
        parameter
        for parameter in parameters
        if parameter.kind in (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)
    ]
    if any(parameter.kind is Parameter.VAR_POSITIONAL for parameter in parameters):
        return 0, _ANY
    required = sum(parameter.default is Parameter.empty for parameter in positional)
    return required, len(positional)
