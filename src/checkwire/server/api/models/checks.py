"""Projects and checks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from pydantic import ConfigDict, Field

from checkwire.alerting.standing import down_since
from checkwire.model.definition import Scheduling
from checkwire.server.api.models.base import Definition, FailureData, Model
from checkwire.server.monitor import ProjectStatus
from checkwire.store.records import CheckRecord, CheckState, Incident, RunStatus

__all__ = [
    "Check",
    "CheckList",
    "CheckShown",
    "Moved",
    "OpenIncident",
    "Project",
    "ProjectList",
    "Standing",
    "check_of",
]

_WORST_FIRST: tuple[RunStatus, ...] = (
    "failed",
    "error",
    "degraded",
    "missed",
    "passed",
    "skipped",
)


class Project(Model):
    """A project that the server watches."""

    key: str = Field(examples=["shop"])
    """Its id."""
    name: str = Field(examples=["Shop"])
    root: str = Field(examples=["/srv/shop"])
    """Its folder."""
    loaded_ns: int = Field(examples=[1_764_099_600_000_000_000])
    """When the version that is running was loaded."""
    digest: str
    """Of the files of that version."""
    checks: int = Field(examples=[12])
    """How many it has."""
    error: str | None
    """Why the files as they are now could not be loaded; the version before runs on."""
    load_failures: list[FailureData]
    """What is wrong with single check files."""
    warnings: list[str]
    """Sentences about channels of it that cannot be told anything: a secret has no value."""

    @classmethod
    def of(cls, status: ProjectStatus) -> Project:
        """As the service has it."""
        return cls(
            key=status.key,
            name=status.name,
            root=status.root,
            loaded_ns=status.loaded_ns,
            digest=status.digest,
            checks=status.checks,
            error=status.error,
            load_failures=list(status.load_failures),
            warnings=list(status.warnings),
        )


class ProjectList(Model):
    """All projects, by key."""

    items: list[Project]


class Standing(Model):
    """Where a check stands at one location."""

    location: str = Field(examples=["eu-west"])
    status: RunStatus
    """Of its latest run."""
    since_ns: int
    """When the first of the latest runs that all had this status was due."""
    due_ns: int
    """When the latest run was due."""
    run_id: str
    """Of the latest run."""
    bad_in_row: int
    """Latest runs in a row that failed, or were in error."""
    good_in_row: int
    """Latest runs in a row that passed, or were degraded."""
    bad_since_ns: int | None
    """When the first of those was due that failed in a row; null if `bad_in_row` is 0. Runs that
    were missed or skipped meanwhile change nothing."""

    @classmethod
    def of(cls, state: CheckState) -> Standing:
        """As the store has it."""
        return cls(
            location=state.location,
            status=state.status,
            since_ns=state.since_ns,
            due_ns=state.due_ns,
            run_id=state.run_id,
            bad_in_row=state.bad_in_row,
            good_in_row=state.good_in_row,
            bad_since_ns=state.bad_since_ns,
        )


class Moved(Standing):
    """Where a check stands now at one location, where it did not stand before."""

    check_uid: str
    check: str
    """The check's id within its project."""
    project: str

    @classmethod
    def to(cls, state: CheckState, check_uid: str, check: str, project: str) -> Moved:
        """This state."""
        standing = Standing.of(state).model_dump()
        return cls(**standing, check_uid=check_uid, check=check, project=project)


class OpenIncident(Model):
    """The incident of a check that is open."""

    id: str = Field(examples=["01KAYF0M7Z4QJ9T3V8X2B6N0PD"])
    began_ns: int
    """When the first of the failed runs was due."""


class Check(Model):
    """A check, and where it stands."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "uid": "4m0rkv2c8e1a",
                    "id": "checks/orders.py::order_updates",
                    "project": "shop",
                    "name": "order_updates",
                    "description": "A subscriber gets order updates.",
                    "kind": "script",
                    "tags": ["orders"],
                    "locations": ["eu-west", "us-east"],
                    "every": 60.0,
                    "cron": None,
                    "timezone": "UTC",
                    "scheduling": "parallel",
                    "status": "passed",
                    "paused": False,
                    "incident": None,
                    "down_since_ns": None,
                    "states": [],
                    "next_due_ns": 1_764_099_660_000_000_000,
                    "first_seen_ns": 1_764_000_000_000_000_000,
                    "paused_ns": None,
                    "paused_by": None,
                    "removed_ns": None,
                }
            ]
        }
    )

    uid: str
    """Names the check in addresses: 12 characters."""
    id: str
    """Names the check within its project."""
    project: str
    """The project's key."""
    name: str
    description: str
    kind: str
    tags: list[str]
    locations: list[str]
    """From where it is to run; empty: where the server is."""
    every: float | None
    """Seconds between runs, as the check has it; null if it has no interval."""
    cron: str | None
    """When it runs, as five fields; null if it has no such expression. Without either it runs only
    when somebody asks for it."""
    timezone: str
    """The IANA name of the zone whose clock `cron` goes by."""
    scheduling: Scheduling
    """Whether it runs at all of its locations each time (`parallel`), or at one of them in turn
    (`round-robin`)."""
    status: RunStatus | None
    """The worst of its states; null before its first run. It says nothing of `paused`: a check that
    is paused keeps the status of its latest runs."""
    paused: bool
    """Whether no runs of it are planned until somebody resumes it."""
    incident: OpenIncident | None
    """The one that is open; it stays open while the check is paused."""
    down_since_ns: int | None
    """When its open incident began; without one, when the first of the runs was due that failed in
    a row, at any location; null if it is not down."""
    states: list[Standing]
    """By location."""
    next_due_ns: int | None
    """When its next run is due, at any location; null if none is."""
    first_seen_ns: int
    paused_ns: int | None
    """Since when it is paused."""
    paused_by: str | None
    removed_ns: int | None
    """Since when it is no longer in its project; its history is kept."""


class CheckShown(Check):
    """A check, with all of its definition."""

    definition: Definition


class CheckList(Model):
    """Checks by project and id."""

    items: list[Check]
    next: str | None
    """The cursor of the next page; null on the last one."""


class Asked(Model):
    """A run that was asked for."""

    run_id: str = Field(examples=["01KAYF0M7Z0000000000000000"])
    location: str = Field(examples=["eu-west"])
    due_ns: int
    run: str = Field(examples=["/api/v1/runs/01KAYF0M7Z0000000000000000"])
    """Where to look at it; its status is `waiting` or `running` until it is over."""
    events: str = Field(examples=["/api/v1/runs/01KAYF0M7Z0000000000000000/events"])
    """Where to watch it: server-sent events."""


class AskedList(Model):
    """The runs that were asked for, one for each location."""

    runs: list[Asked]


class RunWanted(Model):
    """Where to run."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"locations": []}]})

    locations: list[str] = Field(default=[], max_length=50)
    """Some of the check's locations; empty: all of them."""


class Paused(Model):
    """Whether a check is paused now."""

    uid: str
    paused: Literal[True, False]


def check_of(
    record: CheckRecord,
    states: Sequence[CheckState],
    next_due_ns: int | None,
    incident: Incident | None,
) -> CheckShown:
    """A check as the store and the service have it."""
    definition = record.definition
    present = {state.status for state in states}
    return CheckShown(
        uid=record.uid,
        id=definition.id,
        project=record.project,
        name=definition.name,
        description=definition.description,
        kind=definition.kind,
        tags=list(definition.tags),
        locations=list(definition.locations),
        every=definition.every,
        cron=definition.cron,
        timezone=definition.timezone,
        scheduling=definition.scheduling,
        status=next((status for status in _WORST_FIRST if status in present), None),
        paused=record.paused_ns is not None,
        incident=None
        if incident is None
        else OpenIncident(id=incident.id, began_ns=incident.began_ns),
        down_since_ns=down_since(states, incident),
        states=[Standing.of(state) for state in sorted(states, key=lambda state: state.location)],
        next_due_ns=next_due_ns,
        first_seen_ns=record.first_seen_ns,
        paused_ns=record.paused_ns,
        paused_by=record.paused_by,
        removed_ns=record.removed_ns,
        definition=definition,
    )
