"""Things that begin when they are called, and can be awaited to their end."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Generator
from typing import Any, TypeVar

__all__ = ["Asked", "Begun"]

T = TypeVar("T")


class Begun:
    """What ``send`` and ``close`` return. It need not be awaited: it has begun already."""

    __slots__ = ("_finish",)

    def __init__(self, finish: Callable[[], Coroutine[Any, Any, None]]) -> None:
        self._finish = finish

    def __await__(self) -> Generator[Any, None, None]:
        return self._finish().__await__()


class Asked(Coroutine[Any, Any, T]):
    """What ``ping`` returns: it has been sent already; awaiting waits for the answer.

    A coroutine, so that it can be made a task of; but one that may be left alone.
    """

    __slots__ = ("_answer", "_awaited")

    def __init__(self, answer: Callable[[], Coroutine[Any, Any, T]]) -> None:
        self._answer = answer
        self._awaited: Coroutine[Any, Any, T] | None = None

    def _begun(self) -> Coroutine[Any, Any, T]:
        if self._awaited is None:
            self._awaited = self._answer()
        return self._awaited

    def __await__(self) -> Generator[Any, None, T]:
        return self._begun().__await__()

    def send(self, value: Any) -> Any:
        return self._begun().send(value)

    def throw(self, *error: Any) -> Any:
        return self._begun().throw(*error)

    def close(self) -> None:
        self._begun().close()
