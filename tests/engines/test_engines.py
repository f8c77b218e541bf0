"""Every engine says the same of the same behaviour."""

from __future__ import annotations

import json
import os
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import msgspec
import pytest
from websockets.asyncio.server import ServerConnection

from checkwire.faults import Authority, FaultServer, find
from checkwire.model.failures import Failure
from support.engine_scenarios import SCENARIOS
from support.once import once
from support.program import checkwire, serving
from support.sentences import assert_explained

pytestmark = pytest.mark.timeout(300)  # A part of it is waiting for others: see ``once``.

ENGINES = ("python", "node")
SECRET = "correct-horse-battery"
NAMES = [scenario.name for scenario in SCENARIOS]


async def echo(ws: ServerConnection) -> None:
    async for message in ws:
        await ws.send(message)


async def wrong(ws: ServerConnection) -> None:
    async for _ in ws:
        await ws.send(json.dumps({"action": "WRONG"}))


async def silent(ws: ServerConnection) -> None:
    await ws.wait_closed()


async def closing(ws: ServerConnection) -> None:
    await ws.recv()
    await ws.close(1011, "out of order")


class Outcome(msgspec.Struct):
    """What came of all scenarios."""

    runs: dict[tuple[str, str], dict[str, Any]]
    output: str

    def attempt(self, engine: str, name: str) -> dict[str, Any]:
        """The only attempt of a scenario."""
        (attempt,) = self.runs[engine, name]["attempts"]
        found: dict[str, Any] = attempt
        return found

    def events(self, engine: str, name: str, kind: str) -> list[dict[str, Any]]:
        """The events of a kind."""
        return [event for event in self.attempt(engine, name)["events"] if event["type"] == kind]


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    return once(tmp_path_factory, "engines", run_all)


def run_all(root: Path) -> Outcome:
    (root / "checkwire.toml").write_text(
        '[project]\nid = "engines"\n[secrets]\nTOKEN = { env = "TOKEN" }\n'
    )
    with ExitStack() as stack:
        authority = stack.enter_context(Authority())
        urls = {"nothing": "ws://127.0.0.1:1/"}
        for name, handler in {"echo": echo, "wrong": wrong, "silent": silent}.items():
            urls[name] = stack.enter_context(serving(handler))
        urls["closing"] = stack.enter_context(serving(closing))
        for name in ("tls.certificate_expired", "ws.closed_abnormally"):
            fault = find(name)
            assert fault is not None
            urls[name] = stack.enter_context(FaultServer(fault, authority)).url
        for scenario in SCENARIOS:
            url = urls[scenario.server]
            (root / f"{scenario.name}_check.py").write_text(scenario.python_file(url))
            (root / f"{scenario.name}.check.js").write_text(scenario.node_file(url))
        options = ("--reporter", "json", "--ca", authority.ca, "--workers", "4")
        result = checkwire("test", *options, cwd=root, timeout=200, TOKEN=SECRET)
    document = json.loads(result.out)
    assert document["load_failures"] == []
    return Outcome(
        {
            (
                "node" if run["check"]["path"].endswith(".js") else "python",
                run["check"]["path"].partition(".")[0].removesuffix("_check"),
            ): run
            for run in document["runs"]
        },
        result.out + result.err,
    )


@pytest.mark.parametrize("scenario", SCENARIOS, ids=NAMES)
@pytest.mark.parametrize("engine", ENGINES)
def test_it_is_told_what_happened(engine: str, scenario: Any, outcome: Outcome) -> None:
    attempt = outcome.attempt(engine, scenario.name)
    failure = attempt.get("failure") or {}
    assert (attempt["status"], failure.get("code", "")) == (scenario.status, scenario.code), attempt
    for failed in attempt.get("failures", ()):
        assert_explained(msgspec.convert(failed["failure"], Failure))


@pytest.mark.parametrize("engine", ENGINES)
def test_phases_and_frames_are_seen(engine: str, outcome: Outcome) -> None:
    phases = {event["name"] for event in outcome.events(engine, "passes", "phase")}
    assert {"tcp", "upgrade", "open", "first_message", "close"} <= phases
    frames = outcome.events(engine, "passes", "frame_seen")
    seen = [(frame["direction"], frame["opcode"], frame.get("payload", "")) for frame in frames]
    assert [(direction, opcode) for direction, opcode, _ in seen] == [
        ("out", "text"), ("in", "text"), ("out", "close"), ("in", "close"),
    ]  # fmt: skip
    assert {json.loads(text)["action"] for _, opcode, text in seen if opcode == "text"} == {"echo"}
    (closed,) = outcome.events(engine, "passes", "connection_closed")
    assert closed["initiator"] == "local"
    assert closed["clean"]
    (handshake,) = outcome.events(engine, "passes", "handshake")
    assert handshake["status"] == 101


def test_times_of_scripts_are_the_users(outcome: Outcome) -> None:
    frames = outcome.events("node", "passes", "frame_seen")
    assert {frame.get("clock", "user") for frame in frames} == {"user"}


@pytest.mark.parametrize("engine", ENGINES)
def test_no_secret_is_told(engine: str, outcome: Outcome) -> None:
    assert SECRET not in outcome.output
    frames = outcome.events(engine, "secrets", "frame_seen")
    assert "••••••" in {frame.get("payload") for frame in frames}
    assert "••••••" in outcome.attempt(engine, "secrets")["failure"]["message"]
    (started,) = outcome.events(engine, "secrets", "connection_started")
    assert started["url"].endswith("?token=••••••")


@pytest.mark.parametrize("engine", ENGINES)
def test_a_flood_is_bounded_and_counted(engine: str, outcome: Outcome) -> None:
    lines = outcome.events(engine, "floods", "logged")
    assert len(lines) < 2000
    assert any("not kept" in line["message"] for line in lines)
    assert lines[0]["message"] == "line 0"
    assert any(line["message"] == "line 49999" for line in lines)


@pytest.mark.parametrize("engine", ENGINES)
def test_each_of_many_connections_is_seen(engine: str, outcome: Outcome) -> None:
    closed = outcome.events(engine, "many_connections", "connection_closed")
    assert [event["messages_in"] for event in closed] == [1] * 20
    assert {event["connection"] for event in closed} == set(range(1, 21))


@pytest.mark.parametrize("engine", ENGINES)
def test_ten_thousand_messages_are_counted_and_bounded(engine: str, outcome: Outcome) -> None:
    (closed,) = outcome.events(engine, "ten_thousand", "connection_closed")
    assert (closed["messages_in"], closed["messages_out"]) == (10_000, 10_000)
    frames = outcome.events(engine, "ten_thousand", "frame_seen")
    skipped = outcome.events(engine, "ten_thousand", "frames_skipped")
    assert len(frames) <= 400
    told = len(frames) + sum(event["count"] for event in skipped)
    assert 20_002 <= told <= 20_010, "two of the close; and pings, if it takes long"


@pytest.mark.parametrize("engine", ENGINES)
def test_what_was_seen_before_a_kill_is_kept(engine: str, outcome: Outcome) -> None:
    frames = outcome.events(engine, "spins", "frame_seen")
    assert [frame["payload"] for frame in frames] == ["hello", "hello"]


@pytest.mark.parametrize("engine", ENGINES)
def test_an_error_has_its_line(engine: str, outcome: Outcome) -> None:
    location = outcome.attempt(engine, "raises")["failure"]["location"]
    suffix = {"python": "_check.py", "node": ".check.js"}[engine]
    assert location["path"] == f"raises{suffix}"
    assert "out of order" in location["text"]


@pytest.mark.parametrize("engine", ENGINES)
def test_who_looks_at_nothing_is_warned(engine: str, outcome: Outcome) -> None:
    (warning,) = outcome.attempt(engine, "looks_at_nothing")["failures"]
    assert warning["failure"]["code"] == "check.no_assertion"


def test_what_keeps_a_script_from_ending_is_named(outcome: Outcome) -> None:
    failure = outcome.attempt("node", "timeout")["failure"]
    assert "a socket to 127.0.0.1:" in failure["message"]
    assert "1 timer" in outcome.attempt("node", "idles")["failure"]["message"]


@pytest.mark.parametrize("engine", ENGINES)
def test_no_process_is_left(engine: str, outcome: Outcome) -> None:
    for name in NAMES:
        pid = outcome.events(engine, name, "attempt_started")[0]["pid"]
        assert not Path(f"/proc/{pid}").exists() or not _is_ours(pid)


def _is_ours(pid: int) -> bool:
    try:
        environ = Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return False
    return SECRET.encode() in environ and pid != os.getpid()


@pytest.mark.parametrize("engine", ENGINES)
def test_opening_takes_as_long_as_its_phases(engine: str, outcome: Outcome) -> None:
    for name in ("passes", "many_connections"):
        told: dict[int, dict[str, int]] = {}
        for event in outcome.events(engine, name, "phase"):
            told.setdefault(event["connection"], {})[event["name"]] = event["duration_ns"]
        for phases in told.values():
            before = ("dns", "tcp", "tls", "upgrade")
            assert phases["open"] == sum(phases.get(one, 0) for one in before), phases
