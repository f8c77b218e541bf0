"""Files of Playwright's tests, run by the real one, against real servers."""

from __future__ import annotations

import gzip
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

from support.httpserver import HttpServer, SeenRequest, json_reply, reply
from support.npm import npm_folder
from support.once import once
from support.program import checkwire, environment, report, serving

pytestmark = pytest.mark.timeout(300)  # A part of it is waiting for others: see ``once``.

ROOT = Path(__file__).parents[2]
SECRET = "token-4c1f9a7e"
HEAD = "import { test, expect } from '@playwright/test';\n"

CONFIG = """
import { defineConfig } from '@playwright/test';
export default defineConfig({
  retries: 2,
  workers: 4,
  reporter: 'html',
  timeout: 9000,
  use: { baseURL: process.env.API, extraHTTPHeaders: { 'X-Team': 'orders' } },
  projects: [
    { name: 'chromium', testMatch: '**/pages/**/*.spec.ts', use: { browserName: 'chromium' } },
    { name: 'api', use: { extraHTTPHeaders: { 'X-Project': 'api' } } },
  ],
});
"""

FILES = {
    "steps.spec.ts": """// Several steps.
import { test, expect } from '@playwright/test';
import assert from 'node:assert';
import WebSocket, { type RawData } from 'ws';

test.beforeAll(async ({ request }) => { await request.get('/before'); });
test.afterAll(async () => { console.debug('after all'); });

test.describe('orders', () => {
  test('come', async ({ request }) => {
    const token: string = await test.step('log in', async () => {
      const reply = await request.get('/token');
      expect(reply.status()).toBe(200);
      return (await reply.json()).token;
    });
    await test.step('talk', async () => {
      const ws = new WebSocket(process.env.URL!, { headers: { 'X-Token': token } });
      const answer = new Promise<RawData>((resolve) => ws.on('message', resolve));
      ws.on('open', () => ws.send('hello'));
      await test.step('compare', async () => { expect(String(await answer)).toBe('hello'); });
      ws.close();
      await new Promise((resolve) => ws.on('close', resolve));
    });
  });
});

test.skip('later', async () => {});
test.fail('known bug', async () => { expect(1).toBe(2); });

test('tries until it holds', async () => {
  let tries = 0;
  await expect(() => { expect(tries++).toBe(2); }).toPass({ intervals: [1] });
  await expect.poll(() => tries++, { intervals: [1] }).toBe(5);
  console.warn('held');
  assert.equal(tries, 6);
});
""",
    "wrong.spec.ts": HEAD
    + """import assert from 'node:assert';

test('expects', async ({ request }) => {
  await test.step('ask', async () => {
    const reply = await request.get('/token');
    expect(reply.status()).toBe(201);
  });
});
test('throws', async () => { (null as any).price.toFixed(); });
test('swallows', async () => { try { expect(1, 'the price').toBe(2); } catch {} });
test('asserts', async () => { assert.equal('a', 'b'); });
test.fail('passes', async () => { expect(1).toBe(1); });
test('browses', async ({ page }) => { await page.goto('/'); });
""",
    "degraded.spec.ts": HEAD
    + """import { markCheckAsDegraded, getAPIResponseTime } from '@checkly/playwright-helpers';
const softly = expect.configure({ soft: true });

test('works somehow', async ({ request }) => {
  const reply = await request.get('/token');
  expect.soft(reply.status()).toBe(201);
  await expect
    .soft(Promise.resolve(1), 'with words')
    .resolves.toBe(3);
  softly(1, 'of its own').toBe(4);
  if (getAPIResponseTime(reply)! > 0) markCheckAsDegraded('it is slow');
  expect(reply.ok()).toBe(true);
});
""",
    "limit.spec.ts": HEAD
    + """import WebSocket from 'ws';
test('waits', async () => {
  test.setTimeout(600);
  const ws = new WebSocket(process.env.URL!);
  await new Promise((resolve) => ws.on('message', resolve));
});
""",
    "overdue.spec.ts": """// checkwire: timeout=8s
import { test } from '@playwright/test';
import WebSocket from 'ws';
test('waits', async () => {
  await test.step('for ever', async () => {
    const ws = new WebSocket(process.env.URL!);
    await new Promise((resolve) => ws.on('message', resolve));
  });
});
""",
    "spins.spec.ts": """// checkwire: timeout=10s
import { test } from '@playwright/test';
test('spins', async () => { console.log('begins'); for (;;); });
""",
    "hungry.spec.ts": """// checkwire: memory=100MB
import { test } from '@playwright/test';
test('takes all', async () => {
  const all: unknown[] = [];
  for (;;) all.push(new Array(100_000).fill({}));
});
""",
    "refused.spec.ts": HEAD
    + """import WebSocket from 'ws';
test('asks', async ({ request }) => { await request.get('http://127.0.0.1:1/'); });
test('dials', async () => {
  const ws = new WebSocket('ws://127.0.0.1:1/');
  await new Promise((resolve) => ws.on('open', resolve));
});
""",
    "nothing.spec.ts": HEAD
    + "test('asks', async ({ request }) => { await request.get('/token'); });\n",
    "never.spec.ts": HEAD
    + "test('ends', async () => { if (process.env.NEVER) expect(1).toBe(1); });\n",
    "leaves.spec.ts": HEAD
    + "test('leaves', async () => { expect(1).toBe(1); process.exit(0); });\n",
    "only.spec.ts": HEAD + "test('a', async () => {});\ntest.only('b', async () => {});\n",
    "empty.spec.ts": HEAD,
    "broken.spec.ts": HEAD + "\nconst a = ;\n",
    "missing.spec.ts": HEAD
    + "import pad from 'left-pad';\ntest('a', async () => { pad('a'); });\n",
    "esm/package.json": '{"type": "module"}',
    "esm/fixtures.ts": """import { test as base } from '@playwright/test';
export { expect } from '@playwright/test';
export const test = base.extend<{ name: string }>({ name: async ({}, use) => { await use('x'); } });
""",
    "esm/playwright.config.ts": "export default { use: { baseURL: process.env.API } };\n",
    "esm/modules.check.ts": """import { test, expect } from './fixtures.js';
import { WebSocket } from 'ws';
import { markCheckAsDegraded } from '@checkly/playwright-helpers';

test('modules', async ({ request, name }) => {
  expect((await request.get('/token')).status()).toBe(200);
  const ws = new WebSocket(process.env.URL!);
  await new Promise((resolve) => ws.on('open', resolve));
  ws.terminate();
  if (name === 'y') markCheckAsDegraded();
});
""",
}

BAD = {
    # file: status, code, what the message says, line
    "limit.spec.ts": ("failed", "timeout.check", "600 ms; still there: a socket to 127.0.0.1:", 3),
    "overdue.spec.ts": ("failed", "timeout.check", "8.00 s; still there: a socket to 127.", None),
    "spins.spec.ts": ("error", "script.blocked", "timeout of 10.0 s", None),
    "refused.spec.ts": ("failed", "tcp.refused", "Nothing listens on 127.0.0.1:1", None),
    "hungry.spec.ts": ("error", "runner.memory", "the 100 MB that memory= allows", 3),
    "never.spec.ts": ("failed", "assertion.never_ran", "none of them was reached", 1),
    "leaves.spec.ts": ("error", "script.exited", "ended (exit status 0)", 2),
    "only.spec.ts": ("error", "check.usage", "has a test.only", 3),
    "empty.spec.ts": ("error", "check.usage", "has no test", 1),
    "broken.spec.ts": ("error", "script.syntax", "Unexpected token", 3),
    "missing.spec.ts": ("error", "script.import", "needs the package left-pad", 2),
}


async def echo(ws: ServerConnection) -> None:
    with suppress(ConnectionClosed):  # Most tests here just leave.
        async for message in ws:
            await ws.send(message)


def answer(request: SeenRequest) -> bytes:
    if request.path == "/token":
        data = gzip.compress(json.dumps({"token": SECRET}).encode())
        return reply("200 OK", data, "Content-Type: application/json", "Content-Encoding: gzip")
    return json_reply("{}")


class Outcome:
    """What came of all files, in one project."""

    def __init__(self, document: dict[str, Any], seen: list[SeenRequest], root: Path) -> None:
        self.text = json.dumps(document)
        self.seen = seen
        self.root = root
        self._runs = {run["check"]["path"]: run for run in document["runs"]}

    def attempt(self, path: str) -> dict[str, Any]:
        (attempt,) = self._runs[path]["attempts"]
        found: dict[str, Any] = attempt
        return found

    def events(self, path: str, kind: str) -> list[dict[str, Any]]:
        return [event for event in self.attempt(path)["events"] if event["type"] == kind]

    def steps(self, path: str) -> dict[str, dict[str, Any]]:
        return {step["name"]: step for step in self.attempt(path)["steps"]}


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    return once(tmp_path_factory, "playwright", run_all)


def run_all(root: Path) -> Outcome:
    (root / "checkwire.toml").write_text(
        '[project]\nid = "tests"\n[secrets]\nTOKEN = { env = "TOKEN" }\n'
    )
    (root / "node_modules").symlink_to(npm_folder())
    (root / "playwright.config.ts").write_text(CONFIG)
    for name, text in FILES.items():
        path = root / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    checks = [name for name in FILES if name.endswith((".spec.ts", ".check.ts"))]
    with ExitStack() as stack:
        url = stack.enter_context(serving(echo))
        server = stack.enter_context(HttpServer(answer))
        document = report(
            *checks, "--workers", "4", cwd=root, timeout=200, URL=url, API=server.url, TOKEN=SECRET
        )
        return Outcome(document, server.seen, root)


def test_steps_requests_and_connections_are_in_the_transcript(outcome: Outcome) -> None:
    attempt = outcome.attempt("steps.spec.ts")
    assert attempt["status"] == "passed", attempt.get("failure")
    assert not attempt.get("failures")
    steps = outcome.steps("steps.spec.ts")
    assert {name: step.get("parent", 0) for name, step in steps.items()} == {
        "orders › come": 0,
        "beforeAll hook": steps["orders › come"]["number"],
        "log in": steps["orders › come"]["number"],
        "talk": steps["orders › come"]["number"],
        "compare": steps["talk"]["number"],
        "known bug": 0,
        "tries until it holds": 0,
        "afterAll hook": steps["tries until it holds"]["number"],
    }
    assert {step["status"] for step in steps.values()} == {"passed"}
    assert steps["log in"]["location"] == {
        "path": "steps.spec.ts",
        "line": 11,
        "text": "const token: string = await test.step('log in', async () => {",
    }
    token = next(e for e in outcome.events("steps.spec.ts", "http_exchange") if "token" in e["url"])
    assert (token["status"], token["step"]) == (200, steps["log in"]["number"])
    assert token["response_body"] == '{"token": "••••••"}'
    (started,) = outcome.events("steps.spec.ts", "connection_started")
    assert started["step"] == steps["talk"]["number"]
    frames = outcome.events("steps.spec.ts", "frame_seen")
    said = [(e["direction"], e["payload"]) for e in frames if e["opcode"] == "text"]
    assert said == [("out", "hello"), ("in", "hello")]
    names = {event["name"] for event in outcome.events("steps.spec.ts", "phase")}
    assert {"tcp", "upgrade", "first_message", "close"} <= names


def test_events_of_all_processes_are_on_one_timeline(outcome: Outcome) -> None:
    steps = {step["number"]: step for step in outcome.attempt("steps.spec.ts")["steps"]}
    for step in steps.values():
        ends = step["at_ns"] + step["duration_ns"]
        if (parent := steps.get(step.get("parent", 0))) is not None:
            assert parent["at_ns"] <= step["at_ns"]
            assert ends <= parent["at_ns"] + parent["duration_ns"]
    for event in outcome.events("steps.spec.ts", "http_exchange"):
        step = steps[event["step"]]
        # It ends with the last byte of HTTP: Playwright may have unpacked all of it before that.
        assert step["at_ns"] <= event["at_ns"] <= step["at_ns"] + step["duration_ns"]
        assert event["duration_ns"] > 0
    assert outcome.attempt("steps.spec.ts")["events"][0]["engine"] == "playwright"


def test_what_is_skipped_or_printed_is_logged(outcome: Outcome) -> None:
    logged = {e["message"]: e for e in outcome.events("steps.spec.ts", "logged")}
    assert logged["held"]["level"] == "warning"
    assert (
        logged["held"]["step"] == outcome.steps("steps.spec.ts")["tries until it holds"]["number"]
    )
    assert logged["after all"]["level"] == "debug"
    assert 'The test "later" was skipped' in logged


def test_the_configuration_is_the_users_where_it_is_about_requests(outcome: Outcome) -> None:
    (before,) = (request for request in outcome.seen if request.path == "/before")
    assert before.header("X-Project") == "api"  # instead of the others, as Playwright has it
    assert outcome.attempt("esm/modules.check.ts")["status"] == "passed"
    assert not list(outcome.root.rglob("playwright-report"))
    assert not list(outcome.root.rglob("test-results"))


def test_secrets_are_masked(outcome: Outcome) -> None:
    assert SECRET not in outcome.text


def test_each_way_to_fail_has_its_name_and_place(outcome: Outcome) -> None:
    attempt = outcome.attempt("wrong.spec.ts")
    failures = attempt["failures"]
    names = {step["number"]: step["name"] for step in attempt["steps"]}
    assert attempt["status"] == "failed"
    assert [
        (names[f["step"]], f["failure"]["code"], f["failure"]["location"]["line"]) for f in failures
    ] == [
        ("ask", "assertion.failed", 7),
        ("throws", "script.exception", 10),
        ("swallows", "assertion.failed", 11),
        ("asserts", "assertion.failed", 12),
        ("passes", "assertion.expected_failure", 13),
        ("browses", "check.usage", 14),
    ]
    told = {names[f["step"]]: f["failure"] for f in failures}
    assert told["ask"]["message"] == ("expect(received).toBe(expected): expected 201, received 200")
    assert told["ask"]["location"]["text"] == "expect(reply.status()).toBe(201);"
    assert "Expected: 201\nReceived: 200" in told["ask"]["details"]
    assert told["swallows"]["message"] == "the price: expected 2, received 1"
    assert "caught the error" in told["swallows"]["hint"]
    assert "'a' == 'b'" in told["asserts"]["message"]
    assert told["browses"]["message"] == (
        'The test "browses" needs a browser, and Checkwire runs no browser checks'
    )
    assert {step["name"] for step in attempt["steps"] if step["status"] == "passed"} == set()


def test_soft_failures_and_marks_degrade(outcome: Outcome) -> None:
    attempt = outcome.attempt("degraded.spec.ts")
    assert attempt["status"] == "degraded"
    said = {
        (f["severity"], f["failure"]["code"], f["failure"]["message"]) for f in attempt["failures"]
    }
    assert said == {
        ("degraded", "assertion.failed",
         "expect(received).toBe(expected): expected 201, received 200"),
        ("degraded", "assertion.failed", "with words: expected 3, received 1"),
        ("degraded", "assertion.failed", "of its own: expected 4, received 1"),
        ("degraded", "assertion.degraded", "it is slow"),
    }  # fmt: skip
    assert not list(outcome.root.rglob("degraded.json"))


@pytest.mark.parametrize("path", BAD)
def test_what_is_wrong_is_told(path: str, outcome: Outcome) -> None:
    status, code, message, line = BAD[path]
    attempt = outcome.attempt(path)
    failure = attempt["failure"]
    assert (attempt["status"], failure["code"]) == (status, code), failure
    assert message in failure["message"]
    assert (failure.get("location") or {}).get("line") == line


def test_an_attempt_that_is_over_leaves_its_steps_and_connections(outcome: Outcome) -> None:
    steps = outcome.steps("overdue.spec.ts")
    assert {name: step.get("status", "running") for name, step in steps.items()} == {
        "waits": "running", "for ever": "running",
    }  # fmt: skip
    (started,) = outcome.events("overdue.spec.ts", "connection_started")
    assert started["step"] == steps["for ever"]["number"]
    assert "begins" in [e["message"] for e in outcome.events("spins.spec.ts", "logged")]


def test_a_refused_request_is_told_with_the_line_that_made_it(outcome: Outcome) -> None:
    failures = outcome.attempt("refused.spec.ts")["failures"]
    assert [(f["failure"]["code"], bool(f["failure"].get("location"))) for f in failures] == [
        ("tcp.refused", False), ("script.exception", True), ("tcp.refused", False),
    ]  # fmt: skip


def test_a_test_that_verifies_nothing_is_warned_of(outcome: Outcome) -> None:
    attempt = outcome.attempt("nothing.spec.ts")
    assert attempt["status"] == "passed"
    (failed,) = attempt["failures"]
    assert (failed["severity"], failed["failure"]["code"]) == ("warning", "check.no_assertion")


def test_without_playwright_the_command_that_installs_it_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.spec.ts").write_text(FILES["nothing.spec.ts"])
    (failure,) = report("a.spec.ts", cwd=tmp_path)["load_failures"]
    assert failure["code"] == "script.import"
    assert "@playwright/test, which is not installed" in failure["message"]
    assert "npm install --save-dev @playwright/test" in failure["hint"]


def test_a_walk_finds_such_files_when_a_pattern_does(tmp_path: Path) -> None:
    (tmp_path / "node_modules").symlink_to(npm_folder())
    (tmp_path / "a.spec.ts").write_text(FILES["nothing.spec.ts"])
    (tmp_path / "b.check.js").write_text("// no test\n")
    settings = '[project]\nid = "tests"\n'
    (tmp_path / "checkwire.toml").write_text(settings)
    assert checkwire("test", "--list", cwd=tmp_path).out.split() == ["b.check.js"]
    (tmp_path / "checkwire.toml").write_text(f'{settings}checks = ["**/*.spec.ts"]\n')
    assert checkwire("test", "--list", cwd=tmp_path).out.split() == ["a.spec.ts"]


def test_the_example_passes(tmp_path: Path) -> None:
    root = tmp_path / "node"
    shutil.copytree(ROOT / "examples" / "node", root)
    (root / "node_modules").symlink_to(npm_folder())
    with login_server() as url:
        document = report(
            "orders.spec.ts",
            *(
                "--env",
                f"LOGIN_API={url}",
                "--env",
                f"ORDERS_URL={url.replace('http', 'ws')}/orders",
            ),
            cwd=root,
            API_KEY="demo-key",
        )
    (run,) = document["runs"]
    (attempt,) = run["attempts"]
    assert run["status"] == "passed", attempt.get("failure")
    assert [step["name"] for step in attempt["steps"]] == [
        "order updates", "log in", "subscribe", "first update", "who has no token gets nothing",
    ]  # fmt: skip


@contextmanager
def login_server() -> Iterator[str]:
    command = [sys.executable, str(ROOT / "examples" / "servers" / "login.py"), "--port", "0"]
    server = subprocess.Popen(command, env=environment(), stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        url = server.stdout.readline().removeprefix("Listening on ").strip()
        yield url.replace("ws:", "http:").partition("/orders")[0]
    finally:
        server.terminate()
        server.communicate()


def test_nothing_is_left_of_an_attempt_that_is_stopped(tmp_path: Path) -> None:
    (tmp_path / "node_modules").symlink_to(npm_folder())
    (tmp_path / "tmp").mkdir()
    (tmp_path / "a.spec.ts").write_text(
        HEAD + "import { spawn } from 'node:child_process';\n"
        "test('stays', async () => {\n"
        "  const { pid } = spawn('sleep', ['600'], { detached: true, stdio: 'ignore' });\n"
        "  console.log(`pids ${pid} ${process.pid} ${process.ppid} end`);\n"
        "  await new Promise(() => setInterval(() => {}, 1000));\n"
        "});\n"
    )
    result = checkwire(
        *("test", "a.spec.ts", "--timeout", "5s", "--reporter", "json"),
        cwd=tmp_path,
        TMPDIR=str(tmp_path / "tmp"),
    )
    pids = [int(pid) for pid in result.out.partition("pids ")[2].partition(" end")[0].split()]
    assert len(pids) == 3, result.out
    assert not [pid for pid in pids if Path(f"/proc/{pid}").exists()]
    assert not list((tmp_path / "tmp").glob("checkwire-*"))
