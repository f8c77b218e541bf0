"""JSON Schemas of the files that people write, for editors; made of what reads the files."""

from __future__ import annotations

import json
import re
from typing import Any, Final, Literal

import msgspec

from checkwire.model.alerts import AlertPolicy
from checkwire.project.channels import KINDS, MOST_AFTER
from checkwire.project.config import LocationSettings, SecretSource
from checkwire.project.declared.kinds import Schema
from checkwire.project.declared.options import OPTIONS
from checkwire.project.declared.tables import CHECKS, FILE
from checkwire.project.settings import TABLES
from checkwire.sdk.options import DEFAULTABLE

__all__ = ["FileKind", "file_schema"]

FileKind = Literal["check", "project"]
"""``*.check.toml``, or ``checkwire.toml``."""

_DIALECT: Final = "http://json-schema.org/draft-07/schema#"
"""The newest that editors' TOML extensions know all of."""

_STRINGS: Final[Schema] = {"type": "object", "additionalProperties": {"type": "string"}}
_NAME_OF_A_SECRET: Final[Schema] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["secret"],
    "properties": {"secret": {"type": "string"}},
}
_TEXT_OR_SECRET: Final[Schema] = {"anyOf": [{"type": "string"}, _NAME_OF_A_SECRET]}


def file_schema(kind: FileKind) -> Schema:
    """The schema of a kind of file."""
    title, schema = (
        ("Declared checks of Checkwire", FILE.schema())
        if kind == "check"
        else ("A Checkwire project", _project())
    )
    shared: dict[str, Schema] = {}
    hoisted = {key: _hoist(value, shared) for key, value in schema.items() if key != "title"}
    return {"$schema": _DIALECT, "title": title, **hoisted, "definitions": shared}


def _hoist(schema: Any, shared: dict[str, Schema]) -> Any:
    """The schema with its titled tables under ``definitions``, each once."""
    if isinstance(schema, list):
        return [_hoist(one, shared) for one in schema]
    if not isinstance(schema, dict):
        return schema
    found = {key: _hoist(value, shared) for key, value in schema.items()}
    title = found.get("title")
    if not isinstance(title, str) or "properties" not in found:
        return found
    description = found.pop("description", None)
    base = re.sub(r"\W+", "_", title.removeprefix("a ")).strip("_")
    name, number = base, 1
    while name in shared and shared[name] != found:
        number += 1
        name = f"{base}_{number}"
    shared[name] = found
    reference = {"$ref": f"#/definitions/{name}"}
    # Beside a reference nothing counts in this dialect.
    return reference if description is None else {"description": description, "allOf": [reference]}


def _project() -> Schema:
    tables: dict[str, Schema] = {
        "project": _of_struct(TABLES["project",]),
        "defaults": {
            "type": "object",
            "additionalProperties": False,
            "properties": {name: _default(name) for name in DEFAULTABLE},
        },
        "env": _STRINGS,
        "secrets": {"type": "object", "additionalProperties": _secret()},
        "locations": {
            "type": "object",
            "additionalProperties": _of_struct(LocationSettings),
        },
        "service": {"type": "array", "items": _of_struct(TABLES["service",])},
        "server": _of_struct(TABLES["server",]),
        "alerts": {
            "type": "object",
            "additionalProperties": False,
            "properties": {
                "after": {
                    "type": "integer",
                    "minimum": 1,
                    "maximum": MOST_AFTER,
                    "default": AlertPolicy().after,
                },
                "channels": {"type": "array", "items": {"type": "string"}},
            },
        },
        "channels": {
            "type": "object",
            "additionalProperties": {"anyOf": [_channel(kind) for kind in KINDS]},
        },
        "check": CHECKS.schema(),
    }
    properties = {name: {"description": _DOCS[name], **table} for name, table in tables.items()}
    return {"type": "object", "additionalProperties": False, "properties": properties}


_DOCS: Final = {
    "project": "What the project is called, and which files are check files.",
    "defaults": "Options of every check that does not say otherwise.",
    "env": 'What env["NAME"] and ${NAME} give.',
    "secrets": "Where the values of secrets are; never the values.",
    "locations": "The places that checks run from.",
    "service": "A process that runs while checks do.",
    "server": "The server that watches the project.",
    "alerts": "When an incident opens, and who is told.",
    "channels": "Where notices go.",
    "check": "A check without code.",
}


def _default(name: str) -> Schema:
    field = OPTIONS.get(name)
    if field is None:  # degraded: of one check it may also be a table
        field = OPTIONS["timeout"]
        return {"description": "Time above which a passing check is degraded.", **_kind(field)}
    return {"description": field.doc, **_kind(field)}


def _kind(field: Any) -> Schema:
    found: Schema = field.kind.schema()
    return found


def _of_struct(struct: type[msgspec.Struct]) -> Schema:
    """The schema of a table that msgspec reads."""
    _, components = msgspec.json.schema_components([struct], ref_template="#/definitions/{name}")
    schema = next(iter(components.values()))
    found: Schema = json.loads(json.dumps(schema))
    found.pop("title", None)
    found.pop("description", None)
    found["additionalProperties"] = False
    return found


def _secret() -> Schema:
    sources = [name for name in SecretSource.__struct_fields__ if name != "line"]
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": {name: {"type": "string", "minLength": 1} for name in sources},
        "oneOf": [{"required": [name]} for name in sources],
    }


def _channel(kind: str) -> Schema:
    special: dict[str, Schema] = {
        "url": _TEXT_OR_SECRET,
        "headers": {"type": "object", "additionalProperties": _TEXT_OR_SECRET},
        "to": {
            "anyOf": [
                {"type": "string"},
                {"type": "array", "items": {"type": "string"}, "minItems": 1},
            ]
        },
    }
    required = {"webhook": ["url"], "email": ["to", "from", "server"]}[kind]
    return {
        "type": "object",
        "additionalProperties": False,
        "required": ["kind", *required],
        "properties": {
            "kind": {"const": kind},
            **{name: special.get(name, {"type": "string"}) for name in KINDS[kind]},
        },
    }
