"""Patterns: what they match, how close a value is, and how they are described."""

from __future__ import annotations

import json
import re
from functools import partial
from typing import Any

import pytest
from dirty_equals import IsInt, IsList, IsStr
from hypothesis import given
from hypothesis import strategies as st

from checkwire import UsageError
from checkwire.sdk.matching import closeness, describe, identity, matches, project, why_not


class Thing:
    def is_seven(self, value: object) -> bool:
        return value == 7

    def __call__(self, value: object) -> bool:
        return value == 8


@pytest.mark.parametrize(
    ("pattern", "fitting", "unfitting"),
    [
        (None, [None], [0, "", False]),
        ({}, [{}, {"a": 1}], [[], None, "a"]),
        ({"a": 1}, [{"a": 1}, {"a": 1, "b": 2}, {"a": 1.0}], [{}, {"a": True}, {"b": 1}]),
        ({"a": {"b": [1, str]}}, [{"a": {"b": [1, "x"], "c": 0}}], [{"a": {"b": [1]}}]),
        ([1, int], [[1, 2], (1, 2)], [[1], [1, 2, 3], [2, 1], "12"]),
        ((1,), [[1]], [1]),
        ({"a", "b"}, ["a", "b"], ["c", ["a"], {}]),
        (frozenset({int, None}), [1, None], ["a", True]),
        (int | None, [1, None], ["a", True, 1.5]),
        (int, [1, 0], [True, 1.5, "1"]),
        (float, [1, 1.5], [True, "1.5"]),
        (bool, [True, False], [0, 1]),
        (str, ["", "a"], [b"a", 1]),
        (bytes, [b"a"], ["a"]),
        (True, [True], [1, "true"]),
        (0, [0, 0.0], [False, "0"]),
        (re.compile("b.d"), ["abcde"], ["abd", b"bcd", 1]),
        (re.compile(b"b"), [b"abc"], ["abc"]),
        (..., [None, 1, {}], []),
        ({"a": ...}, [{"a": None}], [{}]),
        (lambda value: value > 1, [2], [1, "a", None]),
        (str.isdigit, ["12"], ["a", 12]),
        (Thing().is_seven, [7], [8]),
        (Thing(), [8], [7]),
        (partial(max, 1), [2], []),
        ("abc".__contains__, ["b"], ["d", 7]),
        (IsInt(gt=3), [4], [3, "4"]),
        (IsInt, [4], ["4"]),
        ({"a": IsStr(regex="x+"), "b": IsList(length=2)}, [{"a": "xx", "b": [1, 2]}], [{"a": "x"}]),
    ],
)
def test_what_fits(pattern: Any, fitting: list[Any], unfitting: list[Any]) -> None:
    for value in fitting:
        assert matches(pattern, value), value
        assert closeness(pattern, value) == 1
        assert project(pattern, value) == describe(pattern)
    for value in unfitting:
        assert not matches(pattern, value), value
        assert closeness(pattern, value) < 1


def test_what_a_predicate_raises_is_why_it_does_not_fit() -> None:
    reason = why_not({"a": lambda value: value["b"] == 1}, {"a": {}})
    assert isinstance(reason, KeyError)
    assert why_not({"a": 1}, {"a": 2}) is False
    assert why_not({"a": 1}, {"a": 1}) is None


@pytest.mark.parametrize("bug", [NameError, AssertionError, UsageError])
def test_bugs_in_a_predicate_are_raised(bug: type[Exception]) -> None:
    def predicate(value: object) -> bool:
        raise bug

    with pytest.raises(bug):
        matches({"a": predicate}, {"a": 1})
    assert closeness({"a": predicate}, {"a": 1}) < 1
    assert project({"a": predicate}, {"a": 1}) == {"a": 1}


class Silent:
    def __repr__(self) -> str:
        raise RuntimeError


def test_descriptions_are_json_that_names_what_json_does_not_have() -> None:
    def is_recent(value: object) -> bool:
        return True

    described = describe(
        {
            "type": str,
            "union": int | None,
            "regex": re.compile("^a"),
            "bytes": re.compile(b"b"),
            "named": is_recent,
            "method": Thing().is_seven,
            "lambda": lambda value: value["a"] in (1, 2),
            "object": Thing(),
            "dirty": IsInt(gt=3),
            "any": ...,
            "set": {"b", "a"},
            "tuple": (1, None),
            "huge": 2**70,
            "nan": float("nan"),
            "data": b"x",
            "silent": Silent(),
            7: "\ud800",
        }
    )
    assert described == {
        "type": "<str>",
        "union": "<int | None>",
        "regex": "/^a/",
        "bytes": "/b'b'/",
        "named": "<is_recent>",
        "method": "<is_seven>",
        "lambda": '<lambda value: value["a"] in (1, 2)>',
        "object": "<Thing>",
        "dirty": "IsInt(gt=3)",
        "any": "<anything>",
        "set": "<any of a, b>",
        "tuple": [1, None],
        "huge": str(2**70),
        "nan": "nan",
        "data": "b'x'",
        "silent": "<Silent whose __repr__ raised RuntimeError>",
        "7": "\\ud800",
    }
    json.dumps(described).encode()


def test_a_pattern_that_holds_itself_has_an_end() -> None:
    circle: dict[str, Any] = {"a": 1}
    circle["self"] = circle
    json.dumps(describe(circle))
    deep: Any = 1
    for _ in range(5000):
        deep = [deep]
    assert closeness(circle, {"a": 1, "self": {"a": 1}}) < 1
    project(circle, {"a": 1, "self": {"a": 2}})
    project([[[1]]], deep)


# Whatever JSON a server sends

scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@st.composite
def pattern_of(draw: st.DrawFn, value: Any) -> Any:
    """A pattern that the value fits: parts of it left out, or only described."""
    ways: list[Any] = [value, ..., lambda other: other == value]
    if value is not None:
        ways.append(type(value))
    if isinstance(value, str):
        ways += [re.compile(re.escape(value)), {value, "other"}]
    if isinstance(value, dict):
        kept = {key: draw(pattern_of(part)) for key, part in value.items() if draw(st.booleans())}
        ways += [kept] * 4
    if isinstance(value, list):
        ways += [[draw(pattern_of(item)) for item in value]] * 4
    return draw(st.sampled_from(ways))


@given(st.data())
def test_a_pattern_taken_from_a_value_fits_it(data: st.DataObject) -> None:
    value = data.draw(values)
    pattern = data.draw(pattern_of(value))
    assert matches(pattern, value)
    assert closeness(pattern, value) == 1


patterns = st.recursive(
    scalars
    | st.sampled_from([int, float, str, bool, dict, list, ..., re.compile("a"), IsInt(gt=1)])
    | st.sampled_from([lambda value: value > 1, lambda value: value["a"], object()])
    | st.sets(st.integers() | st.text(), max_size=3),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text(max_size=3), inner, max_size=4)
    ),
    max_leaves=15,
)


@given(patterns, values)
def test_closeness_is_one_only_for_what_fits_and_nothing_raises(pattern: Any, value: Any) -> None:
    near = closeness(pattern, value)
    assert 0 <= near <= 1
    assert (near == 1) == matches(pattern, value)
    json.dumps(describe(pattern)).encode()
    projected = project(pattern, value)
    if near == 1:
        assert projected == describe(pattern) or describe(pattern) != describe(pattern)


@given(patterns, values, values)
def test_what_fits_more_is_closer(pattern: Any, value: Any, other: Any) -> None:
    both = {"a": pattern, "b": value}
    half, none = {"b": value}, {"c": other}
    assert closeness(both, half) >= closeness(both, none)


def _made_by_one_line(want: Any) -> list[Any]:
    return [
        want,
        {"type": want},
        [want, str],
        {want, "x"},
        lambda value: value == want,
        lambda value, want=want: value == want,
        {"deep": [{"er": lambda value: value == want}]},
    ]


def test_a_pattern_is_the_same_as_one_of_the_same_parts_and_another_than_all_others() -> None:
    first, again, other = (_made_by_one_line(want) for want in ("a", "a", "b"))
    for one, same, different in zip(first, again, other, strict=True):
        assert identity(one) == identity(same)
        assert identity(one) != identity(different)
    assert len({identity(pattern) for pattern in first}) == len(first)
    for pattern in (re.compile("a"), IsInt(gt=1), int, int | None, ..., None, 1, True, b"a"):
        assert identity(pattern) == identity(pattern)
    assert identity(1) != identity(True)
    assert identity(re.compile("a")) != identity(re.compile("b"))
    assert identity(IsInt(gt=1)) != identity(IsInt(gt=2))


def test_what_a_function_uses_and_changes_does_not_make_it_another() -> None:
    def pattern(seen: list[int]) -> Any:
        return lambda value: value in seen

    assert identity(pattern([])) == identity(pattern([1]))
    assert identity(partial(matches, Thing())) == identity(partial(matches, Thing()))
    assert identity(Thing()) == identity(Thing())
    endless: list[Any] = []
    endless.append(endless)
    assert hash(identity(endless))
