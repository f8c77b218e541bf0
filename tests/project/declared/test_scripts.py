"""``[[check]]`` tables that name a script, and those that make HTTP requests alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from checkwire.model.failures import Failure
from support.httpserver import HttpServer, json_reply
from support.program import report

Load = Callable[..., Any]


@pytest.fixture(autouse=True)
def script(tmp_path: Path) -> None:
    (tmp_path / "feed.js").write_text(
        "// Watches the feed.\n// checkwire: every=5m timeout=9s tags=feed\n"
    )


def test_a_script_has_what_its_table_says_and_else_what_it_says_itself(load: Load) -> None:
    (found,) = load('[[check]]\nscript = "./feed.js"\nid = "feed"\ncron = "@hourly"\n')
    definition = found.definition
    assert (definition.id, definition.name, definition.engine) == ("feed", "feed", "node")
    assert (definition.path, definition.line) == ("some.check.toml", 1)
    assert definition.script == "feed.js"
    assert (definition.cron, definition.every) == ("0 * * * *", None)
    assert (definition.timeout, definition.tags) == (9.0, ("feed",))
    assert definition.description == "Watches the feed."


def test_a_script_has_the_projects_defaults(load: Load) -> None:
    settings = '[defaults]\nretries = 2\ntimeout = "1m"\n'
    (found,) = load('[[check]]\nscript = "feed.js"\nname = "Feed"\n', settings=settings)
    assert (found.definition.name, found.definition.id) == ("Feed", "feed.js")
    assert (found.definition.retries.max, found.definition.timeout) == (2, 9.0)


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        ('script = "gone.js"', "2:1", "script: there is no file gone.js in "),
        ('script = "../feed.js"', "2:1", "script: ../feed.js is not in the project"),
        ('script = "/feed.js"', "2:1", "script: /feed.js is not in the project"),
        ('script = "feed.py"', "2:1", "script: feed.py is not a JavaScript or TypeScript file"),
        (
            'script = "feed.js"\n[[check]]\nscript = "./feed.js"',
            "4:1",
            "script: the check on line 1 has this script, too: give one of them an id",
        ),
        ("script = 1", "2:1", "script must be a string, not a number"),
        ('script = "feed.js"\nsend = "x"', "3:1", 'unknown key "send" in a check'),
        ('script = "feed.js"\nevry = "1m"', "3:1", 'unknown key "evry" in a check; did you mean'),
        ('name = "x"', "1:1", 'a check has no "url"'),
        ('name = "x"\n[[check.step]]\nsend = "x"', "1:1", 'a check has no "url"'),
        ('name = "x"\norigin = "x"\n[[check.step]]\nget = "x"', "3:1", "origin is of a connection"),
    ],
)
def test_mistakes_are_told_with_their_place(
    load: Load, text: str, place: str, message: str
) -> None:
    failure = load(f"[[check]]\n{text}\n")
    assert isinstance(failure, Failure)
    (line,) = failure.details.split("\n")
    assert line.startswith(f"some.check.toml:{place}: {message}")


def test_an_option_of_the_script_that_will_not_do_is_told_at_the_table(load: Load) -> None:
    failure = load('[[check]]\nscript = "feed.js"\ndegraded = "10s"\n')
    assert isinstance(failure, Failure)
    assert failure.message.startswith("feed.js: degraded (10.0 s) must be less than the timeout")
    assert failure.location is not None
    assert (failure.location.path, failure.location.line) == ("some.check.toml", 1)


def test_requests_need_no_websocket(tmp_path: Path) -> None:
    (tmp_path / "api.check.toml").write_text(
        """
        [[check]]
        name = "Right"
        [[check.step]]
        get = "${API}/a"
        expect.json = { a = 1 }

        [[check]]
        name = "Wrong"
        [[check.step]]
        get = "${API}/b"
        expect.json = { a = 2 }
        """
    )
    with HttpServer(lambda request: json_reply('{"a": 1}')) as server:
        url = f"http://127.0.0.1:{server.port}"
        document = report("api.check.toml", cwd=tmp_path, API=url)
    statuses = {run["check"]["name"]: run["status"] for run in document["runs"]}
    assert statuses == {"Right": "passed", "Wrong": "failed"}
