"""What the API and the pages see of the service, and may ask of it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Protocol

import msgspec

from checkwire.model.definition import CheckDefinition
from checkwire.model.due import Cause, DueRun
from checkwire.model.errors import CheckwireError
from checkwire.model.events import Event
from checkwire.model.failures import Failure
from checkwire.server.live import Hub
from checkwire.store.database import Store

__all__ = [
    "ChannelTried",
    "Health",
    "Monitor",
    "NoSuchThing",
    "ProjectStatus",
    "Refused",
    "RunningRun",
    "Stopping",
]


class Refused(CheckwireError):  # noqa: N818 - reads as a fact, as the others do
    """What was asked for cannot be done; the sentence says why, and what can be.

    Attributes:
        field: the argument at fault, if it is one.
    """

    def __init__(self, message: str, *, field: str | None = None) -> None:
        super().__init__(message)
        self.field = field


class Stopping(Refused):
    """The service begins nothing any more: it has been told to stop."""


class NoSuchThing(Refused):
    """There is no check or project of that name."""


class ProjectStatus(msgspec.Struct, frozen=True, kw_only=True):
    """A project that the service watches.

    Attributes:
        loaded_ns: when the version that is running was loaded.
        digest: of that version's files.
        checks: how many it has.
        error: why the files as they are now could not be loaded; the version before runs on.
        load_failures: what is wrong with single check files of the version that is running.
        warnings: sentences about its channels that cannot be told anything.
    """

    key: str
    name: str
    root: str
    loaded_ns: int
    digest: str
    checks: int
    error: str | None = None
    load_failures: tuple[Failure, ...] = ()
    warnings: tuple[str, ...] = ()


class RunningRun(msgspec.Struct, frozen=True, kw_only=True):
    """A run that is due and has no result in the store yet.

    Attributes:
        started_ns: when its first attempt began; ``None`` while it waits for its turn.
        attempt: the number of the attempt under way; 0 while it waits.
        cause: why it takes place; ``None`` if that is not known.
    """

    run_id: str
    check_uid: str
    check: str
    project: str
    location: str
    due_ns: int
    started_ns: int | None = None
    attempt: int = 0
    cause: Cause | None = None


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """How the service is.

    Attributes:
        ok: whether it does all that it should with what it was given.
        problems: sentences about what it does not, and about files that cannot be loaded: those
            are their authors' to mend.
        backlog: results that wait to be stored.
        lateness_ns: how much later than due the latest runs began.
        database: whether the database answers.
        untold: sentences about channels whose notices are late, or were given up: what is at fault
            is outside.
    """

    ok: bool
    problems: tuple[str, ...] = ()
    backlog: int = 0
    lateness_ns: int = 0
    database: bool = True
    untold: tuple[str, ...] = ()


class ChannelTried(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a test notice.

    Attributes:
        delivered: whether it was taken.
        said: what came back, or why it was not taken: a sentence.
    """

    delivered: bool
    said: str


class Monitor(Protocol):
    """The running service.

    Nothing here blocks the event loop, and what is not ``async`` answers from memory.

    Attributes:
        stopping: set when the service begins to stop: nothing new begins from then on.
        stopped: set when runs under way have ended, and what they found is stored: whatever streams
            then ends.
    """

    store: Store
    hub: Hub
    started_ns: int
    stopping: asyncio.Event
    stopped: asyncio.Event

    def projects(self) -> list[ProjectStatus]:
        """The projects, by key."""
        ...

    def definition(self, check_uid: str) -> CheckDefinition | None:
        """A check as it is running now; ``None`` if no project has it."""
        ...

    def next_due_ns(self, check_uid: str) -> int | None:
        """When the check is due next, at any location; ``None`` if it is not scheduled."""
        ...

    def running(self) -> list[RunningRun]:
        """The runs under way and those that wait, by ``due_ns``.

        A run is in here until its record can be read from the store.
        """
        ...

    def running_events(self, run_id: str) -> list[tuple[int, Event]] | None:
        """What such a run told so far: number of the attempt, and the event, in order.

        ``None`` if it is not in :meth:`running`. Each event is in here before it is published on
        ``run:RUN_ID``, with nothing awaited in between: whoever subscribes first and then reads
        this misses nothing and gets nothing twice.
        """
        ...

    async def trigger(
        self, check_uid: str, *, locations: Sequence[str] = (), by: str
    ) -> list[DueRun]:
        """Ask for a run now, at the check's locations or at some of them; kept in the store.

        Raises:
            NoSuchThing: there is no such check.
            Refused: the check does not run at such a location, or too many runs wait.
            Stopping: the service does.
        """
        ...

    async def pause(self, check_uid: str, by: str) -> None:
        """Plan no more runs of the check. Raises :class:`NoSuchThing`."""
        ...

    async def resume(self, check_uid: str) -> None:
        """Plan runs of the check again. Raises :class:`NoSuchThing`."""
        ...

    async def reload(self, project: str | None = None) -> None:
        """Load a project's files again, or those of all.

        Raises :class:`NoSuchThing`, or :class:`Stopping`.
        """
        ...

    async def try_channel(self, project: str, channel: str, by: str) -> ChannelTried:
        """Send a test notice to one of a project's channels. Raises :class:`NoSuchThing`."""
        ...

    def health(self) -> Health:
        """How the service is, as last observed."""
        ...
