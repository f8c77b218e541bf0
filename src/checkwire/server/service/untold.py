"""Notices that did not reach anybody, to be told by whoever is asked how the server is."""

from __future__ import annotations

import asyncio
import time

from sqlalchemy.exc import SQLAlchemyError

from checkwire.model.errors import CheckwireError
from checkwire.server.notices import read_notices, trouble_of
from checkwire.store.database import Store

__all__ = ["Untold"]

_EVERY = 300.0
"""Seconds after which it is looked though nothing was heard of: incidents of long ago drop out."""
_AGAIN = 5.0


class Untold:
    """Knows which channels do not work.

    Attributes:
        problems: a sentence for each of them.
    """

    def __init__(self, store: Store) -> None:
        self.problems: tuple[str, ...] = ()
        self._store = store
        self._changed = asyncio.Event()

    def changed(self) -> None:
        """Something became of a notice."""
        self._changed.set()

    async def run(self) -> None:
        """Look whenever something has changed, until cancelled."""
        while True:
            self._changed.clear()
            pause = _EVERY
            try:
                await self.look()
            except (SQLAlchemyError, CheckwireError, OSError):
                pause = _AGAIN  # Whoever writes results says so.
            try:
                async with asyncio.timeout(pause):
                    await self._changed.wait()
            except TimeoutError:
                pass

    async def look(self) -> None:
        """Read it now."""
        found = await read_notices(self._store, time.time_ns())
        self.problems = tuple(
            f"channel {one.channel} of project {one.project}: {trouble_of(one)} "
            f"{(one.error or 'Nobody knows why').rstrip('.')}."
            for one in found
            if one.troubled
        )
