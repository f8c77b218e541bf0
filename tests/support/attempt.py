"""Code of a check, run as in an attempt, and everything that is told of it."""

from __future__ import annotations

import os
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, TypeVar

from checkwire.model.events import Event, Excused, Failed, HttpExchange
from checkwire.model.failures import Failure
from checkwire.sdk.context import Context, enter
from support.loops import run
from support.sentences import assert_explained

__all__ = ["Told", "attempt", "plain_attempt"]

E = TypeVar("E")
_PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


class Told:
    """What an attempt has told.

    Attributes:
        result: what the code returned.
        error: what it raised.
    """

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.result: Any = None
        self.error: BaseException | None = None
        self.verifications = 0

    def of(self, kind: type[E]) -> list[E]:
        """The events of a kind."""
        return [event for event in self.events if isinstance(event, kind)]

    @property
    def exchanges(self) -> list[HttpExchange]:
        return self.of(HttpExchange)

    @property
    def exchange(self) -> HttpExchange:
        """The only one."""
        (exchange,) = self.exchanges
        return exchange

    @property
    def told(self) -> list[Failure]:
        """Every failure, whether excused or not, warnings left out."""
        failures = [failed.failure for failed in self.of(Failed) if failed.severity != "warning"]
        for failure in failures:
            assert_explained(failure)
        return failures

    @property
    def failure(self) -> Failure:
        """The only one; it was told once."""
        (failure,) = self.told
        return failure

    @property
    def counting(self) -> list[str]:
        """The codes of the failures that were not excused."""
        excused = {event.number for event in self.of(Excused)}
        return [failed.failure.code for failed in self.of(Failed) if failed.number not in excused]


def attempt(
    check: Callable[[], Coroutine[Any, Any, Any]], *, loop: str = "asyncio", **context: Any
) -> Told:
    """Run a coroutine function in a context of its own; the arguments are the context's."""
    return _attempt(lambda: run(check(), loop), context)


def plain_attempt(check: Callable[[], Any], **context: Any) -> Told:
    """The same for a plain function."""
    return _attempt(check, context)


def _attempt(work: Callable[[], Any], options: Mapping[str, Any]) -> Told:
    told = Told()
    environment = {name: value for name, value in os.environ.items() if name.lower() in _PROXIES}
    for name in environment:
        del os.environ[name]
    context = Context(told.events.append, **options)
    enter(context)
    try:
        told.result = work()
    except Exception as error:
        told.error = error
    finally:
        os.environ.update(environment)
    told.verifications = context.ledger.verifications
    return told
