"""The reference product's own complete example, run as it stands there, is green whatever the
server does: its handlers only log, and its parsing stands in a try/except. Ours is not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection

from support.program import project, report, serving

EVENTS = """
    import json
    from checkwire import WebSocket, check, env, expect

    @check(timeout="10s")
    async def example():
        ws = WebSocket(env["URL"])

        @ws.on("open")
        def opened():
            ws.send(json.dumps({"action": "echo", "message": "hello"}))

        @ws.on("message")
        def received(message):
            try:
                data = json.loads(message)
                expect(data["action"]).equals("echo")
            except Exception as error:
                print("not what was expected", error)

        @ws.on("error")
        def failed(error):
            print("error", error)

        @ws.on("close")
        def closed(code, reason):
            print("closed", code, reason)

        await ws.run(for_="0.5s")
"""

AWAITED = """
    from checkwire import check, connect, env

    @check(timeout="10s")
    async def example():
        try:
            async with connect(env["URL"]) as ws:
                await ws.send_json({"action": "echo", "message": "hello"})
                reply = await ws.receive_json(within="0.5s", where={})
                assert reply["action"] == "echo"
        except Exception as error:
            print("swallowed", error)
"""


async def right(ws: ServerConnection) -> None:
    await ws.send("Request served by test")
    async for message in ws:
        await ws.send(message)


async def wrong_json(ws: ServerConnection) -> None:
    async for _ in ws:
        await ws.send(json.dumps({"action": "WRONG"}))


async def silent(ws: ServerConnection) -> None:
    await ws.wait_closed()


async def greets_and_falls_silent(ws: ServerConnection) -> None:
    await ws.send("Request served by test")
    await ws.wait_closed()


async def closes_with_1011(ws: ServerConnection) -> None:
    await ws.recv()
    await ws.close(1011, "out of order")


async def cuts_the_line(ws: ServerConnection) -> None:
    await ws.recv()
    ws.transport.abort()


def outcome(root: Path, source: str, url: str) -> tuple[str, str]:
    document = report("--env", f"URL={url}", cwd=project(root, a_check=source))
    (run,) = document["runs"]
    failure: dict[str, Any] = run["attempts"][-1].get("failure") or {}
    return run["status"], failure.get("code", "")


@pytest.mark.parametrize("source", [EVENTS, AWAITED], ids=["events", "awaited"])
def test_a_right_echo_passes(source: str, tmp_path: Path) -> None:
    with serving(right) as url:
        assert outcome(tmp_path, source, url) == ("passed", "")


@pytest.mark.parametrize(
    ("server", "codes"),
    [
        (wrong_json, ("assertion.failed", "assertion.failed")),
        (silent, ("message.none_received", "timeout.first_message")),
        (greets_and_falls_silent, ("assertion.never_ran", "timeout.no_match")),
        (closes_with_1011, ("ws.closed", "ws.closed")),
        (cuts_the_line, ("ws.closed_abnormally", "ws.closed_abnormally")),
    ],
    ids=["wrong JSON", "silence", "greeting only", "close 1011", "cut"],
)
@pytest.mark.parametrize("style", [0, 1], ids=["events", "awaited"])
def test_what_the_script_swallows_fails_the_check(
    server: Any, codes: tuple[str, str], style: int, tmp_path: Path
) -> None:
    source = (EVENTS, AWAITED)[style]
    with serving(server) as url:
        assert outcome(tmp_path, source, url) == ("failed", codes[style])


@pytest.mark.parametrize("source", [EVENTS, AWAITED], ids=["events", "awaited"])
def test_a_refused_connection_that_is_only_logged_fails_the_check(
    source: str, tmp_path: Path
) -> None:
    assert outcome(tmp_path, source, "ws://127.0.0.1:1/") == ("failed", "tcp.refused")
