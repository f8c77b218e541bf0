"""docs/api.md: its table is held to the code, and its examples are run."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from checkwire.server.auth.principal import SCOPES
from support.server.running import Running
from support.server.shop import BOOKS, shop, token

TEXT = (Path(__file__).parents[3] / "docs" / "api.md").read_text()
ROUTE = re.compile(r"^\| `([A-Z]+) (/\S+)` \| `?(\w+)`? \| (.+) \|$", re.MULTILINE)
EXAMPLES = [
    command
    for block in re.findall(r"```sh\n(.*?)```", TEXT, re.DOTALL)
    for command in re.findall(r"^curl (?:.*\\\n)*.*$", block, re.MULTILINE)
]
PAGING = {"limit", "cursor", "since", "until"}


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """Its streams end at once, as it says that it stops."""
    with shop(tmp_path_factory.mktemp("shop"), required=True) as running:
        running.call(running.monitor.stopped.set)
        yield running


def test_the_table_has_every_route(reading: Running) -> None:
    paths = reading.get("/api/v1/openapi.json").json["paths"]
    described = {(method.upper(), path) for path, methods in paths.items() for method in methods}
    assert {(method, path) for method, path, _, _ in ROUTE.findall(TEXT)} == described


@pytest.mark.parametrize(("method", "path", "scope", "what"), ROUTE.findall(TEXT))
def test_the_table_has_the_scope_and_the_filters(
    reading: Running, stopped: Running, method: str, path: str, scope: str, what: str
) -> None:
    operation = reading.get("/api/v1/openapi.json").json["paths"][path][method.lower()]
    taken = {one["name"] for one in operation.get("parameters", ()) if one["in"] == "query"}
    _, _, named = what.partition("; by ")
    if named:
        assert taken - PAGING == set(re.findall(r"`(\w+)`", named)) - PAGING
    address = re.sub(r"\{\w+\}", "x", path)
    reply = stopped.ask(method, address)
    if scope == "none":
        assert reply.status != 401
        return
    assert reply.status == 401
    for has in SCOPES[: SCOPES.index(scope)]:
        headers = {"Authorization": f"Bearer {token(stopped, has)}"}
        reply = stopped.ask(method, address, headers=headers)
        assert f"scope {scope}" in reply.json["detail"]


def test_there_are_examples() -> None:
    assert len(EXAMPLES) > 8


@pytest.mark.parametrize("command", EXAMPLES)
def test_the_examples_work(stopped: Running, tmp_path: Path, command: str) -> None:
    curl = shutil.which("curl")
    if curl is None:
        pytest.skip("there is no curl here")
    admin = token(stopped, "admin")
    runs = stopped.get("/api/v1/runs?status=failed", Authorization=f"Bearer {admin}").json
    done = subprocess.run(
        ["/bin/sh", "-c", command.replace("curl ", "curl -sS --fail-with-body -m 20 ", 1)],
        cwd=tmp_path,
        env={
            "PATH": str(Path(curl).parent),
            "CHECKWIRE_URL": stopped.url,
            "CHECKWIRE_TOKEN": admin,
            "CHECK": BOOKS,
            "RUN": runs["items"][0]["run_id"],
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    if "-o run.har" in command:
        assert "_webSocketMessages" in (tmp_path / "run.har").read_text()
    else:
        assert done.stdout


def test_the_problem_shown_is_the_one_that_is_sent(reading: Running) -> None:
    import json

    (shown,) = re.findall(r"```json\n(.*?)```", TEXT, re.DOTALL)
    assert json.loads(shown) == reading.get("/api/v1/runs?statsu=x").json
