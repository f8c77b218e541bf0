"""To which part of the script code belongs: its step, what it expects, what it is opening."""

from __future__ import annotations

import asyncio
import threading
import weakref
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from checkwire.sdk.ledger import Expected

__all__ = [
    "Opener",
    "Site",
    "current_flow",
    "current_step",
    "expecting",
    "for_flow",
    "handler_call",
    "in_handler",
    "opening",
    "scoped",
]

Site = tuple[str, int]
"""A place in a script: file and line."""

current_step: ContextVar[int] = ContextVar("checkwire_step", default=0)
"""The step that the calling task is in, 0 for none. Not set where no script's code is calling."""

opening: ContextVar[tuple[Site, str] | None] = ContextVar("checkwire_opening", default=None)
"""The place and URL of the connection that the calling task is opening."""

expecting: ContextVar[tuple[Expected, ...]] = ContextVar("checkwire_expecting", default=())
"""The blocks of ``expect.failure`` that the calling task is in, or was started in."""

_handler_call: ContextVar[int] = ContextVar("checkwire_handler_call", default=0)
_flow: ContextVar[object] = ContextVar("checkwire_flow", default=None)


class Opener(NamedTuple):
    """The part of the script that opened a connection, to which belongs what happens on it."""

    site: Site
    step: int
    expecting: tuple[Expected, ...]
    flow: object


def scoped(site: Hashable) -> Hashable:
    """What makes a verification at this place the same one: one call of a handler is no second
    try of another."""
    call = _handler_call.get()
    return (call, site) if call else site


class _Calls:
    last = 0


_calls: Final = _Calls()


@contextmanager
def handler_call() -> Iterator[None]:
    """A handler is called in this block; the tasks that it starts belong to the call."""
    _calls.last += 1
    token = _handler_call.set(_calls.last)
    try:
        yield
    finally:
        _handler_call.reset(token)


def in_handler() -> bool:
    """Whether the calling code is that of an event handler, or of a task that one started."""
    return _handler_call.get() > 0


def current_flow() -> object:
    """What runs the calling code, one statement after the other: its task, or its thread."""
    if (flow := _flow.get()) is not None:
        return flow
    try:
        task = asyncio.current_task()
    except RuntimeError:  # No event loop runs in this thread.
        task = None
    return threading.get_ident() if task is None else weakref.ref(task)


@contextmanager
def for_flow(flow: object) -> Iterator[None]:
    """What is done meanwhile, in other threads too, is part of that flow."""
    token = _flow.set(flow)
    try:
        yield
    finally:
        _flow.reset(token)
