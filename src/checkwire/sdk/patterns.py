"""Patterns beside plain values, for ``where=`` and ``expect(...).matches(...)``.

They fit where :data:`checkwire.sdk.matching.Pattern` speaks of what a value is equal to, so they
nest in dicts and lists, and in each other.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sized
from typing import Any, Final

from checkwire.sdk.jsonpaths import compile_path, find_all
from checkwire.sdk.matching import Pattern, describe, matches
from checkwire.sdk.regexes import Regex, RegexTimeout, compile_regex
from checkwire.sdk.values import show

__all__ = [
    "Found",
    "RegexPattern",
    "TextPattern",
    "above",
    "absent",
    "all_of",
    "any_of",
    "at",
    "at_least",
    "at_most",
    "below",
    "contains",
    "is_not",
    "is_textual",
    "length",
    "regex",
    "text_of",
]


class Found:
    """A pattern made of other patterns, or of a rule about the value."""

    __slots__ = ("_fits", "_words")

    def __init__(self, words: str, fits: Callable[[Any], bool]) -> None:
        self._words = words
        self._fits = fits

    def __eq__(self, value: object) -> bool:
        return self is value or self._fits(value)

    def __hash__(self) -> int:
        return hash(self._words)

    def __repr__(self) -> str:
        return f"<{self._words}>"

    @property
    def words(self) -> str:
        """What it says of a value: ``above 0``."""
        return self._words


class TextPattern(Found):
    """A pattern that looks into text, also where a message happens to be JSON."""

    __slots__ = ()


class RegexPattern(TextPattern):
    """Text in which a regular expression is found.

    Attributes:
        pattern: as it was written.
    """

    __slots__ = ("_compiled", "pattern")

    def __init__(self, pattern: str, compiled: Regex) -> None:
        self.pattern = pattern
        self._compiled = compiled
        super().__init__(f"/{pattern}/", lambda value: self.search(value) is not None)

    def search(self, value: object) -> Any:
        """The first match in a text, or ``None``.

        Raises:
            UsageError: it took too long.
        """
        if not isinstance(value, str):
            return None
        return _limited(lambda: self._compiled.search(value))


absent: Final = Found("absent", lambda value: False)
"""For :func:`at`: the path finds nothing."""


def at(path: str, *patterns: Pattern, count: int | None = None) -> Found:
    """What a JSONPath (RFC 9535) finds in the value: at least one thing, and all of it fits.

    Args:
        path: such as ``"$.data[0].price"``, ``"$..price"``, ``"$.orders[?@.open].id"``.
        patterns: that each thing found must fit; any will do if left out.
        count: how many things must be found, instead of at least one.

    Raises:
        UsageError: it is not a JSONPath.
    """
    _compiled(compile_path, path, "a JSONPath")
    is_absent = any(pattern is absent for pattern in patterns)

    def fits(value: Any) -> bool:
        found = _limited(lambda: find_all(path, value))
        if is_absent or count is not None:
            right = len(found) == (0 if is_absent else count)
        else:
            right = bool(found)
        others = [pattern for pattern in patterns if pattern is not absent]
        return right and all(matches(pattern, item) for pattern in others for item in found)

    wanted = [_word(pattern) for pattern in patterns]
    if count is not None:
        wanted.insert(0, f"found {count} times")
    return Found(f"{path} {' and '.join(wanted) or 'there'}", fits)


def regex(pattern: str) -> RegexPattern:
    """Text in which a regular expression is found. One that takes too long fails the check.

    Raises:
        UsageError: it is not a regular expression.
    """
    return RegexPattern(pattern, _compiled(compile_regex, pattern, "a regular expression"))


def contains(part: Any) -> TextPattern:
    """Text that has this part, a list that has such an item, an object that has this key."""

    def fits(value: Any) -> bool:
        if isinstance(value, str):
            return isinstance(part, str) and part in value
        if isinstance(value, list | tuple):
            return any(matches(part, item) for item in value)
        return isinstance(value, dict) and isinstance(part, str) and part in value

    return TextPattern(f"containing {_word(part)}", fits)


def above(limit: float) -> Found:
    """A number greater than this."""
    return _number(f"above {limit}", lambda value: value > limit)


def at_least(limit: float) -> Found:
    """This number, or a greater one."""
    return _number(f"at least {limit}", lambda value: value >= limit)


def below(limit: float) -> Found:
    """A number less than this."""
    return _number(f"below {limit}", lambda value: value < limit)


def at_most(limit: float) -> Found:
    """This number, or a smaller one."""
    return _number(f"at most {limit}", lambda value: value <= limit)


def length(wanted: Pattern) -> Found:
    """A string, list or object of this length: a number, or a pattern such as ``above(0)``."""
    return Found(
        f"of length {_word(wanted)}",
        lambda value: isinstance(value, Sized) and matches(wanted, len(value)),
    )


def is_not(pattern: Pattern) -> Found:
    """Anything that does not fit the pattern."""
    return Found(f"not {_word(pattern)}", lambda value: not matches(pattern, value))


def any_of(*patterns: Pattern) -> Found:
    """What fits one of the patterns at least."""
    return Found(
        f"one of {', '.join(map(_word, patterns))}",
        lambda value: any(matches(pattern, value) for pattern in patterns),
    )


def all_of(*patterns: Pattern) -> Found:
    """What fits each of the patterns."""
    kind = TextPattern if all(isinstance(one, TextPattern | str) for one in patterns) else Found
    return kind(
        " and ".join(map(_word, patterns)),
        lambda value: all(matches(pattern, value) for pattern in patterns),
    )


def text_of(value: Any) -> str:
    """A value as it stands in text: a string as it is, all else as JSON has it."""
    if isinstance(value, str):
        return value
    import json

    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def is_textual(pattern: Pattern) -> bool:
    """Whether a pattern speaks of a message's text, not of what the text means."""
    return isinstance(pattern, str | re.Pattern | Regex | TextPattern)


def _number(words: str, fits: Callable[[Any], bool]) -> Found:
    return Found(
        words,
        lambda value: (
            isinstance(value, int | float) and not isinstance(value, bool) and fits(value)
        ),
    )


def _word(pattern: Pattern) -> str:
    if isinstance(pattern, Found):
        return pattern.words
    if isinstance(pattern, type):
        return _KINDS.get(pattern, pattern.__name__)
    return show(describe(pattern))


_KINDS: Final[dict[type, str]] = {
    str: "a string",
    int: "an integer",
    float: "a number",
    bool: "a boolean",
    dict: "an object",
    list: "a list",
    type(None): "null",
}


def _compiled(compile_: Callable[[str], Any], text: str, what: str) -> Any:
    from checkwire.sdk.context import current

    try:
        return compile_(text)
    except ValueError as error:
        raise current().misused(f"{show(text)} is not {what}: {error}") from None


def _limited(search: Callable[[], Any]) -> Any:
    """A search that takes too long is a mistake of the check, and not a message that differs."""
    from checkwire.sdk.context import current

    try:
        return search()
    except RegexTimeout as error:
        raise current().misused(str(error)) from None
