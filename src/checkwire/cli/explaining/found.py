"""Which codes are meant by what somebody writes."""

from __future__ import annotations

from fnmatch import fnmatchcase

from checkwire.model.errors import UsageError
from checkwire.model.explanations import FAMILIES
from checkwire.model.failures import CODES, FailureCode
from checkwire.sdk.suggestion import closest_ones

__all__ = ["find"]

_NEAR = 5
_ALIKE = 0.5
"""Low: whoever asks has nothing else to go by, and sees the titles beside the names."""


def find(what: str | None) -> tuple[list[FailureCode], bool]:
    """The codes that are meant, and whether it is one that was named in full.

    Args:
        what: a code, a family, a pattern with ``*``; ``None`` for all codes.

    Raises:
        UsageError: nothing is meant by it that there is.
    """
    if what is None:
        return list(CODES.values()), False
    # A variant, as `checkwire faults` names it, is of a code.
    name = what.strip().lower().partition("/")[0]
    if name in CODES:
        return [CODES[name]], True
    family = name.removesuffix("*").removesuffix(".")
    pattern = f"{family}.*" if family in FAMILIES else name
    found = [code for code in CODES.values() if fnmatchcase(code.code, pattern)]
    if not found:
        raise UsageError(_unknown(what, name))
    return found, False


def _unknown(what: str, name: str) -> str:
    # A part that was remembered is worth more than letters in common.
    parts = [code for code in CODES if name and name in code]
    last = name.rpartition(".")[2]
    ends = [code for code in CODES if len(last) > 3 and last in code.partition(".")[2]]
    near = list(dict.fromkeys([*parts, *ends, *closest_ones(name, CODES, _NEAR, _ALIKE)]))[:_NEAR]
    said = f"no failure has the code {what!r}"
    if not near:
        return f"{said}: checkwire explain lists all there are"
    column = max(map(len, near)) + 2
    lines = [f"  {code:<{column}}{CODES[code].title}" for code in near]
    return "\n".join([f"{said}. Near it:", *lines])
