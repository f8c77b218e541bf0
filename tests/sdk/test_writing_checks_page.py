"""docs/writing-checks.md: every piece of code on it is run, and its tables are held to."""

from __future__ import annotations

import asyncio
import json
import re
import textwrap
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

from checkwire import ExpectationFailed, expect
from checkwire.model.attempt import Attempt, Run
from checkwire.model.failures import CODES
from checkwire.runner.runner import Collected, Runner
from checkwire.sdk.connecting import ConnectKeywords
from checkwire.sdk.handlers import EVENTS
from support.checks import with_runner
from support.httpserver import HttpServer, json_reply
from support.scene import play, refusing_url
from support.wsserver import echo, served

PAGE = Path(__file__).parents[2] / "docs" / "writing-checks.md"
TEXT = PAGE.read_text()
BLOCK = re.compile(r"(?:<!-- (\w+)(?:: ([\w.]+))? -->\n)?```python\n(.*?)```", re.DOTALL)
BODY = """
from checkwire import check, connect, env, expect, log

@check
async def piece():
    async with connect(env["FEED_URL"]) as ws:
{}
"""


class Piece(NamedTuple):
    """Code on the page, and what comes of it."""

    status: str
    failure: str
    code: str


PIECES = [Piece(*found) for found in BLOCK.findall(TEXT)]


async def feed(ws: ServerConnection) -> None:
    """Trades for those who subscribe."""

    async def trades() -> None:
        for seq in range(10_000):
            trade = {"type": "trade", "symbol": "BTC-USD", "price": 67118.2, "seq": seq}
            await ws.send(json.dumps(trade | {"maker": {"id": seq, "name": "m"}}))
            await asyncio.sleep(0.005)

    await ws.send(json.dumps({"type": "hello", "server": "feed-1"}))
    async with asyncio.TaskGroup() as group:
        publishing: asyncio.Task[None] | None = None
        with suppress(ConnectionClosed):
            async for message in ws:
                if not isinstance(message, str) or not message.startswith("{"):
                    continue
                request = json.loads(message)
                if request["action"] == "forbidden":
                    await ws.close(1008, "forbidden")
                elif publishing is None:
                    await ws.send(json.dumps({"type": "ack", "channel": request["channel"]}))
                    publishing = group.create_task(trades())
        if publishing is not None:
            publishing.cancel()


@pytest.fixture(scope="module")
def attempts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, list[Attempt]]]:
    """What came of the checks of each piece, by the piece's number."""
    root = tmp_path_factory.mktemp("page")
    for number, piece in enumerate(PIECES):
        code = piece.code
        if "@check" not in code:
            code = BODY.format(textwrap.indent(code, " " * 8))
        (root / f"p{number}_check.py").write_text(code)
    with (
        served(feed) as feed_url,
        served(echo) as echo_url,
        HttpServer(lambda request: json_reply('{"token": "t0ken"}')) as api,
    ):
        settings = {
            "FEED_URL": feed_url,
            "ECHO_URL": echo_url,
            "API_URL": f"http://{api.place}",
            "OLD_URL": refusing_url(),
            "FEED_TOKEN": "hush-hush",
        }
        lines = ["[env]", *(f'{name} = "{value}"' for name, value in settings.items())]
        (root / "checkwire.toml").write_text("\n".join(lines))
        found: dict[str, list[Attempt]] = {}
        for run in _runs(root):
            found.setdefault(run.check.path, []).append(run.attempts[-1])
        yield found


def _runs(root: Path) -> list[Run]:
    async def use(runner: Runner, collected: Collected) -> list[Run]:
        assert not collected.failures
        return await asyncio.gather(*map(runner.run, collected.definitions))

    return with_runner(root, use)


@pytest.mark.parametrize("number", range(len(PIECES)))
def test_a_piece_of_code_does_what_the_page_says(
    number: int, attempts: dict[str, list[Attempt]]
) -> None:
    piece = PIECES[number]
    made = attempts[f"p{number}_check.py"]
    for attempt in made:
        assert attempt.status == piece.status, (piece.code, attempt.failures)
        assert (attempt.failure.code if attempt.failure else "") == piece.failure


def test_every_piece_says_what_comes_of_it() -> None:
    assert len(PIECES) > 15
    assert TEXT.count("```python") == len(PIECES)
    assert all(piece.status in ("passed", "failed", "degraded") for piece in PIECES)


def _table(heading: str) -> list[list[str]]:
    """The cells of the table whose first column has that heading."""
    lines = TEXT.split("\n")
    start = next(n for n, line in enumerate(lines) if line.startswith(f"| {heading} |")) + 2
    rows = []
    for line in lines[start:]:
        if not line.startswith("|"):
            break
        rows.append([cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]])
    return rows


EXAMPLES = {
    "expect(x).below(limit)": lambda: expect(2).below(1),
    "expect(x).above(limit)": lambda: expect(1).above(2),
    "expect(x).equals(value)": lambda: expect(1).equals(2),
    "expect(x).matches(pattern)": lambda: expect(1).matches(str),
    "expect(x).contains(part)": lambda: expect([1]).contains(2),
    "expect(x).matches_schema(schema)": lambda: expect(1).matches_schema({"type": "string"}),
    "expect(x).find(path)": lambda: expect(1).find("$.a"),
    "expect.soft(x)": lambda: expect.soft(1).equals(2),
    "expect.hard(x)": lambda: expect.hard(2).below(1),
}


def test_the_table_of_soft_and_hard_is_right() -> None:
    rows = _table("expectation")
    assert len(rows) == len(EXAMPLES)
    for cell, hardness, _ in rows:
        example = EXAMPLES[cell.split("`")[1]]

        async def check(example: Any = example) -> None:
            example()

        outcome = play(check)
        assert isinstance(outcome.error, ExpectationFailed) == (hardness == "hard"), cell
        assert outcome.counting[0].severity == ("failed" if hardness == "hard" else "degraded")


def test_the_table_of_keywords_is_complete() -> None:
    named = {name for cell, *_ in _table("keyword") for name in re.findall(r"`(\w+)`", cell)}
    assert named == set(ConnectKeywords.__annotations__)


def test_the_table_of_events_is_complete() -> None:
    named = [name for cell, *_ in _table("event") for name in re.findall(r"`(\w+)`", cell)]
    assert named == list(EVENTS)


def test_the_codes_on_the_page_exist() -> None:
    families = {code.partition(".")[0] for code in CODES}
    for family, name in re.findall(r"`(\w+)\.([a-z0-9_*]+)`", TEXT):
        if family in families - {"ws"}:
            assert f"{family}.{name}" in CODES or name == "*", f"{family}.{name}"


def test_the_links_on_the_page_lead_somewhere() -> None:
    headings = {
        re.sub(r"[^\w\- ]", "", line.lstrip("# ").lower()).replace(" ", "-")
        for line in TEXT.split("\n")
        if line.startswith("#")
    }
    for target in re.findall(r"\]\(([^)]+)\)", TEXT):
        path, _, anchor = target.partition("#")
        if not path:
            assert anchor in headings, target
        elif "://" not in path:
            assert (PAGE.parent / path).exists(), target
