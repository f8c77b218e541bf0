"""Text for a terminal: measured in columns, painted in a few styles, free of control characters.

Whatever is shown passes through :func:`clean` on its way into a :class:`Text`, so no escape
sequence of a target can reach the terminal.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

__all__ = ["Text", "clean", "fold", "width_of", "wrap"]

_SGR = {
    "bold": "1",
    "dim": "2",
    "pass": "36",
    "warn": "33",
    "fail": "31",
    "sent": "34",
    "escape": "35",
}
"""Styles, and what ECMA-48 8.3.117 calls them. The sixteen colours follow the reader's theme.

Passing is cyan, not green: red and green are the same colour to one man in twelve.
"""

_NAMED = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
_ZWJ = "\u200d"
_EMOJI_STYLE = "\ufe0f"
_IDEOGRAPHIC_SPACE = "\u3000"
_WORD = re.compile("( *)([^ ]+)")
_FLAGS = range(0x1F1E6, 0x1F200)
_WIDENED = (
    range(0x2630, 0x2638),
    range(0x268A, 0x2690),
    range(0x4DC0, 0x4E00),
    range(0x1D300, 0x1D357),
    range(0x1D360, 0x1D377),
)
"""Wide since Unicode 16, of which not every Python knows; new terminals do."""
_ELLIPSIS = "…"


def _escaped(char: str) -> str:
    code = ord(char)
    if char in _NAMED:
        return _NAMED[char]
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _is_emoji(char: str) -> bool:
    return "\u2190" <= char <= "\u2bff" or char >= "\U0001f000" or char == _EMOJI_STYLE


def _pieces(text: str) -> Iterator[tuple[str, bool]]:
    """The text in parts: as it is, or (``True``) the escapes that stand for what is not shown."""
    if text.isprintable():
        yield text, False
        return
    start = 0
    for index, char in enumerate(text):
        if char.isprintable() or char == _IDEOGRAPHIC_SPACE:
            continue
        # Emoji are joined to families; anywhere else the joiner hides.
        if (
            char == _ZWJ
            and 0 < index < len(text) - 1
            and _is_emoji(text[index - 1])
            and _is_emoji(text[index + 1])
        ):
            continue
        if index > start:
            yield text[start:index], False
        yield _escaped(char), True
        start = index + 1
    if start < len(text):
        yield text[start:], False


def clean(text: str) -> str:
    """The text with everything that steers a terminal, or hides, made visible: ``\\x1b``.

    That is: control characters, format characters (bidirectional overrides, zero-width spaces),
    unusual spaces, surrogates, and what Unicode does not assign.
    """
    return "".join(piece for piece, _ in _pieces(text))


def _char_width(char: str) -> int:
    code = ord(char)
    if code < 0x300:
        return 1
    import unicodedata

    if unicodedata.east_asian_width(char) in "WF" or code in _FLAGS:
        return 2
    if any(code in widened for widened in _WIDENED):
        return 2
    if char == _ZWJ or unicodedata.category(char) in ("Mn", "Me"):
        return 0
    return 1


def width_of(text: str) -> int:
    """Columns that a clean text takes.

    Where terminals disagree (joined emoji, flags) it is the most that one of them takes, so a line
    measured with it never wraps.
    """
    if text.isascii():
        return len(text)
    # U+FE0F asks for the wide form of a symbol that is narrow by itself.
    return sum(map(_char_width, text)) + text.count(_EMOJI_STYLE)


def _cut(text: str, columns: int) -> str:
    """As many characters as fit in so many columns."""
    if text.isascii():
        return text[:columns]
    taken = 0
    for index, char in enumerate(text):
        taken += _char_width(char) + (char == _EMOJI_STYLE)
        if taken > columns:
            return text[:index]
    return text


class Text:
    """A line of text in styles.

    A style is a string of words (``"fail bold"``) of which each is a key of the table above.
    """

    __slots__ = ("_spans",)

    def __init__(self, text: str = "", style: str = "") -> None:
        self._spans: list[tuple[str, str]] = []
        if text:
            self.add(text, style)

    def add(self, text: str, style: str = "") -> Text:
        """Append a text, cleaned; returns the line itself, for chaining."""
        for piece, escape in _pieces(text):
            self._spans.append((piece, f"{style} escape" if escape else style))
        return self

    def join(self, other: Text) -> Text:
        """Append another line's spans."""
        self._spans += other._spans
        return self

    def pad(self, columns: int) -> Text:
        """Append spaces until the line is so many columns wide."""
        missing = columns - self.width
        if missing > 0:
            self._spans.append((" " * missing, ""))
        return self

    @property
    def width(self) -> int:
        """Columns that the line takes."""
        return sum(width_of(text) for text, _ in self._spans)

    @property
    def plain(self) -> str:
        """The line without its styles."""
        return "".join(text for text, _ in self._spans)

    def cut(self, columns: int) -> Text:
        """The line in so many columns at most; ``…`` says that something is missing."""
        if self.width <= columns:
            return self
        line, left = Text(), max(0, columns - 1)
        for text, style in self._spans:
            part = _cut(text, left)
            line._spans.append((part, style))
            left -= width_of(part)
            if part != text:
                line._spans.append((_ELLIPSIS[:columns], style))
                break
        return line

    def render(self, colour: bool) -> str:
        """The line as characters for the terminal, without trailing spaces."""
        if not colour:
            return self.plain.rstrip(" ")
        parts = []
        for text, style in self._spans:
            codes = ";".join(_SGR[word] for word in style.split())
            parts.append(f"\x1b[{codes}m{text}\x1b[0m" if codes and text else text)
        return "".join(parts).rstrip(" ")

    def __repr__(self) -> str:
        return f"Text({self.plain!r})"


def wrap(text: str, columns: int) -> list[str]:
    """The text in lines of so many columns at most, broken between words where that is possible.

    Line breaks and blanks of the text are kept, but for those at which a line is broken; its
    control characters are made visible.
    """
    lines: list[str] = []
    for paragraph in text.expandtabs(4).splitlines() or [""]:
        paragraph = clean(paragraph)
        indent = paragraph[: len(paragraph) - len(paragraph.lstrip(" "))]
        line = indent = _cut(indent, columns // 2)
        for gap, word in _WORD.findall(paragraph[len(indent) :]):
            if line == indent:
                gap = ""
            if width_of(line) + len(gap) + width_of(word) <= columns:
                line += gap + word
                continue
            if line != indent:
                lines.append(line)
            while width_of(indent) + width_of(word) > columns:
                part = _cut(word, columns - width_of(indent)) or word[:1]
                lines.append(indent + part)
                word = word[len(part) :]
            line = indent + word
        lines.append(line)
    return lines


def fold(text: str, columns: int) -> list[str]:
    """The text as it is, in lines of so many columns at most; only its line breaks are obeyed."""
    lines: list[str] = []
    for line in text.split("\n"):
        line = clean(line.removesuffix("\r"))
        part = _cut(line, columns)
        while part and len(part) < len(line):
            lines.append(part)
            line = line[len(part) :]
            part = _cut(line, columns)
        lines.append(part)
    return lines
