"""What a reporter is told, and when."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable

    from checkwire.cli.reporters.again import Again
    from checkwire.model.attempt import Run, Unfinished
    from checkwire.model.definition import CheckDefinition
    from checkwire.model.events import Event
    from checkwire.model.failures import Failure

__all__ = ["Finish", "Left", "Reporter", "Start", "Tally"]


class Start(NamedTuple):
    """What is about to run.

    Attributes:
        checks: every check that was selected, in the order in which it was found.
        load_failures: files and definitions that could not be loaded, each a failure with its
            ``location``.
        workers: how many run at a time.
        root: the project's folder, to which the paths of checks are relative.
        deselected: how many checks were found and not selected.
    """

    checks: tuple[CheckDefinition, ...]
    load_failures: tuple[Failure, ...] = ()
    workers: int = 1
    root: str = "."
    deselected: int = 0


class Left(NamedTuple):
    """A run of a server that was not over when its watching ended."""

    run_id: str
    check: str
    location: str


class Finish(NamedTuple):
    """How it ended.

    Attributes:
        runs: the runs that finished, in any order; skipped ones are among them.
        duration_ns: from start to finish, wall clock.
        exit_code: what the command is about to exit with.
        interrupted: whether somebody pressed Ctrl-C.
        unfinished: the checks that have no run, in their order; without ``interrupted`` it was
            ``--fail-fast`` that ended all.
        again: the options with which a check is to be run again.
        error: why no more can be known of runs of a server.
        left: those runs of a server that were not over then.
    """

    runs: tuple[Run, ...]
    duration_ns: int
    exit_code: int
    interrupted: bool = False
    unfinished: tuple[Unfinished, ...] = ()
    again: Again | None = None
    error: str = ""
    left: tuple[Left, ...] = ()

    @property
    def ended_by(self) -> str:
        """Why there are checks that have no run, to be read after ``not run: ``."""
        return "interrupted" if self.interrupted else "--fail-fast"

    @property
    def stopped(self) -> tuple[Unfinished, ...]:
        """Those of the unfinished that were under way; the others are told as not run."""
        return tuple(one for one in self.unfinished if one.duration_ns is not None)


class Reporter(Protocol):
    """Tells somebody how checks go.

    The calls come from one thread, in this order: ``start``; then, as it happens and for several
    checks at a time, ``check_started``, ``event`` and ``run_finished``; then ``finish``; and
    whatever happened, ``close``. A check that is skipped only has its ``run_finished``.
    """

    live: bool
    """Whether ``tick`` wants to be called about ten times a second while checks run."""

    def start(self, start: Start) -> None:
        """The checks are known; none has run yet."""

    def check_started(self, definition: CheckDefinition) -> None:
        """A run of this check begins."""

    def event(self, definition: CheckDefinition, event: Event) -> None:
        """Something happened in the attempt that is under way; must be cheap."""

    def tick(self) -> None:
        """Time has passed."""

    def run_finished(self, run: Run) -> None:
        """A run is over, all its attempts included."""

    def finish(self, finish: Finish) -> None:
        """All is over.

        Raises:
            CheckwireError: the report cannot be written.
        """

    def close(self) -> None:
        """Leave terminal and files as they must be; also without ``finish``, and also twice."""


class Tally(NamedTuple):
    """How many runs had which status."""

    passed: int = 0
    degraded: int = 0
    failed: int = 0
    error: int = 0
    skipped: int = 0
    flaky: int = 0

    @classmethod
    def of(cls, runs: Iterable[Run]) -> Tally:
        """Count them; a flaky run counts as what it is, and as flaky."""
        counts = dict.fromkeys(cls._fields, 0)
        for run in runs:
            counts[run.status] += 1
            counts["flaky"] += run.flaky
        return cls(**counts)
