"""The same behaviours, once as a Python check and once as a script on npm's ws.

In the sources URL is the server's address.
"""

from __future__ import annotations

import textwrap
from typing import Literal, NamedTuple

__all__ = ["SCENARIOS", "Scenario"]

Server = Literal[
    "echo",
    "wrong",
    "silent",
    "closing",
    "nothing",
    "tls.certificate_expired",
    "ws.closed_abnormally",
]


class Scenario(NamedTuple):
    """What a check meets, and what is to come of it.

    Attributes:
        name: one word.
        server: what is at URL.
        python, node: the check.
        status: of the attempt.
        code: of the failure that leads; empty if it passes.
        options: of the check.
    """

    name: str
    server: Server
    python: str
    node: str
    status: str
    code: str = ""
    options: dict[str, str] = {}  # noqa: RUF012 - never changed

    def python_file(self, url: str) -> str:
        """The Python check, as a file."""
        options = ", ".join(f'{name}="{value}"' for name, value in self.options.items())
        head = "import os, sys, time\nfrom checkwire import WebSocket, check, connect, env, log\n"
        body = textwrap.indent(textwrap.dedent(self.python).strip(), "    ")
        text = f"{head}\n@check({options})\nasync def {self.name}():\n{body}\n"
        return text.replace("URL", repr(url))

    def node_file(self, url: str) -> str:
        """The script, as a file."""
        options = " ".join(f"{name}={value}" for name, value in self.options.items())
        head = f"// checkwire: {options}\n" if options else ""
        head += "const assert = require('node:assert');\nconst WebSocket = require('ws');\n"
        return (head + textwrap.dedent(self.node)).replace("URL", repr(url))


_LOGS_ONLY = """
    const ws = new WebSocket(URL);
    ws.on('open', () => ws.send(JSON.stringify({ action: 'echo' })));
    ws.on('message', (data) => {
      try {
        assert.equal(JSON.parse(data).action, 'echo');
      } catch (error) {
        console.log('not what was expected', error.message);
      }
    });
    ws.on('error', (error) => console.error('error', error.message));
    ws.on('close', (code) => console.log('closed', code));
    setTimeout(() => ws.close(), 500);
"""
"""The shape of the scripts that there are: whatever goes wrong is only logged."""

_HANDLERS = """
    import json
    ws = WebSocket(URL)

    @ws.on("open")
    def opened():
        ws.send(json.dumps({"action": "echo"}))

    @ws.on("message")
    def received(message):
        try:
            assert json.loads(message)["action"] == "echo"
        except Exception as error:
            print("not what was expected", error)

    @ws.on("error")
    def failed(error):
        print("error", error)

    await ws.run(for_="0.5s")
"""

SCENARIOS = (
    Scenario("passes", "echo", _HANDLERS, _LOGS_ONLY, "passed"),
    Scenario("wrong_reply", "wrong", _HANDLERS, _LOGS_ONLY, "failed", "assertion.failed"),
    Scenario("refused", "nothing", _HANDLERS, _LOGS_ONLY, "failed", "tcp.refused"),
    Scenario(
        "expired", "tls.certificate_expired", _HANDLERS, _LOGS_ONLY,
        "failed", "tls.certificate_expired",
    ),
    Scenario(
        "cut", "ws.closed_abnormally", _HANDLERS, _LOGS_ONLY, "failed", "ws.closed_abnormally"
    ),
    Scenario("closed", "closing", _HANDLERS, _LOGS_ONLY, "failed", "ws.closed"),
    Scenario("silence", "silent", _HANDLERS, _LOGS_ONLY, "failed", "message.none_received"),
    Scenario(
        "timeout", "silent",
        """
        async with connect(URL) as ws:
            await ws.receive(within="20s")
        """,
        """
        const ws = new WebSocket(URL);
        ws.on('message', () => ws.close());
        """,
        "failed", "timeout.check", {"timeout": "1s"},
    ),
    Scenario(
        "idles", "nothing",
        """
        import asyncio
        await asyncio.sleep(20)
        """,
        "setInterval(() => {}, 1000);",
        "error", "script.timeout", {"timeout": "1s"},
    ),
    Scenario(
        "spins", "echo",
        """
        async with connect(URL) as ws:
            await ws.send("hello")
            await ws.receive()
            while True:
                pass
        """,
        """
        const ws = new WebSocket(URL);
        ws.on('open', () => ws.send('hello'));
        ws.on('message', () => { for (;;); });
        """,
        "error", "script.blocked", {"timeout": "1s"},
    ),
    Scenario(
        "memory", "nothing",
        """
        taken = []
        while True:
            taken.append(bytearray(10_000_000))
        """,
        "const taken = []; for (;;) taken.push(new Array(1e6).fill(Math.random()));",
        "error", "runner.memory", {"memory": "128MiB"},
    ),
    Scenario(
        "buffers", "nothing",
        """
        taken = []
        while True:
            taken.append(bytearray(10_000_000))
        """,
        "const taken = []; for (;;) taken.push(Buffer.alloc(1e7, 1));",
        "error", "runner.memory", {"memory": "128MiB"},
    ),
    Scenario(
        "floods", "echo",
        """
        for number in range(50_000):
            print("line", number)
        async with connect(URL) as ws:
            await ws.send("hello")
            assert await ws.receive() == "hello"
        """,
        """
        for (let number = 0; number < 50000; number += 1) console.log('line', number);
        const ws = new WebSocket(URL);
        ws.on('open', () => ws.send('hello'));
        ws.on('message', (data) => { assert.equal(String(data), 'hello'); ws.close(); });
        """,
        "passed",
    ),
    Scenario(
        "secrets", "echo",
        """
        token = env["TOKEN"]
        print("it is", token)
        async with connect(URL + "?token=" + token, headers={"X-Token": token}) as ws:
            await ws.send(token)
            assert await ws.receive() == token
        raise RuntimeError(f"leaked {token}")
        """,
        """
        const token = process.env.TOKEN;
        console.log('it is', token);
        process.stdout.write(`and ${token}\\n`);
        const ws = new WebSocket(`${URL}?token=${token}`, { headers: { 'X-Token': token } });
        ws.on('open', () => ws.send(token));
        ws.on('message', (data) => {
          assert.equal(String(data), token);
          ws.send(Buffer.from(token));
          ws.close(1000, token);
          throw new Error(`leaked ${token}`);
        });
        """,
        "error", "script.exception",
    ),
    Scenario(
        "many_connections", "echo",
        """
        import asyncio

        async def one(number):
            async with connect(URL) as ws:
                await ws.send(f"hello {number}")
                assert await ws.receive() == f"hello {number}"

        await asyncio.gather(*map(one, range(20)))
        """,
        """
        for (let number = 0; number < 20; number += 1) {
          const ws = new WebSocket(URL);
          ws.on('open', () => ws.send(`hello ${number}`));
          ws.on('message', (data) => {
            assert.equal(String(data), `hello ${number}`);
            ws.close();
          });
        }
        """,
        "passed",
    ),
    Scenario(
        "ten_thousand", "echo",
        """
        async with connect(URL) as ws:
            for number in range(10_000):
                await ws.send(f"message {number}")
                assert await ws.receive() == f"message {number}"
        """,
        """
        const ws = new WebSocket(URL);
        let number = 0;
        ws.on('open', () => ws.send(`message ${number}`));
        ws.on('message', (data) => {
          assert.equal(String(data), `message ${number}`);
          number += 1;
          if (number < 10000) ws.send(`message ${number}`);
          else ws.close();
        });
        """,
        "passed", options={"timeout": "40s"},
    ),
    Scenario(
        "exits", "echo",
        """
        await connect(URL).__aenter__()
        sys.exit(0)
        """,
        """
        new WebSocket(URL);
        process.exit(0);
        """,
        "error", "script.exited",
    ),
    Scenario(
        "raises", "echo",
        """
        async with connect(URL) as ws:
            raise RuntimeError("out of order")
        """,
        """
        const ws = new WebSocket(URL);
        ws.on('open', () => {
          ws.close();
          throw new Error('out of order');
        });
        """,
        "error", "script.exception",
    ),
    Scenario(
        "looks_at_nothing", "echo",
        """
        async with connect(URL):
            pass
        """,
        """
        const ws = new WebSocket(URL);
        ws.on('open', () => ws.close());
        """,
        "passed",
    ),
)  # fmt: skip
