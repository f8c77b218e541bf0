"""All checks of a project, or of the part of it that was named: imported, defined, selected."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from checkwire.model.failures import Failure
from checkwire.project.definitions import CollectedCheck, define_all
from checkwire.project.discovery import Selection, discover
from checkwire.project.imports import ProjectImports
from checkwire.project.loader import load_file
from checkwire.project.selection import no_check_warning, select

if TYPE_CHECKING:
    from collections.abc import Sequence

    from checkwire.project.config import Project

__all__ = ["Collection", "collect"]


class Collection(NamedTuple):
    """What was found.

    Attributes:
        checks: by file, and in it in the order of the source.
        failures: of the files that could not be imported, by their paths relative to the project.
            Checks of other files are there all the same.
        warnings: sentences about what is probably not meant, such as a check file without checks.
        imports: the project's hold on imports; ``remove()`` undoes it in a process that goes on.
    """

    checks: tuple[CollectedCheck, ...]
    failures: dict[str, Failure]
    warnings: tuple[str, ...]
    imports: ProjectImports


def collect(project: Project, targets: Sequence[str] = (), cwd: Path | None = None) -> Collection:
    """Import the check files that the targets stand for, and pick the checks that they name.

    The author's code runs, in this process. See :func:`checkwire.project.discovery.discover` for
    what a target may be.

    Raises:
        UsageError: if a target does not exist, or nothing is found.
        DefinitionError: if two checks have one id.
    """
    selection = discover(project, targets, cwd)
    imports = ProjectImports(project.root)
    imports.install()
    try:
        return _collect(project, selection, imports)
    except BaseException:
        imports.remove()
        raise


def _collect(project: Project, selection: Selection, imports: ProjectImports) -> Collection:
    checks: list[CollectedCheck] = []
    failures: dict[str, Failure] = {}
    warnings: list[str] = []
    for file in selection.files:
        loaded = load_file(file, imports)
        defined = define_all(loaded, project)
        if isinstance(defined, Failure):
            failures[loaded.path] = defined
            continue
        checks += defined
        if not defined:
            warnings.append(no_check_warning(loaded.path))
    chosen = {d.id for d in select([c.definition for c in checks], selection, failures)}
    picked = tuple(check for check in checks if check.definition.id in chosen)
    return Collection(picked, failures, tuple(warnings), imports)
