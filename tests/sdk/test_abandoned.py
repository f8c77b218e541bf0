"""What a check stops waiting for: nothing of that passes in silence, and nothing else is told."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection

from checkwire import ConnectionClosed, TimedOut, WebSocket, connect, http
from checkwire.model.attempt import Attempt
from support.checks import headline, run_one
from support.loops import until
from support.rawserver import Peer, RawServer, upgraded
from support.scene import Outcome, play
from support.wsserver import echo, silent, speaking


def abandoned(outcome: Outcome) -> list[str]:
    assert outcome.passed, outcome.error
    assert {failure.code for failure in outcome.warnings} <= {"check.abandoned"}
    return [failure.location.text for failure in outcome.warnings if failure.location]


@pytest.mark.parametrize(
    ("wait", "doing"),
    [
        (lambda ws: ws.receive(), "waiting for a message"),
        (
            lambda ws: ws.receive_json(where={"type": "ack"}),
            'waiting for a message that matches {"type": "ack"}',
        ),
        (lambda ws: ws.receive_close(), "waiting for the server to close"),
        (lambda ws: ws.expect_silence("5s"), "waiting for silence"),
        (lambda ws: ws.ping(), "waiting for a pong"),
    ],
)
def test_what_is_given_up_is_told_with_its_place(
    wait: Callable[[WebSocket], Any], doing: str
) -> None:
    async def check(url: str) -> None:
        async with connect(url) as ws:
            with suppress(TimeoutError):
                async with asyncio.timeout(0.02):
                    await wait(ws)

    outcome = play(check, raw=upgraded(Peer.answer_goodbye))
    assert outcome.passed, outcome.error
    (warning,) = outcome.warnings
    assert warning.code == "check.abandoned"
    assert warning.message.startswith(f"The check gave up {doing} after ")
    assert warning.location is not None


def test_a_connection_and_a_request_that_are_given_up_are_told_too() -> None:
    async def check() -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            place = f"127.0.0.1:{listener.getsockname()[1]}"
            with suppress(TimeoutError):
                await asyncio.wait_for(connect(f"ws://{place}/").open(), 0.02)
            with suppress(TimeoutError):
                await asyncio.wait_for(http.get(f"http://{place}/"), 0.02)

    assert abandoned(play(check)) == [
        'await asyncio.wait_for(connect(f"ws://{place}/").open(), 0.02)',
        'await asyncio.wait_for(http.get(f"http://{place}/"), 0.02)',
    ]


def test_a_short_timeout_in_a_loop_until_it_comes_is_not_told() -> None:
    async def check(url: str) -> None:
        async with connect(url) as ws:
            while True:
                with suppress(TimeoutError):
                    async with asyncio.timeout(0.02):
                        assert await ws.receive() == "now"
                        break
                ws.send("now")

    assert abandoned(play(check, echo)) == []


def test_one_that_came_before_does_not_make_up_for_one_that_is_given_up() -> None:
    async def check(url: str) -> None:
        async with connect(url) as ws:
            with suppress(TimeoutError):
                while True:
                    async with asyncio.timeout(0.05):
                        await ws.receive()

    assert abandoned(play(check, speaking("one", "two"))) == ["await ws.receive()"]


def test_one_connection_does_not_make_up_for_what_is_given_up_on_another() -> None:
    async def check(url: str) -> None:
        async with connect(url) as first, connect(url) as second:
            second.send("hello")
            for ws in (first, second):
                with suppress(TimeoutError):
                    async with asyncio.timeout(0.05):
                        await ws.receive()

    assert abandoned(play(check, echo)) == ["await ws.receive()"]


def test_the_losers_of_a_race_are_not_told() -> None:
    async def check(url: str) -> None:
        async with connect(url) as first, connect(url) as second:
            second.send("hello")
            races = [asyncio.create_task(ws.receive()) for ws in (first, second)]
            done, left = await asyncio.wait(races, return_when=asyncio.FIRST_COMPLETED)
            for task in left:
                task.cancel()
            assert [task.result() for task in done] == ["hello"]

    assert abandoned(play(check, echo)) == []


def test_pongs_win_no_race() -> None:
    async def check(url: str) -> None:
        async with connect(url) as ws:
            waiting = asyncio.create_task(ws.receive())
            await ws.ping()
            waiting.cancel()

    assert abandoned(play(check, silent)) == ["waiting = asyncio.create_task(ws.receive())"]


def test_what_need_not_come_may_be_given_up() -> None:
    async def check(url: str) -> None:
        async with connect(url) as ws:
            with suppress(TimeoutError):
                async with asyncio.timeout(0.02):
                    await ws.receive(default=None)
            with suppress(TimeoutError):
                async with asyncio.timeout(0.02):
                    async for _ in ws:
                        pass

    assert abandoned(play(check, silent)) == []


def test_a_check_that_fails_anyway_says_nothing_of_it() -> None:
    async def check(url: str) -> None:
        async with connect(url) as ws:
            with suppress(TimeoutError):
                async with asyncio.timeout(0.02):
                    await ws.receive()
            with suppress(TimedOut):
                await ws.receive(within="10ms")

    outcome = play(check, silent)
    assert outcome.codes == ["timeout.first_message"]
    assert not outcome.warnings


# What the check cuts short itself


async def hello_then_nothing(ws: ServerConnection) -> None:
    await ws.send("hello")
    await ws.wait_closed()


def test_a_reader_in_the_background_ends_with_the_connection_and_nothing_is_told() -> None:
    async def check(url: str) -> None:
        got = asyncio.Event()

        async def reader(ws: WebSocket) -> None:
            with suppress(ConnectionClosed):
                while await ws.receive(within="30s"):
                    got.set()

        async with connect(url) as ws:
            task = asyncio.create_task(reader(ws))
            await got.wait()
        await task

    assert abandoned(play(check, hello_then_nothing)) == []


def test_a_ping_under_way_ends_with_the_connection_and_one_that_was_never_answered_is_told() -> (
    None
):
    async def check(url: str) -> None:
        async with connect(url) as ws:
            ping = asyncio.create_task(ws.ping())
            await asyncio.sleep(0)
        with pytest.raises(ConnectionClosed):
            await ping

    def deaf(peer: Peer) -> None:
        peer.answer_goodbye()

    assert abandoned(play(check, raw=upgraded(deaf))) == ["ping = asyncio.create_task(ws.ping())"]


def test_receiving_after_the_check_s_own_close_stays_a_mistake() -> None:
    async def check(url: str) -> None:
        async with connect(url) as ws:
            ws.close()
            with suppress(ConnectionClosed):
                await ws.receive()

    assert play(check, silent).codes == ["check.usage"]


def test_a_task_may_learn_of_the_close_of_another_when_it_goes_on() -> None:
    async def check(url: str) -> None:
        ended = []

        async def loop(ws: WebSocket, use: Callable[[WebSocket], Any]) -> None:
            with suppress(ConnectionClosed):
                while True:
                    await use(ws)
                    await over.wait()
            ended.append(use)

        over = asyncio.Event()
        async with connect(url) as ws:
            uses: list[Callable[[WebSocket], Any]] = [
                lambda ws: ws.send("x"),
                lambda ws: ws.ping(),
                lambda ws: ws.receive(),
            ]
            tasks = [asyncio.create_task(loop(ws, use)) for use in uses]
            await until(lambda: "first_message" in ws.timings)
            await ws.ping()
        over.set()
        await asyncio.gather(*tasks)
        assert len(ended) == 3

    assert abandoned(play(check, echo)) == []


SOURCE = """
    import asyncio
    from checkwire import connect

    @check
    async def background():
        async with connect("{url}") as ws:
            {work}
            task = asyncio.create_task(work())
            await ws.send("x")
            assert await asyncio.wait_for(answered.wait(), 5)
        {after}
"""


def run_in_background(root: Path, work: str, after: str = "task.cancel()") -> Attempt:
    def server(peer: Peer) -> None:
        peer.handshake()
        peer.echo()

    with RawServer(server) as raw:
        return run_one(
            root, SOURCE.format(url=raw.url, work=work.replace("{url}", raw.url), after=after)
        )


def test_a_task_that_nobody_awaits_may_end_with_the_connection(tmp_path: Path) -> None:
    work = """answered = asyncio.Event()
            async def work():
                while await ws.receive(within="30s"):
                    answered.set()"""
    attempt = run_in_background(tmp_path, work)
    assert (attempt.status, attempt.failures) == ("passed", ())


def test_a_task_that_is_still_waiting_when_the_check_returns_is_told(tmp_path: Path) -> None:
    work = """answered = asyncio.Event()
            answered.set()
            other = await connect("{url}")
            async def work():
                assert await other.receive_text(within="5s") == "hello\""""
    attempt = run_in_background(tmp_path, work, after="await asyncio.sleep(0.05)")
    assert headline(attempt) == ""
    assert {failed.failure.code for failed in attempt.failures} == {
        "check.abandoned",
        "check.unclosed_connection",
    }


# Pings that need no answer


def test_a_ping_that_is_not_awaited_is_a_mistake() -> None:
    async def check(url: str) -> None:
        async with connect(url) as ws:
            ws.ping()

    outcome = play(check, echo)
    assert outcome.codes == ["check.usage"]
    assert "nobody awaited" in outcome.failure.message
