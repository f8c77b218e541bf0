"""What asks a server, as somebody does who has just started one."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

from support.program import Result, checkwire
from support.serve import Server

Checks = Callable[..., Path]

BAD = """
    import os
    from checkwire import check, secret

    @check(locations=["eu", "us"])
    def bad():
        assert secret("KEY") == "x" and 1 + 1 == 3
"""


def ask(folder: Path, *arguments: str, **variables: str) -> Result:
    """A command of somebody who has never logged in."""
    config = {"XDG_CONFIG_HOME": str(folder / "config")}
    return checkwire(*arguments, cwd=folder, **config, **variables)


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    return folder


def test_what_runs_a_check_again_asks_the_server(checks: Checks, elsewhere: Path) -> None:
    folder = checks(checks__bad_check=BAD)
    with (folder / "checkwire.toml").open("a") as settings:
        settings.write("[locations.eu]\n[locations.us]\n")
    assert checkwire("secret", "set", "KEY", cwd=folder, given="x").status == 0
    with Server(folder) as server:
        asked = ("trigger", "bad", "--location", "eu", "--wait", "--server", server.url)
        told = ask(elsewhere, *asked)
        assert told.status == 1, told.err
        shown = ask(elsewhere, "show", "bad", "--server", server.url)
        for out in (told.out, shown.out):
            (again,) = re.findall(r"^  again +((?:.*\\\n)*.*)$", out, re.MULTILINE)
            words = shlex.split(again)
            assert words == [
                "checkwire", "trigger", "test/bad", "--location", "eu", "--wait",
                "--server", server.url, "-v",
            ]  # fmt: skip
            repeated = ask(elsewhere, *words[1:])
            assert repeated.status == 1, repeated.err
            assert "1 failed" in repeated.out


def test_in_the_folder_of_a_server_it_is_the_one_that_is_asked(
    checks: Checks, elsewhere: Path
) -> None:
    folder = checks()
    with Server(folder) as server:
        for where in (folder, folder / "config"):
            where.mkdir(exist_ok=True)
            result = ask(where, "status")
            assert result.status == 0, result.err
            assert f"  {server.url}  " in result.out
        data = {"CHECKWIRE_DATA": str(server.data)}
        assert f"  {server.url}  " in ask(elsewhere, "status", **data).out
        other = "http://127.0.0.1:1"
        assert other in ask(folder, "status", CHECKWIRE_SERVER=other).err
        assert other in ask(folder, "status", "--server", other).err
        named = server.url.removeprefix("http://")
        assert ask(elsewhere, "status", "--server", named).status == 0
        server.kill()
        assert (server.data / "serving").exists()
        assert server.url not in ask(folder, "status").err  # left behind, and nobody's
        server.start()
        assert f"  {server.url}  " in ask(folder, "status").out
        assert server.stop() == 0
        assert not (server.data / "serving").exists()


def test_a_check_of_a_project_that_is_not_there(checks: Checks, elsewhere: Path) -> None:
    with Server(checks()) as server:
        for name, why in (
            ("chat/passing", 'has no project "chat"; known are test'),
            ("tset/passing", 'has no project "tset"; did you mean "test"?'),
            ("test/pasing", 'has no check "pasing"; did you mean "passing"?'),
            ("test/nonsense", "; checkwire status --project test names them"),
            ("some_check.py::pass", 'has no check "some_check.py::pass"'),
        ):
            result = ask(elsewhere, "trigger", name, "--server", server.url)
            assert (result.status, result.out) == (2, "")
            assert why in result.err
