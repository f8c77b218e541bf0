"""To whom belongs what happens on a connection: its place, its step, and who expects it."""

from __future__ import annotations

import asyncio
import threading
import time
from contextlib import suppress

from websockets.asyncio.server import ServerConnection

from checkwire import ConnectError, ConnectionClosed, TimedOut, WebSocket, connect, expect, step
from checkwire.model.events import StepStarted
from checkwire.sync import connect as connect_blocking
from support.loops import until
from support.rawserver import Peer, upgraded
from support.scene import Outcome, play, refusing_url


async def server(ws: ServerConnection) -> None:
    """Echoes; closes with 1011 when it is told to."""
    async for message in ws:
        if message == "fail":
            await ws.close(1011)
        await ws.send(message)


def step_of_the_failure(outcome: Outcome) -> str:
    (failed,) = outcome.counting
    return {s.step: s.name for s in outcome.of(StepStarted)}.get(failed.step, "")


async def closed(ws: WebSocket) -> None:
    await until(lambda: ws.ready_state is ws.CLOSED)


def test_a_close_is_told_with_place_and_step_of_its_own_connection() -> None:
    async def check(url: str) -> None:
        async with step("the first"):
            first = await connect(url)
        async with step("the second"):
            second = await connect(f"{url}second")
            await second.send("fail")
            await closed(second)
        await first.close()

    outcome = play(check, server)
    assert outcome.failure.location is not None
    assert outcome.failure.location.text == 'second = await connect(f"{url}second")'
    assert step_of_the_failure(outcome) == "the second"


def test_what_the_script_itself_finds_is_told_in_the_step_in_which_it_does() -> None:
    async def check(url: str) -> None:
        async with step("open"):
            ws = await connect(url, timeouts={"pong": "20ms"})
        async with step("ping"):
            with suppress(TimeoutError):
                await ws.ping()
        await ws.close()

    async def deaf(ws: ServerConnection) -> None:
        ws.transport.pause_reading()
        await asyncio.sleep(0.2)
        ws.transport.resume_reading()
        await ws.wait_closed()

    assert step_of_the_failure(play(check, deaf)) == "ping"


def test_opening_another_connection_again_makes_up_for_nothing() -> None:
    async def check(url: str) -> None:
        for attempt in range(2):
            control = await connect(f"{url}control")
            if attempt == 0:
                async with connect(url) as feed:
                    await feed.send("fail")
                    await closed(feed)
            await control.close()

    assert play(check, server).codes == ["ws.closed"]


def test_opening_a_connection_again_does_not_make_up_for_what_was_awaited_on_it() -> None:
    async def check(url: str) -> None:
        for attempt in range(3):
            with suppress(ConnectionClosed):
                async with connect(url) as ws:
                    if attempt < 2:
                        await ws.send("fail")
                        await ws.receive()

    assert play(check, server).codes == ["ws.closed", "ws.closed"]


def test_receiving_on_a_connection_opened_again_makes_up_for_its_close() -> None:
    async def check(url: str) -> None:
        for message in ("fail", "fail", "fine"):
            with suppress(ConnectionClosed):
                async with connect(url) as ws:
                    await ws.send(message)
                    await ws.receive()

    outcome = play(check, server)
    assert outcome.passed, outcome.error


def test_a_ping_that_is_answered_later_at_the_same_place_makes_up_for_one_that_was_not() -> None:
    async def check(url: str) -> None:
        async with connect(url) as ws:
            for within in ("10ms", "5s"):
                with suppress(TimedOut):
                    await ws.ping(within=within)
                if within == "10ms":
                    awake.set()

    awake = threading.Event()

    def sleepy(peer: Peer) -> None:
        peer.wait(awake)
        peer.echo()

    outcome = play(check, raw=upgraded(sleepy))
    assert outcome.passed, outcome.error


def test_sending_again_on_a_new_connection_makes_up_for_one_that_had_been_closed() -> None:
    async def check(url: str) -> None:
        for message in ("fail", "fine"):
            with suppress(ConnectionClosed):
                async with connect(url) as ws:
                    await ws.send(message)
                    if message == "fail":
                        await closed(ws)
                    await ws.send("more")
                    assert await ws.receive() == "fine"

    outcome = play(check, server)
    assert outcome.passed, outcome.error


def test_a_failure_is_expected_only_of_what_the_block_does() -> None:
    async def check() -> None:
        inside = asyncio.Event()
        failed = asyncio.Event()

        async def old_port_is_closed() -> None:
            with expect.failure("tcp.*"):
                inside.set()
                await failed.wait()
                await connect(refusing_url())

        async def real() -> None:
            await inside.wait()
            with suppress(ConnectError):
                await connect(refusing_url())
            failed.set()

        await asyncio.gather(old_port_is_closed(), real())

    assert play(check).codes == ["tcp.refused"]


def test_a_close_is_expected_only_of_connections_of_whoever_expects_it() -> None:
    async def check(url: str) -> None:
        inside, over = asyncio.Event(), asyncio.Event()

        async def expecting() -> None:
            async with connect(url) as ws:
                with expect.failure("ws.closed"):
                    inside.set()
                    await over.wait()
                    await ws.send("fail")
                    await closed(ws)

        async def other() -> None:
            async with connect(url) as ws:
                await inside.wait()
                await ws.send("fail")
                await closed(ws)
                over.set()

        await asyncio.gather(expecting(), other())

    assert play(check, server).codes == ["ws.closed"]


def test_tasks_that_are_started_in_the_block_are_meant_until_it_ends() -> None:
    async def check() -> None:
        over = asyncio.Event()

        async def refused(after: asyncio.Event | None = None) -> None:
            if after is not None:
                await after.wait()
            with suppress(ConnectError):
                await connect(refusing_url())

        with expect.failure("tcp.refused"):
            late = asyncio.create_task(refused(over))
            await asyncio.create_task(refused())
        over.set()
        await late

    assert play(check).codes == ["tcp.refused"]


def test_a_plain_function_expects_closes_of_the_connections_it_has_open() -> None:
    def check(url: str) -> None:
        with connect_blocking(url) as ws, expect.failure("ws.closed"):
            ws.send("fail")
            while ws.ready_state is not ws.CLOSED:
                time.sleep(0.001)

    outcome = play(check, server)
    assert outcome.passed, outcome.error
