"""Patterns for messages: is this the one, and if not, how close is it?"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Mapping, Sequence
from types import BuiltinMethodType, CodeType, MethodType, MethodWrapperType, UnionType
from typing import Any, Final

from checkwire.model.errors import CheckwireError
from checkwire.sdk.values import describe_kind, printable

__all__ = [
    "Pattern",
    "closeness",
    "describe",
    "identity",
    "matches",
    "problem_of",
    "project",
    "why_not",
]

Pattern = Any
"""A callable that takes the value, or a partial pattern.

- A dict matches a dict that has at least its keys, with values that match.
- A list or tuple matches a list of the same length, item by item.
- A set matches what any of its members matches; so does a union of types (``int | None``).
- A type matches its instances; ``float`` takes an ``int`` too, as JSON does not tell them apart,
  and ``int`` takes no ``bool``.
- A compiled regular expression matches a string in which it is found.
- ``...`` matches anything.
- A callable matches what it returns true for.
- Anything else matches what it is equal to, which is how `dirty-equals` joins in.
"""

_DEEPEST: Final = 100
"""Levels of a pattern that are described; one that holds itself has no end."""

_BUGS = (AssertionError, NameError, CheckwireError)
"""Exceptions of a predicate that do not mean that the message is another one."""


def matches(pattern: Pattern, value: Any) -> bool:
    """Whether the value fits the pattern.

    A predicate that raises, as ``lambda m: m["type"] == "ack"`` does for a message without a
    type, does not match.

    Raises:
        AssertionError, NameError, CheckwireError: a predicate did, and it must be told.
    """
    return why_not(pattern, value) is None


def why_not(pattern: Pattern, value: Any) -> Exception | bool | None:
    """``None`` if the value fits; else what a predicate raised, or ``False``.

    Raises:
        AssertionError, NameError, CheckwireError: as :func:`matches`.
    """
    try:
        return None if _fits(pattern, value) else False
    except _BUGS:
        raise
    except Exception as error:
        return error


def _fits(pattern: Pattern, value: Any) -> bool:
    match pattern:
        case type() if _is_plain_type(pattern):
            return _is_instance(value, pattern)
        case re.Pattern():
            if isinstance(value, bytes) != isinstance(pattern.pattern, bytes):
                return False
            return isinstance(value, str | bytes) and pattern.search(value) is not None
        case Mapping():
            return isinstance(value, Mapping) and all(
                key in value and _fits(part, value[key]) for key, part in pattern.items()
            )
        case list() | tuple():
            return (
                isinstance(value, Sequence)
                and not isinstance(value, str | bytes)
                and len(pattern) == len(value)
                and all(map(_fits, pattern, value))
            )
        case set() | frozenset():
            return any(_fits(part, value) for part in pattern)
        case UnionType():
            return any(_fits(part, value) for part in pattern.__args__)
        case bool():
            return value is pattern
        case _ if pattern is ...:
            return True
        case _ if _is_predicate(pattern):
            return bool(pattern(value))
        case int() | float() if isinstance(value, bool):
            return False
    return bool(pattern == value)


def _is_predicate(pattern: object) -> bool:
    # An object that defines its own equality (dirty-equals) is compared, even if it can be called.
    return callable(pattern) and type(pattern).__eq__ in _PLAIN_EQUALITY


_PLAIN_EQUALITY = tuple(
    kind.__eq__ for kind in (object, MethodType, BuiltinMethodType, MethodWrapperType)
)


def _is_plain_type(kind: type) -> bool:
    # Classes of dirty-equals may stand for themselves: they define equality in their metaclass.
    return type(kind).__eq__ is type.__eq__


def _is_instance(value: Any, kind: type) -> bool:
    if kind is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    if kind is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, kind)


def closeness(pattern: Pattern, value: Any) -> float:
    """How much of the pattern the value fits: from 0 to 1, and 1 only if it matches. No raise."""
    if _fits_safely(pattern, value):
        return 1.0
    if isinstance(pattern, Mapping) and isinstance(value, Mapping) and pattern:
        parts = [
            0.1 + 0.9 * closeness(part, value[key]) if key in value else 0.0
            for key, part in pattern.items()
        ]
        return sum(parts) / len(parts) * 0.99
    if isinstance(pattern, list | tuple) and isinstance(value, list | tuple) and pattern:
        parts = [closeness(part, item) for part, item in zip(pattern, value, strict=False)]
        return sum(parts) / max(len(pattern), len(value)) * 0.99
    return 0.05 if type(pattern) is type(value) else 0.0


def _fits_safely(pattern: Pattern, value: Any) -> bool:
    try:
        return _fits(pattern, value)
    except Exception:
        return False


def describe(pattern: Pattern, depth: int = 0) -> Any:
    """The pattern as JSON, with types and predicates by name. Never raises."""
    if depth > _DEEPEST:
        return "…"
    match pattern:
        case None | bool():
            return pattern
        case type():
            return f"<{pattern.__name__}>"
        case UnionType():
            return f"<{pattern}>"
        case re.Pattern():
            text = pattern.pattern
            return printable(f"/{text}/" if isinstance(text, str) else f"/{text!r}/")
        case Mapping():
            return {_key(key): describe(part, depth + 1) for key, part in pattern.items()}
        case list() | tuple():
            return [describe(part, depth + 1) for part in pattern]
        case set() | frozenset():
            members = sorted(str(describe(part, depth + 1)) for part in pattern)
            return f"<any of {', '.join(members)}>"
        case _ if pattern is ...:
            return "<anything>"
        case str():
            return printable(pattern)
        case int() | float() if abs(pattern) < 2**63:
            return pattern
        case _ if _is_predicate(pattern):
            return f"<{_name(pattern)}>"
    try:
        return printable(repr(pattern))
    except Exception as error:
        return f"<{type(pattern).__name__} whose __repr__ raised {type(error).__name__}>"


def identity(pattern: Pattern, depth: int = 0) -> Hashable:
    """What makes two patterns the same one: their parts. Never raises.

    Functions are the same if their code is, and the plain values that it takes from around it:
    the ``want`` of ``lambda m: m["type"] == want`` in a loop makes another pattern each time.
    """
    if depth > _DEEPEST:
        return "…"
    match pattern:
        case Mapping():
            return tuple((_key(key), identity(part, depth + 1)) for key, part in pattern.items())
        case list() | tuple():
            return type(pattern).__name__, *(identity(part, depth + 1) for part in pattern)
        case set() | frozenset():
            return frozenset(identity(part, depth + 1) for part in pattern)
        case None | bool() | int() | float() | str() | bytes():
            return type(pattern).__name__, pattern
        case type():
            return pattern.__module__, pattern.__qualname__
    code = getattr(pattern, "__code__", None)
    if not isinstance(code, CodeType):
        if type(pattern).__repr__ in _BY_ADDRESS:  # Made anew by the same line, it is the same.
            return identity(type(pattern))
        return str(describe(pattern))
    defaults = getattr(pattern, "__defaults__", None) or ()
    return code, *map(_plain, (*defaults, *_captured(pattern)))


_BY_ADDRESS: Final[tuple[object, ...]] = (object.__repr__,)


def _captured(function: Any) -> list[object]:
    found = []
    for cell in getattr(function, "__closure__", None) or ():
        try:
            found.append(cell.cell_contents)
        except ValueError:  # Not assigned yet.
            found.append(None)
    return found


def _plain(value: object) -> Hashable:
    """A value that a function uses, unless it is an object that may change from call to call."""
    return identity(value) if isinstance(value, bool | int | float | str | bytes) else None


def _key(key: object) -> str:
    return printable(key) if isinstance(key, str) else str(describe(key))


def _name(predicate: Callable[..., Any]) -> str:
    name = getattr(predicate, "__name__", type(predicate).__name__)
    code = getattr(predicate, "__code__", None)
    if name != "<lambda>" or code is None:
        return str(name)
    import linecache

    line = linecache.getline(code.co_filename, code.co_firstlineno)
    # There may be several on the line: its body begins after its own.
    columns = [at for row, _, at, _ in code.co_positions() if at and row == code.co_firstlineno]
    start = line.rfind("lambda", 0, min(columns, default=len(line)))
    return _expression(line[start:].strip()) if start >= 0 else "lambda"


def _expression(text: str) -> str:
    """A lambda, without what follows it on its line: up to the bracket or comma that ends it."""
    depth = 0
    for index, character in enumerate(text):
        if character in "([{":
            depth += 1
        elif character in ")]}":
            depth -= 1
        if depth < 0 or (character == "," and depth == 0 and ":" in text[:index]):
            return text[:index].rstrip()
    return text


def project(pattern: Pattern, value: Any, depth: int = 0) -> Any:
    """The part of the value that the pattern speaks of. Never raises.

    What fits is put as the pattern says it, so that a comparison shows only what does not.
    """
    if depth <= _DEEPEST:
        if _fits_safely(pattern, value):
            return describe(pattern, depth)
        if isinstance(pattern, Mapping) and isinstance(value, Mapping):
            return {
                _key(key): project(part, value[key], depth + 1)
                for key, part in pattern.items()
                if key in value
            }
        if isinstance(pattern, list | tuple) and isinstance(value, list | tuple):
            return [
                project(pattern[index], item, depth + 1) if index < len(pattern) else item
                for index, item in enumerate(value)
            ]
    return value


def problem_of(pattern: Pattern, kind: str) -> str | None:
    """Why a pattern cannot be meant as it is written, and what to write; ``None`` if it can be.

    Args:
        pattern: what was given as ``where=``.
        kind: of message that is awaited: ``any``, ``text``, ``bytes``, ``json``.
    """
    if _is_async(pattern):
        return "where= takes a plain function: an async one is true for every message"
    if kind == "json":
        if isinstance(pattern, str):
            return (
                f'where="{pattern}" fits only the JSON string itself: for a member write '
                f'where={{"type": "{pattern}"}}, for a part of the text '
                "receive_text(where=re.compile(...))"
            )
        return None
    if isinstance(pattern, Mapping | list | tuple):
        return (
            f"where= is {describe_kind(pattern)}, and messages are taken as they came: "
            "receive_json(where=...) looks into them"
        )
    written = pattern.pattern if isinstance(pattern, re.Pattern) else pattern
    if kind == "text" and isinstance(written, bytes):
        return "where= is bytes, and text messages are str: leave the b off"
    if kind == "bytes" and isinstance(written, str):
        return 'where= is a str, and binary messages are bytes: write b"..."'
    return None


def _is_async(pattern: object) -> bool:
    calls = [vars(kind).get("__call__") for kind in type(pattern).__mro__]
    for function in (pattern, *calls):
        code = getattr(function, "__code__", None)
        if code is not None and code.co_flags & 0x80:  # inspect.CO_COROUTINE
            return True
    return False
