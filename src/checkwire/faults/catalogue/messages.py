"""``message.*`` and the like: messages that are not what was expected."""

from __future__ import annotations

from checkwire.faults import frames
from checkwire.faults.fault import Family
from checkwire.faults.peer import Peer, Script

faults = Family()


def _says(*data: bytes) -> Script:
    def script(peer: Peer) -> None:
        peer.handshake(then=b"".join(data))
        peer.echo()

    return script


faults.add(
    "message.invalid_json", does="sends text that is not JSON",
    script=_says(frames.text('{"price": 1.5,}')), evidence=("frame",),
    check="""
async with connect(URL) as ws:
    await ws.receive_json(within="1s")
""",
)  # fmt: skip
faults.add(
    "message.wrong_type", does="sends binary where text is expected",
    script=_says(frames.frame(frames.BINARY, b"\0\1")), evidence=("frame",),
    check="""
async with connect(URL) as ws:
    await ws.receive_text(within="1s")
""",
)  # fmt: skip
faults.add(
    "message.schema", does="sends a message that does not fit its schema",
    script=_says(frames.text('{"price": "high"}')),
    check="""
from checkwire import check, connect, env, expect

SCHEMA = {"type": "object", "properties": {"price": {"type": "number"}}}


@check(timeout="5s")
async def fits():
    async with connect(URL) as ws:
        expect(await ws.receive_json(within="1s")).matches_schema(SCHEMA)
""",
)  # fmt: skip
faults.add(
    "message.unexpected", does="sends a message where silence is expected",
    script=_says(frames.text("psst")), evidence=("frame",),
    check="""
async with connect(URL) as ws:
    await ws.expect_silence("1s")
""",
)  # fmt: skip
faults.add(
    "message.none_received", does="sends no message to handlers", waits=0.5,
    script=_says(),
    check="""
from checkwire import WebSocket, check, env


@check(timeout="5s")
async def listens():
    ws = WebSocket(URL)

    @ws.on("message")
    def received(message):
        assert message

    await ws.run(for_="500ms")
""",
)  # fmt: skip
faults.add(
    "timeout.no_match", does="sends messages, and none that fits", waits=1,
    script=_says(frames.text('{"type": "ack", "channel": "books"}')),
    evidence=("messages", "closest_frame"),
    check="""
async with connect(URL) as ws:
    await ws.receive_json(where={"type": "ack", "channel": "trades"}, within="1s")
""",
)  # fmt: skip
faults.add(
    "timeout.handler", does="sends a message whose handler does not end", waits=2.2,
    script=_says(frames.text("hello")), timeout="8s",
    check="""
import asyncio

from checkwire import WebSocket, check, env


@check(timeout="8s")
async def listens():
    ws = WebSocket(URL)

    @ws.on("message")
    async def received(message):
        assert message
        await asyncio.sleep(60)

    await ws.run(for_="200ms")
""",
)  # fmt: skip
faults.add(
    "assertion.not_found", does="sends a message without what the check takes out of it",
    script=_says(frames.text('{"error": "no such user"}')),
    check="""
from checkwire import check, connect, env, expect


@check(timeout="5s")
async def takes():
    async with connect(URL) as ws:
        expect(await ws.receive_json(within="1s"), "The message").find("$.token")
""",
)  # fmt: skip
faults.add(
    "assertion.failed", does="sends a wrong value",
    script=_says(frames.text('{"status": "halted"}')),
    check="""
async with connect(URL) as ws:
    state = await ws.receive_json(within="1s")
    assert state["status"] == "open"
""",
)  # fmt: skip
faults.add(
    "assertion.too_slow", does="is well, but not as quick as is asked for",
    script=_says(frames.text("hello")), severity="degraded",
    check="""
from checkwire import check, connect, env, expect


@check(timeout="5s")
async def quick():
    async with connect(URL) as ws:
        assert await ws.receive(within="1s") == "hello"
        expect(ws.timings.open).below("1ns")
""",
)  # fmt: skip
faults.add(
    "assertion.expected_failure", does="is well, where a failure is expected",
    script=_says(frames.text("hello")),
    check="""
from checkwire import check, connect, env, expect


@check(timeout="5s")
async def refused():
    with expect.failure("tcp.refused"):
        async with connect(URL):
            pass
""",
)  # fmt: skip
faults.add(
    "assertion.never_ran", does="sends no message to a handler that asserts", waits=0.3,
    script=_says(),
    check="""
from checkwire import WebSocket, check, env


@check(timeout="5s")
async def listens():
    ws = WebSocket(URL)

    @ws.on("ping")
    def pinged(payload):
        assert payload == b"x"

    await ws.run(for_="300ms")
""",
)  # fmt: skip
