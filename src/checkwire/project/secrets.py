"""The values of a project's secrets, and what became of those that have none."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from checkwire.model.alerts import needed_secrets

if TYPE_CHECKING:
    from checkwire.project.config import Project

__all__ = ["AbsentSecret", "Secrets", "muted_channels", "read_secrets"]


class AbsentSecret(NamedTuple):
    """Why a secret that the project declares has no value.

    Attributes:
        name: as a check reads it.
        place: the file and the line of its declaration.
        source: where its value would come from: ``variable ORDERS_API_KEY``, ``file token``.
        why: what is the matter with the source: ``is not set``.
        advice: how to set it.
    """

    name: str
    place: str
    source: str
    why: str
    advice: str

    def __str__(self) -> str:
        """All that in one sentence."""
        where = f"{self.place} takes {self.name} from the {self.source}"
        return f"{where}, which {self.why}: {self.advice}"


class Secrets(NamedTuple):
    """The secrets of a project, by name.

    Attributes:
        values: of those that are set.
        absent: the others. Reading one fails the check that does.
    """

    values: dict[str, str]
    absent: dict[str, AbsentSecret]


def read_secrets(project: Project, env: Mapping[str, str], *, served: bool = False) -> Secrets:
    """Read the secrets that a project declares, from where it says.

    Args:
        project: relative files are relative to its folder.
        env: the variables that it may take them from.
        served: whether a server runs the checks: it keeps secrets itself, and takes no ``--env``.
    """
    values: dict[str, str] = {}
    absent: dict[str, AbsentSecret] = {}
    settings = Path(project.config_path or "checkwire.toml").name
    for name, source in project.secrets.items():
        if source.file is None:
            value, why, advice = _from_variable(source.env or "", env, served)
            home = f"variable {source.env}"
        else:
            value, why, advice = _from_file(source.file)
            home = f"file {_shown(source.file, project)}"
        if value:
            values[name] = value
            continue
        if served:
            advice = f"set it with checkwire secret set {name}, or {advice}"
        absent[name] = AbsentSecret(name, f"{settings}:{source.line}", home, why, advice)
    return Secrets(values, absent)


def muted_channels(project: Project, absent: Mapping[str, AbsentSecret]) -> tuple[str, ...]:
    """Sentences about the channels that cannot be told anything, for a secret has no value.

    Args:
        project: with its channels.
        absent: its secrets without a value, wherever they may come from.
    """
    return tuple(
        f"channel {name} cannot be told of incidents: {absent[secret]}"
        for name in project.alerts.channels
        for secret in needed_secrets(project.channels[name])
        if secret in absent
    )


def _from_variable(name: str, env: Mapping[str, str], served: bool) -> tuple[str, str, str]:
    """The variable's value; why it has none, and what to do then."""
    value = env.get(name)
    why = "is empty" if value == "" else "is not set"
    if served:
        return value or "", why, f"start the server with {name}=... in its environment"
    return value or "", why, f"set it with export {name}=... or --env {name}=..."


def _from_file(path: str) -> tuple[str, str, str]:
    """What the file holds, but the end of its last line; why that is nothing, and what to do."""
    write = "write the secret there, and nothing else"
    try:
        return Path(path).read_text("utf-8").rstrip("\r\n"), "is empty", write
    except FileNotFoundError:
        return "", "does not exist", write
    except (IsADirectoryError, NotADirectoryError):
        return "", "is no file", "name a file that holds the secret, and nothing else"
    except OSError as error:
        return "", f"cannot be read ({error.strerror})", "make it readable"
    except UnicodeDecodeError:
        return "", "is not UTF-8 text", write


def _shown(path: str, project: Project) -> str:
    """The path as the settings have it, unless it is far away."""
    relative = os.path.relpath(path, project.root)
    return path if relative.startswith("..") else relative
