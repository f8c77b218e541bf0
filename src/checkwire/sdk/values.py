"""Values for a reader: JSON-like, on one line, and bounded however large the value is."""

from __future__ import annotations

import re
from json.encoder import encode_basestring
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from checkwire.model.masking import Masker

__all__ = ["describe_kind", "printable", "show"]

_MAX_DEPTH = 8
_CONTROL = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""What must not reach a terminal or a JSON encoder as it is. The line feed may."""


def show(value: object, limit: int = 200, masker: Masker | None = None) -> str:
    """The value in at most about ``limit`` characters, on one line.

    Strings are quoted as in JSON, ``None``, ``True`` and ``False`` are Python's. Only as much of
    a container is looked at as is shown. A ``__repr__`` that raises is shown as such.
    """
    return _Shower(limit, masker).show(value)


def printable(text: str) -> str:
    """The text with control characters, lone surrogates and the like escaped; lines remain."""
    return _CONTROL.sub(lambda match: _escape(match[0]), text)


def _escape(character: str) -> str:
    if character == "\t":
        return "    "
    code = ord(character)
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"


def describe_kind(value: object) -> str:
    """What kind of thing it is, in the words of JSON where JSON has it: ``a string``."""
    kind = type(value)
    if value is None:
        return "None"
    known = {
        bool: "a boolean",
        int: "a number",
        float: "a number",
        str: "a string",
        dict: "an object",
        list: "a list",
        bytes: "bytes",
    }.get(kind)
    if known is not None:
        return known
    return f"{'an' if kind.__name__[:1].lower() in 'aeiou' else 'a'} {kind.__name__}"


class _Shower:
    def __init__(self, limit: int, masker: Masker | None) -> None:
        self.limit = limit
        self.masker = masker
        self.left = limit
        self.depth = 0

    def show(self, value: object) -> str:
        parts: list[str] = []
        self._put(value, parts)
        text = printable("".join(parts)).replace("\n", "\\n")
        return text if len(text) <= self.limit + 60 else f"{text[: self.limit]}…"

    def _say(self, text: str, parts: list[str]) -> None:
        parts.append(text)
        self.left -= len(text)

    def _put(self, value: object, parts: list[str]) -> None:
        kind = type(value)
        if kind is str:
            self._say(self._string(value), parts)  # type: ignore[arg-type]
        elif kind is bytes or kind is bytearray:
            self._say(self._bytes(value), parts)  # type: ignore[arg-type]
        elif kind in _BRACKETS:
            opening, closing = _BRACKETS[kind]
            if self.depth >= _MAX_DEPTH:
                self._say(f"{opening}…{closing}", parts)
                return
            if not value:
                self._say("set()" if kind is set else opening + closing, parts)
                return
            self._say(opening, parts)
            self.depth += 1
            if kind is dict:
                self._members(value, parts)  # type: ignore[arg-type]
            else:
                self._items(value, parts)  # type: ignore[arg-type]
            self.depth -= 1
            if kind is tuple and len(value) == 1:  # type: ignore[arg-type]
                closing = ",)"
            self._say(closing, parts)
        else:
            self._say(self._other(value), parts)

    def _members(self, value: dict[object, object], parts: list[str]) -> None:
        for number, (key, member) in enumerate(value.items()):
            if not self._next(number, len(value), parts):
                return
            self._put(key, parts)
            self._say(": ", parts)
            self._put(member, parts)

    def _items(self, value: Iterable[object], parts: list[str]) -> None:
        count = len(value)  # type: ignore[arg-type]
        for number, item in enumerate(value):
            if not self._next(number, count, parts):
                return
            self._put(item, parts)

    def _next(self, number: int, count: int, parts: list[str]) -> bool:
        """Whether there is room for another; it says how many are left out otherwise."""
        if number:
            self._say(", ", parts)
        if self.left > 0:
            return True
        self._say(f"… {count - number:,} more", parts)
        return False

    def _string(self, value: str) -> str:
        room = max(self.left, 20)
        return encode_basestring(self._cut(value, room)) + (
            f" … {len(value):,} characters" if len(value) > room else ""
        )

    def _bytes(self, value: bytes) -> str:
        room = max(self.left // 2, 20)
        if self.masker is None:
            shown = repr(bytes(value[:room]))
        else:
            shown = repr(self.masker.excerpt_of_bytes(value, room))
        return f"{shown} … {len(value):,} bytes" if len(value) > room else shown

    def _other(self, value: object) -> str:
        try:
            text = repr(value)
        except Exception as error:
            return f"<{type(value).__name__} whose __repr__ raised {type(error).__name__}>"
        room = max(self.left, 40)
        return text if len(text) <= room and self.masker is None else self._cut(text, room, "…")

    def _cut(self, text: str, room: int, mark: str = "") -> str:
        """The text, masked, and cut only then: half a secret would not be recognized as one."""
        cut = len(text) > room
        if self.masker is not None:
            text = self.masker.excerpt(text, room) if cut else self.masker.text(text)
        return text[:room] + mark if cut else text


_BRACKETS: dict[type, tuple[str, str]] = {
    dict: ("{", "}"),
    list: ("[", "]"),
    tuple: ("(", ")"),
    set: ("{", "}"),
    frozenset: ("frozenset({", "})"),
}
