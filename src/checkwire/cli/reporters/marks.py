"""How a status looks: a shape, a colour and a word, never colour alone."""

from __future__ import annotations

from typing import NamedTuple

from checkwire.model.attempt import Run
from checkwire.model.events import Failed
from checkwire.model.failures import Failure, code_of

__all__ = ["FLAKY", "MARKS", "RUNNING", "Mark", "fate_of", "mark_of_failed", "mark_of_run"]


class Mark(NamedTuple):
    """A shape (one column wide), its style, and the word for it."""

    shape: str
    style: str
    word: str


MARKS = {
    "passed": Mark("●", "pass", "passed"),
    "degraded": Mark("▲", "warn", "degraded"),
    "failed": Mark("✕", "fail", "failed"),
    "error": Mark("✕", "fail", "error"),
    "skipped": Mark("○", "dim", "skipped"),
    "warning": Mark("▲", "warn", "warning"),
}
"""By status of a run or a step, or severity of a failure."""

FLAKY = Mark("↻", "warn", "flaky")
"""Passed, but not at the first attempt."""

RUNNING = Mark("◌", "dim", "running")


def mark_of_run(run: Run) -> Mark:
    """The mark of a finished run; a flaky one has its own."""
    return FLAKY if run.flaky and run.status == "passed" else MARKS[run.status]


def mark_of_failed(failed: Failed) -> Mark:
    """The mark of one failure."""
    if failed.severity == "failed" and code_of(failed.failure.code).is_error:
        return MARKS["error"]
    return MARKS[failed.severity]


def fate_of(failure: Failure) -> str:
    """What became of what a load failure tells of: a whole file, or checks in one."""
    return "not run" if failure.code == "check.duplicate_id" else "could not be loaded"
