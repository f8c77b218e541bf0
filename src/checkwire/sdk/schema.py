"""JSON Schema, by `jsonschema-rs`."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Sequence
from typing import Any

from checkwire.model.errors import UsageError
from checkwire.sdk.suggestion import did_you_mean

__all__ = ["InvalidSchemaError", "schema_errors"]

_TYPES = ("array", "boolean", "integer", "null", "number", "object", "string")


class InvalidSchemaError(UsageError):
    """A JSON Schema is none.

    Attributes:
        why: what is wrong with it.
        place: where in the schema, as keys and indexes.
    """

    def __init__(self, why: str, place: tuple[str | int, ...] = ()) -> None:
        where = f"at {_path(place)}: " if place else ""
        super().__init__(f"the JSON Schema is not valid: {where}{why}")
        self.why = why
        self.place = place


def schema_errors(schema: dict[str, Any] | bool, value: Any) -> list[str]:
    """Where the value does not fit: ``$.price: "12" is not of type "number"``, one a place.

    Raises:
        InvalidSchemaError: the schema is not valid.
        UsageError: it is nothing that JSON has.
    """
    try:
        key = json.dumps(schema, sort_keys=True)
    except (TypeError, ValueError) as error:
        raise UsageError(f"the JSON Schema is not JSON: {error}") from None
    return [
        f"{_path(error.instance_path)}: {error.message}"
        for error in _validator(key).iter_errors(value)
    ]


@functools.lru_cache(maxsize=64)
def _validator(schema: str) -> Any:
    import jsonschema_rs

    try:
        return jsonschema_rs.validator_for(json.loads(schema), retriever=_refuse)
    except jsonschema_rs.ValidationError as error:
        raise InvalidSchemaError(_why(error), tuple(error.instance_path)) from None
    except ValueError as error:
        raise InvalidSchemaError(str(error).partition("\n")[0]) from None


def _refuse(uri: str) -> Any:
    """Checks fetch what they say they fetch, from where they may: no schema does it for them."""
    raise ValueError(uri)


def _why(error: Any) -> str:
    message: str = error.message
    if match := re.match(r"Resource '(.*?)' is not present in a registry", message):
        what = f'$ref leads to "{match[1]}", and nothing is fetched'
        return f"{what}: put it into $defs, and write #/$defs/NAME"
    place = error.instance_path
    if place and place[-1] == "type" and isinstance(error.instance, str):
        return f'"{error.instance}" is no type{did_you_mean(error.instance, _TYPES)}'
    return message


def _path(parts: Sequence[str | int]) -> str:
    return "$" + "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in parts)
