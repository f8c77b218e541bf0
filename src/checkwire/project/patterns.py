"""Patterns of paths, as in ``checks = ["**/*_check.py"]``."""

from __future__ import annotations

import re
from functools import lru_cache

__all__ = ["matches_path", "parse_pattern"]

_WILDCARD = re.compile(r"(\*\*/|/\*\*$|\*\*|\*|\?|\[[^\]]+\])")
_MEANINGS = {
    "**/": "(?:.*/)?",
    "/**": "(?:/.*)?",
    "**": ".*",
    "*": "[^/]*",
    "?": "[^/]",
}


def matches_path(pattern: str, path: str) -> bool:
    """Whether the whole path, with forward slashes, is as the pattern says.

    ``*`` and ``?`` stand for characters within a name, ``**`` for any number of folders,
    ``[abc]`` and ``[!abc]`` for one character. ``folder/**`` is the folder and all that is in it.
    """
    return parse_pattern(pattern).match(path) is not None


@lru_cache(maxsize=256)
def parse_pattern(pattern: str) -> re.Pattern[str]:
    """The pattern as a regular expression.

    Raises:
        ValueError: if it cannot be one, such as ``[z-a]``.
    """
    expression = "".join(
        _MEANINGS.get(part) or (_set(part) if _WILDCARD.fullmatch(part) else re.escape(part))
        for part in _WILDCARD.split(pattern.rstrip("/"))
    )
    try:
        return re.compile(f"{expression}\\Z", re.DOTALL)
    except re.error as error:
        raise ValueError(str(error)) from None


def _set(part: str) -> str:
    inside = part[1:-1]
    negated = len(inside) > 1 and inside[0] == "!"
    escaped = re.sub(r"([\[\\&~|^])", r"\\\1", inside[negated:])
    return f"[{'^' if negated else ''}{escaped}]"
