"""``expect``: what degrades, what fails, what is said, and failures that are expected."""

from __future__ import annotations

import asyncio
import copy
import pickle
import re
from contextlib import suppress
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from websockets.asyncio.server import ServerConnection

from checkwire import (
    ConnectError,
    ConnectionClosed,
    ExpectationFailed,
    MessageError,
    TimedOut,
    UsageError,
    connect,
    env,
    expect,
)
from checkwire.sdk.expectations import Expectation
from checkwire.sdk.facts import Seconds
from support.httpserver import HttpServer, json_reply
from support.scene import play, refusing_url
from support.wsserver import closing, echo, silent, speaking

PRICE = {"price": 12, "tags": ["a"]}
SCHEMA = {"type": "object", "properties": {"price": {"type": "string"}}, "required": ["size"]}


@pytest.mark.parametrize(
    "hold",
    [
        lambda: expect(0.2).below("300ms"),
        lambda: expect(Seconds(0.2)).below(0.3).above("100ms"),
        lambda: expect(7).above(6).below(8),
        lambda: expect(PRICE).equals({"price": 12, "tags": ["a"]}),
        lambda: expect(PRICE).matches({"price": int}).contains("price"),
        lambda: expect("abc").contains("b").matches(re.compile("^a")),
        lambda: expect([1, 2]).contains(2),
        lambda: expect(PRICE).matches_schema({"type": "object"}),
        lambda: expect.soft(1).equals(1),
        lambda: expect.hard(1).below(2),
    ],
)
def test_what_holds_counts_and_is_silent(hold: Any) -> None:
    async def check() -> None:
        hold()

    outcome = play(check)
    assert outcome.passed
    assert not outcome.events
    assert outcome.verifications >= 1


@pytest.mark.parametrize(
    ("expectation", "soft", "code", "message"),
    [
        (
            lambda: expect(0.45).below("300ms"),
            True,
            "assertion.too_slow",
            "0.45 was 450 ms. The check expects below 300 ms",
        ),
        (
            lambda: expect(Seconds(0.45)).below(0.3),
            True,
            "assertion.too_slow",
            "Seconds(0.45) was 450 ms. The check expects below 300 ms",
        ),
        (
            lambda: expect(5).above(6),
            True,
            "assertion.failed",
            "5 was 5. The check expects above 6",
        ),
        (
            lambda: expect(None).below("1s"),
            True,
            "assertion.failed",
            "None was None. The check expects below 1s",
        ),
        (
            lambda: expect("12").above(3),
            True,
            "assertion.failed",
            "'12' was \"12\". The check expects above 3",
        ),
        (
            lambda: expect(1).equals(2),
            False,
            "assertion.failed",
            "1 was 1. The check expects 2",
        ),
        (
            lambda: expect(PRICE).matches({"price": str}),
            False,
            "assertion.failed",
            'PRICE was {"price": 12, "tags": ["a"]}. '
            'The check expects something that matches {"price": "<str>"}',
        ),
        (
            lambda: expect(PRICE).matches(lambda value: value["size"]),
            False,
            "assertion.failed",
            'PRICE was {"price": 12, "tags": ["a"]} (the pattern raised KeyError: \'size\'). '
            'The check expects something that matches <lambda value: value["size"]>',
        ),
        (
            lambda: expect("abc").contains("x"),
            False,
            "assertion.failed",
            '\'abc\' was "abc". The check expects "x" in it',
        ),
        (
            lambda: expect(7).contains("x"),
            False,
            "assertion.failed",
            '7 was 7. The check expects "x" in it',
        ),
        (
            lambda: expect(PRICE).matches_schema(SCHEMA),
            False,
            "message.schema",
            None,
        ),
        (
            lambda: expect.soft(1, "the answer").equals(2),
            True,
            "assertion.failed",
            "the answer was 1. The check expects 2",
        ),
        (
            lambda: expect.hard(0.45, "latency").below("300ms"),
            False,
            "assertion.too_slow",
            "latency was 450 ms. The check expects below 300 ms",
        ),
    ],
)
def test_what_does_not_hold_degrades_or_fails(
    expectation: Any, soft: bool, code: str, message: str | None
) -> None:
    async def check() -> None:
        expectation()

    outcome = play(check)
    assert isinstance(outcome.error, ExpectationFailed) is not soft
    (failed,) = outcome.counting
    assert failed.severity == ("degraded" if soft else "failed")
    assert failed.failure.code == code
    if message is not None:
        assert failed.failure.message == message
    assert failed.failure.location is not None
    assert "expect" in failed.failure.location.text
    assert outcome.verifications == soft


def test_a_hard_one_is_an_assertion_error_and_counts_if_swallowed() -> None:
    async def check() -> None:
        with suppress(AssertionError):
            expect(PRICE).equals({"price": 13, "tags": ["a"]})

    outcome = play(check)
    assert outcome.error is None
    assert outcome.failure.details.split("\n") == [
        '- "price": 13,',
        '+ "price": 12,',
        '  "tags": ["a"],',
    ]


def test_a_hard_one_that_holds_later_is_excused_and_a_soft_one_is_not() -> None:
    async def check() -> None:
        for value in (1, 2):
            with suppress(AssertionError):
                expect(value).equals(2)
        for latency in (2, 0.5):
            expect(latency).below("1s")

    outcome = play(check)
    assert outcome.codes == ["assertion.too_slow"]


def test_another_expectation_on_the_same_line_makes_up_for_nothing() -> None:
    def check() -> None:
        for wanted in ("a", "b"):
            with suppress(AssertionError):
                expect(["b"]).contains(wanted)
        for label in ("first", "second"):
            with suppress(AssertionError):
                expect(label, label).equals("second")

    assert play(check).codes == ["assertion.failed"] * 2


def test_every_place_that_does_not_fit_a_schema_is_told() -> None:
    async def check() -> None:
        expect(PRICE).matches_schema(SCHEMA)

    outcome = play(check)
    assert "and in 1 more places" in outcome.failure.message
    assert sorted(outcome.failure.details.split("\n")) == [
        '$.price: 12 is not of type "string"',
        '$: "size" is a required property',
    ]


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        ({"properties": {"a": {"type": "strin"}}}, 'at $.properties.a.type: "strin" is no type; '
         'did you mean "string"?'),
        ({"anyOf": [{}, {"minimum": "x"}]}, 'at $.anyOf[1].minimum: "x" is not of type "number"'),
        ({"$ref": "#/$defs/a"}, "Pointer '/$defs/a' does not exist"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_schema_is_told_with_its_place(
    schema: dict[str, Any], message: str
) -> None:
    async def check() -> None:
        expect(PRICE).matches_schema(schema)

    assert f"the JSON Schema is not valid: {message}" in play(check).failure.message


def test_nothing_is_fetched_for_a_schema(tmp_path: Path) -> None:
    (tmp_path / "any.json").write_text("{}")
    with HttpServer(lambda _: json_reply("{}")) as server:
        for reference in (f"{server.url}/any.json", (tmp_path / "any.json").as_uri()):

            async def check(reference: str = reference) -> None:
                expect(PRICE).matches_schema({"$ref": reference})

            outcome = play(check)
            assert outcome.codes == ["check.usage"]
            assert f'$ref leads to "{reference}", and nothing is fetched' in outcome.failure.message
        assert server.seen == []


@pytest.mark.parametrize(
    ("mistake", "message"),
    [
        (lambda: expect(1), "expect(...) verifies nothing by itself: go on with .below()"),
        (lambda: expect(1 == 2), "expect(...) verifies nothing by itself"),
        (lambda: expect(Seconds(1)).below(300), None),
        (
            lambda: expect(Seconds(1)).below(1000),
            'expect(...).below()=1000 would be 1,000 seconds: write "1000ms" for milliseconds',
        ),
        (lambda: expect(1).below("fast"), 'expect(...).below(): "fast" is not a duration'),
        (lambda: expect(1).below(None), "expect(...).below() takes a number, or a duration as"),
        (lambda: expect(1).matches_schema({"type": 7}), "the JSON Schema is not valid: "),
        (lambda: expect(1).matches_schema({"a": {1}}), "the JSON Schema is not JSON: "),
        (lambda: expect.failure("tcp.refused"), "expect.failure(...) does nothing by itself"),
        (
            lambda: expect.failure("tcp.refusd"),
            "no failure has the code 'tcp.refusd'; did you mean \"tcp.refused\"?",
        ),
        (lambda: expect.failure("nothing.*"), "no failure has the code 'nothing.*'"),
    ],
)
def test_what_cannot_be_meant_is_a_mistake(mistake: Any, message: str | None) -> None:
    async def check() -> None:
        with suppress(UsageError):
            mistake()

    outcome = play(check)
    if message is None:
        assert outcome.passed
        return
    assert outcome.failure.code == "check.usage"
    assert outcome.failure.message.startswith(message)


# Failures that are expected


def test_a_refused_connection_can_be_what_is_expected() -> None:
    async def check() -> None:
        with expect.failure("tcp.refused") as refused:
            async with connect(refusing_url()):
                pass
        assert refused.failure.code == "tcp.refused"
        async with expect.failure("tcp.*"):
            await connect(refusing_url())

    outcome = play(check)
    assert outcome.passed, outcome.error
    assert outcome.verifications == 2


@pytest.mark.parametrize("pattern", ["ws.closed", "ws.*", "ws.", "ws", "*"])
def test_a_close_can_be_expected(pattern: str) -> None:
    async def check(url: str) -> None:
        with expect.failure(pattern) as closed:
            async with connect(url) as ws:
                await ws.receive(within="5s")
        assert closed.failure.evidence["code"] == 1008

    outcome = play(check, closing(1008, "no"))
    assert outcome.passed, outcome.error


def test_a_close_can_be_expected_even_if_the_check_swallows_it() -> None:
    async def check(url: str) -> None:
        async with connect(url) as ws:
            with expect.failure("ws.closed"), suppress(ConnectionClosed):
                await ws.receive(within="5s")

    assert play(check, closing(1008, "no")).passed


@pytest.mark.parametrize(
    ("pattern", "receive", "error"),
    [
        ("timeout.first_message", lambda ws: ws.receive(within="10ms"), TimedOut),
        ("message.*", lambda ws: ws.receive_bytes(), MessageError),
        ("check.usage", lambda ws: ws.receive(within=5000), UsageError),
        ("check.env_missing", lambda ws: env["NOT_THERE_AT_ALL"], Exception),
        ("assertion.failed", lambda ws: expect(1).equals(2), AssertionError),
        ("timeout.no_match", lambda ws: ws.receive_json(where={"a": 1}, within="50ms"), TimedOut),
    ],
)
def test_any_failure_can_be_expected(pattern: str, receive: Any, error: Any) -> None:
    async def check(url: str) -> None:
        async with connect(url) as ws:
            with expect.failure(pattern):
                result = receive(ws)
                if result is not None:
                    await result

    server = silent if "first" in pattern else speaking("x")
    assert play(check, server).passed


def test_what_is_expected_and_does_not_happen_fails() -> None:
    async def check(url: str) -> None:
        with expect.failure("tcp.refused"):
            async with connect(url):
                pass

    outcome = play(check, echo)
    assert isinstance(outcome.error, ExpectationFailed)
    assert outcome.failure.code == "assertion.expected_failure"
    assert outcome.failure.message == "tcp.refused was expected, and it did not happen"


def test_another_failure_than_the_expected_one_counts_and_both_are_told() -> None:
    async def check() -> None:
        with expect.failure("tls.*"):
            await connect(refusing_url())

    outcome = play(check)
    assert isinstance(outcome.error, ConnectError)
    assert outcome.codes == ["tcp.refused", "assertion.expected_failure"]
    assert outcome.counting[1].failure.message == "tls.* was expected, and tcp.refused did instead"


def test_an_expected_failure_may_come_in_a_group() -> None:
    async def check() -> None:
        with expect.failure("tcp.refused") as refused:
            async with asyncio.TaskGroup() as group:
                group.create_task(connect(refusing_url()).open())
        assert refused.failure.code == "tcp.refused"

    outcome = play(check)
    assert outcome.passed, outcome.error


def test_what_else_is_in_a_group_goes_on() -> None:
    async def raising(error: Exception) -> None:
        raise error

    async def check() -> None:
        with expect.failure("tcp.*"):
            results = await asyncio.gather(
                connect(refusing_url()).open(), raising(LookupError()), return_exceptions=True
            )
            raise ExceptionGroup("all", [e for e in results if isinstance(e, Exception)])

    outcome = play(check)
    assert isinstance(outcome.error, ExceptionGroup)
    assert [type(error) for error in outcome.error.exceptions] == [LookupError]
    assert not outcome.codes


def test_an_exception_of_the_check_s_own_goes_through() -> None:
    async def check() -> None:
        with expect.failure("tls.*"):
            raise LookupError

    outcome = play(check)
    assert isinstance(outcome.error, LookupError)
    assert not outcome.codes


def test_expected_failures_nest() -> None:
    async def check(url: str) -> None:
        with expect.failure("ws.closed"):
            async with connect(url) as ws:
                with expect.failure("tcp.refused"):
                    await connect(refusing_url())
                await ws.send("close, please")
                await ws.receive(within="5s")

    async def server(ws: ServerConnection) -> None:
        await ws.recv()
        await ws.close(1011)

    assert play(check, server).passed


def test_an_inner_one_that_is_not_met_fails_although_an_outer_one_takes_the_failure() -> None:
    async def check() -> None:
        with expect.failure("tcp.*"), expect.failure("tls.*"):
            await connect(refusing_url())

    assert play(check).codes == ["assertion.expected_failure"]


def test_a_failure_before_the_block_is_not_the_one_that_is_meant() -> None:
    async def check() -> None:
        url = refusing_url()
        with suppress(ConnectError):
            await connect(url)
        with expect.failure("tcp.refused"):
            pass

    assert play(check).codes == ["tcp.refused", "assertion.expected_failure"]


def test_a_warning_does_not_meet_a_wildcard() -> None:
    from checkwire.model.failures import Failure
    from checkwire.sdk.context import current

    async def check() -> None:
        message = "[::1]:80 (IPv6) did not answer; 127.0.0.1:80 (IPv4) did, 250 ms later"
        warning = Failure(code="tcp.family_broken", message=message)
        with expect.failure("tcp.family_broken"):
            current().failed(warning, "warning")
        with expect.failure("tcp.*"):
            current().failed(warning, "warning")

    assert play(check).codes == ["assertion.expected_failure"]


def test_a_slow_phase_can_be_expected() -> None:
    async def check() -> None:
        with expect.failure("assertion.too_slow"):
            expect(2).below("1s")

    assert play(check).passed


def test_a_secret_in_an_expected_failure_is_told_once() -> None:
    async def check() -> None:
        token = "tok-" + "en-value"
        with expect.failure("tcp.refused"):
            await connect(f"{refusing_url()}{token}")

    outcome = play(check, secrets={"TOKEN": "token-value"[:6] + "en-value"})
    assert outcome.passed


def test_what_failed_is_known_after_the_block() -> None:
    async def check() -> None:
        with expect.failure("tcp.*") as refused:
            assert refused.failure.code

    assert isinstance(play(check).error, UsageError)


def test_an_expectation_of_another_name_is_a_mistake_that_says_which_was_meant() -> None:
    said: list[str] = []

    def check() -> None:
        for name in ("equal", "toBe", "is_near"):
            with pytest.raises(UsageError) as caught:
                getattr(expect(1), name)
            said.append(str(caught.value))
        expect(1).equal(1)  # type: ignore[attr-defined]

    outcome = play(check)
    assert isinstance(outcome.error, UsageError)
    assert said == [
        "expect(...) has no 'equal'; did you mean equals?",
        "expect(...) has no 'toBe': here it is equals()",
        "expect(...) has no 'is_near'",
    ]


def test_an_expectation_can_be_asked_for_what_it_has_not() -> None:
    def check() -> None:
        expectation = expect(1).equals(1)
        assert not hasattr(expectation, "equal")
        assert copy.copy(expectation).equals(1) is not None
        assert mock.create_autospec(Expectation) is not None
        with pytest.raises((TypeError, AttributeError, pickle.PicklingError)):
            pickle.dumps(expectation)

    assert play(check).passed
