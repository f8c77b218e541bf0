"""Patterns of ``checkwire.patterns``, and parts taken out of values."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checkwire import ExpectationFailed, MessageError, UsageError, connect, expect
from checkwire.patterns import (
    above,
    absent,
    all_of,
    any_of,
    at,
    at_least,
    at_most,
    below,
    contains,
    is_not,
    length,
    regex,
    text_of,
)
from checkwire.sdk.matching import describe, identity, matches
from support.attempt import attempt
from support.scene import play
from support.wsserver import speaking

BOOK = {
    "type": "book",
    "bids": [{"price": 3, "by": "ann"}, {"price": 2.5, "by": "bob"}],
    "none": None,
    "a.b": "dots",
}


@pytest.mark.parametrize(
    ("pattern", "fits", "fits_not"),
    [
        (above(0), [1, 0.1, 1e9], [0, -1, True, "1", None]),
        (at_least(0), [0, 1], [-0.1, False]),
        (below(0), [-1], [0, "", None]),
        (at_most(0), [0, -1], [0.1]),
        (length(2), ["ab", [1, 2], {"a": 1, "b": 2}], ["a", 2, None]),
        (length(above(1)), ["ab", [1, 2]], ["a", []]),
        (contains("b"), ["abc", ["a", "b"], {"b": 1}], ["ac", ["ab"], {"a": "b"}, 1]),
        (contains({"id": int}), [[{"id": 1, "x": 2}]], [[{"id": "1"}], "id"]),
        (regex("^a.c$"), ["abc"], ["abcd", b"abc", 1, None]),
        (is_not("a"), ["b", 1, None], ["a"]),
        (is_not(above(0)), [0, "x"], [1]),
        (any_of("a", int), ["a", 1], ["b", 1.5]),
        (all_of({"a": 1}, {"b": str}), [{"a": 1, "b": "x"}], [{"a": 1}, {"b": "x"}]),
        (at("$.type"), [BOOK], [{}, [], "type", None]),
        (at("$.type", "book"), [BOOK], [{"type": "trade"}]),
        (at("$.bids[*].price", above(0)), [BOOK], [{"bids": []}, {"bids": [{"price": -1}]}]),
        (at("$.bids[*].price", above(2.7)), [{"bids": [{"price": 3}]}], [BOOK]),
        (at("$..by", str, count=2), [BOOK], [{"by": "ann"}]),
        (at("$.nothing", absent), [BOOK, {}], [{"nothing": None}]),
        (at("$.none", None), [BOOK], [{"none": 0}, {}]),
        (at("$['a.b']", regex("^dots$")), [BOOK], [{"a": {"b": "dots"}}]),
        (at("$.bids[?@.by == 'bob'].price", 2.5), [BOOK], [{"bids": BOOK["bids"][:1]}]),
        (at("$.bids[?search(@.by, '^b')]", count=1), [BOOK], [{"bids": []}]),
        (at("$.bids[?match(@.by, 'b')]", absent), [BOOK], []),
        (at("$", {"type": str}), [BOOK], ["x"]),
        (at("$", "x"), ["x"], ["y", BOOK]),
        ({"bids": [{"price": above(2)}, ...]}, [BOOK], [{"bids": [{"price": 1}, 1]}]),
    ],
)  # fmt: skip
def test_what_fits(pattern: Any, fits: list[Any], fits_not: list[Any]) -> None:
    assert [value for value in fits if not matches(pattern, value)] == []
    assert [value for value in fits_not if matches(pattern, value)] == []


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        (above(0), "<above 0>"),
        (at("$.a", above(0), below(5)), "<$.a above 0 and below 5>"),
        (at("$.a", absent), "<$.a absent>"),
        (at("$.a", count=2), "<$.a found 2 times>"),
        (at("$.a"), "<$.a there>"),
        (any_of("a", int), '<one of "a", an integer>'),
        (is_not(regex("x")), "<not /x/>"),
        (all_of({"a": 1}, contains("b")), '<{"a": 1} and containing "b">'),
        (length(above(1)), "<of length above 1>"),
    ],
)
def test_patterns_say_what_they_want(pattern: Any, words: str) -> None:
    assert repr(pattern) == words
    assert describe({"x": pattern}) == {"x": words}
    assert identity(pattern) == words, "made anew by the same line, it is the same"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: regex("("), '"(" is not a regular expression: missing ) at character 2'),
        (lambda: at("$["), '"$[" is not a JSONPath: unexpected end of query at character 3'),
        (lambda: at(""), '"" is not a JSONPath: it is empty'),
        (lambda: at("a"), "\"a\" is not a JSONPath: expected '$', found a name at character 1"),
        (lambda: at("$[?foo(@)]"), "\"$[?foo(@)]\" is not a JSONPath: function 'foo' is not defin"),
        (lambda: expect({}).find("a"), 'expect(...).find("a"): a JSONPath begins with $'),
        (lambda: expect({}).find("$["), '"$[" is not a JSONPath: unexpected end of query'),
        (lambda: expect({}).find(7), "expect(...).find() takes a JSONPath, a regular expression"),
    ],
)
def test_what_cannot_be_meant_is_a_mistake_of_the_check(make: Any, message: str) -> None:
    async def check() -> None:
        make()

    told = attempt(check)
    assert isinstance(told.error, UsageError)
    assert str(told.error).startswith(message), told.error
    assert told.counting == ["check.usage"]


@pytest.mark.parametrize(
    "pattern", [regex("(a|aa)+c"), at("$.x", regex("(a|aa)+c")), at("$[?search(@, '(a|aa)+c')]")]
)
def test_a_pattern_that_backtracks_is_stopped_and_told(pattern: Any) -> None:
    text = "a" * 60 + "b"

    async def check() -> None:
        matches(pattern, text if repr(pattern).startswith("</") else {"x": text})

    told = attempt(check)
    assert isinstance(told.error, UsageError), "it would not have ended in a lifetime"
    assert "took more than 100 ms for 61 characters" in told.failure.message


KEYS = st.text(alphabet=st.characters(min_codepoint=32, exclude_categories=["Cs"]))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | KEYS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
)


@given(VALUES)
def test_paths_find_what_is_there_whatever_it_is_called(value: Any) -> None:
    if isinstance(value, dict):
        for key, inner in value.items():
            quoted = key.replace("\\", "\\\\").replace('"', '\\"')
            assert matches(at(f'$["{quoted}"]', is_not(absent)), value)
            assert expect(value).find(f'$["{quoted}"]') == inner
    assert matches(at("$", is_not(absent)), value)


def test_parts_are_taken_out() -> None:
    assert expect(BOOK).find("$.bids[*].price") == 3
    assert expect(BOOK).find("$.none") is None
    assert expect("id=7;").find(regex(r"id=(\d+)")) == "7"
    assert expect("id=7;").find(re.compile(r"id=\d+")) == "id=7"


@pytest.mark.parametrize(
    ("take", "message"),
    [
        (lambda: expect(BOOK, "The book").find("$.token"), "The book has nothing at $.token"),
        (lambda: expect("x", "It").find(regex("y")), "It has nothing that /y/ matches"),
        (lambda: expect("x", "It").find(regex("x(y)?")), "It has nothing that /x(y)?/ matches"),
        (lambda: expect(7, "It").find(regex("7")), "It has nothing that /7/ matches"),
        (lambda: expect("$.a", "It").find("$.a"), "It has nothing at $.a"),
    ],
)
def test_what_is_not_there_fails_the_check(take: Any, message: str) -> None:
    async def check() -> None:
        take()

    told = attempt(check)
    assert isinstance(told.error, ExpectationFailed)
    assert (told.failure.code, told.failure.message) == ("assertion.not_found", message)


def test_headers_are_found_by_their_names() -> None:
    async def check(url: str) -> Any:
        async with connect(url) as ws:
            assert expect(ws.response.headers).find("UPGRADE") == "websocket"
            expect(ws.response.headers, "The answer").find("X-Nope")

    outcome = play(check, speaking())
    assert outcome.failure.message == "The answer has nothing named X-Nope"


@pytest.mark.parametrize("where", [contains("boom"), regex("bo+m"), re.compile("bo+m")])
def test_silence_is_broken_by_text_also_if_it_is_json(where: Any) -> None:
    async def check(url: str) -> None:
        async with connect(url) as ws:
            await ws.expect_silence("5s", where=where)

    outcome = play(check, speaking('{"ok": 1}', '{"deep": [{"error": "boom"}]}'))
    assert isinstance(outcome.error, MessageError)
    assert outcome.failure.code == "message.unexpected"


def test_values_stand_in_text_as_json_has_them() -> None:
    assert [text_of(v) for v in ("a", 1, 1.5, True, None, {"a": ["ü"]})] == [
        "a", "1", "1.5", "true", "null", '{"a":["ü"]}',
    ]  # fmt: skip
