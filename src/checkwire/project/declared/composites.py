"""The kinds of values that are made of others: arrays, tables, and choices between kinds."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from checkwire.project.declared.kinds import Kind, Schema, dotted
from checkwire.project.declared.reading import BAD, Reading
from checkwire.project.positions import Path
from checkwire.sdk.suggestion import did_you_mean

__all__ = ["Field", "ListOf", "MapOf", "OneOf", "TableOf"]


class ListOf(Kind):
    """An array of values of one kind."""

    types = (list,)

    def __init__(self, item: Kind, *, least: int = 1) -> None:
        self.item = item
        self._least = least
        self.words = "an array"

    def parse(self, value: Any, path: Path, reading: Reading) -> Any:
        if len(value) < self._least:
            return reading.wrong(f"{dotted(path)} is empty", path)
        found = [self.item.read(v, (*path, at), reading) for at, v in enumerate(value)]
        return BAD if any(v is BAD for v in found) else found

    def schema(self) -> Schema:
        found: Schema = {"type": "array", "items": self.item.schema()}
        if self._least:
            found["minItems"] = self._least
        return found


class MapOf(Kind):
    """A table whose keys are names of the author's.

    Args:
        value: what each of them has.
        key: a pattern for the keys, and what such a key is; any will do if left out.
        why_not: says in more words why a key will not do.
    """

    types = (dict,)
    words = "a table"

    def __init__(
        self,
        value: Kind,
        key: tuple[str, str] | None = None,
        why_not: Callable[[str], str | None] | None = None,
        *,
        least: int = 1,
    ) -> None:
        self.value, self._key, self._why_not, self._least = value, key, why_not, least

    def parse(self, value: Any, path: Path, reading: Reading) -> Any:
        if len(value) < self._least:
            return reading.wrong(f"{dotted(path)} is empty", path)
        found = {}
        good = True
        for key, item in value.items():
            place = (*path, key)
            if self._key is not None and not re.fullmatch(self._key[0], key):
                reading.wrong(f'{dotted(path)}: "{key}" is not {self._key[1]}', place)
                good = False
            elif self._why_not is not None and (why := self._why_not(key)) is not None:
                reading.wrong(f"{dotted(path)}: {why}", place)
                good = False
            found[key] = self.value.read(item, place, reading)
        return found if good and all(v is not BAD for v in found.values()) else BAD

    def schema(self) -> Schema:
        found: Schema = {"type": "object", "additionalProperties": self.value.schema()}
        if self._least:
            found["minProperties"] = self._least
        if self._key is not None:
            found["propertyNames"] = {"pattern": f"^({self._key[0]})$"}
        return found


class Field:
    """A key of a table: what it holds, and what it is for."""

    __slots__ = ("doc", "kind", "required")

    def __init__(self, kind: Kind, doc: str, *, required: bool = False) -> None:
        self.kind = kind
        self.doc = doc
        self.required = required


class TableOf(Kind):
    """A table with keys of ours.

    Args:
        what: what the table is called in a message: ``a step``.
        fields: by their keys.
        elsewhere: what to write in place of keys that others know.
        exclusive: groups of keys of which a table has one at most.
        requires: keys that have no meaning without one of some others.
        least: how many keys it has at least.
    """

    types = (dict,)

    def __init__(
        self,
        what: str,
        fields: Mapping[str, Field],
        elsewhere: Mapping[str, str] | None = None,
        *,
        exclusive: Sequence[tuple[Sequence[str], ...]] = (),
        requires: Mapping[str, Sequence[str]] | None = None,
        least: int = 1,
    ) -> None:
        self.fields = dict(fields)
        self.what = what
        self.words = "a table"
        self._elsewhere = dict(elsewhere or {})
        self._exclusive = [
            (one, other)
            for groups in exclusive
            for one_group, other_group in itertools.combinations(groups, 2)
            for one in one_group
            for other in other_group
        ]
        self._requires = dict(requires or {})
        self._least = least

    def parse(self, value: Any, path: Path, reading: Reading) -> Any:
        if len(value) < self._least:
            return reading.wrong(f"{dotted(path) or self.what} is empty", path)
        found: dict[str, Any] = {}
        good = True
        for key, item in value.items():
            known = self.require(key, path, reading)
            found[key] = self.fields[key].kind.read(item, (*path, key), reading) if known else BAD
        for key, field in self.fields.items():
            if field.required and key not in value:
                reading.wrong(f'{self.what} has no "{key}"', path)
                good = False
        good = self._agree(value, path, reading) and good
        return found if good and all(v is not BAD for v in found.values()) else BAD

    def _agree(self, value: Mapping[str, Any], path: Path, reading: Reading) -> bool:
        """Whether the keys go together."""
        before = len(reading.problems)
        for one, other in self._exclusive:
            if one in value and other in value:
                first, second = sorted((one, other), key=list(value).index)
                message = f"{self.what} has {first} and {second}, which exclude each other"
                reading.wrong(f"{message}: leave one out", (*path, second))
        for key, others in self._requires.items():
            if key in value and not any(other in value for other in others):
                reading.wrong(f"{self.what} has {key} without {_or(others)}", (*path, key))
        return len(reading.problems) == before

    def require(self, key: str, path: Path, reading: Reading) -> bool:
        """Whether the table may have this key; otherwise a problem is noted."""
        if key in self.fields:
            return True
        hint = self._elsewhere.get(key)
        hint = f"; write {hint}" if hint else did_you_mean(key, self.fields)
        reading.wrong(f'unknown key "{key}" in {self.what}{hint}', (*path, key))
        return False

    def schema(self) -> Schema:
        properties = {}
        for key, field in self.fields.items():
            properties[key] = {"description": field.doc, **field.kind.schema()}
        found: Schema = {
            "type": "object",
            "title": self.what,
            "additionalProperties": False,
            "properties": properties,
        }
        if required := [key for key, field in self.fields.items() if field.required]:
            found["required"] = required
        if self._least:
            found["minProperties"] = self._least
        rules: list[Schema] = [{"not": {"required": list(pair)}} for pair in self._exclusive]
        for key, others in self._requires.items():
            choices = [{"not": {"required": [key]}}, *({"required": [one]} for one in others)]
            rules.append({"anyOf": choices})
        if rules:
            found["allOf"] = rules
        return found


class OneOf(Kind):
    """One of several kinds, told apart by the type of the value."""

    def __init__(self, *kinds: Kind) -> None:
        self.kinds = kinds
        self.types = tuple(type_ for kind in kinds for type_ in kind.types)
        self._words = tuple(
            word for kind in kinds for word in getattr(kind, "_words", (kind.words,))
        )
        self.words = _or(tuple(dict.fromkeys(self._words)))

    def takes(self, value: object) -> bool:
        return any(kind.takes(value) for kind in self.kinds)

    def parse(self, value: Any, path: Path, reading: Reading) -> Any:
        kind = next(kind for kind in self.kinds if kind.takes(value))
        return kind.parse(value, path, reading)

    def schema(self) -> Schema:
        return {"anyOf": [kind.schema() for kind in self.kinds]}


def _or(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"
