"""Streams: in sequence, often enough, in time; and all that is wrong is told once."""

from __future__ import annotations

import json
import random
import time
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from checkwire import ConnectionClosed, MessageError, UsageError, connect
from checkwire.sdk.streams import Problem, StreamJudge, StreamRules
from support.scene import play
from support.wsserver import closing, silent, speaking

SECOND = 10**9
START = 1_790_000_000 * SECOND


def judged(
    rules: StreamRules, messages: list[Any], *, apart_ns: int = SECOND // 10, rest_ns: int = 0
) -> dict[str, Problem]:
    """What is wrong with messages that come at equal distances."""
    judge = StreamJudge(rules, 0, START)
    for number, message in enumerate(messages, 1):
        judge.take(message, number * apart_ns, number)
    _, problems = judge.end((len(messages)) * apart_ns + rest_ns)
    assert len({problem.code for problem in problems}) == len(problems)
    return {problem.code: problem for problem in problems}


def numbered(*numbers: int) -> list[Any]:
    return [{"seq": number} for number in numbers]


SEQUENCE = StreamRules(sequence="seq")


@pytest.mark.parametrize(
    ("numbers", "codes", "said"),
    [
        ((1, 2, 3), set(), ""),
        ((), set(), ""),
        ((1, 2, 4, 5), {"stream.gap"}, "1 message missing in 1 place, first 3"),
        ((1, 5, 9), {"stream.gap"}, "6 messages missing in 2 places, first 2 to 4"),
        ((1, 2, 2, 3), {"stream.duplicate"}, "1 message came twice, first: number 2 came again"),
        ((1, 3, 2, 4), {"stream.out_of_order"}, "number 2 came after 3"),
        ((5, 4, 6), {"stream.out_of_order"}, "number 4 came after 5"),
        ((1, 4, 2, 2), {"stream.gap", "stream.out_of_order", "stream.duplicate"}, "first 3"),
    ],
)
def test_numbers_that_grow_by_one(numbers: tuple[int, ...], codes: set[str], said: str) -> None:
    problems = judged(SEQUENCE, numbered(*numbers))
    assert set(problems) == codes
    assert said in "".join(problem.message for problem in problems.values())


def test_each_key_has_a_sequence_of_its_own() -> None:
    rules = StreamRules(sequence="data.seq", by="symbol")
    messages = [
        {"symbol": symbol, "data": {"seq": number}}
        for number in range(5)
        for symbol in ("BTC", "ETH")
        if (symbol, number) != ("ETH", 3)
    ]
    (problem,) = judged(rules, messages).values()
    assert problem.code == "stream.gap"
    assert problem.evidence["key"] == "ETH"
    assert (problem.evidence["last"], problem.evidence["number"]) == (2, 4)
    assert problem.evidence["frame"] == 9


@given(
    size=st.integers(2, 60),
    lost=st.sets(st.integers(1, 58)),
    draw=st.randoms(use_true_random=False),
    shuffled=st.booleans(),
)
def test_what_is_missing_is_missing_in_whatever_order_the_rest_comes(
    size: int, lost: set[int], draw: random.Random, shuffled: bool
) -> None:
    come = [number for number in range(size) if number not in lost or number == size - 1]
    expected = size - len(come)
    if shuffled:
        middle = come[1:-1]
        draw.shuffle(middle)
        come = [come[0], *middle, come[-1]]
    problems = judged(SEQUENCE, numbered(*come))
    assert "stream.duplicate" not in problems
    assert ("stream.gap" in problems) == bool(expected)
    if expected:
        assert problems["stream.gap"].evidence["missing"] == expected
    assert ("stream.out_of_order" in problems) == (come != sorted(come))


def test_a_pause_is_told_wherever_it_is() -> None:
    rules = StreamRules(max_silence=0.5)
    assert judged(rules, numbered(1, 2)) == {}
    (before,) = judged(rules, numbered(1), apart_ns=SECOND).values()
    assert (before.code, before.evidence["silence_ms"]) == ("stream.stale", 1000)
    assert (before.evidence["after_frame"], before.evidence["before_frame"]) == (None, 1)
    (after,) = judged(rules, numbered(1, 2), rest_ns=2 * SECOND).values()
    assert (after.evidence["after_frame"], after.evidence["before_frame"]) == (2, None)
    assert "no message came for 2.00 s" in after.message
    (nothing,) = judged(rules, [], rest_ns=SECOND).values()
    assert nothing.code == "stream.stale"


def test_the_rate_is_that_of_the_whole_time() -> None:
    messages = numbered(*range(20))  # ten a second
    assert judged(StreamRules(min_rate=10, max_rate=10), messages) == {}
    (low,) = judged(StreamRules(min_rate=11), messages).values()
    assert (low.code, low.evidence["messages"]) == ("stream.rate_low", 20)
    (high,) = judged(StreamRules(max_rate=9), messages).values()
    assert "20 messages came in 2 s, 10 a second; at most 9 a second" in high.message


@pytest.mark.parametrize(
    "made",
    [
        START // SECOND,
        float(START // SECOND),
        str(START // SECOND),
        START // 10**6,
        START // 10**3,
        START,
        "2026-09-21T14:13:20Z",
        "2026-09-21T16:13:20+02:00",
        "2026-09-21T14:13:20",
    ],
)
def test_a_time_may_be_written_in_many_ways(made: Any) -> None:
    rules = StreamRules(timestamp="ts", max_lag=0.25)
    (problem,) = judged(rules, [{"ts": made}] * 3).values()
    assert problem.code == "stream.lagging"
    assert problem.evidence == {"lag_ms": 300.0, "limit_ms": 250.0, "frame": 3, "count": 1}
    assert "1 message of 3 arrived late, one 300 ms after the time in it" in problem.message


@example(value={"ts": -1.7e308})
@example(value={"ts": -(10**400)})
@given(value=st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["seq", "ts", "0"]), inner),
))  # fmt: skip
def test_no_message_is_too_strange(value: Any) -> None:
    rules = StreamRules(sequence="seq", by="seq.0", timestamp="ts", max_lag=1, max_silence=1)
    judged(rules, [value, value])


def test_a_stream_is_watched_and_returned() -> None:
    async def check(url: str) -> None:
        async with connect(url) as ws:
            await ws.send("go")
            stream = await ws.expect_stream("300ms", sequence="seq", max_silence="2s", min_rate=1)
            assert stream.messages == 3
            assert stream.keys == 1
            assert stream.seconds >= 0.3
            assert stream.longest_silence > 0

    outcome = play(check, speaking(*(json.dumps({"seq": n}) for n in range(3))))
    assert outcome.passed, outcome.error
    assert outcome.verifications


def test_all_kinds_are_told_and_each_fails_the_check() -> None:
    async def check(url: str) -> None:
        async with connect(url) as ws:
            with pytest.raises(MessageError) as caught:
                await ws.expect_stream("200ms", sequence=lambda message: message["n"], max_rate=1)
            assert caught.value.failure.code == "stream.gap"

    outcome = play(check, speaking('{"n": 1}', '{"n": 3}', '{"n": 3}'))
    assert outcome.codes == ["stream.gap", "stream.duplicate", "stream.rate_high"]


def test_only_what_fits_counts() -> None:
    async def check(url: str) -> None:
        async with connect(url) as ws:
            stream = await ws.expect_stream("200ms", where={"type": "trade"}, sequence="n")
            assert stream.messages == 2

    said = ('{"type": "trade", "n": 1}', "no json", '{"type": "x", "n": 7}', b"\xff",
            '{"type": "trade", "n": 2}')  # fmt: skip
    assert play(check, speaking(*said)).passed


def test_lag_is_that_of_the_arrival_not_of_when_it_was_taken() -> None:
    async def check(url: str) -> None:
        async with connect(url) as ws:
            made = json.loads(str(await ws.receive()))["ts"]
            time.sleep(0.4)  # noqa: ASYNC251 - busy, while the message behind it has come long ago
            stream = await ws.expect_stream("50ms", timestamp="ts", max_lag="300ms")
            assert len(stream.lags) == 1
            assert time.time() - made > 0.4

    def server() -> Any:
        async def answer(ws: Any) -> None:
            for _ in range(2):
                await ws.send(json.dumps({"ts": time.time()}))
            await ws.wait_closed()

        return answer

    assert play(check, server()).passed


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"max_lag": "1s"}, "max_lag= needs timestamp="),
        ({"by": "symbol"}, "by= needs sequence="),
        ({"sequence": "nr"}, "none of the 1 messages has what sequence= names"),
        ({"timestamp": "at"}, "none of the 1 messages has what timestamp= names"),
    ],
)
def test_what_cannot_be_meant_is_a_mistake(given: Any, said: str) -> None:
    async def check(url: str) -> None:
        async with connect(url) as ws:
            await ws.expect_stream("100ms", **given)

    outcome = play(check, speaking('{"seq": 1}'))
    assert isinstance(outcome.error, UsageError)
    assert said in str(outcome.error)
    assert outcome.codes == ["check.usage"]


def test_a_connection_that_ends_ends_the_watching() -> None:
    async def check(url: str) -> None:
        async with connect(url) as ws:
            with pytest.raises(ConnectionClosed):
                await ws.expect_stream("20s")

    assert play(check, closing(1011)).codes == ["ws.closed"]


def test_a_silent_server_has_no_stream() -> None:
    async def check(url: str) -> None:
        async with connect(url) as ws:
            await ws.expect_stream("200ms", min_rate=0.1)

    assert play(check, silent).codes == ["stream.rate_low"]
