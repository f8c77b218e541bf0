"""Structural differences of values, and values for a reader."""

from __future__ import annotations

import re

import pytest
from dirty_equals import IsPositiveInt
from hypothesis import given
from hypothesis import strategies as st

from checkwire.model.masking import MASK, Masker
from checkwire.sdk.diff import MISSING, diff, differences
from checkwire.sdk.values import describe_kind, printable, show

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text("ab\n\x1b", max_size=3),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text("abc", max_size=2), inner, max_size=4)
    ),
    max_leaves=12,
)

TICK = {"symbol": "BTC-USD", "price": 67118.2, "size": 3}


def flat(expected: object, actual: object, **options: object) -> list[tuple[object, ...]]:
    found = differences(expected, actual, **options)  # type: ignore[arg-type]
    return [(d.path, d.expected, d.actual) for d in found]


def test_a_changed_member_stands_between_its_neighbours() -> None:
    assert diff(TICK, {**TICK, "price": "67120.50"}) == [
        '  "symbol": "BTC-USD",',
        '- "price": 67118.2,',
        '+ "price": "67120.50",',
        '  "size": 3,',
    ]


def test_a_change_deep_inside_is_shown_where_it_is() -> None:
    expected = {"data": {"rows": [{"id": 1}, {"id": 2}]}}
    actual = {"data": {"rows": [{"id": 1}, {"id": 3}]}}
    assert diff(expected, actual) == [
        '  "data": {',
        '    "rows": [',
        '      {"id": 1},',
        "      {",
        '-       "id": 2,',
        '+       "id": 3,',
        "      },",
        "    ],",
        "  },",
    ]
    assert flat(expected, actual) == [(("data", "rows", 1, "id"), 2, 3)]


def test_members_missing_and_unexpected_are_differences() -> None:
    assert flat({"a": 1, "b": 2}, {"b": 2, "c": 3}) == [
        (("a",), 1, MISSING),
        (("c",), MISSING, 3),
    ]
    assert diff({"a": 1}, {"b": 1}) == ['- "a": 1,', '+ "b": 1,']


def test_as_a_subset_members_that_are_not_expected_are_no_difference() -> None:
    assert diff({"a": 1}, {"a": 1, "b": 2}, subset=True) == []
    assert diff({"a": {"b": 1}}, {"a": {"b": 2, "c": 3}}, subset=True) == [
        '  "a": {',
        '-   "b": 1,',
        '+   "b": 2,',
        '    "c": 3,',
        "  },",
    ]


def test_one_item_inserted_is_one_difference() -> None:
    assert flat([1, 2, 3], [1, 9, 2, 3]) == [((1,), MISSING, 9)]
    assert flat([1, 2, 3], [2, 3]) == [((0,), 1, MISSING)]
    assert diff([1, 2, 3], [1, 9, 2, 3]) == ["  1,", "+ 9,", "  2,", "  3,"]


def test_equal_members_far_away_are_counted_not_shown() -> None:
    expected = {f"k{n}": n for n in range(10)}
    assert diff(expected, {**expected, "k5": "x"}) == [
        "  … 3 equal",
        '  "k3": 3,',
        '  "k4": 4,',
        '- "k5": 5,',
        '+ "k5": "x",',
        '  "k6": 6,',
        '  "k7": 7,',
        "  … 2 equal",
    ]


def test_strings_of_several_lines_are_compared_line_by_line() -> None:
    lines = [str(n) for n in range(20)]
    changed = [*lines]
    changed[3], changed[15] = "three", "fifteen\x1b[31m"
    assert diff("\n".join(lines), "\n".join(changed)) == [
        *("  1", "  2", "- 3", "+ three", "  4", "  5"),
        "  …",
        *("  13", "  14", "- 15", "+ fifteen\\x1b[31m", "  16", "  17"),
    ]


def test_long_strings_are_shown_from_a_little_before_they_part() -> None:
    first, second = diff("x" * 1000 + "a", "x" * 1000 + "b")
    assert first == f'- "{"x" * 40}a"  from character 961 on'
    assert second == f'+ "{"x" * 40}b"  from character 961 on'


def test_sets_differ_by_what_is_in_only_one_of_them() -> None:
    assert diff({1, 2}, {2, 3}) == ["- 1,", "+ 3,"]
    assert diff({1, "a"}, set()) == ['- "a",', "- 1,"]


def test_other_values_are_compared_as_a_whole() -> None:
    assert diff(1, "1") == ["- 1", '+ "1"']
    assert diff((1, 2), [1, 2]) == ["- (1, 2)", "+ [1, 2]"]
    assert diff({"id": IsPositiveInt}, {"id": 5}) == []
    assert diff({"id": IsPositiveInt}, {"id": -5}) == ['- "id": IsPositiveInt,', '+ "id": -5,']


def test_the_caller_may_say_what_is_equal() -> None:
    def equal(expected: object, actual: object) -> bool:
        return isinstance(actual, expected) if isinstance(expected, type) else expected == actual

    assert diff({"a": int, "b": [str]}, {"a": 1, "b": ["x"]}, equal=equal) == []
    assert flat({"a": int}, {"a": "1"}, equal=equal) == [(("a",), int, "1")]


def test_an_equality_that_raises_is_a_difference() -> None:
    class Grumpy:
        def __eq__(self, other: object) -> bool:
            raise RuntimeError

        __hash__ = None  # type: ignore[assignment]

        def __repr__(self) -> str:
            return "<grumpy>"

    assert diff({"a": Grumpy()}, {"a": 1}) == ['- "a": <grumpy>,', '+ "a": 1,']


def test_secrets_are_hidden_before_anything_is_cut() -> None:
    secret = "s3cret-" + "x" * 50
    masker = Masker([secret])
    long = "y" * 190 + secret
    for shown in (
        show(long, masker=masker),
        show({"a": [long]}, masker=masker),
        show(long.encode(), masker=masker),
        "\n".join(diff({"a": long}, {"a": long + "z"}, masker=masker)),
        "\n".join(diff(long, f"{long}\nz", masker=masker)),
        "\n".join(diff(long, f"{long}z", masker=masker)),
    ):
        assert "s3cret" not in shown
    assert MASK in show({"token": secret}, masker=masker)


def test_a_diff_is_bounded_however_large_the_values() -> None:
    lines = diff({"a": list(range(500))}, {"a": list(range(1000, 1500))})
    assert len(lines) == 41
    assert re.fullmatch(r"  … \d+ more lines", lines[-1])

    def nested(leaf: int) -> list[object]:
        value: list[object] = [leaf]
        for _ in range(40):
            value = [value, value] if leaf == 1 else [value, value, value]
        return value

    assert diff(nested(1), nested(2))  # comparing every pair of these would not end


@given(json_values, json_values)
def test_there_is_a_diff_exactly_if_values_differ(left: object, right: object) -> None:
    assert bool(diff(left, right)) == (left != right)
    assert bool(differences(left, right)) == (left != right)
    assert diff(left, left) == []


@given(json_values, json_values)
def test_each_difference_can_be_found_again(left: object, right: object) -> None:
    for found in differences(left, right):
        place: object = right
        for key in found.path[:-1]:
            place = place[key]  # type: ignore[index]
        if found.path and found.actual is not MISSING:
            assert place[found.path[-1]] == found.actual  # type: ignore[index]


@given(json_values, json_values)
def test_diff_lines_are_signed_and_printable(left: object, right: object) -> None:
    for line in diff(left, right):
        assert line[:2] in ("- ", "+ ", "  ")
        assert line.isprintable()


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "None"),
        (True, "True"),
        (1.5, "1.5"),
        ('say "hi"\n', '"say \\"hi\\"\\n"'),
        ("\x1b[31m\x9b\ud800", '"\\u001b[31m\\x9b\\ud800"'),
        (b"\x00a", "b'\\x00a'"),
        ({"a": [1, (2,), {3}, ()]}, '{"a": [1, (2,), {3}, ()]}'),
        (set(), "set()"),
        (frozenset({1}), "frozenset({1})"),
        (int, "<class 'int'>"),
    ],
)
def test_values_are_shown_as_json_has_them_where_it_has(value: object, shown: str) -> None:
    assert show(value) == shown


def test_a_repr_that_raises_is_shown_as_such() -> None:
    assert show([10**5000]) == "[<int whose __repr__ raised ValueError>]"


def test_a_repr_is_shown_whole_if_there_is_room() -> None:
    class Named:
        def __repr__(self) -> str:
            return "<named " + "x" * 30 + ">"

    whole = f"<named {'x' * 30}>"
    assert show(Named()) == show(Named(), 40) == show(Named(), masker=Masker(["secret"])) == whole
    assert show(Named(), masker=Masker(["xxxxx"])) == f"<named {MASK * 6}>"


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (None, "None"),
        (True, "a boolean"),
        (1, "a number"),
        (1.0, "a number"),
        ("", "a string"),
        ([], "a list"),
        ({}, "an object"),
        (b"", "bytes"),
        (ValueError(), "a ValueError"),
        (OSError(), "an OSError"),
    ],
)
def test_kinds_of_values_have_the_names_of_json(value: object, kind: str) -> None:
    assert describe_kind(value) == kind


def test_shown_values_are_bounded() -> None:
    for value in (
        "x" * 10**6,
        b"x" * 10**6,
        list(range(10**6)),
        {str(n): "x" * 100 for n in range(1000)},
        [[["x" * 50] * 50] * 50] * 50,
        type("Long", (), {"__repr__": lambda _: "x" * 10**6})(),
    ):
        assert len(show(value)) < 300
        assert len(show(value, 40)) < 140
    assert show(list(range(1000)), 20) == "[0, 1, 2, 3, 4, 5, 6, … 993 more]"
    assert show("x" * 1000, 20) == f'"{"x" * 20}" … 1,000 characters'
    circle: list[object] = []
    circle.append(circle)
    assert show(circle) == "[" * 8 + "[…]" + "]" * 8


@given(st.text())
def test_printable_text_is(text: str) -> None:
    assert all(line.isprintable() or not line.isascii() for line in printable(text).split("\n"))
    printable(text).encode()
