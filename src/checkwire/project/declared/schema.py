"""JSON Schemas of the files that people write, for editors; made of what reads the files."""

from __future__ import annotations

import re
from typing import Any, Final, Literal

from checkwire.model.alerts import AlertPolicy
from checkwire.project.channels import KINDS, MOST_AFTER
from checkwire.project.declared.kinds import Schema
from checkwire.project.declared.options import OPTIONS
from checkwire.project.declared.tables import CHECKS, FILE
from checkwire.sdk.options import DEFAULTABLE

__all__ = ["FileKind", "file_schema"]

FileKind = Literal["check", "project"]
"""``*.check.toml``, or ``checkwire.toml``."""

_DIALECT: Final = "http://json-schema.org/draft-07/schema#"
"""The newest that editors' TOML extensions know all of."""

_WORDS: Final[Schema] = {"type": "string", "pattern": r"\S"}
_LIST: Final[Schema] = {"type": "array", "items": {"type": "string"}}
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
        "project": _table(
            "project",
            id=_kind("id"),
            name=_WORDS,
            checks={**_LIST, "minItems": 1},
            exclude=_LIST,
        ),
        "defaults": {
            "type": "object",
            "additionalProperties": False,
            "properties": {name: _default(name) for name in DEFAULTABLE},
        },
        "env": _STRINGS,
        "secrets": {"type": "object", "additionalProperties": _secret()},
        "locations": {
            "type": "object",
            "additionalProperties": _table(
                "locations",
                description={"type": "string"},
                concurrency={"type": "integer", "minimum": 1},
            ),
        },
        "service": {
            "type": "array",
            "items": {
                **_table(
                    "service",
                    name={"type": "string"},
                    command={"anyOf": [_WORDS, {**_LIST, "minItems": 1}]},
                    ready={"type": "string", "pattern": "^tcp://.+:[0-9]{1,5}$"},
                    timeout=_kind("timeout"),
                    env=_STRINGS,
                ),
                "required": ["name", "command"],
            },
        },
        "network": _table("network", deny=_LIST),
        "server": _table("server", url=_WORDS),
        "alerts": _table(
            "alerts",
            after={
                "type": "integer",
                "minimum": 1,
                "maximum": MOST_AFTER,
                "default": AlertPolicy().after,
            },
            channels=_LIST,
        ),
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
    "project.id": "A stable name, one word, on which histories hang; by default the folder's.",
    "project.name": "What people call it; by default its id.",
    "project.checks": 'Patterns of paths below the project, as "checks/**/*.py".',
    "project.exclude": "Patterns of files and folders to leave out.",
    "defaults": "Options of every check that does not say otherwise.",
    "defaults.degraded": "Time above which a passing check is degraded.",
    "env": 'What env["NAME"] and ${NAME} give.',
    "secrets": "Where the values of secrets are; never the values.",
    "secrets.env": "The variable that it is in, on the machine that runs the check.",
    "secrets.file": "A file that holds nothing else, relative to the project.",
    "locations": "The places that checks run from.",
    "locations.description": "Where that is, for people.",
    "locations.concurrency": "How many attempts may be under way there at a time.",
    "service": "A process that runs while checks do.",
    "service.name": "What it is called in messages.",
    "service.command": "Program and arguments; no shell runs it.",
    "service.ready": 'What accepts connections once it is up, as "tcp://127.0.0.1:8765".',
    "service.timeout": "How long to wait for that; by default 30 s.",
    "service.env": "Variables for it.",
    "network": "What checks may reach.",
    "network.deny": 'Ranges of addresses not to connect to, as "169.254.0.0/16".',
    "server": "The server that watches the project.",
    "server.url": "Its address, which checkwire status, runs, show and others ask.",
    "alerts": "When an incident opens, and who is told.",
    "alerts.after": "How many failed runs in a row open an incident.",
    "alerts.channels": "Names of the channels that are told; by default all.",
    "channels": "Where notices go.",
    "channels.kind": "How they go.",
    "channels.url": "Where to post them.",
    "channels.secret": "The name of the secret that signs them.",
    "channels.headers": "Request headers.",
    "channels.to": "Who gets them.",
    "channels.from": "Whom they come from.",
    "channels.server": 'What sends them, as "smtp+starttls://mail.example.org:587".',
    "channels.username": "Whom to log in as.",
    "channels.password": "The name of the secret that is the password.",
    "check": "A check without code.",
}


def _table(where: str, /, **properties: Schema) -> Schema:
    """A table of these keys, each with what is told of it."""
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": {
            key: {"description": _DOCS[f"{where}.{key}"], **schema}
            for key, schema in properties.items()
        },
    }


def _default(name: str) -> Schema:
    if name == "degraded":  # Of one check it may also be a table.
        return {"description": _DOCS["defaults.degraded"], **_kind("timeout")}
    return {"description": OPTIONS[name].doc, **_kind(name)}


def _kind(option: str) -> Schema:
    return OPTIONS[option].kind.schema()


def _secret() -> Schema:
    sources = ("env", "file")
    one: Schema = {"type": "string", "minLength": 1}
    table = _table("secrets", **dict.fromkeys(sources, one))
    return {**table, "oneOf": [{"required": [name]} for name in sources]}


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
    keys = {name: special.get(name, {"type": "string"}) for name in KINDS[kind]}
    table = _table("channels", kind={"const": kind}, **keys)
    return {**table, "required": ["kind", *required]}
