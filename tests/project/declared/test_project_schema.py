"""The schema of ``checkwire.toml`` and what loads it say the same of a file."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from checkwire.model.definition import Retries
from checkwire.model.errors import DefinitionError
from checkwire.project.channels import KINDS
from checkwire.project.config import LocationSettings, load_project
from checkwire.project.declared.schema import file_schema
from checkwire.project.settings import TABLES
from checkwire.sdk.options import DEFAULTABLE, OPTIONS

SCHEMA = file_schema("project")
is_right = jsonschema_rs.validator_for(SCHEMA).is_valid


def complaint(folder: Path, text: str) -> str:
    """What is wrong with the settings; empty if nothing is."""
    (folder / "checkwire.toml").write_text(text)
    try:
        load_project(folder)
    except DefinitionError as error:
        return str(error)
    return ""


def keys(*path: str, schema: dict[str, Any] = SCHEMA) -> set[str]:
    """The keys of a table in the schema; ``*`` stands for any name, and for an array's items."""
    for name in path:
        if name == "*":
            schema = schema["items"] if schema["type"] == "array" else (
                schema["additionalProperties"])  # fmt: skip
        else:
            schema = schema["properties"][name]
    return set(schema["properties"])


def test_it_has_every_key_that_is_read() -> None:
    assert keys() == set(TABLES[()].__struct_fields__)
    for name in ("project", "network", "server"):
        assert keys(name) == set(TABLES[name,].__struct_fields__)
    assert {path for path in TABLES if path} == {
        ("project",), ("network",), ("server",), ("service",),
    }, "and no other table is read so"  # fmt: skip
    assert keys("service", "*") == set(TABLES["service",].__struct_fields__)
    assert keys("locations", "*") == set(LocationSettings.__struct_fields__)
    assert keys("defaults") == set(DEFAULTABLE)
    table = SCHEMA["properties"]["defaults"]["properties"]["retries"]["anyOf"][1]
    assert keys(schema=table) == set(Retries.__struct_fields__)
    kinds = SCHEMA["properties"]["channels"]["additionalProperties"]["anyOf"]
    assert {kind["properties"]["kind"]["const"]: tuple(kind["properties"]) for kind in kinds} == {
        kind: ("kind", *names) for kind, names in KINDS.items()
    }


def tables(schema: dict[str, Any], header: str) -> Iterator[tuple[str, dict[str, Any], str]]:
    """Each table of ours: the header that begins it, its schema, and what its kind is."""
    for table in schema.get("anyOf", [schema]):
        if "properties" in table:
            kind = table["properties"].get("kind", {}).get("const", "")
            yield header, table, kind
            for key, inner in table["properties"].items():
                if not kind:
                    name = f"{header.strip('[]')}.{key}".strip(".")
                    yield from tables(inner, f"[{name}]")
        if isinstance(items := table.get("items"), dict) and "properties" in items:
            yield from tables(items, f"[{header}]")
        if isinstance(values := table.get("additionalProperties"), dict):
            yield from tables(values, f"{header[:-1]}.some]")


ALL = [
    (header, table, kind)
    for name, table in SCHEMA["properties"].items()
    if name != "check"
    for header, table, kind in tables(table, f"[{name}]")
]


@pytest.mark.parametrize(("header", "table", "kind"), ALL, ids=lambda one: str(one)[:30])
def test_each_of_its_keys_is_known_and_no_other(
    tmp_path: Path, header: str, table: dict[str, Any], kind: str
) -> None:
    start = f'{header}\nkind = "{kind}"\n' if kind else f"{header}\n"
    for key, value in table["properties"].items():
        if key == "kind":
            continue
        assert "unknown" not in complaint(tmp_path, f"{start}{key} = 0"), (header, key)
        assert value["description"].endswith("."), (header, key)
    assert "unknown" in complaint(tmp_path, f"{start}nowhere = 0"), header


def test_all_tables_were_looked_at() -> None:
    assert {header for header, _, _ in ALL} == {
        "[project]", "[defaults]", "[defaults.retries]", "[secrets.some]", "[locations.some]",
        "[[service]]", "[network]", "[server]", "[alerts]", "[channels.some]",
    }  # fmt: skip


RIGHT = """\
[defaults]
cpu = "5s"
processes = 0
files = 64
file_size = "1MB"
output = 4096
memory = "128MiB"
isolation = "sandbox"

[network]
deny = ["169.254.0.0/16", "::1"]

[locations]
eu = { description = "Frankfurt", concurrency = 3 }
us = {}

[[service]]
name = "x"
command = ["a", "b"]
ready = "tcp://[::1]:80"
timeout = "5s"
env = { A = "b" }
"""


def test_what_is_right_is_right_for_both(tmp_path: Path) -> None:
    assert complaint(tmp_path, RIGHT) == ""
    assert is_right(tomllib.loads(RIGHT))


@pytest.mark.parametrize(
    "text",
    [
        "[nowhere]",
        "[defaults]\nid = 'x'",
        "[defaults]\ncpus = 1",
        "[defaults]\nprocesses = -1",
        "[defaults]\nprocesses = 1.5",
        "[defaults]\nfiles = 1",
        "[defaults]\nfile_size = []",
        "[defaults]\noutput = true",
        "[defaults]\nisolation = 'none'",
        "[defaults]\ncpu = '1 hr'",
        "[network]\nallow = []",
        "[network]\ndeny = '10.0.0.0/8'",
        "[network]\ndeny = [10]",
        "[locations]\neu = 'Frankfurt'",
        "[locations]\neu = { concurency = 1 }",
        "[locations]\neu = { concurrency = 0 }",
        "[locations]\neu = { concurrency = '3' }",
        "[locations]\neu = { concurrency = 1.5 }",
        "[locations]\neu = { description = 1 }",
        "[[service]]\nname = 'x'",
        "[[service]]\nname = 'x'\ncommand = []",
        "[[service]]\nname = 'x'\ncommand = 'x'\nready = '127.0.0.1:1'",
        "[[service]]\nname = 'x'\ncommand = 'x'\ntimeout = '5 secs'",
        "[[service]]\nname = 'x'\ncommand = 'x'\nenv = { A = 1 }",
        "[service]\nname = 'x'\ncommand = 'x'",
        "[project]\nid = 'a b'",
        "[project]\nchecks = []",
        "[env]\nPORT = 1",
        "[secrets]\nA = 'x'",
        "[secrets]\nA = { env = 'A', file = 'a' }",
        "[alerts]\nafter = 0",
        "[channels.a]\nkind = 'fax'",
        "[channels.a]\nkind = 'webhook'",
        "[channels.a]\nkind = 'webhook'\nurl = 'https://x'\nto = 'x'",
    ],
)
def test_an_editor_shows_these_mistakes_too(tmp_path: Path, text: str) -> None:
    assert complaint(tmp_path, text) != ""
    assert not is_right(tomllib.loads(text))


def test_a_word_that_is_offered_is_taken(tmp_path: Path) -> None:
    told = 0
    for name in OPTIONS:
        schema = SCHEMA["properties"]["defaults"]["properties"].get(name, {})
        for word in schema.get("enum", ()):
            assert complaint(tmp_path, f'[defaults]\n{name} = "{word}"') == ""
            told += 1
    assert told > 3
