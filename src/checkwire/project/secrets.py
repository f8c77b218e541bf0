"""The values of a project's secrets, and what became of those that have none."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from checkwire.project.config import Project, SecretSource

__all__ = ["AbsentSecret", "Secrets", "read_secrets"]


class AbsentSecret(NamedTuple):
    """Why a secret that the project declares has no value.

    Attributes:
        fact: where it is declared, where its value comes from, and why it does not.
        advice: how to set it.
    """

    fact: str
    advice: str

    def __str__(self) -> str:
        return f"{self.fact}: {self.advice}"


class Secrets(NamedTuple):
    """The secrets of a project, by name.

    Attributes:
        values: of those that are set.
        absent: the others. Reading one fails the check that does.
    """

    values: dict[str, str]
    absent: dict[str, AbsentSecret]


def read_secrets(project: Project, env: Mapping[str, str]) -> Secrets:
    """Read the secrets that a project declares, from where it says.

    Args:
        project: relative files are relative to its folder.
        env: the variables that it may take them from.
    """
    values: dict[str, str] = {}
    absent: dict[str, AbsentSecret] = {}
    settings = Path(project.config_path or "checkwire.toml").name
    for name, source in project.secrets.items():
        taken = _from_env(source.env, env) if source.file is None else _from_file(source.file)
        if isinstance(taken, str):
            values[name] = taken
            continue
        home = (
            f"variable {source.env}" if source.file is None else f"file {_shown(source, project)}"
        )
        fact = f"{settings}:{source.line} takes {name} from the {home}, which {taken.fact}"
        absent[name] = AbsentSecret(fact, taken.advice)
    return Secrets(values, absent)


def _from_env(name: str | None, env: Mapping[str, str]) -> str | AbsentSecret:
    if value := env.get(name or ""):
        return value
    what = "is empty" if value == "" else "is not set"
    return AbsentSecret(what, f"set it with export {name}=... or --env {name}=...")


def _from_file(path: str) -> str | AbsentSecret:
    """What the file holds, but the end of its last line."""
    write = "write the secret there, and nothing else"
    try:
        value = Path(path).read_text("utf-8").rstrip("\r\n")
    except FileNotFoundError:
        return AbsentSecret("does not exist", write)
    except (IsADirectoryError, NotADirectoryError):
        return AbsentSecret("is no file", "name a file that holds the secret, and nothing else")
    except OSError as error:
        return AbsentSecret(f"cannot be read ({error.strerror})", "make it readable")
    except UnicodeDecodeError:
        return AbsentSecret("is not UTF-8 text", write)
    return value or AbsentSecret("is empty", write)


def _shown(source: SecretSource, project: Project) -> str:
    """The path as the settings have it, unless it is far away."""
    path = os.path.relpath(source.file or "", project.root)
    return source.file or "" if path.startswith("..") else path
