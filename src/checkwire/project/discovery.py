"""What a user named on the command line, as files to load and checks to pick from them."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from checkwire.model.errors import CheckwireError, UsageError
from checkwire.project.config import Project, has_settings, load_project
from checkwire.project.patterns import matches_path
from checkwire.sdk.suggestion import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["Pick", "Selection", "discover", "find_project"]

_NEVER = frozenset({"__pycache__", "node_modules", "site-packages"})


class Pick(NamedTuple):
    """One thing named: a file's checks, one function's, or one case.

    Attributes:
        named: as the user wrote it.
        path: the file, relative to the project, with forward slashes.
        function: the function's name, or the check's id; ``None`` for all of the file.
        case: the case's name; ``None`` for all cases.
    """

    named: str
    path: str
    function: str | None = None
    case: str | None = None


class Selection(NamedTuple):
    """What to load, and what to take of it.

    Attributes:
        files: absolute paths of check files, sorted, each once.
        picks: what was named more narrowly than by file or folder.
        whole: the files (relative paths) of which everything is taken.
    """

    files: tuple[Path, ...]
    picks: tuple[Pick, ...]
    whole: frozenset[str]


def find_project(targets: Sequence[str], cwd: Path | None = None) -> Project:
    """The project that all targets belong to; that of the current folder if there are none.

    Without settings anywhere above them, the project is the current folder if the targets are in
    it, so that ids do not depend on which of its files were named; else their common folder.

    Raises:
        UsageError: if a target does not exist, or they belong to different projects.
        DefinitionError: if the settings are not as they must be.
    """
    here = (cwd or Path.cwd()).absolute()
    if not targets:
        return load_project(here)
    places = [_existing(target, here) for target in targets]
    projects: dict[str, Project] = {}
    for place in places:
        project = load_project(place)
        projects.setdefault(project.config_path or "", project)
    if len(projects) > 1:
        roots = sorted(project.root for project in projects.values())
        raise UsageError(
            f"these belong to different projects, {roots[0]} and {roots[1]}: "
            "run checkwire test for each by itself"
        )
    config_path, project = projects.popitem()
    if config_path:
        return project
    folders = [place if place.is_dir() else place.parent for place in places]
    common = Path(os.path.commonpath([str(folder) for folder in folders]))
    return load_project(here if common.is_relative_to(here) else common)


def discover(project: Project, targets: Sequence[str] = (), cwd: Path | None = None) -> Selection:
    """The check files that the targets stand for.

    A target is a folder, which is walked; a file, whatever its name; ``file.py::function``; or
    ``file.py::function[case]``. Without any, the whole project is walked. A walk finds what
    ``project.checks`` matches and ``project.exclude`` does not; it does not enter hidden folders,
    virtual environments, ``node_modules``, ``__pycache__``, links to folders, nor projects inside
    of this one.

    Raises:
        UsageError: if a target does not exist, or nothing at all is found.
    """
    here = (cwd or Path.cwd()).absolute()
    root = Path(project.root)
    found: dict[Path, None] = {}
    picks: list[Pick] = []
    whole: set[str] = set()
    for target in targets or [str(root)]:
        place = _existing(target, here, project)
        files = list(_walk(place, project)) if place.is_dir() else [place]
        if not files:
            raise UsageError(_nothing_in(place, project))
        found.update(dict.fromkeys(files))
        _, separator, name = target.partition("::")
        if separator:
            picks.append(_pick(target, _relative(place, root), name))
        else:
            whole.update(_relative(file, root) for file in files)
    return Selection(tuple(sorted(found)), tuple(picks), frozenset(whole))


def _pick(target: str, path: str, name: str) -> Pick:
    function, bracket, case = name.partition("[")
    if not function or (bracket and not case.endswith("]")):
        raise UsageError(f"{target}: write file.py::function or file.py::function[case]")
    return Pick(target, path, function, case[:-1] if bracket else None)


def _existing(target: str, here: Path, project: Project | None = None) -> Path:
    """The file or folder that a target names, absolute."""
    name = target.partition("::")[0]
    place = Path(os.path.normpath(here / name))  # without following links: paths are identities
    try:
        exists = place.exists()
    except PermissionError as error:
        raise UsageError(f"{name} cannot be read: {error.strerror}") from None
    if not exists:
        raise UsageError(f"there is no {name}{_closest(place, name, here, project)}")
    if place.is_file() and place.suffix != ".py":
        raise UsageError(f"{name} is not a Python file")
    if place.is_dir() and "::" in target:
        raise UsageError(f"{target}: {name} is a folder; name the file that has the check")
    return place


def _closest(place: Path, name: str, here: Path, project: Project | None) -> str:
    folder = place.parent
    while not folder.is_dir():
        folder = folder.parent
    known: set[str] = set()
    with suppress(OSError, CheckwireError):  # a suggestion is not worth another error
        known |= {_as_typed(p, here) for p in folder.iterdir() if p.is_dir() or p.suffix == ".py"}
        known |= {_as_typed(p, here) for p in _walk(folder, project or load_project(folder))}
    return did_you_mean(name, known, quote="")


def _as_typed(place: Path, here: Path) -> str:
    return str(place.relative_to(here)) if place.is_relative_to(here) else str(place)


def _relative(file: Path, root: Path) -> str:
    return os.path.relpath(file, root).replace(os.sep, "/")


def _nothing_in(folder: Path, project: Project) -> str:
    patterns = ", ".join(project.checks)
    return f"there is no check file in {folder}: none matches {patterns}"


def _walk(folder: Path, project: Project) -> Iterator[Path]:
    """The check files in a folder and below it, in the order of their names."""
    root = Path(project.root)
    try:
        with os.scandir(folder) as entries:
            inside = sorted(entries, key=lambda entry: entry.name)
    except OSError as error:
        raise UsageError(f"{folder} cannot be read: {error.strerror}") from None
    for entry in inside:
        path = Path(entry.path)
        relative = _relative(path, root)
        if _matches_any(project.exclude, relative):
            continue
        if entry.is_dir(follow_symlinks=False):
            if not _is_foreign(entry):
                yield from _walk(path, project)
        elif entry.name.endswith(".py") and _matches_any(project.checks, relative):
            yield path


def _matches_any(patterns: Sequence[str], path: str) -> bool:
    return any(matches_path(pattern, path) for pattern in patterns)


def _is_foreign(folder: os.DirEntry[str]) -> bool:
    if folder.name.startswith(".") or folder.name in _NEVER:
        return True
    # Of a folder that is closed to us pathlib would raise; walking into it tells.
    is_environment = os.path.exists(f"{folder.path}/pyvenv.cfg")  # noqa: PTH110
    return is_environment or has_settings(Path(folder.path))
