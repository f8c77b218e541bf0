"""A TOML file under reading: what is wrong with it, each with its line and column."""

from __future__ import annotations

import re
import tomllib
from typing import Any, Final, NamedTuple

from checkwire.project.positions import Path, Position, places

__all__ = ["BAD", "Problem", "Reading"]

_TOML_PLACE: Final = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)$")


class _Bad:
    def __repr__(self) -> str:
        return "BAD"


BAD: Final[Any] = _Bad()
"""In the place of a value that will not do; a problem says why."""


class Problem(NamedTuple):
    """Something that is wrong with a file."""

    line: int
    column: int
    message: str


class Reading:
    """The text of a file, and what was found to be wrong with it.

    Args:
        data: the bytes of the file.

    Attributes:
        document: what the text says; empty if it is no TOML.
        problems: what is wrong, in the order in which it was found.
    """

    def __init__(self, data: bytes) -> None:
        self.document: dict[str, Any] = {}
        self.problems: list[Problem] = []
        self._places: dict[Path, Position] = {}
        try:
            # A byte order mark is no part of TOML, but of what some editors write.
            text = data.decode("utf-8-sig").replace("\r\n", "\n")
        except UnicodeDecodeError as error:
            line = data.count(b"\n", 0, error.start) + 1
            column = error.start - data.rfind(b"\n", 0, error.start)
            self.problems.append(Problem(line, column, "not UTF-8 text"))
            return
        try:
            self.document = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            self.problems.append(_not_toml(str(error), text))
        except RecursionError:
            self.problems.append(Problem(1, 1, "not valid TOML: it is nested too deeply"))
        else:
            self._places = places(text)

    def place(self, path: Path) -> Position:
        """Where the value at a path stands, or the nearest thing around it."""
        for size in range(len(path), 0, -1):
            if (found := self._places.get(path[:size])) is not None:
                return found
        return Position(1, 1)

    def line(self, path: Path) -> int:
        """The line of :meth:`place`."""
        return self.place(path).line

    def wrong(self, message: str, path: Path) -> Any:
        """Note a problem; returns :data:`BAD`, for whoever returns it in turn."""
        self.problems.append(Problem(*self.place(path), message))
        return BAD


def _not_toml(message: str, text: str) -> Problem:
    line, column = text.rstrip().count("\n") + 1, 1
    match = _TOML_PLACE.search(message)
    if match is not None:
        message = message[: match.start()]
        if match[1]:
            line, column = int(match[1]), int(match[2])
    return Problem(line, column, f"not valid TOML: {message[:1].lower()}{message[1:]}")
