"""Variables in text: what is one, what is not, and that nothing is lost."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from checkwire.project.declared.templates import Part, TemplateError, parse_template


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("", ()),
        ("plain", (Part("plain"),)),
        ("${NAME}", (Part("NAME", "variable"),)),
        ("${secret:KEY}", (Part("KEY", "secret"),)),
        ("a ${X} b", (Part("a "), Part("X", "variable"), Part(" b"))),
        ("${A}${b_1}", (Part("A", "variable"), Part("b_1", "variable"))),
        ("costs $5, $$6 and $", (Part("costs $5, $$6 and $"),)),
        ("$${NAME}", (Part("${NAME}"),)),
        ("$$${NAME}", (Part("$${NAME}"),)),
        ("a$${b}${C}", (Part("a${b}"), Part("C", "variable"))),
        ("$.data[0]", (Part("$.data[0]"),)),
    ],
)
def test_what_is_a_variable(text: str, parts: tuple[Part, ...]) -> None:
    assert parse_template(text) == parts


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("${", 'has no "}"'),
        ("a ${NAME", 'has no "}"'),
        ("${}", "is no variable"),
        ("${1A}", "is no variable"),
        ("${a b}", "is no variable"),
        ("${env:A}", "is no variable"),
        ("${secret:}", "is no variable"),
        ("${A:B:C}", "is no variable"),
    ],
)
def test_what_is_none_is_told_with_what_to_write(text: str, message: str) -> None:
    with pytest.raises(TemplateError, match=message) as raised:
        parse_template(text)
    assert "$${" in str(raised.value)


@given(st.text(alphabet="${}aA_: \n\u00e9"))
@example("$${")
@example("$$${A}")
def test_any_text_can_be_written(text: str) -> None:
    assert parse_template(text.replace("${", "$${")) == ((Part(text),) if text else ())


NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]*", fullmatch=True)
VARIABLES = st.builds(Part, NAMES, st.sampled_from(["variable", "secret"]))
PLAIN = st.text(alphabet="${}a: ").filter(lambda text: not text.endswith("$")).map(Part)


@given(st.lists(st.tuples(PLAIN, VARIABLES), max_size=5))
def test_variables_stand_between_any_text(pairs: list[tuple[Part, Part]]) -> None:
    written = "".join(
        plain.text.replace("${", "$${")
        + "${"
        + "secret:" * (name.kind == "secret")
        + name.text
        + "}"
        for plain, name in pairs
    )
    expected = [part for pair in pairs for part in pair if part.text]
    assert list(parse_template(written)) == expected
