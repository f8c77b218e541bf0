"""JSON Schemas that declared checks name: read when the checks are loaded."""

from __future__ import annotations

import json
from pathlib import Path as FilePath
from typing import Any

from checkwire.model.errors import UsageError
from checkwire.project.declared.kinds import dotted
from checkwire.project.declared.reading import Reading
from checkwire.project.positions import Path

__all__ = ["read_schema"]


def read_schema(
    value: str | dict[str, Any], path: Path, reading: Reading, root: str
) -> dict[str, Any] | bool | None:
    """The schema, or ``None`` with a problem noted.

    Args:
        value: a table, or the path of a file, relative to the project.
        path: where it stands.
        reading: the file that names it.
        root: the project's folder.
    """
    where = dotted(path)
    schema: Any = value
    if isinstance(value, str):
        where = f"{where}: {value}"
        try:
            schema = json.loads(FilePath(root, value).read_bytes())
        except OSError as error:
            why = f"{error.strerror}; the path is relative to the project"
            reading.wrong(f"{where} cannot be read: {why}", path)
            return None
        except ValueError as error:
            reading.wrong(f"{where} is not JSON: {error}", path)
            return None
        if not isinstance(schema, dict | bool):
            reading.wrong(f"{where} holds no JSON Schema, which is an object", path)
            return None
    from checkwire.sdk.schema import InvalidSchemaError, schema_errors

    try:
        schema_errors(schema, None)
    except InvalidSchemaError as error:
        inside = dotted(error.place)
        if isinstance(value, str):
            where += f", at {inside}" if inside else ""
        else:
            path = (*path, *error.place)
            where = dotted(path)
        reading.wrong(f"{where}: the JSON Schema is not valid: {error.why}", path)
        return None
    except UsageError as error:
        reading.wrong(f"{where}: {error}", path)
        return None
    found: dict[str, Any] | bool = schema
    return found
