"""One project as the service has it: the version that runs, and what became of newer ones."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

import structlog
from sqlalchemy.exc import SQLAlchemyError

from checkwire.model.errors import CheckwireError
from checkwire.model.failures import Failure
from checkwire.project.changes import Snapshot, snapshot
from checkwire.runner.python.messages import Connecting
from checkwire.server.monitor import ProjectStatus
from checkwire.server.service.loading import ProjectVersion, load_version
from checkwire.server.service.stored_secrets import StoredSecrets

__all__ = ["ProjectHost"]

_LONGEST_HOLD = 30.0
"""Seconds of importing that no change ends any more; a single file may not take longer either."""

_log = structlog.get_logger("checkwire.projects")


class _Outdated(Exception):  # noqa: N818 - what happened
    """What was being imported is not the newest any more."""


class ProjectHost:
    """Loads a project, again and again.

    Attributes:
        folder: where it is.
        stored_secrets: the secrets that the server keeps.
        version: the one that runs.
        error: why the files as they are now could not be loaded; else ``None``.
        seen: what the files were like when they were last read.
        outdated: set while a newer state of the project is wanted than was read.
        turn: held while it is loaded again.
    """

    def __init__(
        self, folder: Path, *, connecting: Connecting, stored_secrets: StoredSecrets
    ) -> None:
        self.folder = folder
        self.error: str | None = None
        self.seen: Snapshot = {}
        self.outdated = asyncio.Event()
        self._version: ProjectVersion | None = None
        self._connecting = connecting
        self.stored_secrets = stored_secrets
        self.turn = asyncio.Lock()
        self._import: asyncio.Timeout | None = None
        self._held_until = 0.0

    @property
    def version(self) -> ProjectVersion:
        assert self._version is not None
        return self._version

    @property
    def key(self) -> str:
        """The project's id."""
        return self.version.project.id

    @property
    def status(self) -> ProjectStatus:
        """What there is to say of it."""
        project = self.version.project
        return ProjectStatus(
            key=project.id,
            name=project.name,
            root=project.root,
            loaded_ns=self.version.loaded_ns,
            digest=self.version.digest,
            checks=len(self.version.definitions),
            error=self.error,
            load_failures=self.version.failures,
            warnings=self.version.muted,
        )

    async def first(self) -> None:
        """Load it for the first time. What is wrong with single files keeps no other from running.

        Raises:
            CheckwireError: it cannot be loaded at all.
        """
        self._version = await self._load()
        self.error = _told(self._version.failures) or None

    def warn(self) -> None:
        """Log what is to be said of the version that runs, once it is clear that it does."""
        _warn_of(self.version)

    async def close(self) -> None:
        """End the processes of the version that runs."""
        if self._version is not None:
            await self._version.close()

    def renew(self) -> None:
        """Want the newest state of the project: files or secrets have changed, or somebody asks.

        If an import is under way, it ends, since nobody wants its outcome any more, and begins
        again: a file that hangs as it is imported keeps its own repair waiting no longer.
        """
        self.outdated.set()
        self._give_way()

    async def next(
        self, adopt: Callable[[ProjectVersion], Awaitable[None]]
    ) -> ProjectVersion | None:
        """Load it again. It takes the place of the version before only if nothing got worse.

        That is: if no file is broken, or only those that were broken at the start already. To be
        called by one at a time, see :attr:`turn`.

        Args:
            adopt: told the new version before it takes the place of the one before.

        Returns the version before, which is to be closed when its runs are over; ``None`` if it
        goes on.

        Raises:
            DatabaseError, SQLAlchemyError, OSError: ``adopt`` did; the version before goes on.
        """
        try:
            version = await self._load_newest()
        except CheckwireError as error:
            self._refuse(str(error))
            return None
        except BaseException:
            self.outdated.set()
            raise
        why = _reason_against(version, self.version)
        try:
            if why:
                self._refuse(why)
                return None
            await adopt(version)
        except BaseException as error:
            self.outdated.set()
            await version.close()
            if isinstance(error, CheckwireError | SQLAlchemyError | OSError):
                self._refuse(f"it cannot be entered in the database: {error}")
            raise
        finally:
            if why:
                await version.close()
        before, self._version = self.version, version
        if version.project.services != before.project.services:
            _log.warning(
                "its [[service]]s changed: that takes effect with the next start of the server",
                project=self.key,
            )
        self.error = _told(version.failures) or None
        _log.info("project loaded", project=self.key, checks=len(version.definitions))
        return before

    async def _load_newest(self) -> ProjectVersion:
        """Load it, and again if it changes meanwhile.

        Each time its import may hold out for longer before it gives way, so that a project whose
        files never come to rest is loaded, too.
        """
        hold = 0.0
        while True:
            self.outdated.clear()
            try:
                version = await self._load(hold)
                _warn_of(version)
                return version
            except _Outdated:
                _log.info("loading begins again: there are newer changes", project=self.key)
                hold = min(2 * hold or 1.0, _LONGEST_HOLD)

    @asynccontextmanager
    async def _giving_way(self, hold: float) -> AsyncIterator[None]:
        """End what is done in it as soon as the project is outdated, but not within ``hold`` s."""
        self._held_until = asyncio.get_running_loop().time() + hold
        try:
            async with asyncio.timeout(None) as self._import:
                if self.outdated.is_set():
                    self._give_way()
                yield
        except TimeoutError:
            if self._import is None or not self._import.expired():
                raise
            raise _Outdated from None
        finally:
            self._import = None

    def _give_way(self) -> None:
        if self._import is not None and not self._import.expired():
            now = asyncio.get_running_loop().time()
            self._import.reschedule(max(now, self._held_until))

    async def _load(self, hold: float = 0.0) -> ProjectVersion:
        self.seen = await asyncio.to_thread(snapshot, str(self.folder))
        return await load_version(
            self.folder,
            now_ns=time.time_ns(),
            stored_secrets=self.stored_secrets,
            connecting=self._connecting,
            importing=self._giving_way(hold),
        )

    def _refuse(self, why: str) -> None:
        self.error = why
        _log.error(
            "the changed project cannot be loaded; the version before goes on",
            project=self.key,
            why=why,
        )


def _warn_of(version: ProjectVersion) -> None:
    for warning in version.warnings:
        _log.warning(warning, project=version.project.id)


def _reason_against(version: ProjectVersion, before: ProjectVersion) -> str:
    path = before.project.config_path
    if path is not None and version.project.config_path != path:
        return f"its settings, {path}, are gone"
    if version.project.id != before.project.id:
        return (
            f'its id changed from "{before.project.id}" to "{version.project.id}": '
            "restart the server if that is meant"
        )
    known = {(failure.code, _sentence(failure)) for failure in before.failures}
    return _told(
        failure for failure in version.failures if (failure.code, _sentence(failure)) not in known
    )


def _told(failures: Iterable[Failure]) -> str:
    return "; ".join(map(_sentence, failures))


def _sentence(failure: Failure) -> str:
    place = failure.location
    if place is None or failure.message.startswith(place.path):
        return failure.message  # which names the place itself, if there is one
    return f"{place.path}:{place.line}: {failure.message}"
