"""Waiting for messages: which one is taken, and what is said when it does not come."""

from __future__ import annotations

import asyncio
import json
import re
from contextlib import suppress
from typing import Any

import pytest
from dirty_equals import IsPositive
from websockets.asyncio.server import ServerConnection

from checkwire import ConnectionClosed, MessageError, TimedOut, UsageError, connect
from support.loops import until
from support.rawserver import Peer, upgraded
from support.scene import play
from support.wsserver import Handler, closing, echo, silent, speaking

ACK = {"type": "ack", "channel": "updates", "seq": 7, "tags": ["a", "b"], "user": {"id": 3}}


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_each_kind_of_message_comes_as_its_type(loop: str) -> None:
    async def check(url: str) -> None:
        async with connect(url) as ws:
            assert await ws.receive() == "text"
            assert await ws.receive() == b"\x01"
            assert await ws.receive_text() == "more"
            assert await ws.receive_bytes() == b"\x02"
            assert await ws.receive_json() == {"a": [1, None]}
            assert await ws.receive_json() == [1.5]  # in a binary message

    server = speaking("text", b"\x01", "more", b"\x02", '{"a": [1, null]}', b"[1.5]")
    outcome = play(check, server, loop=loop)
    assert outcome.passed, outcome.error
    assert outcome.verifications == 6


@pytest.mark.parametrize(
    "where",
    [
        {"type": "ack"},
        {"user": {"id": int}},
        {"user": {"id": float}, "seq": int | None},
        {"tags": ["a", str]},
        {"channel": re.compile("^up")},
        {"seq": IsPositive},
        {"type": {"ack", "nack"}, "user": ...},
        lambda message: message["seq"] == 7,
        {"seq": lambda seq: seq > 6},
        dict,
    ],
)
def test_the_first_message_that_fits_is_taken(where: Any) -> None:
    async def check(url: str) -> Any:
        async with connect(url) as ws:
            return await ws.receive_json(where=where, within="5s")

    outcome = play(check, speaking("not JSON", b"\xff", "[1]", json.dumps(ACK), "{}"))
    assert outcome.passed
    assert outcome.result == ACK
    assert outcome.verifications == 1


def test_text_and_bytes_can_be_chosen_too() -> None:
    async def check(url: str) -> None:
        async with connect(url) as ws:
            assert await ws.receive_text(where=re.compile("b")) == "abc"
            assert await ws.receive_text(where="whole") == "whole"
            assert await ws.receive_bytes(where=re.compile(b"^\x02")) == b"\x02x"
            assert await ws.receive(where=lambda message: len(message) == 1) == "z"
            assert await ws.receive_text(where={"one", "other"}) == "other"

    server = speaking("xyz", b"b", "abc", "whole", "\x02", b"\x02x", "z", "other")
    assert play(check, server).passed


def test_silence_fails_as_first_message_and_later_as_message() -> None:
    async def check(url: str) -> None:
        async with connect(url) as ws:
            with pytest.raises(TimedOut) as caught:
                await ws.receive(within="20ms")
            assert caught.value.failure.code == "timeout.first_message"
            await ws.send("x")
            await ws.receive()
            with pytest.raises(TimeoutError) as later:
                await ws.receive(within="20ms")
            assert isinstance(later.value, TimedOut)

    outcome = play(check, echo)
    assert outcome.codes == ["timeout.first_message", "timeout.message"]
    for failed in outcome.counting:
        location = failed.failure.location
        assert location is not None
        assert location.text == 'await ws.receive(within="20ms")'


def test_a_default_is_no_failure_and_verifies_nothing() -> None:
    async def check(url: str) -> None:
        async with connect(url) as ws:
            assert await ws.receive(within="10ms", default=None) is None
            assert await ws.receive_json(where={"a": 1}, within="10ms", default={}) == {}

    outcome = play(check, silent)
    assert outcome.passed
    assert outcome.verifications == 0


def test_nothing_that_fits_shows_what_came_closest_first() -> None:
    async def check(url: str) -> None:
        async with connect(url) as ws:
            where = {"type": "ack", "channel": "updates", "user": {"id": int}}
            await ws.receive_json(where=where, within="100ms")

    far = {"type": "hello"}
    near = ACK | {"user": {"id": "3"}}
    outcome = play(check, speaking("plain", json.dumps(far), json.dumps(near)))
    assert isinstance(outcome.error, TimedOut)
    failure = outcome.failure
    assert failure.code == "timeout.no_match"
    assert failure.message == (
        "3 messages came within 0.1 s, and none matches "
        '{"type": "ack", "channel": "updates", "user": {"id": "<int>"}}'
    )
    assert (
        failure.details.split("\n")
        == [
            "frame 3, 96% of what is wanted:",
            '  "channel": "updates",',
            '  "user": {',
            '-   "id": "<int>"',
            '+   "id": "3"',
            "  }",
            "",
            "frame 2, 3% of what is wanted:",
            '- "type": "ack",',
            '+ "type": "hello",',
            '- "channel": "updates",',
            '- "user": {"id": "<int>"}',
        ]
        or failure.details
    )
    assert failure.evidence["closest_frame"] == 3
    assert failure.evidence["expected"]["user"] == {"id": "<int>"}


@pytest.mark.parametrize(
    ("where", "shown"),
    [({"type": "ack"}, '["one"]'), (lambda _: False, '["one"]'), ([1, 2], '{"type": "two"}')],
)
def test_what_is_nothing_like_what_is_wanted_is_not_called_close(where: Any, shown: str) -> None:
    async def check(url: str) -> None:
        async with connect(url) as ws:
            await ws.receive_json(where=where, within="100ms")

    sent = ['"zero"', shown]
    failure = play(check, speaking(*sent)).failure
    assert failure.details == f"frame 2, the last one:\n  {shown}"
    assert failure.hint == "What did come is in the transcript; the last one is shown"
    assert failure.evidence["closest_frame"] == 2


def test_of_many_that_do_not_fit_the_latest_of_the_closest_are_shown() -> None:
    async def check(url: str) -> None:
        async with connect(url) as ws:
            await ws.receive_json(where={"n": "x"}, within="300ms")

    outcome = play(check, speaking(*(json.dumps({"n": n}) for n in range(500))))
    assert outcome.failure.message.startswith("500 messages came")
    assert outcome.failure.evidence["closest_frame"] == 500
    assert outcome.failure.details.count("of what is wanted") == 3


def test_a_pattern_that_raises_for_a_message_skips_it_and_says_so_in_the_end() -> None:
    async def check(url: str) -> None:
        async with connect(url) as ws:
            await ws.receive_json(where=lambda m: m["type"] == "ack", within="50ms")

    outcome = play(check, speaking('{"kind": "ack"}'))
    assert outcome.failure.message.endswith('it does not match <lambda m: m["type"] == "ack">')
    assert "where= raised KeyError: 'type'" in outcome.failure.details


def test_a_bug_in_a_pattern_is_raised_at_once() -> None:
    async def check(url: str) -> None:
        async with connect(url) as ws:
            await ws.receive_json(where=lambda m: m["a"] == undefined, within="5s")  # type: ignore[name-defined] # noqa: F821

    assert isinstance(play(check, speaking('{"a": 1}')).error, NameError)


def test_a_part_of_a_text_is_hinted_at() -> None:
    async def check(url: str) -> None:
        async with connect(url) as ws:
            await ws.receive_text(where="served by", within="50ms")

    outcome = play(check, speaking("Request served by echo"))
    assert outcome.failure.hint == (
        "where= is the whole message; for a part of it write re.compile('served by')"
    )


@pytest.mark.parametrize(
    ("receive", "message"),
    [
        (lambda ws: ws.receive_json(where="ack"), 'where="ack" fits only the JSON string itself'),
        (lambda ws: ws.receive(where={"a": 1}), "where= is an object, and messages are taken as"),
        (lambda ws: ws.receive_text(where=[1]), "where= is a list, and messages are taken as they"),
        (lambda ws: ws.receive_bytes(where="a"), "where= is a str, and binary messages are bytes"),
        (lambda ws: ws.receive_text(where=b"a"), "where= is bytes, and text messages are str"),
        (lambda ws: ws.receive(where=_later), "where= takes a plain function: an async one is"),
        (lambda ws: ws.receive(within=5000), 'within=5000 would be 5,000 seconds: write "5000ms"'),
        (lambda ws: ws.receive(within="soon"), 'within: "soon" is not a duration: write "500ms"'),
        (lambda ws: ws.receive(within=-1), "within: -1 is not a duration: it must be zero or more"),
    ],
)
def test_what_cannot_be_meant_is_a_mistake(receive: Any, message: str) -> None:
    async def check(url: str) -> None:
        async with connect(url) as ws:
            with pytest.raises(UsageError) as caught:
                await receive(ws)
            assert str(caught.value).startswith(message)

    outcome = play(check, silent)
    assert outcome.error is None
    assert outcome.failure.code == "check.usage"


async def _later(message: Any) -> bool:
    return False


@pytest.mark.parametrize(
    ("sent", "message", "caret"),
    [
        (
            '{"price": 12,}',
            "The message is not JSON: expecting property name enclosed in double quotes "
            "at character 13",
            '{"price": 12,}\n             ^ Expecting property name enclosed in double quotes',
        ),
        ("", "The message is not JSON: empty", "\n^ Expecting value"),
        ('{"a": NaN}', "The message is not JSON: it holds NaN", '"{\\"a\\": NaN}"'),
        ("[" * 100_000, "The message is not JSON: nested too deeply", None),
        (
            f"[1{'0' * 5000}]",
            "The message is not JSON: it holds an integer with too many digits to be read",
            None,
        ),
    ],
)
def test_what_is_not_json_is_shown_with_a_caret(sent: str, message: str, caret: str | None) -> None:
    async def check(url: str) -> None:
        async with connect(url) as ws:
            await ws.receive_json()

    outcome = play(check, speaking(sent))
    assert isinstance(outcome.error, MessageError)
    assert outcome.failure.code == "message.invalid_json"
    assert outcome.failure.message == message
    if caret is not None:
        assert outcome.failure.details == caret


@pytest.mark.parametrize(
    ("name", "sent", "message"),
    [
        ("receive_text", b"abc", "A binary message of 3 bytes came where text was expected"),
        ("receive_bytes", "abc", "A text message came where binary was expected"),
        ("receive_json", b"\xff", "A binary message of 1 bytes came where JSON was expected"),
    ],
)
def test_the_wrong_type_is_told_with_the_message(name: str, sent: Any, message: str) -> None:
    async def check(url: str) -> None:
        async with connect(url) as ws:
            with pytest.raises(MessageError):
                await getattr(ws, name)()

    outcome = play(check, speaking(sent))
    assert outcome.failure.code == "message.wrong_type"
    assert outcome.failure.message == message
    assert outcome.failure.details


def test_the_end_of_the_connection_ends_the_wait_and_shows_what_came_before() -> None:
    async def check(url: str) -> None:
        async with connect(url) as ws:
            await ws.receive_json(where={"type": "ack"}, within="5s")

    outcome = play(check, closing(1000, "bye", '{"type": "nack"}'))
    assert isinstance(outcome.error, ConnectionClosed)
    assert (outcome.error.code, outcome.error.reason) == (1000, "bye")
    assert outcome.failure.code == "ws.closed"
    assert "while a message was awaited" in outcome.failure.message
    assert '+ "type": "nack"' in outcome.failure.details


def test_an_abnormal_close_is_told_once() -> None:
    async def check(url: str) -> None:
        async with connect(url) as ws:
            for _ in range(2):
                with pytest.raises(ConnectionClosed):
                    await ws.receive(within="5s")

    outcome = play(check, closing(1011, "oops"))
    assert outcome.codes == ["ws.closed"]


def test_receiving_is_for_one_task_at_a_time() -> None:
    async def check(url: str) -> None:
        async with connect(url) as ws:
            results = await asyncio.gather(
                ws.receive(within="100ms"), ws.receive(within="100ms"), return_exceptions=True
            )
            assert {type(result) for result in results} == {TimedOut, UsageError}

    outcome = play(check, silent)
    assert outcome.error is None
    assert sorted(outcome.codes) == ["check.usage", "timeout.first_message"]


def test_a_failure_keeps_its_place_when_another_task_awaits_it() -> None:
    async def check(url: str) -> None:
        async with connect(url) as ws:
            task = asyncio.create_task(ws.receive(within="10ms"))
            await task

    location = play(check, silent).failure.location
    assert location is not None
    assert location.text == 'task = asyncio.create_task(ws.receive(within="10ms"))'


# What makes up for what


def test_what_held_later_at_the_same_place_makes_up_for_a_swallowed_failure() -> None:
    async def server(ws: ServerConnection) -> None:
        await ws.recv()
        await ws.send("at last")
        await ws.wait_closed()

    async def check(url: str) -> None:
        async with connect(url) as ws:
            for _ in range(2):
                try:
                    await ws.receive(within="20ms")
                except TimedOut:
                    await ws.send("say something")
                    await until(lambda: "first_message" in ws.timings)

    assert play(check, server).passed


def test_trying_again_on_a_new_connection_makes_up_for_it_too() -> None:
    talkative = iter([False, True])

    async def server(ws: ServerConnection) -> None:
        if next(talkative):
            await ws.send("hello")
        await ws.wait_closed()

    async def check(url: str) -> None:
        for _ in range(2):
            async with connect(url) as ws:
                with suppress(TimedOut):
                    await ws.receive(within="100ms")

    assert play(check, server).passed


def _one_is_silent() -> Handler:
    talkative = iter([False, True])

    async def server(ws: ServerConnection) -> None:
        if next(talkative):
            await asyncio.sleep(0.1)
            await ws.send("hello")
        await ws.wait_closed()

    return server


def test_one_connection_does_not_make_up_for_another_that_was_awaited_beside_it() -> None:
    async def check(url: str) -> None:
        async with connect(url) as first, connect(url) as second:
            waits = [ws.receive(within=w) for ws, w in ((first, "20ms"), (second, "5s"))]
            await asyncio.gather(*waits, return_exceptions=True)

    assert play(check, _one_is_silent()).codes == ["timeout.first_message"]


def test_one_connection_does_not_make_up_for_another_in_a_loop() -> None:
    async def check(url: str) -> None:
        async with connect(url) as first, connect(url) as second:
            for ws in (first, second):
                with suppress(TimedOut):
                    await ws.receive(within="200ms")

    assert play(check, _one_is_silent()).codes == ["timeout.first_message"]


def test_another_pattern_on_the_same_line_makes_up_for_nothing() -> None:
    async def check(url: str) -> None:
        async with connect(url) as ws:
            for want in ("a", "b", "c"):
                with suppress(TimedOut):
                    await ws.receive_json(where={"type": want}, within="50ms")
                if want == "b":
                    await ws.send('{"type": "c"}')

    assert play(check, echo).codes == ["timeout.first_message"] * 2


# Silence, iteration, and the server's close


def test_silence_holds_if_nothing_comes() -> None:
    async def check(url: str) -> None:
        async with connect(url) as ws:
            await ws.expect_silence("20ms")

    outcome = play(check, silent)
    assert outcome.passed
    assert outcome.verifications == 1


def test_silence_is_broken_by_what_fits() -> None:
    async def check(url: str) -> None:
        async with connect(url) as ws:
            await ws.expect_silence("5s", where={"type": "error"})

    outcome = play(check, speaking("x", '{"type": "ok"}', '{"type": "error", "code": 7}'))
    assert isinstance(outcome.error, MessageError)
    assert outcome.failure.code == "message.unexpected"
    assert '\\"code\\": 7' in outcome.failure.details


def test_a_message_that_waits_already_breaks_the_silence() -> None:
    async def check(url: str) -> None:
        async with connect(url) as ws:
            await until(lambda: "first_message" in ws.timings)
            await ws.expect_silence("20ms")

    outcome = play(check, speaking("x"))
    assert outcome.failure.message == "A message was waiting already when silence was expected"


def test_iterating_ends_with_a_normal_close() -> None:
    async def check(url: str) -> list[Any]:
        async with connect(url) as ws:
            return [message async for message in ws]

    outcome = play(check, closing(1000, "", "a", b"b"))
    assert outcome.passed
    assert outcome.result == ["a", b"b"]


def test_iterating_ends_with_the_check_s_own_close() -> None:
    async def check(url: str) -> None:
        async with connect(url) as ws:
            async for _ in ws:
                ws.close(4000)

    assert play(check, speaking("a")).passed


@pytest.mark.parametrize("code", [1001, 1011, 4000])
def test_iterating_ends_with_a_failure_otherwise(code: int) -> None:
    async def check(url: str) -> None:
        async with connect(url) as ws:
            async for _ in ws:
                pass

    outcome = play(check, closing(code, "", "a"))
    assert isinstance(outcome.error, ConnectionClosed)
    assert outcome.codes == ["ws.draining" if code == 1001 else "ws.closed"]


@pytest.mark.parametrize("code", [1000, 1001, 1008, 4001, 4401])
def test_a_close_that_was_waited_for_is_right(code: int) -> None:
    async def check(url: str) -> Any:
        async with connect(url) as ws:
            return await ws.receive_close(within="5s")

    outcome = play(check, closing(code, "why", "a message before"))
    assert outcome.passed
    assert outcome.result == (code, "why")
    assert outcome.verifications == 1


def test_another_code_than_expected_is_told_once_with_both() -> None:
    async def check(url: str) -> None:
        async with connect(url) as ws:
            await ws.receive_close(1008, within="5s")

    outcome = play(check, closing(1011, "oops"))
    assert isinstance(outcome.error, ConnectionClosed)
    assert outcome.failure.code == "ws.closed"
    assert "closed the connection with 1011" in outcome.failure.message
    assert outcome.failure.message.endswith("The check expects 1008")


def test_a_close_that_does_not_come_is_told() -> None:
    async def check(url: str) -> None:
        async with connect(url) as ws:
            await ws.receive_close(1008, within="20ms")

    outcome = play(check, speaking("x"))
    assert outcome.failure.code == "timeout.close"
    assert outcome.failure.message.endswith("did not close the connection with 1008 within 0.02 s")


def test_an_end_without_a_close_frame_is_no_close() -> None:
    async def check(url: str) -> None:
        async with connect(url) as ws:
            await ws.receive_close(within="5s")

    outcome = play(check, raw=upgraded(Peer.fin))
    assert isinstance(outcome.error, ConnectionClosed)
    assert outcome.codes == ["ws.closed_abnormally"]


def test_waiting_for_a_close_after_the_check_s_own_is_a_mistake() -> None:
    async def check(url: str) -> None:
        async with connect(url) as ws:
            await ws.close()
            await ws.receive_close()

    assert play(check, echo).codes == ["check.usage"]
