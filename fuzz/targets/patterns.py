"""Patterns for messages, and the differences that are shown when none fits."""

from __future__ import annotations

import json
import re
from typing import Any, Final

from checkwire.model.errors import FailureError
from checkwire.model.masking import Masker
from checkwire.sdk.diff import diff, differences
from checkwire.sdk.matching import closeness, describe, matches, problem_of, project
from checkwire.sdk.misses import Misses
from checkwire.sdk.values import show
from fuzz.choices import Choices

__all__ = ["target"]

_DEEPEST: Final = 6
_WIDEST: Final = 6
_KEYS: Final = ("type", "id", "data", "price", "", "a\nb", "\ud800", "x" * 100)
_NUMBERS: Final = (0, 1, -1, 2**63, 10**400, 0.5, -0.0, float("inf"))
_WILD: Final = (
    int,
    float,
    str,
    dict,
    int | None,
    ...,
    re.compile("a+"),
    re.compile(b"a+"),
    lambda value: value["type"],
    lambda value: value > 1,
    bool,
)
_UNPRINTABLE: Final = re.compile("[\x00-\x1f\x7f-\x9f\u202a-\u202e\ud800-\udfff]")
_MASKER: Final = Masker(["secret"])


def target(data: bytes) -> None:
    """A value, another one, and a pattern."""
    choices = Choices(data)
    value, other = _value(choices), _value(choices)
    pattern = _pattern(choices)
    _fits_itself(value)
    _differs(value, other)
    _is_described(pattern, value)
    misses = Misses(pattern)
    for number, missed in enumerate((value, other), 1):
        misses.add(number, missed, False)
    failure = misses.failure(1.0, Masker())
    assert failure.code == "timeout.no_match"
    assert len(failure.message) < 1000
    assert len(failure.details.split("\n")) < 200
    assert json.dumps(failure.evidence)
    assert FailureError(failure)


def _fits_itself(value: Any) -> None:
    assert matches(value, value)
    assert diff(value, value) == []
    assert differences(value, value) == []


def _differs(value: Any, other: Any) -> None:
    found = differences(value, other)
    assert bool(found) == bool(diff(value, other))
    assert bool(found) != (value == other)
    for lines in (diff(value, other, subset=True), diff(value, other, masker=_MASKER)):
        assert len(lines) <= 41
        assert not _UNPRINTABLE.search("".join(lines)), lines
    masked = "\n".join(diff(value, other, masker=_MASKER)) + show(value, masker=_MASKER)
    assert "secret" not in masked


def _is_described(pattern: Any, value: Any) -> None:
    fits = matches(pattern, value)
    near = closeness(pattern, value)
    assert 0.0 <= near <= 1.0
    assert (near == 1.0) == fits
    json.dumps(describe(pattern))
    project(pattern, value)
    for kind in ("any", "text", "bytes", "json"):
        problem_of(pattern, kind)


def _value(choices: Choices, depth: int = 0) -> Any:
    """Something that JSON can say, and a little more."""
    match choices.number(10 if depth < _DEEPEST else 6):
        case 0:
            return None
        case 1:
            return choices.flag()
        case 2:
            return choices.pick(_NUMBERS)
        case 3:
            return choices.text(20)
        case 4:
            return choices.pick(("a", "secret", "the secret is out", "line\nline\nsecret", ""))
        case 5:
            return choices.number(100)
        case 6 | 7:
            return {
                choices.pick(_KEYS): _value(choices, depth + 1)
                for _ in range(choices.number(_WIDEST))
            }
        case _:
            return [_value(choices, depth + 1) for _ in range(choices.number(_WIDEST))]


def _pattern(choices: Choices, depth: int = 0) -> Any:
    """A partial pattern: values, with types and the like in some places."""
    match choices.number(8 if depth < _DEEPEST else 4):
        case 0 | 1:
            return _value(choices, depth + 1)
        case 2 | 3:
            return choices.pick(_WILD)
        case 4 | 5:
            return {
                choices.pick(_KEYS): _pattern(choices, depth + 1)
                for _ in range(choices.number(_WIDEST))
            }
        case 6:
            return [_pattern(choices, depth + 1) for _ in range(choices.number(_WIDEST))]
        case _:
            return {choices.number(10) for _ in range(choices.number(_WIDEST))}
