"""What a newcomer gets wrong: each mistake ends the check with one line that says what to do.

The checks are run for real, all of them from one file.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection

from checkwire.model.attempt import Attempt
from support.checks import run_all
from support.wsserver import served

MISTAKES: dict[str, tuple[str, str, str]] = {
    "receives_without_await": (
        """
        async with connect(URL) as ws:
            ws.receive_json(where={"type": "ack"})
        """,
        "receive_json() was called without await, so it did nothing: write `await` before it",
        'ws.receive_json(where={"type": "ack"})',
    ),
    "asserts_without_await": (
        """
        async with connect(URL) as ws:
            assert ws.receive_json()["type"] == "ack"
        """,
        "receive_json() was called without await, so it did nothing: write `await` before it",
        'assert ws.receive_json()["type"] == "ack"',
    ),
    "compares_without_await": (
        """
        async with connect(URL) as ws:
            assert ws.receive() == "ack"
        """,
        "receive() was called without await, so it did nothing: write `await` before it",
        'assert ws.receive() == "ack"',
    ),
    "keeps_what_was_not_awaited": (
        """
        async with connect(URL) as ws:
            message = ws.receive_text()
        """,
        "receive_text() was called without await, so it did nothing: write `await` before it",
        "message = ws.receive_text()",
    ),
    "compares_later_what_was_not_awaited": (
        """
        async with connect(URL) as ws:
            message = ws.receive_text()
            try:
                assert message == "x"
            except AssertionError:
                pass
        """,
        "receive_text() was called without await, so it did nothing: write `await` before it",
        "message = ws.receive_text()",
    ),
    "calls_a_helper_without_await": (
        """
        async def subscribe(ws):
            await ws.send("subscribe")

        async with connect(URL) as ws:
            subscribe(ws)
            assert await ws.receive()
        """,
        "subscribe() was called without await, so it did nothing: write `await` before it",
        "subscribe(ws)",
    ),
    "sleeps_without_await": (
        """
        asyncio.sleep(60)
        assert True
        """,
        "sleep() was called without await, so it did nothing: write `await` before it",
        "asyncio.sleep(60)",
    ),
    "runs_without_await": (
        """
        ws = WebSocket(URL)
        ws.on("message", print)
        ws.run(for_="1s")
        """,
        "run() was called without await, so it did nothing: write `await` before it",
        'ws.run(for_="1s")',
    ),
    "never_runs": (
        """
        ws = WebSocket(URL)

        @ws.on("message")
        def received(message):
            assert message
        """,
        "The WebSocket was never opened: write `async with connect(url) as ws:`, or "
        "`await ws.run()` with handlers",
        "ws = WebSocket(URL)",
    ),
    "registers_and_does_not_run": (
        """
        async with connect(URL) as ws:
            ws.on("message", print)
            await ws.receive()
        """,
        "handlers were registered with on(), and nothing called them: await ws.run()",
        "async with connect(URL) as ws:",
    ),
    "does_not_await_connect": (
        """
        ws = connect(URL)
        await ws.send("x")
        """,
        "WebSocket is not open: readyState 0 (CONNECTING); write `async with connect(url) as ws:`, "
        "or `await ws.run()` with handlers",
        'await ws.send("x")',
    ),
    "forgets_async_before_with": (
        """
        with connect(URL) as ws:
            await ws.send("x")
        """,
        "write `async with connect(...)`; a check that is a plain function takes connect from "
        "checkwire.sync",
        "with connect(URL) as ws:",
    ),
    "sends_a_dict": (
        """
        async with connect(URL) as ws:
            await ws.send({"a": 1})
        """,
        "send() takes str or bytes, not dict; send_json() sends any value as JSON",
        'await ws.send({"a": 1})',
    ),
    "swallows_its_own_mistake": (
        """
        try:
            async with connect(URL) as ws:
                await ws.send({"a": 1})
        except Exception as error:
            print(error)
        """,
        "send() takes str or bytes, not dict; send_json() sends any value as JSON",
        'await ws.send({"a": 1})',
    ),
    "sends_json_twice": (
        """
        async with connect(URL) as ws:
            await ws.send_json(json.dumps({"a": 1}))
        """,
        "send_json() got JSON text already: send() sends it",
        'await ws.send_json(json.dumps({"a": 1}))',
    ),
    "gives_where_a_string": (
        """
        async with connect(URL) as ws:
            await ws.receive_json(where="ack")
        """,
        'where="ack" fits only the JSON string itself: for a member write '
        'where={"type": "ack"}, for a part of the text receive_text(where=re.compile(...))',
        'await ws.receive_json(where="ack")',
    ),
    "looks_into_text": (
        """
        async with connect(URL) as ws:
            await ws.receive(where={"type": "ack"})
        """,
        "where= is an object, and messages are taken as they came: receive_json(where=...) looks "
        "into them",
        'await ws.receive(where={"type": "ack"})',
    ),
    "waits_in_milliseconds": (
        """
        async with connect(URL) as ws:
            await ws.receive(within=5000)
        """,
        'within=5000 would be 5,000 seconds: write "5000ms" for milliseconds, or "5000s" if it '
        "is meant",
        "await ws.receive(within=5000)",
    ),
    "calls_within_timeout": (
        """
        async with connect(URL) as ws:
            await ws.receive(timeout=5)
        """,
        "receive() does not take 'timeout'; write within=",
        "await ws.receive(timeout=5)",
    ),
    "mistypes_an_event": (
        """
        ws = WebSocket(URL)

        @ws.on("mesage")
        def received(message): ...

        await ws.run(for_="1s")
        """,
        'a WebSocket has no event "mesage"; did you mean "message"?',
        '@ws.on("mesage")',
    ),
    "handles_as_in_node": (
        """
        ws = WebSocket(URL)

        @ws.on("message")
        def received(data, is_binary): ...

        await ws.run(for_="1s")
        """,
        'received() requires 2 arguments, and a handler of "message" is given the message; '
        "binary messages are bytes, text is str",
        '@ws.on("message")',
    ),
    "handles_as_in_browsers": (
        """
        ws = WebSocket(URL)
        ws.onmessage = print
        await ws.run(for_="1s")
        """,
        "a WebSocket has no 'onmessage': here it is on(\"message\", handler)",
        "ws.onmessage = print",
    ),
    "calls_receive_recv": (
        """
        async with connect(URL) as ws:
            await ws.recv()
        """,
        "a WebSocket has no 'recv': here it is receive()",
        "await ws.recv()",
    ),
    "reads_tls_of_ws": (
        """
        async with connect(URL) as ws:
            assert ws.timings.tls < 0.5
        """,
        "timings.tls: there was no TLS handshake (ws:// is not encrypted); where that may be, ask "
        'first: if "tls" in ws.timings',
        "assert ws.timings.tls < 0.5",
    ),
    "expects_nothing": (
        """
        async with connect(URL) as ws:
            expect(await ws.receive() == "x")
        """,
        "expect(...) verifies nothing by itself: go on with .below(), .equals(), .matches(), ...",
        'expect(await ws.receive() == "x")',
    ),
    "calls_step_without_with": (
        """
        step("log in")
        assert True
        """,
        'step("log in") does nothing by itself: write `async with step("log in"):`',
        'step("log in")',
    ),
    "writes_http": (
        """
        async with connect(URL.replace("ws", "http")) as ws:
            await ws.receive()
        """,
        "http:// is not a WebSocket address",
        'async with connect(URL.replace("ws", "http")) as ws:',
    ),
}


async def _server(ws: ServerConnection) -> None:
    await ws.send('{"type": "ack"}')
    async for message in ws:
        await ws.send(message)


@pytest.fixture(scope="module")
def attempts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Attempt]]:
    root = tmp_path_factory.mktemp("mistakes")
    with served(_server) as url:
        lines = [
            "import asyncio, json",
            "from checkwire import WebSocket, check, connect, expect, step",
            f"URL = {url!r}",
        ]
        for name, (body, _, _) in MISTAKES.items():
            lines += ["", "@check(timeout='5s')", f"async def {name}():"]
            lines.append(textwrap.indent(textwrap.dedent(body).strip("\n"), "    "))
        (root / "newcomer_check.py").write_text("\n".join(lines))
        yield {name: run.attempts[-1] for name, run in run_all(root).items()}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_an_error_that_says_what_to_do(
    name: str, attempts: dict[str, Attempt]
) -> None:
    _, message, line = MISTAKES[name]
    attempt: Any = attempts[name]
    assert attempt.status == "error", attempt.failures
    assert attempt.failure.message.endswith(message)
    assert "\n" not in attempt.failure.message
    assert attempt.failure.location.text == line
    assert attempt.failure.location.path == "newcomer_check.py"
