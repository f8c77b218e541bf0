"""A notice: what is told of an incident's beginning or end. ``docs/alerts.md`` describes it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Literal, NamedTuple

import msgspec

from checkwire.model.durations import format_ns
from checkwire.model.failures import code_of
from checkwire.store.records import CheckRecord, CheckState, Incident, RunRecord

__all__ = [
    "SCHEMA",
    "Event",
    "Notice",
    "NoticeCheck",
    "NoticeFailure",
    "NoticeIncident",
    "NoticeLocation",
    "NoticeProject",
    "NoticeRun",
    "Reason",
    "Told",
    "WatchedCheck",
    "closing_notice",
    "opening_notice",
    "test_notice",
]

SCHEMA = 1
"""Members are added without counting up; it counts up if one changes its meaning."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Event = Literal["opened", "closed"]

Told = Literal["opened", "closed", "test"]
"""What a notice tells of: an incident's beginning or end; or nothing: somebody tries a channel."""

Reason = Literal["failing", "recovered", "removed", "test"]
"""Why an incident opened or closed: the check fails; it is well again; it is no longer there."""


class WatchedCheck(NamedTuple):
    """A check, and the name of its project for people."""

    check: CheckRecord
    project_name: str


class NoticeProject(msgspec.Struct, frozen=True, kw_only=True):
    """The project of the check."""

    id: str
    name: str


class NoticeCheck(msgspec.Struct, frozen=True, kw_only=True):
    """The check. ``uid`` is unique, ``id`` is within the project; ``url`` is of its page."""

    id: str
    uid: str
    name: str
    description: str
    tags: tuple[str, ...]
    url: str | None


class NoticeIncident(msgspec.Struct, frozen=True, kw_only=True):
    """The incident. It lasted from ``began_at`` to ``ended_at``, and that is ``duration_ns``; both
    are ``None`` while it is open. When that was noticed is ``opened_at`` and ``closed_at``.
    """

    id: str
    began_at: datetime
    opened_at: datetime
    closed_at: datetime | None
    ended_at: datetime | None = None
    duration_ns: int | None


class NoticeFailure(msgspec.Struct, frozen=True, kw_only=True):
    """Why the run that opened the incident did not pass. The code is stable."""

    code: str
    title: str
    message: str
    hint: str
    phase: str | None


class NoticeRun(msgspec.Struct, frozen=True, kw_only=True):
    """The run that decided. ``url`` is of its page."""

    id: str
    location: str
    status: str
    due_at: datetime
    url: str | None


class NoticeLocation(msgspec.Struct, frozen=True, kw_only=True):
    """How the check does at one of its locations.

    Attributes:
        failed_in_row: its latest runs in a row that failed or were in error.
    """

    name: str
    status: str
    failed_in_row: int


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """What a channel is told. As JSON it is the body of a webhook.

    Attributes:
        id: the idempotency key: of a notice that comes again it is the same.
        at: when it was decided.
        title: one line that says it all.
        run: ``None`` if no run decided, but that the check is no longer there.
    """

    schema: int
    id: str
    event: Told
    reason: Reason
    at: datetime
    title: str
    project: NoticeProject
    check: NoticeCheck
    incident: NoticeIncident
    failure: NoticeFailure | None
    run: NoticeRun | None
    locations: tuple[NoticeLocation, ...]

    def encode(self) -> bytes:
        """As JSON."""
        return msgspec.json.encode(self)

    @staticmethod
    def decode(data: bytes) -> Notice:
        """From JSON."""
        return msgspec.json.decode(data, type=Notice)


def opening_notice(
    watched: WatchedCheck,
    incident: Incident,
    *,
    run: RunRecord,
    states: Sequence[CheckState],
    base_url: str | None,
) -> Notice:
    """What is told when an incident opens. Its id is yet to be set: each channel has its own.

    Args:
        watched: the check.
        incident: just opened.
        run: that opened it.
        states: how the check does at its locations.
        base_url: of this server, without a slash at the end, if it is known.
    """
    verb = "is down" if run.status == "failed" else "cannot be run"
    title = f"{watched.check.definition.name} {verb}"
    if incident.message:
        title = f"{title}: {incident.message}"
    return _notice(watched, incident, "opened", "failing", title, run, states, base_url)


def closing_notice(
    watched: WatchedCheck,
    incident: Incident,
    *,
    run: RunRecord | None,
    states: Sequence[CheckState],
    base_url: str | None,
) -> Notice:
    """What is told when an incident closes; see :func:`opening_notice`.

    Args:
        watched: the check.
        incident: just closed.
        run: that closed it; ``None`` if its check is no longer there.
        states: how the check does at its locations.
        base_url: of this server.
    """
    lasted = format_ns(incident.lasted_ns or 0)
    name = watched.check.definition.name
    reason: Reason
    if run is None:
        reason, title = "removed", f"{name} is no longer checked; it had been down for {lasted}"
    else:
        reason, title = "recovered", f"{name} is up again after {lasted}"
    return _notice(watched, incident, "closed", reason, title, run, states, base_url)


def test_notice(
    key: str, channel: str, *, project: str, name: str, now_ns: int, base_url: str | None
) -> Notice:
    """What is told when somebody tries a channel: the same members, of a check that is not there.

    Args:
        key: of this notice.
        channel: its name.
        project, name: the project's id, and its name for people.
        now_ns: the time.
        base_url: of this server.
    """
    now = _instant(now_ns)
    return Notice(
        schema=SCHEMA,
        id=key,
        event="test",
        reason="test",
        at=now,
        title=f"This is a test of the channel {channel}: nothing is down",
        project=NoticeProject(id=project, name=name),
        check=NoticeCheck(
            id="test", uid="test", name="test", description="", tags=(), url=base_url
        ),
        incident=NoticeIncident(
            id=f"test-{key}", began_at=now, opened_at=now, closed_at=None, duration_ns=None
        ),
        failure=None,
        run=None,
        locations=(),
    )


def _notice(
    watched: WatchedCheck,
    incident: Incident,
    event: Event,
    reason: Reason,
    title: str,
    run: RunRecord | None,
    states: Sequence[CheckState],
    base_url: str | None,
) -> Notice:
    check, definition = watched.check, watched.check.definition
    closed_ns, ended_ns = incident.closed_ns, incident.ended_ns
    return Notice(
        schema=SCHEMA,
        id="",
        event=event,
        reason=reason,
        at=_instant(incident.opened_ns if closed_ns is None else closed_ns),
        title=" ".join(title.split()),
        project=NoticeProject(id=check.project, name=watched.project_name),
        check=NoticeCheck(
            id=definition.id,
            uid=check.uid,
            name=definition.name,
            description=definition.description,
            tags=definition.tags,
            url=None if base_url is None else f"{base_url}/checks/{check.uid}",
        ),
        incident=NoticeIncident(
            id=incident.id,
            began_at=_instant(incident.began_ns),
            opened_at=_instant(incident.opened_ns),
            closed_at=None if closed_ns is None else _instant(closed_ns),
            ended_at=None if ended_ns is None else _instant(ended_ns),
            duration_ns=incident.lasted_ns,
        ),
        failure=_failure(incident),
        run=None
        if run is None
        else NoticeRun(
            id=run.run_id,
            location=run.location,
            status=run.status,
            due_at=_instant(run.due_ns),
            url=None if base_url is None else f"{base_url}/runs/{run.run_id}",
        ),
        locations=tuple(
            NoticeLocation(name=s.location, status=s.status, failed_in_row=s.bad_in_row)
            for s in sorted(states, key=lambda state: state.location)
        ),
    )


def _failure(incident: Incident) -> NoticeFailure | None:
    if incident.code is None:
        return None
    code = code_of(incident.code)
    return NoticeFailure(
        code=incident.code,
        title=code.title,
        message=incident.message or code.title,
        hint=incident.hint or code.hint,
        phase=incident.phase,
    )


def _instant(ns: int) -> datetime:
    return _EPOCH + timedelta(milliseconds=ns // 1_000_000)
