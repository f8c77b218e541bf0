"""Incidents, and failures by their code."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from pydantic import Field

from checkwire.model.explanations import explanation_of
from checkwire.model.failures import FailureCode
from checkwire.server.api.models.base import Model
from checkwire.server.api.models.runs import Run
from checkwire.store import records

__all__ = [
    "Code",
    "CodeList",
    "Confirmation",
    "FailureGroup",
    "FailureGroups",
    "Incident",
    "IncidentList",
    "IncidentTold",
    "NoticeTold",
]


class NoticeTold(Model):
    """A notice of an incident, and what became of it."""

    id: str
    """Its idempotency key."""
    event: Literal["opened", "closed"]
    channel: str = Field(examples=["ops"])
    status: Literal["waiting", "delivered", "given_up"]
    tries: int
    created_ns: int
    next_try_ns: int | None
    """When it is tried again; null unless it is `waiting`."""
    delivered_ns: int | None
    error: str | None
    """Why the latest try failed; of a notice that was delivered, whom it did not reach."""

    @classmethod
    def of(cls, entry: records.OutboxEntry) -> NoticeTold:
        """As the store has it."""
        status: Literal["waiting", "delivered", "given_up"] = "waiting"
        if entry.delivered_ns is not None:
            status = "delivered"
        elif entry.next_try_ns is None:
            status = "given_up"
        return cls(
            id=entry.id,
            event=entry.event,
            channel=entry.channel,
            status=status,
            tries=entry.tries,
            created_ns=entry.created_ns,
            next_try_ns=entry.next_try_ns,
            delivered_ns=entry.delivered_ns,
            error=entry.error,
        )


class IncidentTold(Model):
    """A period in which a check is down, as it is told when it begins or ends."""

    id: str = Field(examples=["01KAYF0M7Z4QJ9T3V8X2B6N0PD"])
    check_uid: str
    check: str
    """The check's id within its project."""
    project: str
    open: bool
    """Whether the check is still down."""
    began_ns: int
    """When the first of the failed runs was due."""
    opened_ns: int
    """When it was noticed."""
    opened_by: str
    """The run by which it was noticed."""
    code: str | None = Field(examples=["tls.certificate_expired"])
    message: str | None
    closed_ns: int | None
    """When it was noticed that the check is well again."""
    closed_by: str | None
    """The run that ended it; null if the check was removed."""
    ended_ns: int | None
    """When that run was due; when the check was removed."""
    duration_ns: int | None
    """From `began_ns` to `ended_ns`; null while it is open."""

    @classmethod
    def of(cls, incident: records.Incident) -> IncidentTold:
        """As the store has it."""
        return cls(
            id=incident.id,
            check_uid=incident.check_uid,
            check=incident.check,
            project=incident.project,
            open=incident.closed_ns is None,
            began_ns=incident.began_ns,
            opened_ns=incident.opened_ns,
            opened_by=incident.opened_by,
            code=incident.code,
            message=incident.message,
            closed_ns=incident.closed_ns,
            closed_by=incident.closed_by,
            ended_ns=incident.ended_ns,
            duration_ns=incident.lasted_ns,
        )


class Incident(IncidentTold):
    """A period in which a check is down, and who was told of it."""

    notices: list[NoticeTold]
    """One for each channel and event, in the order in which they were written. None at all: nobody
    is told of it, for the project had no channel when it opened."""

    @classmethod
    def told(cls, incident: records.Incident, notices: Sequence[records.OutboxEntry]) -> Incident:
        """As the store has it."""
        return cls(
            **IncidentTold.of(incident).model_dump(),
            notices=[NoticeTold.of(entry) for entry in notices],
        )


class IncidentList(Model):
    """Incidents, the latest opened first."""

    items: list[Incident]
    next: str | None
    """The cursor of the next page; null on the last one."""


class Confirmation(Model):
    """A way to see the same without Checkwire."""

    command: str = Field(examples=["dig HOST"])
    """Of a common tool, with `HOST`, `PORT` and the like to be filled in."""
    shows: str = Field(examples=["status: NXDOMAIN"])
    """What it prints if this is the cause."""


class Code(Model):
    """A failure code, and what it means."""

    code: str = Field(examples=["tls.certificate_expired"])
    title: str
    blame: Literal["target", "path", "probe", "check"]
    """Who is most likely at fault: the service checked, the network on the way, the machine that
    checks, or the check itself."""
    error: bool
    """Whether a run that fails so is in `error`; otherwise it is `failed`."""
    retryable: bool
    """Whether trying again can help."""
    phase: str | None = Field(examples=["tls"])
    """Of a connection, in which it happens; null if in none, or in any."""
    hint: str
    """What to look at next."""
    cause: str
    """What goes wrong, and what commonly makes it so: paragraphs with an empty line between; lines
    of a list begin with `- `."""
    confirm: list[Confirmation]
    """How to see it with common tools."""
    remedy: str
    """What to do, the likeliest first: paragraphs likewise."""

    @classmethod
    def of(cls, code: FailureCode) -> Code:
        """As the model has it."""
        explanation = explanation_of(code.code)
        assert explanation is not None
        return cls(
            code=code.code,
            title=code.title,
            blame=code.blame,
            error=code.is_error,
            retryable=code.retryable,
            phase=code.phase,
            hint=code.hint,
            cause=explanation.cause,
            confirm=[
                Confirmation(command=look.command, shows=look.shows) for look in explanation.confirm
            ],
            remedy=explanation.remedy,
        )


class CodeList(Model):
    """Every failure code, in the order of a connection's life."""

    items: list[Code]


class FailureGroup(Model):
    """What failed in one way over the period."""

    code: str = Field(examples=["timeout.message"])
    title: str
    blame: Literal["target", "path", "probe", "check"]
    runs: int
    """How many runs."""
    checks: int
    """Of how many checks."""
    last: Run
    """The latest of the runs."""


class FailureGroups(Model):
    """The ways in which runs failed over a period, the most frequent first."""

    since_ns: int
    until_ns: int
    complete: bool
    """Whether all runs were looked at; otherwise only the latest 10,000 of them."""
    items: list[FailureGroup]
