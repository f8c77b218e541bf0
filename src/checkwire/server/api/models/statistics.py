"""Uptime and times over a period."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from checkwire.server.api.models.base import Model
from checkwire.store import statistics
from checkwire.store.records import CheckRecord

__all__ = ["Bucket", "Percentiles", "Phase", "PhaseTimes", "Phases", "Uptime", "UptimeList"]

Phase = Literal["dns", "tcp", "proxy", "tls", "upgrade", "first_message", "open", "close", "reply"]


class Uptime(Model):
    """How long a check was up over a period; each location counts in full."""

    check_uid: str = Field(examples=["4m0rkv2c8e1a"])
    check: str
    """The check's id within its project."""
    project: str
    since_ns: int
    """A long period begins with a whole hour or day."""
    until_ns: int
    ratio: float | None = Field(examples=[0.99972])
    """The share of the known time in which it was up; null if nothing is known."""
    up_ns: int
    """Passed, or degraded."""
    degraded_ns: int
    """The part of it in which it was degraded."""
    down_ns: int
    """Failed, or in error."""
    unknown_ns: int
    """No run speaks for this time."""
    runs: int
    bad: int
    """Those of the runs that failed, or were in error."""
    missed: int
    """Due runs that never began."""

    @classmethod
    def of(cls, check: CheckRecord, uptime: statistics.Uptime) -> Uptime:
        """As the store has it."""
        return cls(
            check_uid=check.uid,
            check=check.definition.id,
            project=check.project,
            since_ns=uptime.since_ns,
            until_ns=uptime.until_ns,
            ratio=uptime.ratio,
            up_ns=uptime.up_ns,
            degraded_ns=uptime.degraded_ns,
            down_ns=uptime.down_ns,
            unknown_ns=uptime.unknown_ns,
            runs=uptime.runs,
            bad=uptime.bad,
            missed=uptime.missed,
        )


class UptimeList(Model):
    """The uptime of checks, by project and id."""

    items: list[Uptime]
    next: str | None
    """The cursor of the next page; null on the last one."""


class Bucket(Model):
    """A part of the period."""

    start_ns: int
    end_ns: int
    runs: int
    bad: int
    """Those of the runs that failed, or were in error."""
    count: int
    """In how many runs the phase was measured."""
    values: list[float | None] = Field(examples=[[93_000_000, 120_000_000, 180_000_000]])
    """Nanoseconds, one for each quantile; null if it was measured in none."""


class Percentiles(Model):
    """How long a phase took, over time."""

    check_uid: str
    phase: Phase
    location: str | None
    quantiles: list[float] = Field(examples=[[0.5, 0.95, 0.99]])
    buckets: list[Bucket]

    @classmethod
    def of(
        cls,
        check: CheckRecord,
        phase: Phase,
        location: str | None,
        quantiles: list[float],
        buckets: list[statistics.Bucket],
    ) -> Percentiles:
        """As the store has it."""
        return cls(
            check_uid=check.uid,
            phase=phase,
            location=location,
            quantiles=quantiles,
            buckets=[
                Bucket(
                    start_ns=bucket.start_ns,
                    end_ns=bucket.end_ns,
                    runs=bucket.runs,
                    bad=bucket.bad,
                    count=bucket.count,
                    values=list(bucket.values),
                )
                for bucket in buckets
            ],
        )


class PhaseTimes(Model):
    """How long a phase took, over the whole period."""

    count: int
    """How often it was measured."""
    values: list[float]
    """Nanoseconds, one for each quantile."""
    least_ns: float
    most_ns: float


class Phases(Model):
    """How long each phase took, over a period; `reply` is that of round trips."""

    check_uid: str
    location: str | None
    since_ns: int
    until_ns: int
    quantiles: list[float] = Field(examples=[[0.5, 0.95, 0.99]])
    phases: dict[str, PhaseTimes]
    """Those that were measured, by their name."""
