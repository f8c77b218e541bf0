"""From what a declared check expects of a message to the patterns that say so."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final, Literal, NamedTuple

from checkwire.project.declared.messages import BINARY, JSON, TEXT
from checkwire.project.declared.scope import Scope, literal
from checkwire.project.declared.source import Code, Named, string
from checkwire.project.positions import Path

__all__ = ["Looks", "Wanted", "condition", "looks_at", "pattern_of", "wanted"]

Looks = Literal["text", "json", "bytes", "any"]
"""At what of a message is looked."""


class Wanted(NamedTuple):
    """One thing that is wanted of a message.

    Attributes:
        key: of the table that it comes from.
        pattern: that the message fits.
        path: where it stands.
    """

    key: str
    pattern: Code
    path: Path


def looks_at(table: str | dict[str, Any]) -> Looks:
    """At what of a message a table of conditions looks."""
    if isinstance(table, str):
        return "text"
    kind = table.get("type")
    if kind is not None:
        return {"text": "text", "binary": "bytes", "json": "json"}[kind]  # type: ignore[return-value]
    for names, looks in ((TEXT, "text"), (JSON, "json"), (BINARY, "bytes")):
        if any(name in table for name in names):
            return looks  # type: ignore[return-value]
    return "any"


def wanted(table: str | dict[str, Any], path: Path, scope: Scope) -> Iterator[Wanted]:
    """What a table of conditions wants, but for the JSON Schema, one by one."""
    if isinstance(table, str):
        yield Wanted("text", scope.text(table, path), path)
        return
    for key, value in table.items():
        place = (*path, key)
        match key:
            case "text":
                yield Wanted(key, scope.text(value, place), place)
            case "contains":
                for at, part in enumerate(value) if isinstance(value, list) else ((None, value),):
                    where = place if at is None else (*place, at)
                    yield Wanted(key, scope.pattern("contains", scope.text(part, where)), where)
            case "regex":
                yield Wanted(key, scope.regex(value, place), place)
            case "json":
                yield Wanted(key, scope.value(value, place), place)
            case "jsonpath":
                for found, what in value.items():
                    where = (*place, found)
                    patterns = condition(what, where, scope)
                    yield Wanted(key, scope.pattern("at", string(found), *patterns), where)
            case "hex" | "base64":
                yield Wanted(key, literal(value), place)


def pattern_of(found: Iterable[Wanted], looks: Looks, scope: Scope) -> Code | None:
    """One pattern for all that is wanted; ``None`` if nothing is."""
    found = tuple(found)
    if not found:
        return None
    if len(found) == 1:
        pattern = found[0].pattern
        # Alone, a string as where= of receive_json() is a mistake more often than not.
        quoted = looks == "json" and isinstance(pattern, str) and pattern[:1] not in "0123456789-TF"
        return scope.pattern("all_of", pattern) if quoted else pattern
    return scope.pattern("all_of", *(one.pattern for one in found))


def condition(what: Any, path: Path, scope: Scope) -> list[Code]:
    """The patterns for what must be true of what a path finds."""
    if not isinstance(what, dict):
        return [scope.value(what, path)]
    found: list[Code] = []
    for key, value in what.items():
        place = (*path, key)
        match key:
            case "equals":
                found.append(scope.value(value, place))
            case "not":
                found.append(scope.pattern("is_not", scope.value(value, place)))
            case "in":
                choices = [scope.value(one, (*place, at)) for at, one in enumerate(value)]
                found.append(scope.pattern("any_of", *choices))
            case "above" | "at_least" | "below" | "at_most" | "length":
                found.append(scope.pattern(key, literal(value)))
            case "contains":
                found.append(scope.pattern("contains", scope.value(value, place)))
            case "regex":
                found.append(scope.regex(value, place))
            case "type":
                found.append(_TYPES[value])
            case "exists" if value is False:
                found.append(scope.use("absent", "checkwire.patterns"))
    if "count" in what:
        found.append(Named("count=", literal(what["count"])))
    return found


_TYPES: Final = {
    "string": "str",
    "number": "float",
    "integer": "int",
    "boolean": "bool",
    "object": "dict",
    "array": "list",
    "null": "None",
}
