"""What a server answers, as far as it is shown; a newer server may say more."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec

from checkwire._version import __version__
from checkwire.cli.client.server import CannotAsk, Server
from checkwire.model.definition import CheckDefinition
from checkwire.model.failures import Failure

__all__ = [
    "Asked",
    "AskedList",
    "CheckAnswer",
    "IncidentAnswer",
    "NoticeAnswer",
    "OpenIncident",
    "ProjectAnswer",
    "RunAnswer",
    "ServerAnswer",
    "Standing",
    "decoded",
    "full_name",
    "short_name",
    "watches_several",
]

T = TypeVar("T")


class ProjectAnswer(msgspec.Struct, frozen=True):
    """A project; see ``checkwire.server.monitor.ProjectStatus``."""

    key: str
    name: str
    root: str
    loaded_ns: int
    error: str | None = None
    load_failures: tuple[Failure, ...] = ()
    warnings: tuple[str, ...] = ()


class RunAnswer(msgspec.Struct, frozen=True):
    """A run; ``status`` is ``waiting`` or ``running`` until it is over."""

    run_id: str
    check_uid: str
    check: str
    project: str
    location: str
    status: str
    due_ns: int
    started_ns: int | None = None
    duration_ns: int | None = None
    attempts: int = 0
    missed: int = 0
    flaky: bool = False
    code: str | None = None
    message: str | None = None

    @property
    def is_over(self) -> bool:
        """Whether it has a result."""
        return self.status not in ("waiting", "running")


class Standing(msgspec.Struct, frozen=True):
    """Where a check stands at one location."""

    location: str
    status: str
    since_ns: int
    due_ns: int
    run_id: str


class OpenIncident(msgspec.Struct, frozen=True):
    """The incident of a check that is open."""

    id: str
    began_ns: int


class NoticeAnswer(msgspec.Struct, frozen=True):
    """A notice of an incident; ``status`` is ``waiting``, ``delivered`` or ``given_up``."""

    event: str
    channel: str
    status: str
    tries: int = 0
    error: str | None = None


class IncidentAnswer(msgspec.Struct, frozen=True):
    """A period in which a check is down, and who was told."""

    id: str
    check_uid: str
    check: str
    project: str
    open: bool
    began_ns: int
    opened_ns: int
    opened_by: str
    code: str | None = None
    message: str | None = None
    closed_ns: int | None = None
    closed_by: str | None = None
    ended_ns: int | None = None
    duration_ns: int | None = None
    notices: tuple[NoticeAnswer, ...] = ()


class CheckAnswer(msgspec.Struct, frozen=True):
    """A check; ``status`` is the worst of its states, ``None`` before its first run."""

    uid: str
    id: str
    project: str
    name: str
    tags: tuple[str, ...] = ()
    locations: tuple[str, ...] = ()
    every: float | None = None
    cron: str | None = None
    timezone: str = "UTC"
    scheduling: str = "parallel"
    status: str | None = None
    incident: OpenIncident | None = None
    down_since_ns: int | None = None
    states: tuple[Standing, ...] = ()
    next_due_ns: int | None = None
    paused: bool = False
    paused_ns: int | None = None
    paused_by: str | None = None
    removed_ns: int | None = None
    definition: CheckDefinition | None = None


class ServerAnswer(msgspec.Struct, frozen=True):
    """The server itself."""

    version: str
    started_ns: int
    ok: bool = True
    problems: tuple[str, ...] = ()
    running: tuple[RunAnswer, ...] = ()


class Asked(msgspec.Struct, frozen=True):
    """A run that was asked for."""

    run_id: str
    location: str
    due_ns: int


class AskedList(msgspec.Struct, frozen=True):
    """The runs that were asked for."""

    runs: tuple[Asked, ...]


def decoded(answer: Any, kind: type[T], server: Server) -> T:
    """The answer in its form.

    Raises:
        CannotAsk: it has another: the server is of another version.
    """
    try:
        return msgspec.convert(answer, kind)
    except msgspec.ValidationError as error:
        raise CannotAsk(
            f"the answer of {server.access.server} is not understood ({error}): "
            f"{_versions(server)}; install the same version here"
        ) from None


def _versions(server: Server) -> str:
    try:
        about = server.get("/server")
        theirs = about.get("version") if isinstance(about, Mapping) else None
    except Exception:  # whatever it is, it must not hide what went wrong first
        theirs = None
    return f"it is version {theirs or 'unknown'}, this is {__version__}"


def short_name(check: str) -> str:
    """What tells a check from others of its project, of its id: ``order_updates[eu]``."""
    return check.rpartition("::")[2] or check


def full_name(check: CheckAnswer, several: bool) -> str:
    """What tells a check from all others of the server, where there are several projects."""
    return f"{check.project}/{check.name}" if several else check.name


def watches_several(server: Server) -> bool:
    """Whether the server watches more than one project."""
    return len(server.items("/projects")) > 1
