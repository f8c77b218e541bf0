"""Everything that is wrong with a file of declared checks is told, at once, with its place."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from checkwire.model.failures import Failure
from support.program import checkwire
from support.sentences import assert_explained

Load = Callable[..., Any]

START = '[[check]]\nname = "x"\nurl = "wss://x"\n'


def complaints(load: Load, text: str | bytes, **options: Any) -> list[str]:
    """``line:column: message`` for each mistake."""
    failure = load(text, **options)
    assert isinstance(failure, Failure), failure
    assert failure.code == "check.declaration"
    assert_explained(failure)
    lines = failure.details.split("\n")
    start = "some.check.toml:"
    assert all(line.startswith(start) for line in lines)
    return [line.removeprefix(start) for line in lines]


@pytest.mark.parametrize(
    ("line", "place", "message"),
    [
        # Keys
        ('sned = "x"', "4:1", 'unknown key "sned" in a check; did you mean "send"?'),
        ('steps = "x"', "4:1", 'unknown key "steps" in a check; write [[check.step]]'),
        ("verify = false", "4:1", 'unknown key "verify" in a check; write tls.verify'),
        ('[[check.step]]\nurl = "x"', "5:1", 'unknown key "url" in a step; write url in [[check]]'),
        ('[[check.step]]\njson = "x"', "5:1", 'unknown key "json" in a step; write send.json or'),
        ('[[check.step]]\nget = "x"\ndata = "x"', "6:1", 'unknown key "data" in a request; write'),
        ('expect.body = "x"', "4:1", 'unknown key "body" in expect; write text, contains, regex'),
        ('tls.cafile = "x"', "4:1", 'unknown key "cafile" in tls; write ca'),
        ("expect.jsonpath = { '$.a' = { gt = 1 } }", "4:31", 'unknown key "gt" in a condition; wr'),
        # Types
        ("url = 1", "4:1", "not valid TOML: cannot overwrite a value"),
        ("send = 1", "4:1", "send must be a string, a table or an array, not a numb"),
        ("[[check.step]]\nname = ' '", "5:1", "name is empty"),
        ("description = ''", "4:1", "description is empty"),
        ("headers = []", "4:1", "headers must be a table, not an array"),
        ("within = true", "4:1", "within must be a duration such as"),
        ("step = { send = 1 }", "4:1", "step is an array of tables, not a table: write [[check.st"),
        ("expect.json = 2026-01-01", "4:1", "expect.json: JSON has no dates and times: put 2026-0"),
        ("send.json = [1, nan]", "4:17", "send.json[1]: JSON has no nan"),
        ("ping = false", "4:1", "ping = false: leave it out"),
        ("expect.close = true", "4:1", "expect.close must be an integer or a table, not a boolean"),
        # Values
        ('within = "5 secs"', "4:1", 'within: "5 secs" is not a duration'),
        ("within = 5000", "4:1", 'within = 5000 would be 5,000 seconds: write "5000ms"'),
        ('within = "0s"', "4:1", "within is 0"),
        ('every = "3s"', "4:1", 'every: "3s" is too short: the least is 10 s'),
        ('cron = "* * *"', "4:1", "cron: "),
        ('tags = "a"', "4:1", 'tags: "a" is a string, not a list: write ["a"]'),
        ("retries = { max = 1, dely = 2 }", "4:22", 'retries: "dely" is unknown; did you mean "de'),
        ('timezone = "Europe/Berlin"', "4:1", "a check has timezone without cron"),
        ('every = "1m"\ncron = "@hourly"', "5:1", "a check has every and cron, which exclude each"),
        ('send.hex = "0g"', "4:1", 'send.hex: "0g" is not hexadecimal: it has no "g"'),
        ('send.hex = "0a f"', "4:1", 'send.hex: "0a f" is not hexadecimal: each byte has two dig'),
        ('expect.base64 = "%"', "4:1", 'expect.base64: "%" is not base64: it has no "%"'),
        ('send.base64 = "a_=="', "4:1", 'send.base64: "a_==" is not base64: it has no "_", write '),
        ('send.base64 = "AP8"', "4:1", 'send.base64: "AP8" is not base64: it must end with 1 "="'),
        ('send.base64 = "A"', "4:1", 'send.base64: "A" is not base64: a character is missing, or'),
        ('send.base64 = "A=AA"', "4:1", 'send.base64: "A=AA" is not base64: a "=" can only be at'),
        ("processes = -1", "4:1", "processes: -1 are too few: the least is 0"),
        ("isolation = 'sandbx'", "4:1", "isolation: "),
        ("close = 1001", "4:1", "close: 1001 is not a client's to send"),
        ("expect.close = 999", "4:1", "expect.close: 999 is less than 1000"),
        ("expect = ''", "4:1", "expect is empty"),
        ("expect = {}", "4:1", "expect is empty"),
        ('expect.type = "xml"', "4:1", 'expect.type: "xml" is not "text", "binary" or "json"'),
        ("headers = { 'a b' = 'x' }", "4:13", 'headers: "a b" is not a header\'s name'),
        ("cases = { a = { x = 1 }, b = { y = 1 } }", "4:11", 'cases: "a" lacks y, which another'),
        ("resolve = { localhost = '::1' }", "4:13", 'resolve: "localhost" is not a host and a por'),
        # Expressions
        ('expect.regex = "("', "4:1", 'expect.regex: "(" is not a regular expression: missing )'),
        ('expect.regex = ""', "4:1", "expect.regex is empty: it would match anything"),
        ('where.regex = "["\nexpect = "x"', "4:1", 'where.regex: "[" is not a regular expression'),
        ("expect.jsonpath = { '$[' = 1 }", "4:21", 'expect.jsonpath: "$[" is not a JSONPath (RFC '),
        ("expect.jsonpath = { a = 1 }", "4:21", 'expect.jsonpath: "a" is not a JSONPath: it begin'),
        ("expect.jsonpath = { '$[?foo(@.a)]' = 1 }", "4:21", "expect.jsonpath: "),
        ("expect.schema = { type = 'nul' }", "4:19", "expect.schema.type: the JSON Schema is not"
         ' valid: "nul" is no type; did you mean "null"?'),
        ("expect.schema.properties.a.minimum = 'x'", "4:1", "expect.schema.properties.a.minimum: "),
        ("expect.schema = { anyOf = [{}, { pattern = '(' }] }", "4:34", "expect.schema.anyOf[1].p"),
        ("expect.schema.'$ref' = 'http://127.0.0.1:1/x'", "4:1", "expect.schema: the JSON Schema i"
         's not valid: $ref leads to "http://127.0.0.1:1/x", and nothing is fetched'),
        ("expect.schema = 'no.json'", "4:1", "expect.schema: no.json cannot be read: No such file"),
        ("expect.json = {}\ncapture.x = '$['", "5:1", 'capture.x: "$[" is not a JSONPath (RFC 953'),
        ("expect = 'x'\ncapture.x = { regex = '(' }", "5:15", 'capture.x.regex: "(" is not a regu'),
        ("expect = 'x'\ncapture.x-y = '$'", "5:1", 'capture: "x-y" is not the name of a variable'),
        ("expect.failure = 'tcp.refusd'", "4:1", 'expect.failure: no failure has the code "tcp.re'),
        # What does not go together
        ("ping = true\nsend = 'x'", "5:1", "a check has ping and send, which exclude each other"),
        ("within = 1", "4:1", "a check has within without expect or ping"),
        ("where = 'x'", "4:1", "a check has where without expect, silence or stream"),
        ("expect = { text = 'a', json = 1 }", "4:24", "expect has text and json, which exclude ea"),
        ("expect.json = 1\nwhere.text = 'a'", "5:1", "where looks at the text of a message, and e"),
        ("send = 'x'\n[[check.step]]\nping = true", "5:1", "a check has send and step, which excl"),
        ("expect.close = 1000\ncapture.x = '$'", "5:1", "expect.close and capture exclude each ot"),
        ("capture.x = '$'", "4:1", "capture.x has no message to look into: write expect beside"),
        ("expect = 'x'\ncapture.x = '$'", "5:1", "capture.x looks at JSON, and expect does not"),
        ("expect.json = 1\ncapture.x = { regex = 'a' }", "5:1", "capture.x looks at text, and exp"),
        ("expect.status = 401\nsend = 'x'", "4:1", "expect.status is of the connection itself: le"),
        ("[[check.step]]\nget = 'http://x'\npost = 'http://x'", "6:1", "a request has get and pos"),
        ("stream = { for = 1, by = 'a' }", "4:21", "stream has by without sequence"),
        ("stream = { min_rate = 1 }", "4:1", 'stream has no "for"'),
        # Variables
        ("send = '${'", "4:1", 'send: "${" has no "}": write $${ if it is meant'),
        ("send = '${a b}'", "4:1", 'send: "${a b}" is no variable'),
        ("send.json = { a = ['${'] }", "4:20", 'send.json.a[0]: "${" has no "}"'),
        ("send = '${token}'", "4:1", "${token}: there is no such variable; capture it in a step"),
        ("variables.host = 'x'\nsend = '${hots}'", "5:1", '${hots}: there is no such variable; di'),
        (
            "[[check.step]]\nsend = '${token}'\n"
            "[[check.step]]\nexpect.json = {}\ncapture.token = '$'",
            "5:1",
            "${token} is used before it is captured, on line 8",
        ),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_its_place(load: Load, line: str, place: str, message: str) -> None:
    found = complaints(load, START + line)
    assert any(one.startswith(f"{place}: {message}") for one in found), found


def test_what_belongs_to_connecting_cannot_use_what_comes_later(load: Load) -> None:
    text = (
        '[[check]]\nname = "x"\nurl = "wss://x/${room}"\nexpect.json = {}\ncapture.room = "$.room"'
    )
    assert complaints(load, text) == ["3:1: ${room} is used before it is captured, on line 5"]


def test_a_file_that_is_no_schema_is_told_with_the_place_in_it(load: Load, tmp_path: Path) -> None:
    for text, message in [
        ('{"properties": {"a": {"type": "x"}}}', ", at properties.a.type: the JSON Schema is not "),
        ('{"type": "x"', " is not JSON: Expecting ',' delimiter: line 1 column 13"),
        ("[]", " holds no JSON Schema, which is an object"),
    ]:
        (tmp_path / "some.json").write_text(text)
        (found,) = complaints(load, START + "expect.schema = 'some.json'")
        assert found.startswith(f"4:1: expect.schema: some.json{message}")


@pytest.mark.parametrize(
    ("second", "place", "message"),
    [
        ('name = "X"', "5:1", "name: the check on line 1 has this name, too: write another, or gi"),
        ('name = " x!"', "5:1", "name: the check on line 1 has this name, too"),
        ('name = "x"\nid = "other"', None, ""),
        ('name = "y"', None, ""),
        ('name = "x"\ncases.eu.a = 1', None, ""),
    ],
)
def test_two_checks_of_one_name_are_told(
    load: Load, second: str, place: str | None, message: str
) -> None:
    text = f'{START}[[check]]\n{second}\nurl = "wss://x"\n'
    if place is None:
        assert len(load(text)) == 2
        return
    (found,) = complaints(load, text)
    assert found.startswith(f"{place}: {message}")


def test_two_checks_of_one_id_are_told(load: Load) -> None:
    text = f'{START}id = "a"\n[[check]]\nid = "a"\nname = "y"\nurl = "wss://y"\n'
    assert complaints(load, text) == [
        "6:1: id: the check on line 1 has this id, too: write another"
    ]


def test_all_mistakes_of_a_file_are_told_in_their_order(load: Load) -> None:
    text = """\
[[check]]
name = "one"
urll = "wss://x"
every = "3s"

[[check]]
name = "two"
url = "wss://${nowhere}"

[[chek]]
"""
    assert [one.partition(": ")[0] for one in complaints(load, text)] == [
        "1:1", "3:1", "4:1", "8:1", "10:1",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("data", "place"),
    [
        (b"[[check]]\nname = ", "2:1"),
        (b'[[check]]\nname = "x', "2:1"),
        (b"\xff", "1:1"),
        (b"[[check]]\n# \xc3\n", "2:3"),
        (b"", "1:1"),
        (b"check = 1", "1:1"),
        (b"[check]\nname = 'x'", "1:1"),
        (b"[[check]]", "1:1"),
        (b"x = " + b"[" * 5000 + b"]" * 5000, "1:1"),
        (b"[[check]]\nname='x'\nurl='ws://x'\nsend.json = " + b"[" * 200 + b"]" * 200, "1:1"),
    ],
)
def test_what_is_no_file_of_checks_is_told(load: Load, data: bytes, place: str) -> None:
    failure = load(data)
    if isinstance(failure, Failure):
        assert failure.details.startswith(f"some.check.toml:{place}: "), failure.details
    else:
        assert len(data) > 200, "nested, but not too deeply for this Python"


def test_options_of_the_project_are_told_as_for_scripts(load: Load) -> None:
    failure = load(START + 'locations = ["mars"]', settings="[locations]\neu = {}\n")
    assert isinstance(failure, Failure)
    assert failure.code == "check.usage"
    assert failure.message == 'locations: "mars" is not declared in [locations] of the project'
    failure = load(START + 'timeout = "1s"\ndegraded = "2s"')
    assert isinstance(failure, Failure)
    assert failure.message.startswith("degraded (2s) must be less than timeout (1s)")


def test_what_the_environment_has_is_no_mistake(
    load: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("some_host", "x")
    text = (
        START + "headers = { a = '${some_host}', b = '${OTHER}', c = '${secret:key}', d = '${e}' }"
    )
    assert isinstance(load(text, settings="[env]\ne = 'x'"), list)
    assert isinstance(load(START + "send = '${later}'\nneeds = ['later']"), list)


def test_a_broken_file_stops_no_other(tmp_path: Path) -> None:
    (tmp_path / "checkwire.toml").write_text(
        '[[check]]\nname = "in the settings"\nurl = "ws://127.0.0.1:1"\n'
    )
    (tmp_path / "bad.check.toml").write_text('[[check]]\nname = "x"\nurl = "ws://x"\nsned = "x"\n')
    deep = tmp_path / "deep" / "er"
    deep.mkdir(parents=True)
    (deep / "good.check.toml").write_text(START)
    (tmp_path / "broken.check.toml").write_text("[[check]\n")
    result = checkwire("test", "--list", cwd=tmp_path)
    assert result.status == 2
    assert result.out.split() == ["checkwire.toml::in_the_settings", "deep/er/good.check.toml::x"]
    assert result.err.splitlines() == [
        'bad.check.toml:4:1: unknown key "sned" in a check; did you mean "send"? '
        "[check.declaration]",
        "broken.check.toml:1:8: not valid TOML: expected ']]' at the end of an array declaration "
        "[check.declaration]",
    ]
    (tmp_path / "checkwire.toml").write_text('[[check]]\nname = "x"\nurll = "ws://x"\n')
    result = checkwire("test", "--list", cwd=tmp_path)
    assert result.out.split() == ["deep/er/good.check.toml::x"], (
        "settings hold without their checks"
    )
    assert "checkwire.toml:3:1: unknown key" in result.err
