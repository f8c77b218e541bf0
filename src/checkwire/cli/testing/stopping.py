"""Ctrl-C, SIGTERM and a closed terminal: they end what is under way, in order."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Coroutine
from typing import Any, TypeVar

__all__ = ["Stopper"]

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

T = TypeVar("T")


class Stopper:
    """Listens to the signals while it is entered::

        with Stopper() as stopper:
            await stopper.guard(work())
        if stopper.number: ...

    Each signal cancels what is guarded innermost at the time: the first one the work, the second
    one the patience with which it is cleaned up after. Another one is a ``KeyboardInterrupt``.

    Attributes:
        number: the first signal that came; ``None`` if none did.
    """

    def __init__(self) -> None:
        self.number: int | None = None
        self._count = 0
        self._guarded: asyncio.Task[Any] | None = None

    def __enter__(self) -> Stopper:
        loop = asyncio.get_running_loop()
        for number in _SIGNALS:
            loop.add_signal_handler(number, self._stop, number)
        return self

    def __exit__(self, *_: object) -> None:
        loop = asyncio.get_running_loop()
        for number in _SIGNALS:
            loop.remove_signal_handler(number)

    @property
    def exit_status(self) -> int | None:
        """As shells have it: 130 after Ctrl-C; ``None`` if no signal came."""
        return None if self.number is None else 128 + self.number

    async def guard(self, work: Coroutine[Any, Any, T]) -> T | None:
        """Do this until a signal comes; ``None`` if one did before it was done."""
        task = asyncio.ensure_future(work)
        outer, self._guarded = self._guarded, task
        try:
            return await task
        except asyncio.CancelledError:
            if self.number is None:
                raise
            return None
        finally:
            self._guarded = outer

    def _stop(self, number: int) -> None:
        self._count += 1
        if self._count > 2 or self._guarded is None:
            raise KeyboardInterrupt
        self.number = self.number or number
        self._guarded.cancel()
