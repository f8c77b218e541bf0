"""Runs for a database: as short as can be, with what matters to a test."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from checkwire.model.attempt import Attempt, Connection, Run
from checkwire.model.definition import CheckDefinition
from checkwire.model.due import DueRun, due_run_id
from checkwire.model.events import Logged, Phase, RoundTrip
from checkwire.model.failures import Failure
from checkwire.store.database import Store
from checkwire.store.records import RunRecord, RunStatus
from checkwire.store.registry import sync_project

__all__ = [
    "DAY",
    "HOUR",
    "MINUTE",
    "MS",
    "SECOND",
    "START",
    "WithStore",
    "defined",
    "due",
    "enter",
    "ran",
    "row",
]

WithStore = Callable[[Callable[[Store], Coroutine[Any, Any, None]]], None]
"""A fixture: runs a coroutine function with an open store."""

MS = 10**6
SECOND = 10**9
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
START = 20_780 * DAY
"""A midnight (UTC) in November 2026."""


def defined(name: str, **changes: Any) -> CheckDefinition:
    """The definition of a check of that name."""
    fields: dict[str, Any] = {
        "id": f"checks.py::{name}",
        "name": name,
        "path": "checks.py",
        "line": 1,
        "function": name,
        "every": 60.0,
    }
    return CheckDefinition(**(fields | changes))


async def enter(
    tx: AsyncConnection, *names: str, project: str = "shop", **changes: Any
) -> list[int]:
    """Checks of these names, all that the project has; returns the ids of their rows."""
    definitions = [defined(name, **changes) for name in names]
    ids = await sync_project(
        tx, key=project, name=project, root=f"/{project}", definitions=definitions, now_ns=START
    )
    return [ids[definition.id] for definition in definitions]


def due(
    at_ns: int, check: str = "a", location: str = "local", *, project: str = "shop", **changes: Any
) -> DueRun:
    """A run that was planned."""
    fields: dict[str, Any] = {
        "run_id": due_run_id(project, f"checks.py::{check}", location, at_ns),
        "project": project,
        "check": f"checks.py::{check}",
        "location": location,
        "due_ns": at_ns,
        "holds_ns": 2 * MINUTE,
        "grace_ns": MINUTE,
    }
    return DueRun(**(fields | changes))


def row(
    check_id: int,
    at_ns: int,
    status: RunStatus = "passed",
    location: str = "local",
    **changes: Any,
) -> RunRecord:
    """A run's row."""
    fields: dict[str, Any] = {
        "run_id": due_run_id("shop", str(check_id), location, at_ns),
        "check_id": check_id,
        "location": location,
        "due_ns": at_ns,
        "status": status,
        "started_ns": at_ns + MS,
        "duration_ns": 50 * MS,
        "holds_ns": 2 * MINUTE,
        "attempts": 1,
    }
    return RunRecord(**(fields | changes))


def ran(definition: CheckDefinition, failure: Failure | None = None, tries: int = 1) -> Run:
    """All of a run; a failure of its last attempt."""
    phases = (
        Phase(at_ns=0, connection=1, name="tcp", duration_ns=3 * MS, clock="kernel"),
        Phase(at_ns=0, connection=1, name="open", duration_ns=9 * MS, clock="kernel"),
    )
    trips = tuple(
        RoundTrip(at_ns=0, connection=1, kind="ping", duration_ns=time, request=1, answer=2)
        for time in (4 * MS, 8 * MS, 5 * MS)
    )
    connection = Connection(
        number=1, url="ws://127.0.0.1/", at_ns=0, clock="kernel", phases=phases, round_trips=trips
    )
    attempts = tuple(
        Attempt(
            number=number,
            status="failed" if failure is not None or number < tries else "passed",
            started_ns=START,
            duration_ns=40 * MS,
            failure=failure if number == tries else None,
            connections=(connection,),
            events=(Logged(at_ns=MS, level="info", message=f"attempt {number}"),),
        )
        for number in range(1, tries + 1)
    )
    return Run(
        id="made by the runner",
        check=definition,
        status=attempts[-1].status,
        started_ns=START,
        duration_ns=tries * 40 * MS,
        attempts=attempts,
    )
