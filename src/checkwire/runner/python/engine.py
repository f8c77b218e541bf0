"""The engine for Python checks: one zygote, and workers for those that share a process."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Final

from msgspec.structs import replace

from checkwire.model.attempt import Attempt
from checkwire.model.definition import CheckDefinition
from checkwire.model.events import Event
from checkwire.runner.engine import EngineError, LoadedChecks
from checkwire.runner.python.forking import ForkingEngine
from checkwire.runner.python.messages import Job
from checkwire.runner.python.shared.workers import Workers
from checkwire.wire.kernel.stamps import keep_stamping

__all__ = ["PythonEngine"]

_SHARED_TRIES: Final = 3
"""How often an attempt is tried in workers, should zygotes die under it."""
_DISTURBED: Final = 2
"""How often, should others in its worker disturb it."""
_ALONE: Final = 8
"""How many attempts that were disturbed in workers are run by themselves at a time."""


class PythonEngine(ForkingEngine):
    """Imports a project's check files in a zygote, and runs attempts in its children.

    Trusted checks may run beside each other, in workers instead.
    """

    _stamping: socket.socket | None = None

    @cached_property
    def _workers(self) -> Workers:
        return Workers(
            self._living_zygote,
            root=self._project.root,
            secrets_read=self.secrets_read,
            masker=self._masker,
        )

    @cached_property
    def _alone(self) -> asyncio.Semaphore:
        return asyncio.Semaphore(_ALONE)

    async def load(
        self, files: Sequence[Path], declared: Sequence[CheckDefinition] = ()
    ) -> LoadedChecks:
        """Import these check files. Call it once, before any attempt.

        Raises:
            EngineError: no zygote can be started, for a reason that lies in no file.
        """
        # Or the first packets of the first connection would have no stamps.
        self._stamping = keep_stamping()
        return self._masked(await self._load(files))

    async def attempt(self, job: Job, on_event: Callable[[Event], None] | None = None) -> Attempt:
        """Run one attempt. Whatever goes wrong is told in it.

        In a worker it is known as a rule which attempt has ended it, and the others are run again
        in another worker. What is disturbed there too, or was by nobody knows whom, is run in a
        process of its own.

        Args:
            job: what to run.
            on_event: called with each event as it comes.
        """
        if not self.is_shared(job.definition):
            return await self._isolated(job, on_event)
        note, disturbed = "", 0
        for _ in range(_SHARED_TRIES):
            try:
                outcome = await self._workers.attempt(job, on_event, note)
            except EngineError:
                break
            if outcome.attempt is not None:
                return outcome.attempt
            note = f"This attempt is run again, for {outcome.why}"
            disturbed += not outcome.lost
            if outcome.alone or disturbed == _DISTURBED or self._closed:
                break
        async with self._alone:
            return await self._isolated(job, on_event, note)

    def is_shared(self, definition: CheckDefinition) -> bool:
        """Whether attempts of a check run in a worker, beside others.

        A plain function would keep all others from running, and has a process of its own.
        """
        return definition.isolation == "shared" and definition.id not in self._loaded.blocking

    async def close(self) -> None:
        """End all attempts, as cancelled, and the zygote; wait until every process is gone."""
        if self._stamping is not None:
            self._stamping.close()
        await self._end_attempts()
        await self._workers.close()
        await self._end_zygotes()

    def _masked(self, loaded: LoadedChecks) -> LoadedChecks:
        mask = self._masker.text
        return loaded._replace(
            definitions=tuple(
                replace(
                    definition, name=mask(definition.name), description=mask(definition.description)
                )
                for definition in loaded.definitions
            ),
            failures={path: self._masker.data(told) for path, told in loaded.failures.items()},
        )
