"""What a user named on the command line, as files to load and checks to pick from them."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from checkwire.model.errors import CheckwireError, UsageError
from checkwire.model.failures import Failure, Location
from checkwire.project.config import Project, has_settings, load_project
from checkwire.project.kinds import SCRIPT_SUFFIXES, engine_of
from checkwire.project.patterns import matches_path
from checkwire.sdk.suggestion import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["Pick", "Selection", "discover", "find_project", "require_text"]

_DECLARED = ".check.toml"
"""Where a walk finds declared checks, beside the settings."""
_MAX_SHOWN = 100
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
        failures: why something that a walk came upon cannot be loaded, by its relative path.
    """

    files: tuple[Path, ...]
    picks: tuple[Pick, ...]
    whole: frozenset[str]
    failures: dict[str, Failure] = {}  # noqa: RUF012 - never changed


def find_project(targets: Sequence[str], cwd: Path | None = None) -> Project:
    """The project that all targets belong to; that of the current folder if there are none.

    Without settings anywhere above them, the project is the current folder if the targets are in
    it, so that ids do not depend on which of its files were named; else their common folder.

    Raises:
        UsageError: if a target does not exist, or they belong to different projects.
        DefinitionError: if the settings are not as they must be.
    """
    here = _current_folder(cwd)
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
    of this one. Files named ``*.check.toml`` need no pattern, nor do the settings, if there is a
    ``[[check]]`` in them.

    Raises:
        UsageError: if a target does not exist, or nothing at all is found.
    """
    here = _current_folder(cwd)
    root = Path(project.root)
    require_text(project.root)
    found: dict[Path, None] = {}
    failures: dict[str, Failure] = {}
    picks: list[Pick] = []
    whole: set[str] = set()
    for target in targets or [str(root)]:
        place = _existing(target, here, project)
        try:
            files = list(_walk(place, project, failures)) if place.is_dir() else [place]
        except OSError as error:
            raise UsageError(f"{place} cannot be read: {error.strerror}") from None
        if not files and not failures:
            raise UsageError(_nothing_in(place, project))
        found.update(dict.fromkeys(file for file in files if _is_text(file, root, failures)))
        _, separator, name = target.partition("::")
        if separator:
            picks.append(_pick(target, _relative(place, root), name))
        else:
            whole.update(_relative(file, root) for file in files)
    return Selection(tuple(sorted(found)), tuple(picks), frozenset(whole), failures)


def require_text(folder: str) -> None:
    """Refuse a project's folder whose path other processes could not be told.

    Raises:
        UsageError: it is not UTF-8.
    """
    if (path := _escaped(folder)) != folder:
        raise UsageError(f"{path} is not UTF-8 text: rename the folder")


def _current_folder(cwd: Path | None) -> Path:
    try:
        return (cwd or Path.cwd()).absolute()
    except FileNotFoundError:
        raise UsageError("the current folder is gone: go to one that exists") from None


def _pick(target: str, path: str, name: str) -> Pick:
    function, bracket, case = name.partition("[")
    if not function or (bracket and not case.endswith("]")):
        raise UsageError(f"{target}: write file.py::function or file.py::function[case]")
    return Pick(target, path, function, case[:-1] if bracket else None)


def _existing(target: str, here: Path, project: Project | None = None) -> Path:
    """The file or folder that a target names, absolute."""
    name = target.partition("::")[0]
    if not name:
        raise UsageError(f'"{target}" names no file: write file.py::function, or . for all')
    place = Path(os.path.normpath(here / name))  # without following links: paths are identities
    try:
        exists = place.exists()
    except OSError as error:
        shown = name if len(name) <= _MAX_SHOWN else f"{name[:_MAX_SHOWN]}…"
        raise UsageError(f"{shown} cannot be read: {error.strerror}") from None
    if not exists:
        raise UsageError(f"there is no {name}{_closest(place, name, here, project)}")
    if not place.is_dir() and (engine_of(place) is None or not place.is_file()):
        raise UsageError(
            f"{name} is neither a Python, JavaScript or TypeScript file nor a TOML file with checks"
        )
    if place.is_dir() and "::" in target:
        raise UsageError(f"{target}: {name} is a folder; name the file that has the check")
    return place


def _closest(place: Path, name: str, here: Path, project: Project | None) -> str:
    folder = place.parent
    while not folder.is_dir():
        folder = folder.parent
    known: set[str] = set()
    with suppress(OSError, CheckwireError):  # a suggestion is not worth another error
        known |= {
            _as_typed(p, here)
            for p in folder.iterdir()
            if p.is_dir() or p.name.endswith((*SCRIPT_SUFFIXES, _DECLARED))
        }
        known |= {_as_typed(p, here) for p in _walk(folder, project or load_project(folder), {})}
    return did_you_mean(name, known, quote="")


def _as_typed(place: Path, here: Path) -> str:
    return str(place.relative_to(here)) if place.is_relative_to(here) else str(place)


def _relative(file: Path, root: Path) -> str:
    return os.path.relpath(file, root).replace(os.sep, "/")


def _nothing_in(folder: Path, project: Project) -> str:
    patterns = ", ".join(project.checks)
    return (
        f"there is no check file in {folder}: none matches {patterns} or *{_DECLARED} "
        "(checkwire init makes a small project that works)"
    )


def _walk(folder: Path, project: Project, failures: dict[str, Failure]) -> Iterator[Path]:
    """The check files in a folder and below it, in the order of their names.

    Args:
        folder: where to begin.
        project: for its patterns.
        failures: gets what cannot be loaded, by its relative path.

    Raises:
        OSError: if the folder itself cannot be read.
    """
    root = Path(project.root)
    with os.scandir(folder) as entries:
        inside = sorted(entries, key=lambda entry: entry.name)
    for entry in inside:
        path = Path(entry.path)
        relative = _relative(path, root)
        if _matches_any(project.exclude, relative):
            continue
        if entry.is_dir(follow_symlinks=False):
            if not _is_foreign(entry):
                try:
                    yield from _walk(path, project, failures)
                except OSError as error:
                    why = f"cannot be read: {error.strerror}"
                    hint = f'Make it readable, or leave it out: exclude = ["{relative}"]'
                    failures[relative] = _failure(relative, why, hint)
        elif _is_check_file(path, relative, project) and (
            entry.is_file() or entry.is_symlink()  # a link to nowhere is worth telling
        ):
            yield path


def _is_check_file(path: Path, relative: str, project: Project) -> bool:
    if path.name.endswith(_DECLARED):
        return True
    if project.declares_checks and str(path) == project.config_path:
        return True
    return path.name.endswith(SCRIPT_SUFFIXES) and _matches_any(project.checks, relative)


def _is_text(file: Path, root: Path, failures: dict[str, Failure]) -> bool:
    """Whether the file's name can be told to other processes; if not, that is a failure."""
    relative = _relative(file, root)
    path = _escaped(relative)
    if path != relative:
        failures[path] = _failure(path, "cannot be loaded: its name is not UTF-8 text", "Rename it")
        return False
    return True


def _escaped(path: str) -> str:
    """The path as UTF-8 can hold it: bytes in it that are no UTF-8 are escaped."""
    return path.encode("utf-8", "backslashreplace").decode()


def _failure(path: str, why: str, hint: str) -> Failure:
    return Failure(
        code="script.import", message=f"{path} {why}.", hint=hint, location=Location(path, 1)
    )


def _matches_any(patterns: Sequence[str], path: str) -> bool:
    return any(matches_path(pattern, path) for pattern in patterns)


def _is_foreign(folder: os.DirEntry[str]) -> bool:
    if folder.name.startswith(".") or folder.name in _NEVER:
        return True
    # Of a folder that is closed to us pathlib would raise; walking into it tells.
    is_environment = os.path.exists(f"{folder.path}/pyvenv.cfg")  # noqa: PTH110
    return is_environment or has_settings(Path(folder.path))
