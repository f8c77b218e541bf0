"""What the store gives and takes: plain data."""

from __future__ import annotations

from typing import Literal

import msgspec

from checkwire.model.definition import CheckDefinition
from checkwire.model.due import Cause

__all__ = [
    "CAUSES",
    "STATUSES",
    "ChannelNotices",
    "CheckRecord",
    "CheckState",
    "Incident",
    "OutboxEntry",
    "ProjectRecord",
    "RunRecord",
    "RunStatus",
    "TokenRecord",
    "Untold",
]

RunStatus = Literal["passed", "degraded", "failed", "error", "skipped", "missed"]

STATUSES: tuple[RunStatus, ...] = ("passed", "degraded", "failed", "error", "skipped", "missed")
"""Stored as their index."""
CAUSES: tuple[Cause, ...] = ("schedule", "manual", "first")
"""Stored as their index."""


class ProjectRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A project that the server has or had."""

    id: int
    key: str
    name: str
    root: str
    loaded_ns: int
    removed_ns: int | None = None


class CheckRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A check that the server has or had.

    Attributes:
        id: of its rows in this database.
        uid: stable, short, for addresses.
        removed_ns: since when it is no longer in its project.
        paused_ns, paused_by: since when, and by whom, it is paused.
        resumed_ns: when its last pause ended.
    """

    id: int
    uid: str
    project: str
    definition: CheckDefinition
    first_seen_ns: int
    removed_ns: int | None = None
    paused_ns: int | None = None
    paused_by: str | None = None
    resumed_ns: int | None = None


class RunRecord(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A run, without its transcript.

    Attributes:
        status: the last attempt's; ``missed`` if it never began.
        holds_ns: for how long from ``due_ns`` it speaks for the check.
        attempts: how many there were; a pass after more than one is flaky.
        missed: due runs that it stands for, if it was missed: they are recorded together.
        code, message, phase: of the headline failure.
        times: nanoseconds by phase, see ``tables.PHASES``.
    """

    run_id: str
    check_id: int
    check_uid: str = ""
    check: str = ""
    project: str = ""
    location: str
    due_ns: int
    cause: Cause = "schedule"
    status: RunStatus
    started_ns: int | None = None
    duration_ns: int | None = None
    holds_ns: int
    attempts: int = 0
    missed: int = 0
    clock: Literal["kernel", "user"] = "user"
    code: str | None = None
    message: str | None = None
    phase: str | None = None
    times: dict[str, int] = {}

    @property
    def flaky(self) -> bool:
        """Whether it passed only after a retry."""
        return self.status in ("passed", "degraded") and self.attempts > 1


class CheckState(msgspec.Struct, frozen=True, kw_only=True):
    """Where a check stands at one location.

    Attributes:
        status: of its latest run.
        since_ns: ``due_ns`` of the first of the latest runs that all had this status.
        due_ns, run_id: of the latest run.
        bad_in_row, good_in_row: latest runs in a row that failed (or were in error), or that
            passed (or were degraded). Skipped and missed runs count as neither.
        bad_since_ns: ``due_ns`` of the first of those that were bad; ``None`` if the row is empty.
    """

    check_id: int
    location: str
    status: RunStatus
    since_ns: int
    due_ns: int
    run_id: str
    bad_in_row: int = 0
    good_in_row: int = 0
    bad_since_ns: int | None = None


class Incident(msgspec.Struct, frozen=True, kw_only=True):
    """A period in which a check is down.

    Attributes:
        began_ns: when the first of the failed runs was due.
        opened_ns, opened_by: when it was noticed, and by which run.
        code, message, hint, phase: of the failure of that run.
        closed_ns, closed_by: the same of its end.
        ended_ns: when the run that closed it was due; when it was closed, if no run did.
    """

    id: str
    check_id: int
    check_uid: str = ""
    check: str = ""
    project: str = ""
    began_ns: int
    opened_ns: int
    opened_by: str
    code: str | None = None
    message: str | None = None
    hint: str | None = None
    phase: str | None = None
    closed_ns: int | None = None
    closed_by: str | None = None
    ended_ns: int | None = None

    @property
    def lasted_ns(self) -> int | None:
        """How long the check was down: from when it began to when it ended; ``None`` if it is."""
        return None if self.ended_ns is None else self.ended_ns - self.began_ns


class OutboxEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A notice that is to be delivered. Its id is the idempotency key."""

    id: str
    incident_id: str
    event: Literal["opened", "closed"]
    channel: str
    payload: bytes
    created_ns: int
    tries: int = 0
    next_try_ns: int | None = None
    delivered_ns: int | None = None
    given_up_ns: int | None = None
    error: str | None = None


class Untold(msgspec.Struct, frozen=True, kw_only=True):
    """A check of which a channel was not told what it was to be told."""

    check_uid: str
    check: str


class ChannelNotices(msgspec.Struct, frozen=True, kw_only=True):
    """How the notices to one channel of a project fare.

    Attributes:
        project: its key.
        channel: its name in the project's settings.
        waiting: how many are neither delivered nor given up.
        late: those of them that were tried several times.
        given_up: how many were.
        lost: those of them that were given up since anything was delivered to the channel.
        error: why the latest one that is late, or lost, was not delivered.
        untold: the checks that these tell of.
    """

    project: str
    channel: str
    waiting: int = 0
    late: int = 0
    given_up: int = 0
    lost: int = 0
    error: str | None = None
    untold: tuple[Untold, ...] = ()

    @property
    def troubled(self) -> bool:
        """Whether somebody is to be told that it does not work."""
        return bool(self.late or self.lost)


class TokenRecord(msgspec.Struct, frozen=True, kw_only=True):
    """An API token, without the token."""

    id: str
    name: str
    scopes: tuple[str, ...]
    created_ns: int
    expires_ns: int | None = None
    used_ns: int | None = None
    revoked_ns: int | None = None
