"""Regular expressions that cannot hang a check.

A pattern that backtracks can take a lifetime for a message of forty characters, and while it does
nothing else of the process goes on. So these come from the library ``regex``, which can be told how
long a search may take.
"""

from __future__ import annotations

import functools
from typing import Any, Final

from checkwire.model.errors import CheckwireError

__all__ = ["PATIENCE", "Regex", "RegexTimeout", "compile_regex"]

PATIENCE: Final = 0.1
"""Seconds of CPU time that one search may take. Sane patterns take microseconds."""

_SHOWN: Final = 80
_CACHED: Final = 16_384


class RegexTimeout(CheckwireError):  # noqa: N818 - as TimeoutError is one
    """A search took longer than :data:`PATIENCE`; the message says how to write it otherwise."""


class Regex:
    """A compiled regular expression, with a limit on what a search may take.

    Args:
        pattern: as for :mod:`re`.

    Raises:
        ValueError: it is not a regular expression; the message says why, and where in it.
    """

    __slots__ = ("_compiled", "pattern")

    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        self._compiled = _compiled(pattern)

    def search(self, text: str) -> Any:
        """The first match in the text, or ``None``.

        Raises:
            RegexTimeout: it took too long.
        """
        try:
            return self._compiled.search(text, timeout=PATIENCE)
        except TimeoutError:
            raise self._took_too_long(text) from None

    def fullmatch(self, text: str) -> Any:
        """The match of the whole text, or ``None``.

        Raises:
            RegexTimeout: it took too long.
        """
        try:
            return self._compiled.fullmatch(text, timeout=PATIENCE)
        except TimeoutError:
            raise self._took_too_long(text) from None

    @property
    def groups(self) -> int:
        """How many groups it has."""
        return int(self._compiled.groups)

    def _took_too_long(self, text: str) -> RegexTimeout:
        shown = self.pattern if len(self.pattern) <= _SHOWN else f"{self.pattern[:_SHOWN]}…"
        return RegexTimeout(
            f"the regular expression {shown} took more than {PATIENCE * 1000:.0f} ms for "
            f"{len(text):,} characters: it tries too many ways, as (a+)+ does; write it so that "
            "each character can be matched in one way"
        )


@functools.lru_cache(maxsize=_CACHED)
def compile_regex(pattern: str) -> Regex:
    """The regular expression, compiled once.

    Raises:
        ValueError: as :class:`Regex`.
    """
    return Regex(pattern)


def _compiled(pattern: str) -> Any:
    import regex  # type: ignore[import-untyped]  # 20 ms

    try:
        return regex.compile(pattern)
    except regex.error as error:
        at = "" if error.pos is None else f" at character {error.pos + 1}"
        raise ValueError(f"{error.msg}{at}") from None
    except (RecursionError, OverflowError, MemoryError):
        raise ValueError("it is too large") from None
