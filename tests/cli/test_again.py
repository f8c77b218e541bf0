"""The line ``again``: what it says runs the same again, pasted as it stands into a shell."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from checkwire.cli.reporters.again import Again, Word, again_lines
from checkwire.cli.reporters.paint import width_of
from support import samples
from support.program import checkwire, environment, project

TELLS = """
    import os
    from checkwire import check, env

    @check
    async def tells():
        assert env["PLACE"] == "elsewhere"
"""


def again_of(out: str) -> str:
    """The command, as one gets it by marking its lines with a mouse."""
    _, found, after = out.partition("\n  again     ")
    assert found, out
    lines = []
    for line in after.split("\n"):
        lines.append(line)
        if not line.endswith("\\"):
            break
    return "\n".join(lines)


def words_of(command: str, **variables: str) -> list[str]:
    """The words that a shell makes of a command."""
    show = "import json, sys; print(json.dumps(sys.argv[1:]))"
    spy = f"checkwire() {{ {sys.executable} -c '{show}' \"$@\"; }}\n"
    done = subprocess.run(
        ["bash", "-c", spy + command], env=environment(**variables), capture_output=True, check=True
    )
    words: list[str] = json.loads(done.stdout)
    return words


def test_it_has_every_option_that_decides_what_a_check_does(tmp_path: Path) -> None:
    root = project(tmp_path, a_check=TELLS)
    (root / "more.env").write_text("MORE=1\n")
    (root / "two words.env").write_text("MORE=2\n")
    given_ = [
        "--env", "PLACE=here & now", "--env", "PLACE=it's here", "--env", "EMPTY=",
        "--env-file", "more.env", "--env-file", "two words.env", "--timeout", "1m30s",
        "--retries", "0", "--resolve", "example.com:443:127.0.0.1:8443",
        "--resolve", "example.com:80:[::1]:8080", "--resolve", "example.com:81:[::1]",
    ]  # fmt: skip
    result = checkwire("test", *given_, cwd=root, COLUMNS="60")
    assert words_of(again_of(result.out)) == [
        "test", "a_check.py::tells", "--env", "PLACE=it's here", "--env", "EMPTY=",
        "--env-file", "more.env", "--env-file", "two words.env", "--timeout", "90s",
        "--retries", "0", "--resolve", "example.com:443:127.0.0.1:8443",
        "--resolve", "example.com:80:[::1]:8080", "--resolve", "example.com:81:[::1]", "-v",
    ]  # fmt: skip


def test_pasted_into_a_shell_it_runs_the_same(tmp_path: Path) -> None:
    root = project(tmp_path, a_check=TELLS)
    value = "nowhere, " + "a long way off; " * 12
    first = checkwire("test", "--env", f"PLACE={value}", "--retries", "0", cwd=root, COLUMNS="80")
    command = again_of(first.out)
    assert command.count("\n") > 1
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=root,
        env=environment(PATH=f"{Path(sys.executable).parent}:{os.environ['PATH']}"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    assert json.dumps(value)[1:60] in done.stdout


def test_a_secret_is_named_and_not_shown(tmp_path: Path) -> None:
    source = """
        from checkwire import check, env, secret

        @check
        async def tells():
            secret("UNDECLARED")
            assert env["PLACE"] == "elsewhere"
    """
    root = project(tmp_path, a_check=source)
    with (root / "checkwire.toml").open("a") as config:
        config.write('[secrets]\nDECLARED = { env = "ITS_SOURCE" }\n')
    secrets = {
        "UNDECLARED": "s3cr3t-one",
        "DECLARED": "s3cr3t-two",
        "ITS_SOURCE": "s3cr3t-three",
        "SAID": "Bearer s3cr3t-three",
        "CHAT_TOKEN": "s3cr3t-five",
        "PROXY": "http://me:s3cr3t-six@127.0.0.1:9",
    }
    options = [f"--env={name}={value}" for name, value in secrets.items()]
    result = checkwire("test", "--env=PLACE=here", *options, cwd=root)
    assert result.status == 1
    assert "s3cr3t" not in result.out
    command = again_of(result.out)
    assert '--env UNDECLARED="$UNDECLARED"' in command
    assert words_of(command, **secrets) == [
        "test", "a_check.py::tells", "--env", "PLACE=here",
        *(word for name, value in secrets.items() for word in ("--env", f"{name}={value}")), "-v",
    ]  # fmt: skip
    names = ", ".join(secrets)
    assert f"{names} are secrets and not shown" in " ".join(result.out.split())


def test_a_secret_that_the_shell_holds_needs_no_word(tmp_path: Path) -> None:
    root = project(tmp_path, a_check=TELLS)
    options = ("--env=PLACE=here", "--env=CHAT_TOKEN=abc")
    assert "not shown" not in checkwire("test", *options, cwd=root, CHAT_TOKEN="abc").out
    assert (
        "CHAT_TOKEN is a secret and not shown: set it" in checkwire("test", *options, cwd=root).out
    )


@pytest.mark.parametrize(
    ("case", "root", "again"),
    [
        (None, ".", "checkwire test checks/trading.py::room_join -v"),
        ("eu west", ".", "checkwire test 'checks/trading.py::room_join[eu west]' -v"),
        ("it's", ".", "checkwire test 'checks/trading.py::room_join[it'\\''s]' -v"),
        (None, "../monitoring", "checkwire test ../monitoring/checks/trading.py::room_join -v"),
        (None, "-odd", "checkwire test ./-odd/checks/trading.py::room_join -v"),
    ],
)
def test_its_target_is_the_check_from_where_one_stands(
    case: str | None, root: str, again: str
) -> None:
    (line,) = again_lines(samples.check("room-join", case=case), Again(), root, 100)
    assert line.plain == f"  again     {again}"


@pytest.mark.parametrize("width", [40, 57, 80])
@settings(deadline=None, max_examples=25)
@given(values=st.lists(st.text(st.characters(exclude_characters="\0"), max_size=150), max_size=4))
def test_whatever_it_holds_it_is_one_command_and_fits(width: int, values: list[str]) -> None:
    values = [value for value in values if not re.search("[\ud800-\udfff]", value)]
    options = tuple((Word("--env"), Word("NAME=", value)) for value in values)
    lines = [line.plain for line in again_lines(samples.check("a"), Again(options), ".", width)]
    assert all(width_of(line) <= width for line in lines)
    assert words_of(again_of("\n" + "\n".join(lines)), LC_ALL="C.UTF-8") == [
        "test", "checks/trading.py::a", *(w for v in values for w in ("--env", f"NAME={v}")), "-v"
    ]  # fmt: skip
