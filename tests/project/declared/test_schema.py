"""The schema for editors and the loader say the same of a file."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from checkwire.project.declared.composites import TableOf
from checkwire.project.declared.reading import BAD, Reading
from checkwire.project.declared.schema import file_schema
from checkwire.project.declared.tables import CHECK as CHECK_TABLE
from checkwire.project.declared.tables import CHECKS
from checkwire.sdk.connecting import ConnectKeywords
from checkwire.sdk.options import OPTIONS
from support.program import checkwire

ROOT = Path(__file__).parents[3]
CHECK = file_schema("check")
PROJECT = file_schema("project")
is_check_file = jsonschema_rs.validator_for(CHECK).is_valid
is_project_file = jsonschema_rs.validator_for(PROJECT).is_valid
START = 'name = "x"\nurl = "wss://x"\n'


def accepts(check: dict[str, Any]) -> bool:
    """Whether the loader finds nothing wrong with how a check is written."""
    reading = Reading(b"")
    (found,) = CHECKS.read([check], ("check",), reading)
    assert (found is BAD) == bool(reading.problems)
    return found is not BAD


def test_it_fits_what_people_write() -> None:
    files = [*ROOT.joinpath("examples").rglob("*.check.toml"),
             *ROOT.joinpath("tests").rglob("*.check.toml")]  # fmt: skip
    assert len(files) > 4
    for file in files:
        assert is_check_file(tomllib.loads(file.read_text())), file
    for file in (ROOT / "examples" / "checkwire.toml", ROOT / "docs" / "projects.md"):
        text = file.read_text()
        if file.suffix == ".md":
            text = text.partition("```toml\n")[2].partition("```")[0]
        assert is_project_file(tomllib.loads(text)), file


@pytest.mark.parametrize(
    "text",
    [
        'sned = "x"',
        "send = 1",
        'within = "5 secs"',
        "within = 5000",
        "ping = false",
        "headers = []",
        'expect = { text = "a", json = 1 }',
        "ping = true\nsend = 'x'",
        "where = 'x'",
        "timezone = 'Europe/Berlin'",
        'every = "1m"\ncron = "@hourly"',
        "send = '${'",
        "send = '${a b}'",
        "send.hex = '0g'",
        "description = ' '",
        "[[step]]\nname = ''",
        "close = 1001",
        "expect.jsonpath = { a = 1 }",
        "expect = 'x'\ncapture.x-y = '$'",
        "[[step]]\nget = 'http://x'\ndata = 'x'",
        "[[step]]\nget = 'http://x'\npost = 'http://x'",
        "step = []",
        "tls = {}",
    ],
)
def test_an_editor_shows_these_mistakes_too(text: str) -> None:
    check = tomllib.loads(START + text)
    assert not accepts(check)
    assert not is_check_file({"check": [check]})


def test_a_check_has_every_option_and_keyword_that_a_script_has() -> None:
    """But for what bounds memory, which nobody tunes in a table."""
    assert set(OPTIONS) <= set(CHECK_TABLE.fields)
    tls = CHECK_TABLE.fields["tls"].kind
    assert isinstance(tls, TableOf)
    here = {*CHECK_TABLE.fields, *tls.fields}
    assert set(ConnectKeywords.__annotations__) - here == {"transcript", "max_queue"}


def test_it_is_printed() -> None:
    for kind, schema in (("check", CHECK), ("project", PROJECT)):
        result = checkwire("schema", "--for", kind, cwd=ROOT)
        assert json.loads(result.out) == schema
    assert json.loads(checkwire("schema", cwd=ROOT).out) == CHECK


def test_every_key_is_explained() -> None:
    told = 0
    for table in CHECK["definitions"].values():
        for key, value in table["properties"].items():
            assert value.get("description", "").endswith((".", ".”")), (table["title"], key)
            told += 1
    assert told > 100


# Whatever the schema allows, but for what a schema cannot say

EXACT = {
    "a regular expression": st.sampled_from(["a", "^x(\\d+)$", "${A}b"]),
    "a JSONPath": st.sampled_from(["$", "$.a", "$..b[0]", "$[?@.a > 1]"]),
    "base64": st.sampled_from(["", "AP8="]),
    "an option": st.nothing(),
}
TEXTS = st.sampled_from(["x", "a b", "", "${A}", "$${", "1s", "10m", "wss://x", "$.a", "0a", "401"])
PLAIN = st.characters(min_codepoint=32, max_codepoint=126)
VALUES = st.one_of(st.booleans(), st.integers(-5, 5000), TEXTS)


def made_of(schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Values of which most fit the schema."""
    if "$ref" in schema:
        return made_of(CHECK["definitions"][schema["$ref"].rpartition("/")[2]])
    if (exact := EXACT.get(schema.get("$comment", ""))) is not None:
        return exact
    if "const" in schema:
        return st.just(schema["const"])
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    if "anyOf" in schema and "properties" not in schema:
        return st.one_of([made_of(one) for one in schema["anyOf"]])
    if "allOf" in schema and "type" not in schema:
        return made_of(schema["allOf"][0])
    match schema.get("type"):
        case "object":
            return tables(schema)
        case "array":
            least = schema.get("minItems", 0)
            return st.lists(made_of(schema["items"]), min_size=least, max_size=2)
        case "boolean":
            return st.booleans()
        case "integer":
            return st.integers(schema.get("minimum", -3), schema.get("maximum", 100))
        case "number":
            least = max(schema.get("minimum", -3), schema.get("exclusiveMinimum", -4) + 1)
            return st.integers(least, 100)
        case "string":
            if pattern := schema.get("pattern"):
                return st.one_of(st.from_regex(pattern, alphabet=PLAIN), TEXTS)
            return TEXTS
    return st.one_of(
        VALUES, st.lists(VALUES, max_size=2), st.dictionaries(TEXTS, VALUES, max_size=2)
    )


def tables(schema: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    properties = schema.get("properties")
    if properties is None:
        names = schema.get("propertyNames", {})
        keys = made_of({"type": "string", **names})
        values = schema.get("additionalProperties", {})
        return st.dictionaries(keys, made_of(values), min_size=1, max_size=2)
    required = {key: st.deferred(lambda key=key: made_of(properties[key]))
                for key in schema.get("required", ())}  # fmt: skip
    usable = [key for key in properties if key not in required]

    def with_some(chosen: list[str]) -> st.SearchStrategy[dict[str, Any]]:
        return st.fixed_dictionaries(
            {**required, **{key: made_of(properties[key]) for key in chosen}}
        )

    if not usable:
        return with_some([])
    return st.lists(st.sampled_from(usable), max_size=3, unique=True).flatmap(with_some)


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(made_of(CHECK["definitions"]["check"]))
@example({"name": "x", "step": [{"name": "x"}]})
@example({"name": "x", "step": []})
def test_what_the_one_accepts_the_other_does(check: dict[str, Any]) -> None:
    fits, right = is_check_file({"check": [check]}), accepts(check)
    if fits != right:
        reading = Reading(b"")
        CHECKS.read([check], ("check",), reading)
        assert fits, f"what is right an editor does not call wrong: {check}"
        # What a schema cannot say, since a function of ours reads it.
        assert all(re.match(CANNOT, problem.message) for problem in reading.problems), (
            reading.problems, check,
        )  # fmt: skip


CANNOT = (
    r"(every|cron|timezone|timeout|retries|memory|cpu|file_size|output|locations|tags|needs|id): "
    r"|capture[.\w]*: .* is not a JSONPath|expect\.jsonpath: .* is not a JSONPath"
    r"|.*(regex|contains).*: .* is not a regular expression|.*base64: "
    r"|.* must be less than 292 years"
)
