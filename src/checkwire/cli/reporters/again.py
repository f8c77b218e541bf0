"""The command that runs one check again, written so that it can be pasted into a shell."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from checkwire.cli.reporters.paint import Text, width_of, wrap
from checkwire.model.definition import CheckDefinition

__all__ = ["Again", "Word", "again_lines"]

_SAFE = re.compile(r"[\w@%+=:,./-]+", re.ASCII)
_NAMED = {"\n": "\\n", "\r": "\\r", "\t": "\\t", "\\": "\\\\", "'": "\\'"}
_LABEL = 12
_CONTINUED = " \\"


class Word(NamedTuple):
    """One word of a command.

    Attributes:
        syntax: how it begins, as the shell shall read it: ``NAME="$NAME"``.
        text: how it goes on, to be quoted where the shell would not take it as it is.
    """

    syntax: str = ""
    text: str = ""

    def __str__(self) -> str:
        return self.syntax + (_quoted(self.text) if self.text or not self.syntax else "")


class Again(NamedTuple):
    """What of the command line has to be said again, that the same happens again.

    Attributes:
        options: each a word, or a word and its argument.
        unset: names of variables whose values are secret, and which the shell does not hold.
        starts: how the command begins, by the ids of checks, where it is not ``checkwire test``.
    """

    options: tuple[tuple[Word, ...], ...] = ()
    unset: tuple[str, ...] = ()
    starts: Mapping[str, tuple[tuple[Word, ...], ...]] = MappingProxyType({})


def again_lines(check: CheckDefinition, again: Again, root: str, width: int) -> Iterator[Text]:
    """The command for one check, and what to do before it.

    It is one command even where it takes several lines: each but the last ends with a backslash.

    Args:
        check: what to run.
        again: the options that were given.
        root: the project's folder, from the current one or absolute.
        width: columns of the terminal.
    """
    test = (Word("checkwire"), Word("test"), Word("", _target(check, root)))
    start = again.starts.get(check.id, (test,))
    label = Text("  ").add("again", "dim").pad(_LABEL)
    for indent, line in _lines([*start, *again.options, (Word("-v"),)], width):
        yield (label if label.plain else Text()).pad(_LABEL if indent else 0).add(line, "dim")
        label = Text()
    if again.unset:
        names = ", ".join(again.unset)
        note = f"{names} is a secret and not shown: set it in your shell first"
        if len(again.unset) > 1:
            note = f"{names} are secrets and not shown: set them in your shell first"
        for line in wrap(note, width - _LABEL):
            yield Text().pad(_LABEL).add(line, "dim")


def _target(check: CheckDefinition, root: str) -> str:
    """The check as ``checkwire test`` takes it, from the current folder."""
    path = os.path.relpath(os.path.join(root, check.path))  # noqa: PTH118 - it may go up
    if path.startswith("-"):
        path = f"./{path}"
    case = "" if check.case is None else f"[{check.case}]"
    function = f"::{check.function}" if check.function else ""
    return f"{path}{function}{case}"


def _lines(parts: Sequence[Sequence[Word]], width: int) -> Iterator[tuple[bool, str]]:
    """The words in lines, and of each line whether it is indented: inside a word it cannot be."""
    room = width - _LABEL - len(_CONTINUED)
    line, indented = "", True
    for unit in _units(parts, room):
        text = " ".join(map(str, unit))
        joined = f"{line} {text}".lstrip()
        if width_of(joined) <= (room if indented else width - len(_CONTINUED)):
            line = joined
            continue
        if line:
            yield indented, line + _CONTINUED
        line, indented = text, True
        if width_of(text) > room:
            *pieces, line = _pieces(unit[0], room, width - len(_CONTINUED))
            for piece in pieces:
                yield indented, f"{piece}\\"
                indented = False
    yield indented, line


def _units(parts: Sequence[Sequence[Word]], room: int) -> Iterator[Sequence[Word]]:
    """What stays on one line: an option with its argument, if there is room for both."""
    for part in parts:
        if width_of(" ".join(map(str, part))) <= room:
            yield part
        else:
            yield from ((word,) for word in part)


def _pieces(word: Word, first: int, other: int) -> Iterator[str]:
    """A word that is too long for a line, in pieces; the shell joins them to the same word.

    Args:
        word: the word.
        first: columns for the first piece.
        other: columns for each of the others.
    """
    syntax, text = word
    room = first
    while text:
        taken = len(text)
        while taken > 1 and width_of(syntax + _quoted(text[:taken])) > room:
            taken -= 1
        yield syntax + _quoted(text[:taken])
        syntax, text, room = "", text[taken:], other
    if syntax:
        yield syntax


def _quoted(text: str) -> str:
    """The text as one word for a shell; control characters as bash and zsh write them."""
    if _SAFE.fullmatch(text):
        return text
    if text.isprintable():
        return "'" + text.replace("'", "'\\''") + "'"
    return "$'" + "".join(map(_ansi, text)) + "'"


def _ansi(char: str) -> str:
    code = ord(char)
    if char in _NAMED:
        return _NAMED[char]
    if char.isprintable():
        return char
    if 0xDC80 <= code <= 0xDCFF:  # a byte that is no UTF-8, as Python holds it
        return f"\\x{code - 0xDC00:02x}"
    if code < 0x80:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
