"""How long an answer is waited for, and when to begin to wonder."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

__all__ = ["Patience"]

_NOTICE = 1.5
"""Seconds before the end at which silence is told, or half of the time, if that is less."""


class Patience:
    """A time for an answer. Silence is told while there still is time to ask why."""

    __slots__ = ("_deadline", "_expire", "_loop", "_silent", "_timer")

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        deadline: float,
        expire: Callable[[], None],
        silent: Callable[[], None] | None = None,
    ) -> None:
        """Begin.

        Args:
            loop: whose clock counts.
            deadline: when ``expire`` is called.
            expire: the time is over.
            silent: called once, somewhat before; it is for the callee to see what has come.
        """
        self._loop = loop
        self._deadline = deadline
        self._expire = expire
        self._silent = silent
        if silent is None:
            self._timer = loop.call_at(deadline, expire)
        else:
            left = max(0.0, deadline - loop.time())
            self._timer = loop.call_at(deadline - min(_NOTICE, left / 2), self._notice)

    def _notice(self) -> None:
        self._timer = self._loop.call_at(self._deadline, self._expire)
        assert self._silent is not None
        self._silent()

    def cancel(self) -> None:
        """The answer is there, or nobody waits any more."""
        self._timer.cancel()
