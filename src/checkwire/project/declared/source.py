"""Python source under construction: laid out as a person would, each line with where it is from."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from types import CodeType
from typing import Any, Final, NamedTuple

__all__ = [
    "Code",
    "Group",
    "Named",
    "Source",
    "call",
    "inside_string",
    "member",
    "string",
    "wrapped",
]

_WIDTH: Final = 100
_INDENT: Final = "    "


class Group(NamedTuple):
    """Something between brackets that takes several lines if it does not fit on one.

    Attributes:
        start: what it begins with, the bracket included: ``connect(``.
        items: between the brackets.
        end: the closing bracket, and what follows it.
    """

    start: str
    items: tuple[Code, ...]
    end: str


class Named(NamedTuple):
    """An argument by its name, or a member by its key: ``within="2s"``."""

    name: str
    value: Code


Code = str | Group | Named
"""An expression."""


def string(text: str, prefix: str = "", *, escaped: str | None = None) -> str:
    """A string as a literal, in the quotes that need fewer escapes.

    Args:
        text: what it is to be.
        prefix: such as ``f``.
        escaped: what stands between the quotes, if that is not simply the text, escaped.
    """
    inside = inside_string(text) if escaped is None else escaped
    if '"' in inside and "'" not in inside:
        return f"""{prefix}'{inside.replace(_ESCAPED_QUOTE, '"')}'"""
    return f'{prefix}"{inside}"'


_ESCAPED_QUOTE: Final = '\\"'


def inside_string(text: str) -> str:
    """What stands between double quotes for this text."""
    return json.dumps(text, ensure_ascii=False)[1:-1]


def call(name: str, /, *arguments: Code, **keywords: Code) -> Group:
    """A call."""
    named = (Named(f"{key}=", value) for key, value in keywords.items())
    return Group(f"{name}(", (*arguments, *named), ")")


def member(key: str, value: Code) -> Named:
    """A member of a dict."""
    return Named(f"{key}: ", value)


def wrapped(before: str, code: Code, after: str = "") -> Code:
    """An expression with something before and after it: ``await``, or ``) as ws:``."""
    match code:
        case Group(start, items, end):
            return Group(before + start, items, end + after)
        case Named(name, value):
            return Named(before + name, wrapped("", value, after))
    return f"{before}{code}{after}"


class Source:
    """The lines of a module, each with the line of the file that it comes from."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._origins: list[int] = []
        self._depth = 0

    def add(self, code: Code, origin: int) -> None:
        """A statement."""
        self._write(_laid_out(code, self._depth), origin)

    def blank(self, count: int = 1) -> None:
        """Blank lines, unless they are there already."""
        have = 0
        while have < len(self._lines) and not self._lines[-1 - have]:
            have += 1
        if self._lines and not (self._depth and self._lines[-1].endswith(":")):
            self._write([""] * (count - have), self._origins[-1])

    @contextmanager
    def block(self, code: Code, origin: int) -> Iterator[None]:
        """A statement that ends with a colon, and what is below it."""
        self.add(wrapped("", code, ":"), origin)
        self._depth += 1
        before = len(self._lines)
        yield
        if len(self._lines) == before:
            self.add("pass", origin)
        self._depth -= 1

    def extend(self, other: Source) -> None:
        """All the lines of another."""
        self._lines += other._lines
        self._origins += other._origins

    def text(self) -> str:
        """The module."""
        return "\n".join(self._lines) + "\n"

    def compile(self, filename: str) -> CodeType:
        """The module's code, that claims to stand where its parts come from."""
        tree = ast.parse(self.text())
        for node in ast.walk(tree):
            if "lineno" in node._attributes:
                place: Any = node
                place.lineno = place.end_lineno = self._origins[place.lineno - 1]
                # Columns are of lines that are not there.
                place.col_offset = place.end_col_offset = 0
        return compile(tree, filename, "exec", dont_inherit=True)

    def _write(self, lines: Iterable[str], origin: int) -> None:
        for line in lines:
            self._lines.append(line)
            self._origins.append(origin)


def _laid_out(code: Code, depth: int, before: str = "", after: str = "") -> list[str]:
    """The lines of an expression, as ruff and black lay them out."""
    indent = _INDENT * depth
    flat = f"{indent}{before}{_flat(code)}{after}"
    if len(flat) <= _WIDTH or isinstance(code, str):
        return [flat]
    if isinstance(code, Named):
        return _laid_out(code.value, depth, before + code.name, after)
    inside = f"{indent}{_INDENT}{', '.join(map(_flat, code.items))}"
    lines = [inside]
    if len(inside) > _WIDTH:
        lines = [line for item in code.items for line in _laid_out(item, depth + 1, "", ",")]
    return [f"{indent}{before}{code.start}", *lines, f"{indent}{code.end}{after}"]


def _flat(code: Code) -> str:
    match code:
        case Group(start, items, end):
            return f"{start}{', '.join(map(_flat, items))}{end}"
        case Named(name, value):
            return f"{name}{_flat(value)}"
    return str(code)
