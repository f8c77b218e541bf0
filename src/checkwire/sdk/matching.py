"""Patterns for messages: is this the one, and if not, how close is it?"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

__all__ = ["Pattern", "closeness", "describe", "matches", "project"]

Pattern = Any
"""A callable that takes the value, or a partial pattern.

A dict matches a dict that has at least its keys, with values that match; a list matches a list of
the same length, item by item; a type matches its instances (``float`` takes an ``int`` too, as
JSON does not tell them apart; ``int`` takes no ``bool``); a compiled regular expression matches a
string in which it is found; a callable matches what it returns true for; anything else matches
what it is equal to, which is how `dirty-equals` joins in.
"""


def matches(pattern: Pattern, value: Any) -> bool:
    """Whether the value fits the pattern."""
    match pattern:
        case type():
            return _is_instance(value, pattern)
        case re.Pattern():
            if isinstance(value, bytes) != isinstance(pattern.pattern, bytes):
                return False
            return isinstance(value, str | bytes) and pattern.search(value) is not None
        case Mapping():
            return isinstance(value, Mapping) and all(
                key in value and matches(part, value[key]) for key, part in pattern.items()
            )
        case list() | tuple():
            return (
                isinstance(value, Sequence)
                and not isinstance(value, str | bytes)
                and len(pattern) == len(value)
                and all(map(matches, pattern, value))
            )
        case bool():
            return value is pattern
        case _ if _is_predicate(pattern):
            return bool(pattern(value))
        case int() | float() if isinstance(value, bool):
            return False
    return bool(pattern == value)


def _is_predicate(pattern: object) -> bool:
    # An object that defines its own equality (dirty-equals) is compared, even if it can be called.
    return callable(pattern) and type(pattern).__eq__ in (object.__eq__, _function_eq)


_function_eq = type(lambda: None).__eq__


def _is_instance(value: Any, kind: type) -> bool:
    if kind is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    if kind is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, kind)


def closeness(pattern: Pattern, value: Any) -> float:
    """How much of the pattern the value fits: 0 to 1."""
    if matches_safely(pattern, value):
        return 1.0
    if isinstance(pattern, Mapping) and isinstance(value, Mapping) and pattern:
        parts = [
            0.1 + 0.9 * closeness(part, value[key]) if key in value else 0.0
            for key, part in pattern.items()
        ]
        return sum(parts) / len(parts) * 0.99
    if isinstance(pattern, list | tuple) and isinstance(value, list) and pattern:
        parts = [closeness(part, item) for part, item in zip(pattern, value, strict=False)]
        return sum(parts) / max(len(pattern), len(value)) * 0.99
    return 0.05 if type(pattern) is type(value) else 0.0


def matches_safely(pattern: Pattern, value: Any) -> bool:
    """As :func:`matches`; a predicate that raises does not match."""
    try:
        return matches(pattern, value)
    except Exception:
        return False


def describe(pattern: Pattern) -> Any:
    """The pattern as JSON-like data, with types and predicates by name."""
    match pattern:
        case type():
            return f"<{pattern.__name__}>"
        case re.Pattern():
            text = pattern.pattern
            return f"/{text}/" if isinstance(text, str) else f"/{text!r}/"
        case Mapping():
            return {key: describe(part) for key, part in pattern.items()}
        case list() | tuple():
            return [describe(part) for part in pattern]
        case _ if _is_predicate(pattern):
            return f"<{_name(pattern)}>"
    return pattern


def _name(predicate: Callable[..., Any]) -> str:
    name = getattr(predicate, "__name__", type(predicate).__name__)
    if name != "<lambda>":
        return name
    code = predicate.__code__
    import linecache

    line = linecache.getline(code.co_filename, code.co_firstlineno).strip()
    start = line.find("lambda")
    return line[start:].rstrip("),: ") if start >= 0 else "lambda"


def project(pattern: Pattern, value: Any) -> Any:
    """The part of the value that the pattern speaks of.

    What fits is put as the pattern says it, so that a comparison shows only what does not.
    """
    if matches_safely(pattern, value):
        return describe(pattern)
    if isinstance(pattern, Mapping) and isinstance(value, Mapping):
        return {key: project(part, value[key]) for key, part in pattern.items() if key in value}
    if isinstance(pattern, list | tuple) and isinstance(value, list):
        return [
            project(pattern[index], item) if index < len(pattern) else item
            for index, item in enumerate(value)
        ]
    return value
