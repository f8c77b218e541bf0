"""What a failed assertion says, and who is told of it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Any

import pytest
from dirty_equals import IsStr

from checkwire.model.errors import ExpectationFailed
from checkwire.model.failures import Failure, Location
from checkwire.model.masking import Masker
from checkwire.sdk import assertions
from checkwire.sdk.assertions import AssertionFailed, Site, register, sites_in
from checkwire.sdk.explain import Explanation, explain
from checkwire.sdk.parts import mark_parts

ACK = {"type": "ack", "channel": "trades", "seq": 7, "items": [], "error": None}
TICK = {"symbol": "BTC-USD", "price": "67120.50", "size": 3}


class Price:
    def __init__(self, amount: float) -> None:
        self.amount = amount

    def __repr__(self) -> str:
        return f"<Price {self.amount}>"


class Raising:
    def __repr__(self) -> str:
        raise RuntimeError

    def __bool__(self) -> bool:
        return False


NAMES: dict[str, Any] = {
    "ack": ACK,
    "tick": TICK,
    "text": "hello",
    "none": None,
    "empty": "",
    "zero": 0,
    "seven": 7,
    "price": Price(0.5),
    "raising": Raising(),
    "IsStr": IsStr,
    "same": lambda value: value,
}


class Recorded(dict[int, object]):
    """The values of an assertion's parts, kept while it is evaluated."""

    def __init__(self, source: str) -> None:
        super().__init__()
        statement = ast.parse(source).body[0]
        assert isinstance(statement, ast.Assert)

        def wrap(part: ast.expr, number: int) -> ast.expr:
            keep = ast.Name("_keep", ast.Load())
            return ast.Call(keep, [ast.Constant(number), part], [])

        test = ast.Expression(mark_parts(statement.test, wrap))
        code = compile(ast.fix_missing_locations(test), "test", "eval")
        self.held = bool(eval(code, {**NAMES, "_keep": self.setdefault}))


def why(test: str, *message: object, masker: Masker | None = None) -> Explanation:
    source = f"assert {test}"
    values = Recorded(source)
    assert not values.held
    return explain(source, values, message, masker)


@pytest.mark.parametrize(
    ("test", "sentence"),
    [
        (
            'ack["channel"] == "updates"',
            'ack["channel"] was "trades". The check expects "updates".',
        ),
        (
            '"updates" == ack["channel"]',
            'ack["channel"] was "trades". The check expects "updates".',
        ),
        ('ack["seq"] == "7"', 'ack["seq"] was 7, a number. The check expects "7", a string.'),
        ('ack["seq"] == None', 'ack["seq"] was 7. The check expects None.'),
        ("zero == seven", "zero was 0. The check expects 7 (seven)."),
        ("same(zero) == 7", "same(zero) was 0. The check expects 7."),
        ("zero == -1", "zero was 0. The check expects -1."),
        (
            'ack["channel"] != "trades"',
            'ack["channel"] was "trades". The check expects anything but "trades".',
        ),
        ("price.amount < 0.3", "price.amount was 0.5. The check expects less than 0.3."),
        ("0.3 > price.amount", "price.amount was 0.5. The check expects less than 0.3."),
        ("price.amount <= 0.3", "price.amount was 0.5. The check expects at most 0.3."),
        ("price.amount > 1", "price.amount was 0.5. The check expects more than 1."),
        ("price.amount >= seven", "price.amount was 0.5. The check expects at least 7 (seven)."),
        ("1 < seven < 5", "seven was 7. The check expects less than 5."),
        ("10 < seven < zero", "seven was 7. The check expects more than 10."),
        ("1 < seven < zero", "seven was 7. The check expects less than 0 (zero)."),
        (
            'ack["type"] in ("x", "y")',
            'ack["type"] was "ack". The check expects one of ("x", "y").',
        ),
        ("text in ack", 'text was "hello". The check expects it in {"type": "ack"'),
        ('"bye" in text', 'text was "hello". The check expects "bye" in it.'),
        ('"ell" not in text', 'text was "hello". The check expects no "ell" in it.'),
        ("text not in [text]", 'text was "hello". The check expects that it is not in ["hello"]'),
        ("none is not None", "none was None. The check expects a value."),
        ("seven is None", "seven was 7. The check expects None."),
        ("seven is True", "seven was 7. The check expects True."),
        ("none is not none", "none was None. The check expects a value."),
        ("text is seven", 'text was "hello". The check expects the same object as 7 (seven).'),
        ("seven is not same(seven)", "seven was 7. The check expects anything but 7"),
        ('ack["error"]', 'ack["error"] was None. The check expects a value.'),
        ('ack["items"]', 'ack["items"] was []. The check expects that it is not empty.'),
        ("empty", 'empty was "". The check expects that it is not empty.'),
        ("zero", "zero was 0. The check expects anything but 0."),
        ("any([zero])", "any([zero]) was False. The check expects True."),
        ("raising", "raising was <Raising whose __repr__ raised RuntimeError>. The check expects"),
        ("not text", 'text was "hello". The check expects nothing, or something that is false.'),
        ("not text == text", 'text was "hello". The check expects anything but "hello" (text).'),
        ('not "ell" in text', 'text was "hello". The check expects no "ell" in it.'),
        ("not not zero", "zero was 0. The check expects anything but 0."),
        ("not (text and seven)", "text and seven holds. The check expects that it does not."),
        ("not any([seven])", "any([seven]) was True. The check expects False."),
        ("isinstance(text, int)", 'text was "hello", of type str. The check expects int.'),
        (
            "isinstance(text, (int, list))",
            'text was "hello", of type str. The check expects int or list.',
        ),
        (
            "isinstance(text, int | None)",
            'text was "hello", of type str. The check expects int | None.',
        ),
        ("isinstance(none, dict)", "none was None. The check expects dict."),
        (
            "not isinstance(text, str)",
            'text was "hello", of type str. The check expects anything but str.',
        ),
        ('text.startswith("x")', 'text was "hello". The check expects it to start with "x".'),
        ('not text.endswith("lo")', 'text was "hello". The check expects it not to end with "lo".'),
        ("text and zero and seven", "zero was 0. The check expects anything but 0."),
        ('text and ack["seq"] == 8', 'ack["seq"] was 7. The check expects 8.'),
        (
            "zero or seven == 8",
            "None of the 2 alternatives holds. zero was 0. The check expects anything but 0. "
            "seven was 7. The check expects 8.",
        ),
        ("(m := ack.get('nope'))", "m was None. The check expects a value."),
        ("zero if seven else text", "zero was 0. The check expects anything but 0."),
        ("text if zero == 1 else seven == 8", "seven was 7. The check expects 8."),
        ("not (text if zero else seven)", "text if zero else seven holds. The check expects"),
        ("(seven and zero or none) and text", "None of the 2 alternatives holds. zero was 0."),
        ("text and (1 < seven < 5 or not text)", "None of the 2 alternatives holds. seven was 7."),
        ("False", "This line should not have been reached."),
        ("(lambda: 0)()", "(lambda: 0)() was 0. The check expects anything but 0."),
        ('text == IsStr(regex="x")', """text was "hello". The check expects IsStr(regex='x')"""),
    ],
)
def test_the_sentence_says_what_was_found_and_what_is_expected(test: str, sentence: str) -> None:
    assert why(test).message.startswith(sentence)


@pytest.mark.parametrize(
    ("test", "sentence"),
    [
        (
            'tick == {"symbol": "BTC-USD", "price": 67118.2, "size": 3}',
            'tick["price"] was "67120.50", a string. The check expects 67118.2, a number.',
        ),
        (
            'tick == {"symbol": "BTC-USD", "price": "67120.50"}',
            'tick["size"] was 3. The check expects nothing there.',
        ),
        ("tick == dict(tick, id=1)", 'tick["id"] is missing. The check expects 1.'),
        (
            'tick == {"symbol": "ETH"}',
            'tick differs in 3 places. tick["symbol"] was "BTC-USD". The check',
        ),
        ("[seven, zero] == [7, 1]", "([seven, zero])[1] was 0. The check expects 1."),
        ("{seven} == {8}", "{seven} was {7}. The check expects {8}."),
        ('{"a": 1} == {"a": seven}', '({"a": seven})["a"] was 7. The check expects 1.'),
        (
            "text * 20 == text * 21",
            "text * 20 is not the text that the check expects, from character 101.",
        ),
    ],
)
def test_unequal_containers_are_told_by_where_they_differ(test: str, sentence: str) -> None:
    assert why(test).message.startswith(sentence)


@pytest.mark.parametrize(
    ("test", "parts"),
    [
        ("a", ["a"]),
        ("a == 1", ["a"]),
        ("a < 1 < b", ["a", "1", "b"]),
        ("a and 1 or not b", ["a", "1", "b"]),
        ("a == 1 and b", ["a == 1", "a", "b"]),
        ("f(a, *b, k=c, **d)", ["f(a, *b, k=c, **d)", "a", "c"]),
        ("a.b.f(c)[d]", ["a.b.f(c)[d]", "a.b.f(c)", "a.b", "a", "c", "d"]),
        ("a[b:c]", ["a[b:c]", "a"]),
        ("a[b, c]", ["a[b, c]", "a"]),
        ("a[1]", ["a[1]", "a"]),
        ("-a + b", ["-a + b", "-a", "a", "b"]),
        ("await f(a)", ["await f(a)", "a"]),
        ("await a", ["await a"]),
        ("(a := f(b))", ["(a := f(b))", "b"]),
        ("a if b else c", ["b", "a", "c"]),
        ("(a if b else c) == d", ["a if b else c", "b", "a", "c", "d"]),
        ("(a and b) == c", ["a and b", "a", "b", "c"]),
        ("all(x for x in f(a) if b)", ["all((x for x in f(a) if b))", "f(a)", "a"]),
        ("[x for x in a if b]", ["[x for x in a if b]", "a"]),
        ("{x for x in a}", ["{x for x in a}", "a"]),
        ("{x: b for x in a}", ["{x: b for x in a}", "a"]),
        ("[a, b] == c", ["[a, b]", "c"]),
        ("f(lambda: a)", ["f(lambda: a)"]),
        ("f'{a}' == b", ["f'{a}'", "b"]),
        ("(yield a)", ["(yield a)"]),
    ],
)
def test_the_parts_are_what_is_evaluated_once_in_the_scope_of_the_assertion(
    test: str, parts: list[str]
) -> None:
    found: dict[int, str] = {}

    def note(part: ast.expr, number: int) -> ast.expr:
        found[number] = ast.unparse(part)
        return part

    mark_parts(ast.parse(test, mode="eval").body, note)
    assert [found[number] for number in range(len(found))] == parts


def test_the_details_show_source_parts_and_difference() -> None:
    assert why('ack["channel"] == same("updates")').details.split("\n") == [
        'assert ack["channel"] == same("updates")',
        '  ack["channel"] = "trades"',
        '  ack = {"type": "ack", "channel": "trades", "seq": 7, "items": [], "error": None}',
        '  same("updates") = "updates"',
    ]
    difference = why('tick == {"symbol": "BTC-USD", "price": 67118.2, "size": 3}')
    assert difference.details.split("\n") == [
        'assert tick == {"symbol": "BTC-USD", "price": 67118.2, "size": 3}',
        '  tick = {"symbol": "BTC-USD", "price": "67120.50", "size": 3}',
        "",
        '  "symbol": "BTC-USD",',
        '- "price": 67118.2,',
        '+ "price": "67120.50",',
        '  "size": 3,',
    ]


def test_the_difference_is_towards_what_is_written_out() -> None:
    for test in ('{"a": 1} == dict(zero=zero)', 'dict(zero=zero) == {"a": 1}'):
        assert why(test).details.split("\n")[-2:] == ['- "a": 1,', '+ "zero": 0,']


def test_what_says_nothing_is_left_out_of_the_details() -> None:
    details = why("isinstance(same(seven), str) and len(text)").details
    assert details.split("\n")[1:] == ["  same(seven) = 7", "  seven = 7"]
    assert why("text == str and int").details.split("\n")[1:] == ['  text = "hello"']


def test_a_part_is_shown_once_for_each_value_it_had() -> None:
    assert why("seven == 8 or seven == 9").details.split("\n")[1:] == ["  seven = 7"]
    source = "assert (m := 0) or (m := '') or m"
    assert explain(source, Recorded(source)).details.split("\n")[1:] == ["  m = 0", '  m = ""']


def test_a_part_that_was_not_evaluated_is_not_shown() -> None:
    assert "seven" not in why("zero and seven").details.partition("\n")[2]


def test_a_statement_of_several_lines_keeps_its_shape() -> None:
    source = "assert (\n            zero\n            == 1\n        )"
    explanation = explain(source, Recorded(source))
    assert explanation.message == "zero was 0. The check expects 1."
    assert explanation.details == "assert (\n    zero\n    == 1\n)\n  zero = 0"


def test_the_authors_message_comes_first() -> None:
    assert why("zero", "Not logged in").message == (
        "Not logged in: zero was 0. The check expects anything but 0."
    )
    assert why("zero", "Not logged in!").message.startswith("Not logged in! zero was 0.")
    assert why("False", "unreachable").message == "unreachable"
    assert why("zero", "").message == "zero was 0. The check expects anything but 0."
    assert why("zero", {"a": 1}).message.startswith("{'a': 1}: zero was 0.")
    assert len(why("zero", "x" * 10**6).message) < 700


def test_whatever_the_values_do_there_is_an_explanation() -> None:
    class Hostile:
        def __getattribute__(self, name: str) -> object:
            raise RuntimeError(name)

        def __str__(self) -> str:
            raise RuntimeError

    source = "assert zero == seven, hostile"
    for values in ({0: Hostile(), 1: {}}, {}, {0: 1}):
        assert explain(source, values, [Hostile()]).message.endswith(".")
        assert explain(source, values).details.startswith(source.partition(",")[0])
    assert explain("not an assertion at all", {}).message == "The assertion does not hold."


def test_details_are_bounded() -> None:
    many = " + ".join(f"same({n})" for n in range(60))
    assert len(why(f"{many} == 'x' * 100000").details) < 5000


def test_secrets_do_not_show() -> None:
    masker = Masker(["hello-secret"])
    explanation = why('same("hello-secret") == seven', "hello-secret", masker=masker)
    assert "hello-secret" not in explanation.message
    assert "hello-secret" not in explanation.details


class Listener:
    masker = None

    def __init__(self) -> None:
        self.told: list[tuple[str, Site, Failure | None]] = []

    def passed(self, site: Site) -> None:
        self.told.append(("passed", site, None))

    def failed(self, site: Site, failure: Failure) -> None:
        self.told.append(("failed", site, failure))


@pytest.fixture
def listener() -> Iterator[Listener]:
    listener = Listener()
    assertions.observer = listener
    yield listener
    assertions.observer = None


def test_the_observer_is_told_of_every_outcome(listener: Listener) -> None:
    site = Site("checks/a_check.py", 12, "orders.<locals>.on_message", "assert zero == 1")
    assert not site.reached
    site.passed()
    assert site.reached
    values: dict[int, object] = {0: 0}
    error = site.failed(values)
    assert isinstance(error, AssertionFailed)
    assert isinstance(error, ExpectationFailed)
    assert isinstance(error, AssertionError)
    assert error.failure == Failure(
        code="assertion.failed",
        message="zero was 0. The check expects 1.",
        details="assert zero == 1\n  zero = 0",
        location=Location("checks/a_check.py", 12, "on_message", "assert zero == 1"),
    )
    assert listener.told == [("passed", site, None), ("failed", site, error.failure)]
    assert values == {}  # whoever failed holds on to nothing


def test_without_an_observer_a_failure_is_a_plain_assertion_error() -> None:
    site = Site("a.py", 1, "", "assert zero")
    error = site.failed({0: 0})
    assert type(error) is AssertionError
    assert str(error) == "zero was 0. The check expects anything but 0."
    assert error.__notes__ == ["assert zero\n  zero = 0"]
    assert site.failed({0: 0}, "own").args == ("own",)


def test_sites_are_found_by_function_with_what_is_nested_in_it() -> None:
    sites = [
        Site("a.py", line, function, "assert 1")
        for line, function in enumerate(["", "f", "f.<locals>.g", "fg", "C.f"], 1)
    ]
    register("a.py", sites)
    assert sites_in("a.py") == tuple(sites)
    assert [s.line for s in sites_in("a.py", "f")] == [2, 3]
    assert sites_in("b.py") == ()
    register("a.py", [])
    assert sites_in("a.py") == ()
