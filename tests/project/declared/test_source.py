"""The scripts of declared checks say what their authors wrote, whatever that is."""

from __future__ import annotations

import ast
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from checkwire.project.declared.reading import Reading
from checkwire.project.declared.scope import Scope, identifier_of, literal, raw_string
from checkwire.project.declared.source import Source, call, string

TEXT = st.text(alphabet=st.characters(exclude_categories=["Cs"]))
PIECES = st.lists(st.one_of(TEXT, st.sampled_from(["\0A", "\0secret:B", "\0c"])), max_size=6)
JSON = st.recursive(
    st.one_of(st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), TEXT),
    lambda inner: st.one_of(st.lists(inner, max_size=5), st.dictionaries(TEXT, inner, max_size=5)),
    max_leaves=20,
)


@given(TEXT)
@example("\\")
@example("'\"")
@example('\\"')
def test_a_string_is_what_it_was(text: str) -> None:
    assert ast.literal_eval(string(text)) == text
    assert ast.literal_eval(raw_string(text)) == text


@given(JSON)
def test_a_value_is_what_it_was_however_it_is_laid_out(value: Any) -> None:
    source = Source()
    with source.block("if x", 7):
        source.add(call("take", literal(value), "y", name=literal(value)), 7)
    statement = ast.parse(source.text()).body[0]
    assert isinstance(statement, ast.If)
    (expression,) = statement.body
    assert isinstance(expression, ast.Expr)
    assert isinstance(expression.value, ast.Call)
    assert ast.literal_eval(expression.value.args[0]) == value
    assert ast.literal_eval(expression.value.keywords[0].value) == value
    assert all(len(line) <= 100 or " " not in line.strip() or '"' in line or "'" in line
               for line in source.text().split("\n"))  # fmt: skip


@given(PIECES)
@example(['"', "\0A", "'"])
@example(["{", "\0c", "\\", "\0A", '\\"'])
def test_text_with_variables_is_what_it_was(pieces: list[str]) -> None:
    names = {"\0A": ("${A}", "a value"), "\0secret:B": ("${secret:B}", "b"), "\0c": ("${c}", "7")}
    written, expected = "", ""
    for piece in pieces:
        if piece in names:
            template, value = names[piece]
            written += " " + template
            expected += " " + value
        else:
            plain = piece.replace("$", "").replace("\0", "")
            written += plain
            expected += plain
    scope = Scope(Reading(b""), {"A"}, {})
    scope.define("c", is_text=False)
    code = scope.text(written, ())
    given_ = {"env": {"A": "a value"}, "secret": str.lower, "c": 7, "text_of": str}
    assert eval(code, given_) == expected


@given(TEXT)
@example("class")
@example("Ünïcode Name (EU) №1")
@example("print")
@example("123")
@example("൰")  # a digit to some, but not to Python
@example("a൰b ²")
@example("")
def test_any_name_makes_an_identifier(name: str) -> None:
    identifier = identifier_of(name)
    assert identifier.isidentifier()
    scope: dict[str, Any] = {}
    exec(f"def {identifier}(): pass", scope)
    assert scope[identifier].__name__ == identifier, "and Python takes it for the same"
    assert identifier not in ("class", "print", "env")
