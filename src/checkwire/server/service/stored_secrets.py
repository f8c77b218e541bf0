"""The secrets that the server keeps for projects, and noticing that they changed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from sqlalchemy.exc import SQLAlchemyError

from checkwire.model.errors import CheckwireError
from checkwire.store.database import Store
from checkwire.store.secrets import SecretBox, SecretRecord, list_secrets, secret_values

__all__ = ["SecretsSeen", "StoredSecrets"]

_PAUSE = 10.0

SecretsSeen = tuple[SecretRecord, ...]
"""Which secrets there were, and when each was set."""


class StoredSecrets:
    """Reads them.

    Args:
        store: where they are.
        box: opens them.
    """

    def __init__(self, store: Store, box: SecretBox) -> None:
        self._store = store
        self._box = box

    async def read(self, project: str) -> tuple[dict[str, str], SecretsSeen]:
        """A project's secrets by name, and which they are.

        Raises:
            CheckwireError: one was sealed with another key.
        """
        async with self._store.reading() as tx:
            seen = tuple(await list_secrets(tx, project))
            return await secret_values(tx, self._box, project) if seen else {}, seen

    async def watch(self, project: str, before: SecretsSeen, on_change: Callable[[], None]) -> None:
        """Call ``on_change`` whenever a project's secrets have changed, until cancelled.

        Args:
            project: its id.
            before: what they were when they were last read.
            on_change: not to be held up: nothing is noticed until it returns.
        """
        while True:
            await asyncio.sleep(_PAUSE)
            try:
                async with self._store.reading() as tx:
                    seen = tuple(await list_secrets(tx, project))
            except (SQLAlchemyError, CheckwireError, OSError):
                continue  # Whoever writes results says so.
            if seen != before:
                before = seen
                on_change()
