"""Writing results, in batches, so that none is lost while the database is not there."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple

import structlog
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from checkwire.model.attempt import Run
from checkwire.model.errors import CheckwireError
from checkwire.store.records import RunRecord

__all__ = ["Ingester", "Result", "Write"]

_BATCH = 200
_GATHER = 0.01
"""Seconds in which results that come together are written together."""
_FIRST_PAUSE, _LONGEST_PAUSE = 0.2, 10.0
_LEAST_PATIENCE = 5.0
"""Seconds to go on trying at the end, whatever patience there is with runs."""
_LOST_TOLD = 20
"""Results that are lost at the end of which each is told."""
_WITH_TRANSCRIPTS = 2_000
"""Waiting results above which the transcripts of those that passed are let go."""
_MOST = 50_000
"""Waiting results above which the oldest are."""

_log = structlog.get_logger("checkwire.ingest")


class Result(NamedTuple):
    """A run to be stored, with its transcript if there is one."""

    record: RunRecord
    run: Run | None


Write = Callable[[Sequence[Result]], Awaitable[None]]
"""Writes results in one transaction, all or none, and tells whom it concerns once it is done.

What it is given twice it writes once."""


class Ingester:
    """Holds results until they are written.

    Args:
        write: see :data:`Write`.
        on_drop: told of a result that was let go.

    Attributes:
        problem: a sentence, while results cannot be written; else ``None``.
        dropped: results that were let go, for too many were waiting.
    """

    def __init__(self, write: Write, on_drop: Callable[[Result], None]) -> None:
        self.problem: str | None = None
        self.dropped = 0
        self._write = write
        self._on_drop = on_drop
        self._batch: list[Result] = []
        self._waiting: deque[Result] = deque()
        self._arrived = asyncio.Event()
        self._turn = asyncio.Lock()
        self._finishing = False

    def __len__(self) -> int:
        return len(self._batch) + len(self._waiting)

    def put(self, result: Result) -> None:
        """Take a result."""
        self._waiting.append(result)
        self._arrived.set()
        if len(self._waiting) > _WITH_TRANSCRIPTS:
            self._save_room()

    async def run(self) -> None:
        """Write what comes, until cancelled or :meth:`finish` is called."""
        pause = _FIRST_PAUSE
        while not self._finishing:
            await self._arrived.wait()
            if len(self._waiting) < _BATCH:
                await asyncio.sleep(_GATHER)
            if await self._write_some():
                pause = _FIRST_PAUSE
            else:
                await asyncio.sleep(pause)
                pause = min(2 * pause, _LONGEST_PAUSE)

    async def finish(self, patience: float) -> None:
        """Write what is left at once, whatever pause :meth:`run` is in; tell of what cannot be.

        It is tried again for ``patience`` seconds, and for some at least. No try is broken off:
        how long one that fails may take is the store's matter.
        """
        self._finishing = True
        deadline = time.monotonic() + max(patience, _LEAST_PATIENCE)
        while len(self):
            written = await self._write_some()
            if time.monotonic() > deadline:
                break
            if not written:
                await asyncio.sleep(_FIRST_PAUSE)
        if len(self):
            self._tell_lost([result.record for result in (*self._batch, *self._waiting)])

    async def _write_some(self) -> bool:
        """Write a batch; it stays one until it is written."""
        async with self._turn:
            while self._waiting and len(self._batch) < _BATCH:
                self._batch.append(self._waiting.popleft())
            try:
                if self._batch:
                    await self._write(self._batch)
            except IntegrityError:
                return await self._write_one_by_one()
            except (SQLAlchemyError, CheckwireError, OSError) as error:
                self._cannot(error)
                return False
            self._batch.clear()
            self._written()
            return True

    async def _write_one_by_one(self) -> bool:
        """One of them is at fault, and must not keep the others out."""
        while self._batch:
            try:
                await self._write(self._batch[:1])
            except IntegrityError as error:
                run_id = self._batch[0].record.run_id
                _log.error("the database refuses a result", run=run_id, why=str(error.orig))
                self._drop(self._batch[0])
            except (SQLAlchemyError, CheckwireError, OSError) as error:
                self._cannot(error)
                return False
            del self._batch[0]
        self._written()
        return True

    def _cannot(self, error: Exception) -> None:
        why = str(getattr(error, "orig", None) or error)
        if self.problem is None:
            _log.error("results cannot be written; they are held, and tried again", why=why)
        self.problem = f"results cannot be written: {why}"

    def _written(self) -> None:
        if self.problem is not None:
            _log.info("results can be written again", waiting=len(self))
            self.problem = None
        if not self._waiting:
            self._arrived.clear()

    def _tell_lost(self, records: Sequence[RunRecord]) -> None:
        _log.error(
            "results could not be stored, and are lost: their runs take place again after the next "
            "start, or are missed",
            results=len(records),
            why=self.problem or "there were too many of them",
        )
        for record in records[:_LOST_TOLD]:
            _log.error(
                "a result is lost",
                project=record.project,
                check=record.check,
                location=record.location,
                run=record.run_id,
                status=record.status,
            )

    def _drop(self, result: Result) -> None:
        self.dropped += 1
        self._on_drop(result)

    def _save_room(self) -> None:
        while len(self._waiting) > _MOST:
            self._drop(self._waiting.popleft())
        index = len(self._waiting) - _WITH_TRANSCRIPTS
        result = self._waiting[index]
        if result.run is not None and result.record.status == "passed":
            self._waiting[index] = result._replace(run=None)
