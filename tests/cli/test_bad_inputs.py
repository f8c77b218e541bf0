"""What users get wrong in checks, and what servers do to them: each is told in plain words.

All of it in one project and one run of the program, as a user would see it.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from websockets.asyncio.server import ServerConnection

from support.once import once
from support.program import checkwire, environment, project, report, serving
from support.scene import refusing_url

pytestmark = pytest.mark.timeout(300)  # A part of it is waiting for others: see ``once``.

HEAD = """
import sys
from checkwire import check, connect, env, secret

"""


class Bad(NamedTuple):
    """A check with something wrong.

    Attributes:
        body: the lines of its function.
        status: of its run.
        code: of its failure; empty if it passes.
        says: a part of the message; ``{plain}`` and ``{tls}`` are servers' addresses.
        advises: a part of the hint, or of the details.
    """

    body: str
    status: str
    code: str = ""
    says: str = ""
    advises: str = ""


BAD = {
    "http_scheme": Bad(
        "await connect('http://127.0.0.1/')",
        "error", "check.bad_url", "http:// is not a WebSocket address", "Write ws:// instead",
    ),
    "other_scheme": Bad(
        "await connect('ftp://127.0.0.1/')",
        "error", "check.bad_url", "ftp:// is not one of ws://, wss://", "Write ws://host:port/path",
    ),
    "no_scheme": Bad(
        "await connect('127.0.0.1:80/x')",
        "error", "check.bad_url", "a scheme is missing", "Write ws://127.0.0.1:80/x or wss://",
    ),
    "fragment": Bad(
        "await connect('ws://127.0.0.1/#part')",
        "error", "check.bad_url", "a fragment (#...) has no meaning", "Write ws://host:port/path",
    ),
    "no_host": Bad(
        "await connect('ws:///path')",
        "error", "check.bad_url", "a host is missing", "Write ws://host:port/path",
    ),
    "no_variable": Bad(
        "await connect(env['NOWHERE'])",
        "error", "check.env_missing", "The variable NOWHERE is not set", "--env NOWHERE=...",
    ),
    "no_secret": Bad(
        "secret('NO_KEY')",
        "error", "check.secret_missing", "The secret NO_KEY is not set", "export NO_KEY=...",
    ),
    "nobody_listens": Bad(
        "await connect(env['REFUSED'])",
        "failed", "tcp.refused", "Nothing listens on 127.0.0.1:", "Check that the server runs",
    ),
    "tls_where_there_is_none": Bad(
        "await connect(f\"wss://{env['PLAIN']}/\")",
        "failed", "tls.not_tls", "{plain} does not speak TLS", "Use ws:// instead of wss://",
    ),
    "none_where_there_is_tls": Bad(
        "await connect(f\"ws://{env['TLS']}/\")",
        "failed", "upgrade.tls_expected", "{tls} speaks TLS", "Use wss:// instead of ws://",
    ),
    "huge": Bad(
        "await say('huge', lambda ws: ws.receive())",
        "failed", "ws.too_big", "over the limit of 16,777,216 bytes", "Raise max_size=",
    ),
    "binary": Bad(
        "await say('binary', lambda ws: ws.receive_text())",
        "failed", "message.wrong_type", "A binary message of 3 bytes came where text was expected",
        "receive_bytes()",
    ),
    "no_json": Bad(
        "await say('no json', lambda ws: ws.receive_json())",
        "failed", "message.invalid_json", "The message is not JSON: ", "{nope\n ^ ",
    ),
    "silent": Bad(
        "await say('silent', lambda ws: ws.receive(within='30s'))",
        "failed", "timeout.check", "did not finish in 2.00 s; it was waiting here", "timeout=",
    ),
    "endless": Bad(
        "while True: pass",
        "error", "script.blocked", "did not stop at its timeout of 2.00 s", "It spins, or calls",
    ),
    "loud": Bad("for _ in range(100): sys.stdout.write('x' * 999_999 + '\\n')", "passed"),
    "closes_twice": Bad("await closed(lambda ws: ws.close())", "passed"),
    "sends_after_close": Bad(
        "await closed(lambda ws: ws.send('late'))",
        "error", "check.usage", "WebSocket is not open", "ws.send('late')",
    ),
    "receives_after_close": Bad(
        "await closed(lambda ws: ws.receive())",
        "error", "check.usage", "the check itself had closed", "ws.receive()",
    ),
    "forgets_await": Bad(
        "connect(env['REFUSED'])",
        "error", "check.usage", "The WebSocket was never opened: write", "connect(env['REFUSED'])",
    ),
    "exits": Bad("sys.exit(3)", "error", "script.exited", "called exit(3)", "Return from the func"),
}  # fmt: skip

HELPERS = """
async def say(what, then):
    async with connect(f"ws://{env['PLAIN']}/") as ws:
        await ws.send(what)
        await then(ws)

async def closed(then):
    async with connect(f"ws://{env['PLAIN']}/") as ws:
        await ws.close()
        await then(ws)
"""


async def answer(ws: ServerConnection) -> None:
    async for message in ws:
        if message == "huge":
            await ws.send("x" * 17_000_000)
        elif message == "binary":
            await ws.send(b"\0\1\2")
        elif message == "no json":
            await ws.send("{nope")


class Seen(NamedTuple):
    """What came of all of them."""

    runs: dict[str, dict[str, Any]]
    text: str
    status: int
    addresses: dict[str, str]


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Seen:
    return once(tmp_path_factory, "bad", run_all)


def run_all(folder: Path) -> Seen:
    checks = "\n\n".join(
        f"@check(timeout='{2 if name in ('silent', 'endless') else 30}s')\n"
        f"async def {name}():\n    {bad.body}"
        for name, bad in BAD.items()
    )
    root = project(folder)
    (root / "a_check.py").write_text(f"{HEAD}{HELPERS}\n\n{checks}\n")
    with (
        serving(answer) as url,
        subprocess.Popen(
            [sys.executable, "-m", "checkwire", "echo", "--port", "0", "--tls", "--quiet"],
            stdout=subprocess.PIPE,
            env=environment(),
            text=True,
        ) as echo,
    ):
        try:
            assert echo.stdout is not None
            tls = echo.stdout.readline().rstrip().rpartition("//")[2]
            plain = url.removeprefix("ws://").rstrip("/")
            variables = {"PLAIN": plain, "TLS": tls, "REFUSED": refusing_url()}
            document = report(cwd=root, **variables)
            result = checkwire("test", cwd=root, **variables)
        finally:
            echo.terminate()
    runs = {run["check"]["function"]: run for run in document["runs"]}
    return Seen(runs, result.out + result.err, result.status, {"plain": plain, "tls": tls})


@pytest.mark.parametrize("name", BAD)
def test_it_is_told_with_code_place_and_advice(seen: Seen, name: str) -> None:
    bad, run = BAD[name], seen.runs[name]
    assert run["status"] == bad.status
    if not bad.code:
        assert run["attempts"][-1].get("failure") is None
        return
    failure = run["attempts"][-1]["failure"]
    assert failure["code"] == bad.code
    assert bad.says.format(**seen.addresses) in failure["message"]
    place = failure["location"]
    advice = "\n".join([failure.get("hint", ""), failure.get("details", ""), place.get("text", "")])
    assert bad.advises in advice
    assert place["path"] == "a_check.py"
    helpers = range(min(run["check"]["line"] for run in seen.runs.values()))
    assert place["line"] in (run["check"]["line"] + 1, *helpers)


def test_the_terminal_shows_each_and_nothing_of_our_own_code(seen: Seen) -> None:
    assert seen.status == 1
    for name, bad in BAD.items():
        if bad.code:
            assert f"\n✕ {name}" in seen.text
            assert f"checkwire test a_check.py::{name} -v" in seen.text
    assert "checkwire/runner" not in seen.text
    assert "checkwire/sdk" not in seen.text
    assert "asyncio/" not in seen.text
    assert len(seen.text) < 100_000
