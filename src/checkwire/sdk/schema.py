"""JSON Schema, by `jsonschema-rs`."""

from __future__ import annotations

import functools
import json
from typing import Any

from checkwire.model.errors import UsageError

__all__ = ["schema_errors"]


def schema_errors(schema: dict[str, Any] | bool, value: Any) -> list[str]:
    """Where the value does not fit: ``$.price: "12" is not of type "number"``, one a place.

    Raises:
        UsageError: the schema is not valid.
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
        return jsonschema_rs.validator_for(json.loads(schema))
    except (jsonschema_rs.ValidationError, ValueError) as error:
        first = str(error).partition("\n")[0]
        raise UsageError(f"the JSON Schema is not valid: {first}") from None


def _path(parts: list[str | int]) -> str:
    return "$" + "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in parts)
