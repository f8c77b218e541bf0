"""Scripts of every form, and those that are no good."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection

from support.npm import npm_folder
from support.once import once
from support.program import checkwire, environment, report, serving

pytestmark = pytest.mark.timeout(300)  # A part of it is waiting for others: see ``once``.

ROOT = Path(__file__).parents[2]
BAD: dict[str, tuple[str, str, str, str]] = {
    # name: source, status, code, what the message says
    "no_javascript.js": ("const a = ;\n", "error", "script.syntax", "Unexpected token ';'"),
    "missing.js": (
        "require('@some/thing/part');\n", "error", "script.import", "package @some/thing,"
    ),
    "missing.mjs": ("import 'left-pad';\n", "error", "script.import", "the package left-pad,"),
    "no_file.mjs": ("import './other.mjs';\n", "error", "script.import", "there is no such file"),
    "enums.ts": ("enum A { B }\n", "error", "script.syntax", "enum is not supported"),
    "throws.ts": (
        "interface X { a: number }\n\nconst x = null as unknown as X;\nsetTimeout(() => x.a, 1);\n",
        "error", "script.exception", "TypeError: Cannot read properties of null",
    ),
    "text.js": ("throw 'just text';\n", "error", "script.exception", "threw just text"),
    "rejects.js": ("Promise.reject(new Error('boom'));\n", "error", "script.exception", "boom"),
    "swallows.js": (
        "process.on('unhandledRejection', () => {});\nPromise.reject(new Error('boom'));\n",
        "error", "script.exception", "boom",
    ),
    "status.js": ("process.exitCode = 3;\n", "failed", "assertion.failed", "exit status 3"),
    "leaves.js": ("process.exit(4);\n", "failed", "assertion.failed", "exit status 4"),
    "unsettled.mjs": ("await new Promise(() => {});\n", "error", "script.exited", "top level"),
    "aborts.js": ("process.abort();\n", "error", "script.crashed", "SIGABRT"),
    "killed.js": ("process.kill(process.pid, 'SIGKILL');\n", "error", "runner.killed", "SIGKILL"),
    "asserts.js": (
        "const assert = require('node:assert');\ntry { assert(1 === 2); } catch {}\n",
        "failed", "assertion.failed", "assert(1 === 2)",
    ),
    "expects.js": (
        "const { expect } = require('expect');\ntry { expect(1).toBe(2); } catch {}\n",
        "failed", "assertion.failed", "toBe",
    ),
    "never.js": (
        "const assert = require('node:assert');\nif (process.env.NEVER) assert.ok(1);\n",
        "failed", "assertion.never_ran", "none of them",
    ),
    "refused.mjs": (
        "try { await fetch('http://127.0.0.1:47/'); } catch {}\n",
        "failed", "tcp.refused", "127.0.0.1:47",
    ),
    "refused.js": (
        "require('node:http').get('http://127.0.0.1:1/').on('error', () => {});\n",
        "failed", "tcp.refused", "127.0.0.1:1",
    ),
}  # fmt: skip

GOOD = {
    "commonjs.js": "const WebSocket = require('ws');\n%s",
    "named.cjs": "const { WebSocket } = require('ws');\n%s",
    "modules.mjs": "import WebSocket from 'ws';\n%s",
    "detected.js": "import { WebSocket } from 'ws';\n%s",
    "typed.ts": "import { WebSocket } from 'ws';\nconst n: number = 1;\n%s",
    "typed.mts": "import WebSocket, { type RawData } from 'ws';\n%s",
    "old.js": "const WebSocket = require('ws7');\n%s",
    "own.mjs": "import WebSocket from 'ws8';\n%s",
    "hostile.js": (
        "globalThis.console = { log() {}, error() {} };\nprocess.on = () => {};\n"
        "process.stdout.write = () => true;\nsetImmediate = setTimeout = () => {};\n"
        "const WebSocket = require('ws');\n%s"
    ),
    "third.js": (
        "try { require('node:fs').closeSync(3); } catch {}\nconst WebSocket = require('ws');\n%s"
    ),
    "large.js": "const WebSocket = require('ws');\nconst size = 200000;\n%s",
}
TALK = """
const ws = new WebSocket(process.env.URL);
const sent = 'x'.repeat(typeof size === 'undefined' ? 5 : size);
ws.on('open', () => ws.send(sent));
ws.on('message', (data) => {
  if (String(data) !== sent) throw new Error('not what was sent');
  ws.close();
});
"""
RETRIES = """
const assert = require('node:assert');
let tries = 0;
function once() {
  tries += 1;
  try {
    assert.equal(tries, 3);
    assert(tries === 3);
  } catch {
    setTimeout(once, 5);
  }
}
once();
"""


async def echo(ws: ServerConnection) -> None:
    async for message in ws:
        await ws.send(message)


@contextmanager
def public_echo(ca: Path) -> Iterator[int]:
    """``checkwire echo`` with TLS; yields its port."""
    command = [sys.executable, "-m", "checkwire", "echo", "--port", "0", "--quiet"]
    server = subprocess.Popen(
        [*command, "--tls-cert-out", str(ca)],
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        assert server.stdout is not None
        match = re.search(r"wss://[^:]+:(\d+)", server.stdout.readline())
        assert match is not None
        yield int(match[1])
    finally:
        server.terminate()
        server.communicate()


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What comes of all of them, in one project."""
    return once(tmp_path_factory, "scripts", run_all)


def run_all(root: Path) -> dict[str, Any]:
    (root / "checkwire.toml").write_text('[project]\nid = "scripts"\n')
    (root / "node_modules").symlink_to(npm_folder())
    files = {name: source for name, (source, *_) in BAD.items()}
    files |= {name: source % TALK for name, source in GOOD.items()}
    files["retries.js"] = RETRIES
    for name, source in files.items():
        (root / name).write_text(source)
    with serving(echo) as url:
        return report(*files, "--timeout", "10s", cwd=root, URL=url)


def attempt(document: dict[str, Any], path: str) -> dict[str, Any]:
    (run,) = (run for run in document["runs"] if run["check"]["path"] == path)
    found: dict[str, Any] = run["attempts"][-1]
    return found


@pytest.mark.parametrize("name", BAD)
def test_what_is_wrong_with_a_script_is_told(name: str, document: dict[str, Any]) -> None:
    _, status, code, message = BAD[name]
    seen = attempt(document, name)
    assert (seen["status"], seen["failure"]["code"]) == (status, code), seen["failure"]
    assert message in seen["failure"]["message"]


@pytest.mark.parametrize("name", GOOD)
def test_every_form_of_script_runs(name: str, document: dict[str, Any]) -> None:
    seen = attempt(document, name)
    assert seen["status"] == "passed", seen.get("failure")
    (closed,) = (e for e in seen["events"] if e["type"] == "connection_closed")
    assert (closed["messages_in"], closed["messages_out"]) == (1, 1)
    frames = [e for e in seen["events"] if e["type"] == "frame_seen" and e["opcode"] == "text"]
    size = 200_000 if name == "large.js" else 5
    assert {frame["size"] for frame in frames} == {size}
    assert {frame["payload"] for frame in frames} == {"x" * min(size, 4096)}
    assert {frame.get("truncated", False) for frame in frames} == {size > 4096}


def test_an_assertion_that_holds_later_makes_up_for_those_that_did_not(
    document: dict[str, Any],
) -> None:
    seen = attempt(document, "retries.js")
    assert seen["status"] == "passed"
    assert sum(event["type"] == "excused" for event in seen["events"]) == 2


def test_an_error_has_the_scripts_own_line_in_typescript_too(document: dict[str, Any]) -> None:
    location = attempt(document, "throws.ts")["failure"]["location"]
    assert (location["path"], location["line"]) == ("throws.ts", 4)
    assert location["text"] == "setTimeout(() => x.a, 1);"


def test_a_missing_package_comes_with_the_command_that_installs_it(
    document: dict[str, Any],
) -> None:
    assert "npm install left-pad" in attempt(document, "missing.mjs")["failure"]["hint"]
    assert "npm install @some/thing" in attempt(document, "missing.js")["failure"]["hint"]


def test_the_examples_pass_as_if_the_local_server_were_the_public_one(tmp_path: Path) -> None:
    root = tmp_path / "node"
    shutil.copytree(ROOT / "examples" / "node", root)
    ca = tmp_path / "ca.pem"
    with public_echo(ca) as port:
        to = f"echo.websocket.org:443:127.0.0.1:{port}"
        result = report("--resolve", to, "--ca", str(ca), cwd=root)
    assert {run["check"]["path"]: run["status"] for run in result["runs"]} == {
        "builtin.check.mjs": "passed",
        "echo.check.js": "passed",
        "echo.check.ts": "passed",
    }
    for run in result["runs"]:
        (seen,) = run["attempts"]
        (started,) = (e for e in seen["events"] if e["type"] == "connection_started")
        assert started["url"] == "wss://echo.websocket.org/"
        names = {e["name"] for e in seen["events"] if e["type"] == "phase"}
        assert names == {"dns", "tcp", "tls", "upgrade", "open", "first_message", "close"}
        (tls,) = (e for e in seen["events"] if e["type"] == "tls_established")
        assert "echo.websocket.org" in tls["chain"][0]["names"]


def test_console_output_has_its_level(tmp_path: Path) -> None:
    (tmp_path / "a.js").write_text(
        "console.log('one'); console.warn('two'); console.error('three'); console.debug('four');\n"
    )
    seen = attempt(report("a.js", cwd=tmp_path), "a.js")
    logged = [e for e in seen["events"] if e["type"] == "logged"]
    assert [(e["message"], e.get("level", "info"), e["source"]) for e in logged] == [
        ("one", "info", "stdout"), ("two", "warning", "stderr"), ("three", "error", "stderr"),
        ("four", "debug", "stdout"),
    ]  # fmt: skip


def test_the_head_of_a_file_gives_its_options(tmp_path: Path) -> None:
    (tmp_path / "a.check.js").write_text(
        "#!/usr/bin/env node\n// Orders come.\n//\n"
        '// checkwire: every=5m timeout=7s tags=a,b name="Order updates" retries=2\n'
        "console.log(1);\n// checkwire: every=9m\n"
    )
    (run,) = report(cwd=tmp_path)["runs"]
    check = run["check"]
    assert check["name"] == "Order updates"
    assert check["description"] == "Orders come."
    assert (check["every"], check["timeout"], check["tags"]) == (300.0, 7.0, ["a", "b"])
    assert check["retries"]["max"] == 2
    assert check["id"] == "a.check.js"


@pytest.mark.parametrize(
    ("comment", "line", "message"),
    [
        ("// checkwire: timout=3s", 1, 'there is no option "timout"; did you mean "timeout"?'),
        ("\n/* checkwire: timeout=never */", 2, "timeout:"),
        ("// checkwire: every", 1, '"every" is no option: write NAME=VALUE'),
        ("// checkwire: every=1m every=2m", 1, "every is given twice"),
        ('// checkwire: name="x', 1, "a quote is not closed"),
        ("// checkwire: timeout=1s degraded=2s", 1, "degraded"),
    ],
)
def test_an_option_that_will_not_do_is_told_with_its_line(
    comment: str, line: int, message: str, tmp_path: Path
) -> None:
    (tmp_path / "a.check.js").write_text(f"{comment}\n")
    (failure,) = report(cwd=tmp_path)["load_failures"]
    assert failure["code"] == "check.usage"
    assert failure["location"]["line"] == line
    assert message in failure["message"]


def test_a_walk_runs_no_script_that_is_not_named_as_a_check(tmp_path: Path) -> None:
    for name in ("server.js", "src/index.ts", "node_modules/x/a.check.js", "checks/b.check.mts"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("console.log(1);\n")
    result = checkwire("test", "--list", cwd=tmp_path)
    assert result.out.split() == ["checks/b.check.mts"], result.err


def test_without_node_it_is_said_how_to_get_one(tmp_path: Path) -> None:
    (tmp_path / "a.check.js").write_text("console.log(1);\n")
    (tmp_path / "a_check.py").write_text(
        "from checkwire import check\n\n\n@check()\nasync def holds():\n    assert True\n"
    )
    fake = tmp_path / "bin" / "node"
    fake.parent.mkdir()
    fake.write_text("#!/bin/sh\necho v18.19.1\n")
    fake.chmod(0o755)
    for path, words in {
        str(fake): "is Node v18.19.1, which is too old",
        "/nowhere": "not run",
    }.items():
        document = report(cwd=tmp_path, CHECKWIRE_NODE=path)
        (failure,) = document["load_failures"]
        assert failure["code"] == "runner.start"
        assert words in failure["message"]
        assert "pip install 'checkwire[node]'" in failure["message"]
        assert [run["status"] for run in document["runs"]] == ["passed"]


def test_the_copy_of_ws_is_npms() -> None:
    ours = ROOT / "src" / "checkwire" / "runner" / "node" / "vendor" / "ws"
    theirs = npm_folder() / "ws8"
    files = {str(path.relative_to(ours)) for path in ours.rglob("*") if path.is_file()}
    assert {"LICENSE", "index.js", "wrapper.mjs", "package.json"} <= files
    for name in files:
        assert (ours / name).read_bytes() == (theirs / name).read_bytes(), name


def test_the_hook_is_javascript() -> None:
    from checkwire.runner.node.runtime import find_runtime

    node = find_runtime(os.environ).path
    for file in (ROOT / "src" / "checkwire" / "runner" / "node" / "hook").rglob("*.?js"):
        subprocess.run([node, "--check", file], check=True, timeout=20)


def test_variables_and_arguments_are_those_of_a_script(tmp_path: Path) -> None:
    (tmp_path / "a.js").write_text(
        "const { argv, env } = process;\n"
        "console.log(JSON.stringify([argv.length, env.NAME, require.main === module,"
        " process.cwd(), __filename]));\n"
    )
    seen = attempt(report("a.js", "--env", "NAME=value", cwd=tmp_path), "a.js")
    (line,) = (e["message"] for e in seen["events"] if e["type"] == "logged")
    folder = str(tmp_path)
    assert json.loads(line) == [2, "value", True, folder, f"{folder}/a.js"]
