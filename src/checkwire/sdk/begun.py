"""Things that begin when they are called, and can be awaited to their end."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Generator
from typing import Any

__all__ = ["Begun"]


class Begun:
    """What ``send`` and ``close`` return. It need not be awaited: it has begun already."""

    __slots__ = ("_finish",)

    def __init__(self, finish: Callable[[], Coroutine[Any, Any, None]]) -> None:
        self._finish = finish

    def __await__(self) -> Generator[Any, None, None]:
        return self._finish().__await__()
