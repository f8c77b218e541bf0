"""Where things stand in a TOML text: ``tomllib`` reads the values and forgets the lines."""

from __future__ import annotations

import re
import tomllib
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Path", "Position", "line_of", "places", "positions"]

Path = tuple[str | int, ...]
"""Keys, and indexes into arrays: ``("service", 0, "command")``."""

_SPACE = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_SCALAR = re.compile(r"[^,\]}#\n]*")
_STRINGS = (
    re.compile(r'"""(?:[^\\]|\\.)*?"{3,5}', re.DOTALL),
    re.compile(r"'''.*?'{3,5}", re.DOTALL),
    re.compile(r'"(?:[^"\\\n]|\\.)*"'),
    re.compile(r"'[^'\n]*'"),
)


class Position(NamedTuple):
    """Where something begins: line and column, both from 1."""

    line: int
    column: int


def line_of(text: str, path: Sequence[str | int]) -> int:
    """The line, from 1, on which the value at ``path`` stands, or the nearest thing around it.

    Args:
        text: valid TOML.
        path: keys, and indexes into arrays: ``("service", 0, "command")``.
    """
    found = positions(text)
    for length in range(len(path), 0, -1):
        if (line := found.get(tuple(path[:length]))) is not None:
            return line
    return 1


def positions(text: str) -> dict[Path, int]:
    """The line of every table, key and item, by its path.

    That of a table is the line of its header, or of the first key that makes it.

    Args:
        text: valid TOML; of any other the result is partial.
    """
    return {path: place.line for path, place in places(text).items()}


def places(text: str) -> dict[Path, Position]:
    """As :func:`positions`, with the columns: those of headers, of keys, and of items."""
    scanner = _Scanner(text)
    scanner.document()
    return scanner.places


class _Scanner:
    """Reads just enough of TOML to know where its keys and values begin."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._counted = 0
        self._line = 1
        self._table_arrays: dict[Path, int] = {}
        self.places: dict[Path, Position] = {}

    def document(self) -> None:
        table: Path = ()
        while self._skip_space():
            start = self._at
            if self._text.startswith("[[", self._at):
                table = self._header(2, repeated=True)
            elif self._text[self._at] == "[":
                table = self._header(1, repeated=False)
            else:
                self._member(table)
            if self._at == start:  # no TOML; and without this no end either
                return

    def _header(self, brackets: int, *, repeated: bool) -> Path:
        here = self._here()
        self._at += brackets
        path: Path = ()
        keys = self._keys()
        for number, key in enumerate(keys, 1):
            path = (*path, key)
            self.places.setdefault(path, here)
            if repeated and number == len(keys):
                self._table_arrays[path] = self._table_arrays.get(path, -1) + 1
            if path in self._table_arrays:
                path = (*path, self._table_arrays[path])
                self.places.setdefault(path, here)
        if not repeated:
            self.places[path] = here  # [a] after [a.b]: its own header is the better place
        self._at += brackets
        return path

    def _member(self, table: Path) -> None:
        here = self._here()
        path = table
        for key in self._keys():
            path = (*path, key)
            self.places.setdefault(path, here)
        self._at += 1  # =
        self._value(path)

    def _keys(self) -> list[str]:
        keys = []
        while True:
            self._skip_blanks()
            keys.append(self._key())
            self._skip_blanks()
            if not self._text.startswith(".", self._at):
                return keys
            self._at += 1

    def _key(self) -> str:
        if match := _BARE_KEY.match(self._text, self._at):
            self._at = match.end()
            return match[0]
        start = self._at
        self._string()
        quoted = self._text[start : self._at]
        if "\\" in quoted and quoted[0] == '"':
            try:
                return str(tomllib.loads(f"key = {quoted}")["key"])
            except tomllib.TOMLDecodeError:
                pass
        return quoted[1:-1]

    def _value(self, path: Path) -> None:
        self._skip_space()
        character = self._text[self._at : self._at + 1]
        if character == "[":
            self._array(path)
        elif character == "{":
            self._inline_table(path)
        elif character and character in "\"'":
            self._string()
        elif match := _SCALAR.match(self._text, self._at):
            self._at = match.end()

    def _array(self, path: Path) -> None:
        self._at += 1
        index = 0
        while self._skip_space() and self._text[self._at] != "]":
            start = self._at
            self.places[(*path, index)] = self._here()
            self._value((*path, index))
            index += 1
            self._skip_space()
            if self._text.startswith(",", self._at):
                self._at += 1
            if self._at == start:
                return
        self._at += 1

    def _inline_table(self, path: Path) -> None:
        self._at += 1
        while self._skip_space() and self._text[self._at] != "}":
            start = self._at
            self._member(path)
            self._skip_space()
            if self._text.startswith(",", self._at):
                self._at += 1
            if self._at == start:
                return
        self._at += 1

    def _string(self) -> None:
        for pattern in _STRINGS:
            if match := pattern.match(self._text, self._at):
                self._at = match.end()
                return

    def _skip_blanks(self) -> None:
        while self._text[self._at : self._at + 1] in (" ", "\t"):
            self._at += 1

    def _skip_space(self) -> bool:
        """Past blanks, line ends and comments; whether anything is left."""
        match = _SPACE.match(self._text, self._at)
        self._at = match.end() if match else self._at
        return self._at < len(self._text)

    def _here(self) -> Position:
        self._line += self._text.count("\n", self._counted, self._at)
        self._counted = self._at
        return Position(self._line, self._at - self._text.rfind("\n", 0, self._at))
