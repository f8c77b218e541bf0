"""The checks that a zygote has imported, ready to be run."""

from __future__ import annotations

from collections.abc import Iterator
from inspect import iscoroutinefunction
from pathlib import Path

from checkwire.model.definition import CheckDefinition
from checkwire.model.errors import FailureError
from checkwire.model.failures import Failure, Location
from checkwire.model.masking import Masker
from checkwire.project.config import Project
from checkwire.project.definitions import CollectedCheck, define_all
from checkwire.project.imports import ProjectImports
from checkwire.project.kinds import DECLARED_SUFFIX
from checkwire.project.loader import LoadedFile, load_file
from checkwire.runner.python.blame import Blame
from checkwire.runner.python.event_writer import EventWriter
from checkwire.runner.python.messages import Job
from checkwire.runner.python.script import Prepared, run_script
from checkwire.sdk.context import declared_secrets, early_secrets

__all__ = ["Catalog"]


class Catalog:
    """Imports a project's check files, and knows what to call for each check.

    Args:
        project: it takes part in imports from now on.
    """

    def __init__(self, project: Project) -> None:
        self._project = project
        self._imports = ProjectImports(project.root)
        self._imports.install()
        declared_secrets.update(project.secrets)
        self._checks: dict[str, CollectedCheck] = {}

    @property
    def definitions(self) -> Iterator[CheckDefinition]:
        """Of all checks that were imported."""
        return (check.definition for check in self._checks.values())

    def relative(self, file: str) -> str:
        """A file's path as it is told: relative to the project, with forward slashes."""
        return self._imports.relative(file)

    def load(self, file: str) -> tuple[CheckDefinition, ...] | Failure:
        """Import a check file; the checks it declares, or why it cannot be imported."""
        try:
            defined = define_all(self._load(Path(file)), self._project)
        except KeyboardInterrupt:  # nobody's keyboard is here: the file raised it
            path = self.relative(file)
            message = f"{path} cannot be imported: KeyboardInterrupt."
            return Failure(code="script.import", message=message, location=Location(path, 1))
        if isinstance(defined, Failure):
            return Masker(early_secrets.values()).data(defined)
        self._checks.update((check.definition.id, check) for check in defined)
        return tuple(check.definition for check in defined)

    def _load(self, file: Path) -> LoadedFile:
        if file.suffix == DECLARED_SUFFIX:
            from checkwire.project.declared.loading import load_declared  # few projects have any

            return load_declared(file, self._project, self._imports)
        return load_file(file, self._imports)

    def is_async(self, definition: CheckDefinition) -> bool:
        """Whether the check's function is a coroutine function, which can run beside others."""
        return iscoroutinefunction(self._checks[definition.id].function)

    def enter(self, definition: CheckDefinition) -> None:
        """What the check imports from now on is found beside its own file first."""
        self._imports.enter(str(Path(self._project.root, definition.path).parent))

    def script(self, definition: CheckDefinition) -> Prepared:
        """What to call for a check, and who knows what its exceptions mean."""
        check = self._checks.get(definition.id)
        return Prepared(
            _gone if check is None else check.function,
            {} if check is None else check.arguments,
            Blame(self._imports.owns, self._imports.relative, definition),
            self._project.root,
            self._project.deny,
        )

    def run(self, job: Job, events: EventWriter) -> None:
        """Run a check in this process, see :func:`run_script`."""
        # What the check imports only now is found beside its own file, whichever was loaded last.
        self.enter(job.definition)
        run_script(self.script(job.definition), job=job, events=events)


def _gone() -> None:
    """In the place of a check that its file no longer has since the zygote was started again."""
    raise FailureError(
        Failure(code="script.import", message="The check's file has changed, and lacks the check")
    )
