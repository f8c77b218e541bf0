"""Whatever a server sends, a wait ends when its own time is over, and memory keeps to its bound."""

from __future__ import annotations

import asyncio
import tracemalloc
from contextlib import suppress
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from checkwire.model.errors import CheckwireError, ConnectionClosed, TimedOut
from checkwire.model.failures import CODES
from support.frames import BINARY, deflated, frame
from support.loops import run
from support.observing import Recording
from support.pairing import Far, answered, feed, paired
from support.streams import chunked, conversations, mutated

DEFLATE = "Sec-WebSocket-Extensions: permessage-deflate"
PATIENCE = 5.0
"""Seconds beyond its own time after which a wait is one that hangs, on however slow a machine."""
LIMIT = 200_000
MEMORY = 8_000_000
"""Bytes for a connection, its transcript, and messages up to the limit."""


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_a_wait_ends_with_its_time_though_the_server_goes_on(data: st.DataObject) -> None:
    conversation = data.draw(conversations())
    bytes_ = data.draw(mutated(conversation.data) | st.binary(max_size=200))
    chunks = data.draw(chunked(bytes_))
    timeouts = {"upgrade": 5, "close": 0.1, "pong": 0.1}

    async def check(seen: Recording) -> str:
        headers = [DEFLATE] if conversation.compressed else []
        async with paired(seen, *headers, message=LIMIT, timeouts=timeouts) as (connection, far):
            feeding = asyncio.ensure_future(feed(connection, far, chunks))
            try:
                async with asyncio.timeout(PATIENCE):
                    while True:
                        await connection.receive(0.1)
            except (TimedOut, ConnectionClosed) as error:
                code = error.failure.code
            feeding.cancel()
            async with asyncio.timeout(PATIENCE):
                with suppress(CheckwireError):
                    await connection.close()
                await connection.wait_closed()
        return code

    seen = Recording()
    assert run(check(seen)) in CODES
    assert {failure.code for failure in [*seen.failures, *seen.warnings]} <= set(CODES)


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_an_opening_ends_with_its_time_though_the_server_goes_on(data: st.DataObject) -> None:
    answer = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nX: y\r\n\r\n"
    bytes_ = data.draw(mutated(answer) | st.binary(max_size=100) | st.just(answer[:-2]))
    chunks = data.draw(chunked(bytes_))

    async def send(far: Far) -> None:
        await far.read()
        for chunk in chunks:
            await far.send(chunk)

    async def check() -> str:
        async with answered(send, timeouts={"upgrade": 0.2}) as (opening, _):
            try:
                async with asyncio.timeout(PATIENCE):
                    await opening
            except CheckwireError as error:
                failure: Any = getattr(error, "failure", None)
                return str(failure.code)
            raise AssertionError("it was opened")

    code = run(check())
    assert code in CODES
    assert code.startswith("upgrade.")


@settings(deadline=None, max_examples=40)
@given(
    inflated=st.integers(0, 50_000_000),
    said=st.integers(0, 2**62),
    compressed=st.booleans(),
    fragments=st.integers(1, 400),
)
def test_memory_keeps_to_its_bound(
    inflated: int, said: int, compressed: bool, fragments: int
) -> None:
    """Bombs, lengths that are lies, and messages of many fragments."""
    if compressed:
        hostile = frame(BINARY, deflated(bytes(inflated)), rsv=4)
    else:
        parts = [frame(BINARY, b"x" * 1_000, fin=False)]
        parts += [frame(0, b"x" * 1_000, fin=False)] * (fragments - 1)
        hostile = b"".join(parts) + frame(0, b"x" * 100, fin=False, length=said)

    async def check() -> None:
        headers = [DEFLATE] if compressed else []
        async with paired(None, *headers, message=LIMIT, timeouts={"close": 0.1}) as (
            connection,
            far,
        ):
            tracemalloc.start()
            try:
                sending = asyncio.ensure_future(far.send(hostile))
                with suppress(TimedOut, ConnectionClosed):
                    assert len((await connection.receive(0.3)).data) <= LIMIT
                _, peak = tracemalloc.get_traced_memory()
                assert peak < MEMORY, f"{peak:,} bytes"
                sending.cancel()
            finally:
                tracemalloc.stop()

    run(check())
