"""The seam between the runner and what runs checks: one engine a language."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

from checkwire.model.attempt import Attempt
from checkwire.model.definition import CheckDefinition, Isolation
from checkwire.model.errors import CheckwireError
from checkwire.model.events import Event
from checkwire.model.failures import Failure
from checkwire.runner.python.messages import Job

__all__ = ["Engine", "EngineError", "LoadedChecks"]


class EngineError(CheckwireError):
    """The process that runs checks cannot be started."""


class LoadedChecks(NamedTuple):
    """What loading check files came to.

    Attributes:
        definitions: of all checks, by file, and in it in the order of the source.
        failures: of the files that could not be loaded, by path relative to the project.
        empty: paths of files that were loaded, and declare no check.
        output: the end of what was printed meanwhile.
        blocking: ids of the checks that are no ``async def`` functions, and can share no process.
        no_sandbox: why checks that want a sandbox cannot have it; empty if they can, or none does.
    """

    definitions: tuple[CheckDefinition, ...] = ()
    failures: dict[str, Failure] = {}  # noqa: RUF012 - never changed
    empty: tuple[str, ...] = ()
    output: str = ""
    blocking: frozenset[str] = frozenset()
    no_sandbox: str = ""


class Engine(Protocol):
    """Loads check files of one language, and runs attempts of their checks.

    Attributes:
        loading: the file that is being loaded, relative to the project; empty if none is.
        secrets_read: names of the variables that checks have read as secrets, besides the job's.
    """

    loading: str
    secrets_read: set[str]

    async def load(
        self, files: Sequence[Path], declared: Sequence[CheckDefinition] = ()
    ) -> LoadedChecks:
        """Load these check files. Called once, before any attempt.

        Args:
            files: absolute.
            declared: checks of this engine that files of another one declare.

        Raises:
            EngineError: checks cannot be run at all, for a reason that lies in no file.
        """

    async def attempt(self, job: Job, on_event: Callable[[Event], None] | None = None) -> Attempt:
        """Run one attempt. Whatever goes wrong is told in it.

        Args:
            job: what to run.
            on_event: called with each event as it comes.
        """

    def is_shared(self, definition: CheckDefinition) -> bool:
        """Whether attempts of a check run in a process that others share."""

    def expect(self, attempts: int, isolation: Isolation = "process") -> None:
        """So many attempts are about to begin at once: have their processes ready."""

    async def close(self) -> None:
        """End all attempts, as cancelled; wait until every process is gone."""
