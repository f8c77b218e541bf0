"""A project's settings: ``checkwire.toml``, or ``[tool.checkwire]`` of ``pyproject.toml``."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec

from checkwire.model.alerts import AlertPolicy, Channel
from checkwire.model.definition import CheckOptions

__all__ = [
    "CONFIG_NAME",
    "Defaults",
    "LocationSettings",
    "Project",
    "SecretSource",
    "Service",
    "has_settings",
    "load_project",
    "name_from",
]

CONFIG_NAME = "checkwire.toml"
_OUR_HEADER = re.compile(rb"^[ \t]*\[{1,2}[ \t]*tool[ \t]*\.[ \t]*checkwire\b", re.MULTILINE)
DEFAULT_CHECKS = (
    "**/*_check.py",
    "**/check_*.py",
    "**/*[._]check.js",
    "**/*[._]check.[cm]js",
    "**/*[._]check.ts",
    "**/*[._]check.[cm]ts",
)


class Defaults(CheckOptions, frozen=True, kw_only=True, omit_defaults=True):
    """What holds for every check of the project that does not say otherwise.

    Without ``isolation``, it is ``"shared"`` for declared checks, and ``"process"`` for all others.
    """


class SecretSource(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where a secret's value is to be had when a check runs: one of the two is set.

    Attributes:
        env: name of an environment variable.
        file: path of a file that holds nothing else, absolute.
        line: where it is declared in the file of settings, from 1.
    """

    env: str | None = None
    file: str | None = None
    line: int = 1


class LocationSettings(msgspec.Struct, frozen=True, omit_defaults=True):
    """A place that checks may run from.

    Attributes:
        description: for people.
        concurrency: how many attempts may be under way there at a time; ``None`` for as many as
            the server runs at all.
    """

    description: str = ""
    concurrency: int | None = None


class Service(msgspec.Struct, frozen=True, omit_defaults=True):
    """A process that runs while checks do, in the project's folder.

    Attributes:
        name: for people.
        command: program and arguments; no shell is involved.
        ready: host and port that accept connections once it is up; ``None`` to not wait.
        timeout: seconds to wait for that.
        env: variables for it, on top of the inherited ones.
        line: where it is declared in the file of settings, from 1.
    """

    name: str
    command: tuple[str, ...]
    ready: tuple[str, int] | None = None
    timeout: float = 30.0
    env: dict[str, str] = {}
    line: int = 1


class Project(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A folder of check files, with its settings.

    Attributes:
        root: the folder, absolute; paths and ids of checks are relative to it.
        config_path: the file with the settings, absolute; ``None`` if there is none.
        id: stable name of the project, one word; by default the folder's.
        name: for people; by default the id.
        checks: patterns of check files, relative to ``root``.
        exclude: patterns of files and folders to leave out.
        defaults: check options for all checks.
        env: variables for the checks.
        secrets: where the secrets come from, by name.
        locations: the places by name; ``None`` if not declared, and then any name goes.
        services: processes that the checks need.
        server: address of the server that watches the project; ``None`` if it names none.
        alerts: when an incident opens, and which channels are told.
        channels: where notices go, by name.
        declares_checks: whether there is a ``[[check]]`` among the settings.
        deny: ranges of addresses that checks must not connect to, as ``169.254.0.0/16``.
    """

    root: str
    config_path: str | None = None
    id: str
    name: str
    checks: tuple[str, ...] = DEFAULT_CHECKS
    exclude: tuple[str, ...] = ()
    defaults: Defaults = Defaults()
    env: dict[str, str] = {}
    secrets: dict[str, SecretSource] = {}
    locations: dict[str, LocationSettings] | None = None
    services: tuple[Service, ...] = ()
    server: str | None = None
    alerts: AlertPolicy = AlertPolicy()
    channels: dict[str, Channel] = {}
    declares_checks: bool = False
    deny: tuple[str, ...] = ()


def load_project(start: Path) -> Project:
    """The project that a file or folder belongs to: that of the nearest settings above it.

    Without any, the project is the folder itself (a file's own folder), with defaults.

    Raises:
        DefinitionError: if the settings are not as they must be, with file and line.
    """
    folder = start.absolute()
    if not folder.is_dir():
        folder = folder.parent
    for candidate in (folder, *folder.parents):
        if (place := _settings_in(candidate)) is not None:
            from checkwire.project.settings import read_settings  # with tomllib, 14 ms

            return read_settings(*place)
    name = name_from(folder)
    return Project(root=str(folder), id=name, name=name)


def name_from(folder: Path) -> str:
    """An id for a project that has none: the folder's name, as one word."""
    return re.sub(r"\s+", "-", folder.name.strip()) or "project"


def has_settings(folder: Path) -> bool:
    """Whether the folder is a project of its own."""
    found = _settings_in(folder)
    return found is not None and found[0].is_file()


def _settings_in(folder: Path) -> tuple[Path, tuple[str, ...]] | None:
    """The file with the settings, and the table in it that they are."""
    own, shared = folder / CONFIG_NAME, folder / "pyproject.toml"
    try:
        if own.is_file() or own.is_dir() or own.is_symlink():
            return own, ()  # If it is none, reading it tells.
        if shared.is_file() and _has_our_table(shared.read_bytes()):
            return shared, ("tool", "checkwire")
    except PermissionError:  # a folder above that is closed to us, or a file about other things
        pass
    return None


def _has_our_table(pyproject: bytes) -> bool:
    if b"checkwire" not in pyproject:
        return False
    import tomllib  # 14 ms

    try:
        tool = tomllib.loads(pyproject.decode("utf-8-sig")).get("tool")
    except ValueError:  # it is broken; what is wrong is told to those whose settings it holds
        return _OUR_HEADER.search(pyproject) is not None
    return isinstance(tool, dict) and "checkwire" in tool
