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
