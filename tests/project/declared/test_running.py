"""What declared checks do, and that the scripts that they stand for do the same.

All run in one process, once declared and once ejected; the tests look at what came of each.
"""

from __future__ import annotations

import contextlib
import http
import json
import os
import re
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from websockets.asyncio.server import ServerConnection
from websockets.http11 import Request, Response

from checkwire.model.failures import CODES
from support.httpserver import HttpServer, SeenRequest, json_reply, reply
from support.once import once
from support.pki import Pki
from support.program import checkwire, report
from support.wsserver import served

pytestmark = pytest.mark.timeout(300)  # A part of it is waiting for others: see ``once``.

FEATURES = Path(__file__).with_name("features.check.toml")


class Case(NamedTuple):
    """A declared check of the file, and what must come of it.

    Attributes:
        name: of the check.
        status: of the run.
        code: of the failure, if there is one.
        at: how the line begins that the failure is located at.
    """

    name: str
    status: str
    code: str
    at: str


def _cases() -> list[Case]:
    pattern = r'(?:^#: (\w+) ?([\w.]*) ?(.*)\n)?^\[\[check\]\]\nname = "(.*)"$'
    found = re.findall(pattern, FEATURES.read_text(), re.MULTILINE)
    return [Case(name, status or "passed", code, at) for status, code, at, name in found]


CASES = _cases()


async def handle(ws: ServerConnection) -> None:
    assert ws.request is not None
    path = ws.request.path
    if path == "/hello":
        await ws.send("hello")
    elif path == "/headers":
        await ws.send(json.dumps({name.lower(): v for name, v in ws.request.headers.raw_items()}))
    elif path == "/closes":
        await ws.close(4001, "bye")
    elif path == "/stream":
        import asyncio

        for n in range(1000):
            await ws.send(json.dumps({"n": n, "odd": n * 2}))
            await asyncio.sleep(0.01)
    elif path == "/silent":
        await ws.wait_closed()
    async for message in ws:
        await ws.send(message)


def guard(ws: ServerConnection, request: Request) -> Response | None:
    if request.path == "/private":
        return ws.respond(http.HTTPStatus.UNAUTHORIZED, "no\n")
    return None


def name_session(ws: ServerConnection, request: Request, response: Response) -> None:
    response.headers["X-Session"] = "s-41"


def answer(request: SeenRequest) -> bytes:
    if request.path == "/login":
        body = json.loads(request.body)
        assert body["key"] == "s3cr3t-v4lue"
        return json_reply(json.dumps({"user": body["user"], "token": "t0k3n"}))
    if request.path == "/echo":
        said = {
            "target": request.target,
            "authorization": request.header("authorization"),
            "body": request.body.decode(),
        }
        return reply("200 OK", json.dumps(said).encode(), "X-Kind: echo")
    return reply("404 Not Found", b"no")


class Outcome(NamedTuple):
    """What came of one check: run as declared, and run as the script that it stands for."""

    declared: dict[str, Any]
    ejected: dict[str, Any]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Outcome]]:
    return once(tmp_path_factory, "declared", lambda root: (folder_in(root), run_all(root)))


@pytest.fixture(scope="module")
def folder(made: tuple[Path, dict[str, Outcome]]) -> Path:
    return made[0]


@pytest.fixture(scope="module")
def outcomes(made: tuple[Path, dict[str, Outcome]]) -> dict[str, Outcome]:
    return made[1]


def folder_in(root: Path) -> Path:
    (root / "checkwire.toml").write_text('[secrets]\nKEY = { env = "THE_KEY" }\n')
    price = {"required": ["price"], "properties": {"price": {"type": "number"}}}
    (root / "price.json").write_text(json.dumps(price))
    (root / FEATURES.name).write_text(FEATURES.read_text())
    return root


def run_all(folder: Path) -> dict[str, Outcome]:
    with contextlib.ExitStack() as stack:
        pki = Pki(folder)
        options: dict[str, Any] = {
            "process_request": guard, "process_response": name_session, "subprotocols": ["a", "b"],
            "select_subprotocol": lambda ws, offered: next((o for o in offered if o in "ab"), None),
        }  # fmt: skip
        url = stack.enter_context(served(handle, **options)).rstrip("/")
        secure = stack.enter_context(served(handle, ssl=pki.server(), **options)).rstrip("/")
        api = stack.enter_context(HttpServer(answer))
        variables = {
            "WS": url, "WSS": secure, "API": api.url, "CA": pki.ca, "THE_KEY": "s3cr3t-v4lue",
            "PORT": url.rpartition(":")[2],
        }  # fmt: skip
        declared = report(FEATURES.name, cwd=folder, **variables)
        script = checkwire("eject", FEATURES.name, cwd=folder, **variables)
        assert script.status == 0, script.err
        away = folder / "ejected"
        away.mkdir()
        (away / "checkwire.toml").write_text((folder / "checkwire.toml").read_text())
        (away / "features_check.py").write_text(script.out)
        ejected = report("features_check.py", cwd=away, **variables)
    return {
        one["check"]["name"]: Outcome(one, other)
        for one, other in zip(by_id(declared), by_id(ejected), strict=True)
    }


def by_id(document: dict[str, Any]) -> list[dict[str, Any]]:
    assert not document["load_failures"], document["load_failures"]
    return sorted(document["runs"], key=lambda run: run["check"]["id"])


def failures(run: dict[str, Any]) -> list[dict[str, Any]]:
    """Those of a run's last attempt, in their order; not that the machine had too much to do."""
    if not run["attempts"]:
        return []
    found = [failed["failure"] for failed in run["attempts"][-1].get("failures", ())]
    return [failure for failure in found if failure["code"] != "probe.overloaded"]


def status(run: dict[str, Any]) -> str:
    """What it is, or would be if the machine did not have too much to do."""
    told = run["attempts"][-1].get("failure", {}) if run["attempts"] else {}
    if told.get("code") != "probe.overloaded":
        return str(run["status"])
    return "error" if CODES[failures(run)[0]["code"]].is_error else "failed"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_check_comes_out_as_it_must(case: Case, outcomes: dict[str, Outcome]) -> None:
    run = outcomes[case.name].declared
    found = failures(run)
    codes = [failure["code"] for failure in found]
    assert status(run) == case.status, found
    assert case.code in (codes or [""]), found
    assert len(set(codes)) == len({case.code} - {""}), "and nothing else is told"
    if case.at:
        location = next(f for f in found if f["code"] == case.code)["location"]
        assert location["path"] == FEATURES.name
        assert location["text"].startswith(case.at), location


def test_a_failure_names_the_line_of_its_key(folder: Path, outcomes: dict[str, Outcome]) -> None:
    lines = (folder / FEATURES.name).read_text().split("\n")
    told = 0
    for name, outcome in outcomes.items():
        start = lines.index(f'name = "{name}"')
        for failure in failures(outcome.declared):
            if "location" in failure:
                line = failure["location"]["line"] - 1
                assert lines[line].strip() == failure["location"]["text"]
                assert start - 1 <= line < start + 20, "within its own check"
                assert "[[check]]" not in lines[start + 1 : line], "and of no other"
                told += 1
    assert told > 20


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_script_of_a_check_does_the_same(case: Case, outcomes: dict[str, Outcome]) -> None:
    declared, ejected = outcomes[case.name]
    assert ejected["check"]["id"] == declared["check"]["id"]
    assert status(ejected) == status(declared), failures(ejected)
    codes = [[failure["code"] for failure in failures(run)] for run in (declared, ejected)]
    assert codes[0] == codes[1]


def test_a_step_without_a_name_is_called_by_what_it_does(outcomes: dict[str, Outcome]) -> None:
    for run in outcomes["captures"]:
        names = [step["name"] for step in run["attempts"][-1]["steps"]]
        assert names == ["send and expect"] * 4
    for run in outcomes["login"]:
        names = [step["name"] for step in run["attempts"][-1]["steps"]]
        assert names == ["POST", "expect", "GET"]


def test_the_history_goes_on_wherever_a_table_stood(tmp_path: Path) -> None:
    """One name in the settings, beside them and below: a script in the place of each."""
    table = '[[check]]\nname = "Hello"\nurl = "${WS}/hello"\nexpect.text = "%s"\nwithin = "0.2s"\n'
    greetings = {"checkwire.toml": "hello", "a.check.toml": "no", "deep/a.check.toml": "hello"}
    (tmp_path / "deep").mkdir()
    for name, greeting in greetings.items():
        (tmp_path / name).write_text(table % greeting)
    with served(handle) as url:
        variables = {"WS": url.rstrip("/")}
        declared = report(cwd=tmp_path, **variables)
        for number, name in enumerate(greetings):
            script = str(tmp_path / f"deep/n{number}_check.py")
            assert checkwire("eject", name, "-o", script, cwd=tmp_path).status == 0
        for name in greetings:
            (tmp_path / name).unlink()
        (tmp_path / "checkwire.toml").touch()
        ejected = report(cwd=tmp_path, **variables)
    results = [
        {run["check"]["id"]: (run["status"], *(f["code"] for f in failures(run))) for run in runs}
        for runs in (by_id(declared), by_id(ejected))
    ]
    assert results[0] == {
        "checkwire.toml::hello": ("passed",),
        "a.check.toml::hello": ("failed", "timeout.no_match"),
        "deep/a.check.toml::hello": ("passed",),
    }
    assert results[1] == results[0]


def test_secrets_are_masked(outcomes: dict[str, Outcome]) -> None:
    for name in ("secret", "headers", "login"):
        text = json.dumps(outcomes[name].declared)
        assert "s3cr3t-v4lue" not in text


def test_the_scripts_are_laid_out_as_the_project_lays_out_its_own(
    folder: Path, outcomes: dict[str, Outcome]
) -> None:
    pytest.importorskip("ruff")
    import subprocess
    import sys

    script = folder / "ejected" / "features_check.py"
    command = [sys.executable, "-m", "ruff", "format", "--isolated", "--line-length=100", "--diff"]
    done = subprocess.run([*command, str(script)], capture_output=True, text=True, check=False,
                          env=dict(os.environ), timeout=30)  # fmt: skip
    assert done.returncode == 0, done.stdout
