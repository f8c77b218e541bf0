"""What the writer of TOML writes is what a reader reads."""

from __future__ import annotations

import math
import tomllib
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from checkwire.importers.toml import Table, in_toml, write_toml

texts = st.text(st.characters(codec="utf-8"))
scalars = st.one_of(
    texts, st.booleans(), st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False)
)
values = st.recursive(
    scalars, lambda inner: st.lists(inner) | st.dictionaries(texts, inner), max_leaves=12
)
tables = st.dictionaries(texts, values, max_size=5)


@given(values)
def test_a_value_is_read_back(value: Any) -> None:
    assert tomllib.loads(f"a = {in_toml(value)}") == {"a": value}


@given(st.dictionaries(texts, tables), texts, st.lists(texts, max_size=3))
def test_tables_are_read_back_whatever_the_comments_say(
    document: dict[str, dict[str, Any]], note: str, comments: list[str]
) -> None:
    written = write_toml(
        [
            Table((name,), entries, tuple(comments), dict.fromkeys(entries, note))
            for name, entries in document.items()
        ],
        comments=comments,
    )
    assert tomllib.loads(written) == document


@given(st.lists(st.tuples(tables, tables), min_size=1, max_size=3))
def test_arrays_of_tables_are_read_back(
    checks: list[tuple[dict[str, Any], dict[str, Any]]],
) -> None:
    named = [
        ({"name": "x"} | {f"k{k}": v for k, v in check.items()}, step) for check, step in checks
    ]
    written = write_toml(
        table
        for check, step in named
        for table in (
            Table(("check",), check, repeated=True),
            Table(("check", "step"), step, repeated=True),
        )
    )
    assert tomllib.loads(written)["check"] == [{**check, "step": [step]} for check, step in named]


def test_what_is_no_number_is_read_back() -> None:
    assert math.isnan(tomllib.loads(f"a = {in_toml(math.nan)}")["a"])
