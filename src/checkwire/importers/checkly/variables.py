"""Variables and secrets: Checkly's ``{{NAME}}`` and ``process.env`` as Checkwire's ``${NAME}``."""

from __future__ import annotations

import re
from typing import Any, Final

from checkwire.importers.checkly.effective import Effective
from checkwire.importers.checkly.recording import Gap, Recording
from checkwire.importers.toml import Table

__all__ = ["Variables", "is_sensitive"]

_TEMPLATE: Final = re.compile(r"\{\{\{?\s*(.*?)\s*\}?\}\}")
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_OURS: Final = re.compile(r"\$(?=\$*\{)")
_SENSITIVE: Final = re.compile(
    r"auth|cookie|token|secret|passw|api[-_]?key|private|credential|webhook|(^|[-_])(key|pass|pwd)($|[-_])",
    re.IGNORECASE,
)
_SHORTEST: Final = 6
"""Characters; a shorter value of a variable may stand in a text by chance."""


def is_sensitive(name: str) -> bool:
    """Whether what has this name, a variable or a header, may well be a secret."""
    return _SENSITIVE.search(name) is not None


class Variables:
    """The variables and secrets of a project. Values of secrets do not get out of here.

    Args:
        recording: the project.

    Attributes:
        gaps: what of them has no equal.
    """

    def __init__(self, recording: Recording) -> None:
        self._recording = recording
        self._env: dict[str, str] = {}
        self._secrets: dict[str, str] = {}
        self._hidden: set[str] = set()
        self._asked = {
            name: value for name, value in recording.variables.items() if len(value) >= _SHORTEST
        }
        self._hidden.update(value for name, value in self._asked.items() if is_sensitive(name))
        self.gaps: list[Gap] = []

    def declare(self, check: Effective) -> None:
        """Take over the variables of a check and its group."""
        place = check.place("environmentVariables")
        for one in check.get("environmentVariables") or ():
            if not isinstance(one, dict) or not isinstance(one.get("key"), str):
                continue
            name, value = one["key"], str(one.get("value") or "")
            if one.get("secret") or one.get("locked") or is_sensitive(name):
                self.secret(name, place)
                self.hide(value)
            elif (name in self._env and self._env[name] != value) or name in self._secrets:
                why = (
                    "variables hold for the whole project here, and another check has another value"
                )
                todo = "give it a name of its own, in the script, too; it has the other's value now"
                self.gaps.append(Gap(place, f"variable {name} of {check.shown}", why, todo))
            else:
                self._env[name] = value

    def secret(self, name: str, place: str) -> str:
        """There is a secret of this name; returns it, as it may be written."""
        name = re.sub(r"\W+", "_", name)
        self._env.pop(name, None)
        self._secrets.setdefault(name, place)
        return name

    def hide(self, value: str) -> None:
        """This is the value of a secret: whatever is written or told, it is not."""
        if len(value) >= _SHORTEST:
            self._hidden.add(value)

    def masked(self, text: str) -> str:
        """A text for people, without values of secrets."""
        for value in sorted(self._hidden, key=len, reverse=True):
            text = text.replace(value, "***")
        return text

    def source_of(self, value: str, place: str) -> str | None:
        """The variable of the environment that a value is, as a secret; ``None`` if it is none."""
        for name, known in self._asked.items():
            if known == value:
                self.hide(value)
                return self.secret(name, place)
        return None

    def text(self, value: str, place: str) -> str:
        """A text with variables, as Checkwire has it.

        Raises:
            ValueError: it uses what Checkwire has not; the message says what.
        """
        parts: list[str] = []
        at = 0
        for match in _TEMPLATE.finditer(value):
            parts.append(self._literal(value[at : match.start()], place))
            if _NAME.fullmatch(match[1]) is None:
                raise ValueError(f"{match[0]} is made by Checkly when the check runs")
            parts.append(self._variable(match[1], place))
            at = match.end()
        parts.append(self._literal(value[at:], place))
        return "".join(parts)

    def tables(self) -> list[Table]:
        """``[env]`` and ``[secrets]``."""
        found = []
        if self._env:
            found.append(Table(("env",), self._env))
        if self._secrets:
            entries: dict[str, Any] = {name: {"env": name} for name in sorted(self._secrets)}
            found.append(Table(("secrets",), entries, notes=self._secrets))
        return found

    @property
    def secrets(self) -> dict[str, str]:
        """Names of secrets, with where each is first used."""
        return dict(self._secrets)

    def _variable(self, name: str, place: str) -> str:
        if name in self._env:
            return f"${{{name}}}"
        return f"${{secret:{self.secret(name, place)}}}"  # The account has it, and may hide it.

    def _literal(self, text: str, place: str) -> str:
        """A text as it is, but for values that came from the environment."""
        for name, value in sorted(self._asked.items(), key=lambda item: -len(item[1])):
            before, found, after = text.partition(value)
            if found:
                if not is_sensitive(name) and name not in self._secrets:
                    self._env.setdefault(name, value)
                variable = self._variable(name, place)
                return self._literal(before, place) + variable + self._literal(after, place)
        return _OURS.sub("$$", text)
