"""The forms in which a secret travels, as patterns.

Whoever writes a text escapes some characters of it, or encodes its bytes; it may be written into
another text, which escapes it again. So the form of a secret is a row of units, one for each of its
characters, and a unit knows all that may stand for the character.
"""

from __future__ import annotations

import functools
import re
from base64 import b64encode
from collections.abc import Iterator

__all__ = ["SHORTEST_PART", "Form", "forms_of"]

SHORTEST_PART = 3
"""Characters of a secret that are worth hiding; fewer turn up anywhere."""

_SHORTEST_ENCODED = 4
"""Bytes of a secret that is looked for in base64 and hex too: shorter ones turn up anywhere."""

_HEAD = 8
"""Units that tell where a form may begin."""

_WIDEST = 40
"""Characters that stand for one, at most: four bytes, percent-encoded three times over."""

_ESCAPE = 6
"""Characters of what most escapes consist of."""

_PLAIN = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789")
"""What nobody escapes."""

_LINE_END = r"\r?\n|(?:\\{1,3}r)?\\{1,3}n|(?:%(?:25){0,2}0[dD])?%(?:25){0,2}0[aA]"
_CONTROLS = {"\t": "t", "\r": "r", "\b": "b", "\f": "f"}
_ESCAPING = "\\%&"
_BETWEEN = " :-"
"""What may stand between two bytes in hex."""


class _Unit:
    """One character of a form.

    Attributes:
        source: of the regular expression for all that may stand for it.
        starts: sources that find at least as much, each of which begins with one character: so a
            text is skipped quickly up to the next place that can matter.
        first: those characters.
        raw: its bytes in UTF-8, each as a character.
        width: characters that may stand for it.
    """

    __slots__ = ("_pattern", "first", "raw", "source", "starts", "width")

    def __init__(self, source: str, starts: tuple[str, ...], raw: str, width: int) -> None:
        self.source = source
        self.starts = starts
        self.first = frozenset(start.removeprefix("\\")[:1] for start in starts)
        self.raw = raw
        self.width = width
        self._pattern: re.Pattern[str] | None = None

    def ends(self, text: str, start: int) -> Iterator[int]:
        """Where the character that starts there may end: at more than one place, for what begins
        an escape may be a character by itself.
        """
        if self.source == self.raw:
            if text.startswith(self.raw, start):
                yield start + len(self.raw)
            return
        if self._pattern is None:
            self._pattern = re.compile(self.source)
        for end in range(start + 1, min(start + self.width, len(text)) + 1):
            if self._pattern.fullmatch(text, start, end):
                yield end

    def breaks_off(self, rest: str) -> bool:
        """Whether the text ends in the middle of the character."""
        if rest[0] in _ESCAPING and len(rest) < self.width:
            return True
        return self.raw.startswith((rest, rest.lower().lstrip(_BETWEEN)))


class Form:
    """One form of a secret.

    Attributes:
        heads: sources of regular expressions that find every place where it may begin.
        opening: of one for no more than must be there to count as a part of it.
        width: characters that it may take.
    """

    __slots__ = ("_pattern", "_units", "heads", "opening", "width")

    def __init__(self, units: list[_Unit]) -> None:
        self._units = units
        self._pattern: re.Pattern[str] | None = None
        head = "".join(unit.source for unit in units[1:_HEAD])
        self.heads = tuple(start + head for start in units[0].starts)
        self.opening = "".join(unit.source for unit in units[:SHORTEST_PART])
        self.width = sum(unit.width for unit in units)

    def __len__(self) -> int:
        return len(self._units)

    def end(self, text: str, start: int) -> int:
        """Where in the text the form ends that starts there, or -1 if it does not."""
        if self._pattern is None:
            if text[start] not in self._units[0].first:
                return -1  # another's beginning: most are never compiled
            self._pattern = re.compile("".join(unit.source for unit in self._units))
        match = self._pattern.match(text, start)
        return -1 if match is None else match.end()

    def breaks_off(self, text: str, start: int) -> bool:
        """Whether the form starts there, and the text ends before it does."""
        return self._walk(text, start, 0)[0] >= SHORTEST_PART

    def goes_on(self, text: str) -> int:
        """Where the rest of the form ends, if the text begins in the middle of it; else 0.

        It may begin in the middle of an escape, too.
        """
        furthest = 0
        for start in range(min(_ESCAPE, len(text))):
            for first in range(1, len(self._units) - SHORTEST_PART + 1):
                broken, end = self._walk(text, start, first)
                furthest = max(furthest, end, len(text) if broken >= SHORTEST_PART else 0)
        return furthest

    def _walk(self, text: str, start: int, first: int) -> tuple[int, int]:
        """Follow the form from a unit on: how many there were when the text ended, if it ended too
        soon, and where the form ends, if it does; -1 if not.
        """
        units, broken = self._units, -1
        places = {start}
        for number in range(first, len(units)):
            unit = units[number]
            following: set[int] = set()
            for place in places:
                rest = text[place : place + _WIDEST]
                if place + len(rest) == len(text) and (not rest or unit.breaks_off(rest)):
                    broken = number - first
                following.update(unit.ends(text, place))
            places = following
            if not places:
                return broken, -1
        return broken, max(places)


def forms_of(secret: str) -> Iterator[Form]:
    """The secret as it is, with any of its characters escaped, in base64 and in hex."""
    yield Form(_text_units(secret))
    data = _encoded(secret)
    if len(data) < _SHORTEST_ENCODED:
        return
    # In base64 a secret has three faces, by its offset modulo 3; the characters at both ends
    # also depend on its neighbours, so only the inner ones are looked for.
    for offset in range(3):
        encoded = b64encode(b"\0" * offset + data).decode().rstrip("=")
        start = (offset * 8 + 5) // 6
        end = len(encoded) - (1 if (len(data) + offset) % 3 else 0)
        yield Form([_base64_unit(character) for character in encoded[start:end]])
    yield Form([_hex_unit(byte, number > 0) for number, byte in enumerate(data)])


def _encoded(text: str) -> bytes:
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")


def _text_units(text: str) -> list[_Unit]:
    # Several backslashes are one unit: each may be doubled, and which are is not to be told.
    return [_unit(run) for run in re.findall(r"\\+|[^\\]", text, re.DOTALL)]


@functools.lru_cache(maxsize=512)
def _unit(character: str) -> _Unit:
    if character in _PLAIN:
        return _Unit(character, (character,), character, 1)
    if character[0] == "\\":
        count = len(character)
        source = rf"(?:\\{{{count},{8 * count}}}|(?:%(?:25){{0,2}}5[cC]){{{count}}})"
        starts = (rf"\\\\{{{count - 1},{8 * count - 1}}}", f"%.{{{3 * count - 1},{7 * count}}}?")
        return _Unit(source, starts, character, 8 * count)
    raw = _encoded(character).decode("latin-1")
    # In a query or a form a plus may stand for a space; and a line may end in two characters.
    others = {" ": "+", "+": " ", "\n": "\r"}.get(character, "")
    width = 16 if character.isascii() else _WIDEST
    starts = (
        *(re.escape(start) for start in dict.fromkeys((character, raw, *others))),
        *(f"{escape}.{{1,{width}}}?" for escape in (r"\\", "%", "&")),
    )
    return _Unit(f"(?:{'|'.join(_written(character, raw))})", starts, raw, width)


def _written(character: str, raw: str) -> Iterator[str]:
    """Sources for all the ways to write a character; what is escaped may be escaped again."""
    code = ord(character)
    if character == "\n":
        yield _LINE_END
    if character in " +":
        yield "[ +]"
    if character in _CONTROLS:
        yield rf"\\{{1,3}}{_CONTROLS[character]}"
    if code > 127:  # UTF-8 that was taken for Latin-1, as in a header
        yield re.escape(raw)
        yield "".join(rf"\\{{1,3}}x{_hex(ord(byte))}" for byte in raw)
    yield "".join(f"%(?:25){{0,2}}{_hex(ord(byte))}" for byte in raw)
    if code < 256:
        yield rf"(?:\\{{1,3}}x|%(?:25){{0,2}}){_hex(code)}"
    utf16 = character.encode("utf-16-be", "surrogatepass")
    pairs = zip(utf16[::2], utf16[1::2], strict=True)
    yield "".join(rf"\\{{1,3}}u{_hex(high)}{_hex(low)}" for high, low in pairs)
    yield rf"\\{{1,3}}U{''.join(map(_hex, code.to_bytes(4, 'big')))}"
    from html.entities import codepoint2name  # a millisecond, which checks without secrets save

    names = [f"#0{{0,4}}{code}", f"#[xX]0{{0,4}}{_digits(f'{code:x}')}"]
    if name := "apos" if character == "'" else codepoint2name.get(code):
        names.append(name)
    yield f"&(?:amp;){{0,2}}(?:{'|'.join(names)});"
    # Last, as it may be what one of those begins with.
    yield rf"\\{{0,3}}{re.escape(character)}" if code < 128 else re.escape(character)


@functools.lru_cache(maxsize=64)
def _base64_unit(character: str) -> _Unit:
    """In the alphabet of URLs ``-`` and ``_`` stand for ``+`` and ``/`` (RFC 4648 section 5)."""
    unit = _unit(character)
    if character in _PLAIN:
        return unit
    other = {"+": "-", "/": "_"}[character]
    return _Unit(f"(?:{other}|{unit.source})", (other, *unit.starts), character, unit.width)


@functools.lru_cache(maxsize=512)
def _hex_unit(byte: int, inside: bool) -> _Unit:
    source, digits = _hex(byte), f"{byte:02x}"
    first = dict.fromkeys((digits[0], digits[0].upper()))
    starts = tuple(one + _digits(digits[1]) for one in first)
    return _Unit(f"[{_BETWEEN}]?{source}" if inside else source, starts, digits, 3)


def _hex(byte: int) -> str:
    return _digits(f"{byte:02x}")


def _digits(digits: str) -> str:
    return "".join(d if d.isdecimal() else f"[{d}{d.upper()}]" for d in digits)
