"""Runs."""

from __future__ import annotations

from typing import Literal

from pydantic import ConfigDict

from checkwire.model.due import Cause
from checkwire.server.api.models.base import Model
from checkwire.server.monitor import RunningRun
from checkwire.store.records import RunRecord, RunStatus

__all__ = ["Run", "RunList", "RunShownStatus"]

RunShownStatus = RunStatus | Literal["waiting", "running"]


class Run(Model):
    """A run, without its transcript."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "run_id": "01KAYF0M7Z4QJ9T3V8X2B6N0PD",
                    "check_uid": "4m0rkv2c8e1a",
                    "check": "checks/orders.py::order_updates",
                    "project": "shop",
                    "location": "eu-west",
                    "cause": "schedule",
                    "status": "failed",
                    "flaky": False,
                    "due_ns": 1_764_099_600_000_000_000,
                    "started_ns": 1_764_099_600_004_000_000,
                    "duration_ns": 412_000_000,
                    "attempts": 2,
                    "missed": 0,
                    "code": "timeout.no_match",
                    "message": '3 messages came within 2 s, and none matches {"type": "ack"}',
                    "phase": None,
                    "clock": "kernel",
                    "times": {"dns": 1_200_000, "tcp": 17_800_000, "open": 93_000_000},
                }
            ]
        }
    )

    run_id: str
    check_uid: str
    check: str
    """The check's id within its project."""
    project: str
    location: str
    cause: Cause | None
    """Why it takes place: `schedule`; `manual`, somebody asked for it; `first`, the check is new.
    Null while that is not known."""
    status: RunShownStatus
    """Of the last attempt; `missed` if it never began; `waiting` or `running` before its end."""
    flaky: bool
    """Whether it passed only after a retry."""
    due_ns: int
    started_ns: int | None
    duration_ns: int | None
    attempts: int
    missed: int
    """How many due runs this one stands for, if it was missed."""
    code: str | None
    """Of the failure that counts most, e.g. `tls.certificate_expired`."""
    message: str | None
    """That failure in a sentence."""
    phase: str | None
    """The phase of the connection in which it failed."""
    clock: Literal["kernel", "user"] | None
    """Who took the times."""
    times: dict[str, int]
    """Nanoseconds by phase, of the last attempt's first connection; `reply` is the median of its
    round trips."""

    @classmethod
    def of(cls, record: RunRecord) -> Run:
        """A run that is over."""
        return cls(
            run_id=record.run_id,
            check_uid=record.check_uid,
            check=record.check,
            project=record.project,
            location=record.location,
            cause=record.cause,
            status=record.status,
            flaky=record.flaky,
            due_ns=record.due_ns,
            started_ns=record.started_ns,
            duration_ns=record.duration_ns,
            attempts=record.attempts,
            missed=record.missed,
            code=record.code,
            message=record.message,
            phase=record.phase,
            clock=record.clock,
            times=dict(record.times),
        )

    @classmethod
    def of_running(cls, run: RunningRun) -> Run:
        """A run that is not over."""
        return cls(
            run_id=run.run_id,
            check_uid=run.check_uid,
            check=run.check,
            project=run.project,
            location=run.location,
            cause=run.cause,
            status="waiting" if run.started_ns is None else "running",
            flaky=False,
            due_ns=run.due_ns,
            started_ns=run.started_ns,
            duration_ns=None,
            attempts=run.attempt,
            missed=0,
            code=None,
            message=None,
            phase=None,
            clock=None,
            times={},
        )


class RunList(Model):
    """Runs, the latest due first."""

    items: list[Run]
    next: str | None
    """The cursor of the next page; null on the last one."""
