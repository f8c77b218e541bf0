"""What the database needs from time to time: roll-ups, and forgetting."""

from __future__ import annotations

import asyncio
import time

import structlog
from sqlalchemy.exc import SQLAlchemyError

from checkwire.model.errors import CheckwireError
from checkwire.store.database import Store
from checkwire.store.retention import Retention, prune
from checkwire.store.rollups.rolling import roll_up

__all__ = ["Upkeep"]

_EVERY = 60.0
"""Seconds between two looks for hours that have ended, or changed."""
_AGAIN = 5.0
_PRUNE_EVERY = 3600.0

_log = structlog.get_logger("checkwire.upkeep")


class Upkeep:
    """Keeps the database in shape.

    Args:
        store: which.
        retention: for how long what is kept.

    Attributes:
        problem: a sentence, while it cannot be done; else ``None``.
    """

    def __init__(self, store: Store, retention: Retention) -> None:
        self.problem: str | None = None
        self._store = store
        self._retention = retention
        self._pruned = -_PRUNE_EVERY

    async def run(self) -> None:
        """Do it again and again, until cancelled."""
        while True:
            try:
                await self._once()
                self.problem = None
            except (SQLAlchemyError, CheckwireError, OSError) as error:
                if self.problem is None:
                    _log.error("history cannot be rolled up; it is tried again", why=str(error))
                self.problem = f"history cannot be rolled up: {error}"
            await asyncio.sleep(_EVERY if self.problem is None else _AGAIN)

    async def _once(self) -> None:
        await roll_up(self._store, time.time_ns())
        if time.monotonic() - self._pruned > _PRUNE_EVERY:
            pruned = await prune(self._store, self._retention, time.time_ns())
            self._pruned = time.monotonic()
            if any(pruned):
                _log.info("old rows deleted", **pruned._asdict())
