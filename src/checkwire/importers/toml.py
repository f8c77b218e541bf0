"""Writes TOML with comments: tables in order, small tables inline."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec

__all__ = ["Table", "in_toml", "write_toml"]

_BARE: Final = re.compile(r"[A-Za-z0-9_-]+")
_WIDTH: Final = 100
_ESCAPES: Final = {"\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r", '"': '\\"'} | {
    "\\": "\\\\"
}


class Table(msgspec.Struct, frozen=True):
    """A table of a document.

    Attributes:
        name: the keys of its header.
        entries: what is in it, in order.
        comments: lines above the header.
        notes: a few words after an entry, by its key.
        repeated: whether it is one of an array of tables, ``[[name]]``.
    """

    name: tuple[str, ...]
    entries: dict[str, Any]
    comments: tuple[str, ...] = ()
    notes: Mapping[str, str] = {}
    repeated: bool = False


def write_toml(tables: Iterable[Table], *, comments: Iterable[str] = ()) -> str:
    """The text of a document.

    Args:
        tables: in the order of the document.
        comments: lines at its head.
    """
    blocks = ["\n".join(map(_comment, comments))]
    for table in tables:
        header = ".".join(map(_key, table.name))
        lines = [_comment(line) for line in table.comments]
        lines.append(f"[[{header}]]" if table.repeated else f"[{header}]")
        for key, value in table.entries.items():
            note = f"  {_comment(table.notes[key])}" if key in table.notes else ""
            lines.append(f"{_entry(key, value)}{note}")
        blocks.append("\n".join(lines))
    return "\n\n".join(block for block in blocks if block) + "\n"


def in_toml(value: Any) -> str:
    """A value on one line."""
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return '"' + "".join(map(_character, value)) + '"'
        case float() if math.isnan(value):
            return "nan"
        case float() if math.isinf(value):
            return "inf" if value > 0 else "-inf"
        case int() | float():
            return repr(value)
        case dict():
            inside = ", ".join(f"{_key(key)} = {in_toml(one)}" for key, one in value.items())
            return f"{{ {inside} }}" if inside else "{}"
        case list() | tuple():
            return f"[{', '.join(map(in_toml, value))}]"
    raise TypeError(f"TOML has no {type(value).__name__}")


def _entry(key: str, value: Any) -> str:
    line = f"{_key(key)} = {in_toml(value)}"
    if len(line) <= _WIDTH or not isinstance(value, list | tuple) or not value:
        return line
    items = "".join(f"  {in_toml(one)},\n" for one in value)
    return f"{_key(key)} = [\n{items}]"


def _key(key: str) -> str:
    return key if _BARE.fullmatch(key) else in_toml(key)


def _character(character: str) -> str:
    if character in _ESCAPES:
        return _ESCAPES[character]
    code = ord(character)
    return f"\\u{code:04x}" if code < 0x20 or code == 0x7F else character


def _comment(text: str) -> str:
    """A comment on one line: TOML allows no control characters in it."""
    words = "".join(one if one.isprintable() else " " for one in text)
    return f"# {words}".rstrip()
