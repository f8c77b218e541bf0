"""``checkwire explain``: what a failure code means, asked of the program itself."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest

from checkwire.model.explanations import FAMILIES, explanation_of
from checkwire.model.failures import CODES
from support.program import checkwire, environment, project


def test_a_code_is_explained_whole(tmp_path: Path) -> None:
    told = checkwire("explain", "ws.no_pong", cwd=tmp_path, COLUMNS="80")
    assert (told.status, told.err) == (0, "")
    explanation = explanation_of("ws.no_pong")
    assert explanation is not None
    flowing = " ".join(told.out.split())
    assert told.out.startswith("ws.no_pong  A ping was not answered in time\n")
    assert " ".join(explanation.cause.split()) in flowing
    assert " ".join(explanation.remedy.split()) in flowing
    for look in explanation.confirm:
        assert look.shows in flowing
    for key, meaning in explanation.evidence.items():
        assert re.search(rf"^  {key} +{re.escape(meaning[:20])}", told.out, re.MULTILINE)
    for word in ("blame", "phase", "retry", "RFC 6455 5.5.2"):
        assert word in told.out


def test_a_variant_of_a_fault_is_explained_as_its_code(tmp_path: Path) -> None:
    told = checkwire("explain", "ws.no_pong/receive", cwd=tmp_path)
    assert told == checkwire("explain", "ws.no_pong", cwd=tmp_path)
    assert told.status == 0


COMMAND = re.compile(r"^ {2}\$ |^ {8}")


@pytest.mark.parametrize("columns", [40, 80, 100, 200])
def test_no_line_is_wider_than_the_terminal(tmp_path: Path, columns: int) -> None:
    for what in ([], ["upgrade.status"], ["ws.closed_abnormally"], ["tls.unknown_ca"]):
        told = checkwire("explain", *what, cwd=tmp_path, COLUMNS=str(columns))
        assert told.status == 0
        lines = told.out.splitlines()
        if columns == 40:  # A long word of a command is not broken.
            lines = [line for line in lines if not COMMAND.match(line)]
        assert max(map(len, lines)) <= min(columns, 100)


def test_commands_can_be_copied_also_where_they_take_several_lines(tmp_path: Path) -> None:
    explanation = explanation_of("upgrade.status")
    assert explanation is not None
    for columns in ("60", "100"):
        told = checkwire("explain", "upgrade.status", cwd=tmp_path, COLUMNS=columns)
        pasted = re.sub(r" \\\n +", " ", told.out)
        for look in explanation.confirm:
            assert f"  $ {look.command}\n" in pasted


def test_without_a_code_all_are_listed_by_family(tmp_path: Path) -> None:
    told = checkwire("explain", cwd=tmp_path, COLUMNS="120")
    assert told.status == 0
    for family in FAMILIES:
        assert re.search(rf"^{family}\b", told.out, re.MULTILINE)
    listed = re.findall(r"^  (\w+\.\w+) ", told.out, re.MULTILINE)
    assert listed == list(CODES)


@pytest.mark.parametrize("what", ["tls", "tls.", "tls.*", "TLS"])
def test_a_family_is_listed(tmp_path: Path, what: str) -> None:
    told = checkwire("explain", what, cwd=tmp_path)
    assert told.status == 0
    listed = re.findall(r"^  (\w+\.\w+) ", told.out, re.MULTILINE)
    assert listed == [code for code in CODES if code.startswith("tls.")]


def test_a_pattern_lists_what_it_matches(tmp_path: Path) -> None:
    told = checkwire("explain", "*.timeout", cwd=tmp_path)
    listed = re.findall(r"^  (\w+\.\w+) ", told.out, re.MULTILINE)
    assert listed == [code for code in CODES if code.endswith(".timeout")]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("tls.expired", "tls.certificate_expired"),
        ("ws.nopong", "ws.no_pong"),
        ("refused", "tcp.refused"),
        ("tpc.refused", "tcp.refused"),
    ],
)
def test_an_unknown_code_is_told_with_what_may_have_been_meant(
    tmp_path: Path, written: str, meant: str
) -> None:
    told = checkwire("explain", written, cwd=tmp_path)
    assert (told.status, told.out) == (2, "")
    assert f"error: no failure has the code '{written}'" in told.err
    near = re.findall(r"^  (\w+\.\w+) ", told.err, re.MULTILINE)
    assert meant in near
    assert len(near) <= 5
    assert CODES[meant].title in told.err


def test_nothing_like_a_code_is_told_with_the_way_to_the_list(tmp_path: Path) -> None:
    told = checkwire("explain", "zzz", cwd=tmp_path)
    assert told.status == 2
    assert "checkwire explain" in told.err
    assert "Traceback" not in told.err


def test_programs_get_all_of_it(tmp_path: Path) -> None:
    one = json.loads(checkwire("explain", "dns.timeout", "--json", cwd=tmp_path).out)
    assert one["code"] == "dns.timeout"
    assert (one["blame"], one["phase"], one["retryable"]) == ("path", "dns", True)
    assert {"command", "shows"} == set(one["confirm"][0])
    for member in ("title", "hint", "messages", "cause", "remedy", "evidence", "see"):
        assert one[member], member
    every = json.loads(checkwire("explain", "--json", cwd=tmp_path).out)
    assert [code["code"] for code in every["codes"]] == list(CODES)
    assert one in every["codes"]
    family = json.loads(checkwire("explain", "dns", "--json", cwd=tmp_path).out)
    assert family["codes"] == [code for code in every["codes"] if code["code"].startswith("dns.")]


def on_a_terminal(cwd: Path, *arguments: str, **variables: str) -> str:
    """What the program writes to a terminal."""
    leader, follower = pty.openpty()
    child = subprocess.Popen(
        [sys.executable, "-m", "checkwire", *arguments],
        cwd=cwd,
        env=environment(TERM="xterm", COLUMNS="80", **variables),
        stdin=subprocess.DEVNULL,
        stdout=follower,
        stderr=follower,
    )
    os.close(follower)
    parts = []
    while True:
        try:
            part = os.read(leader, 65536)
        except OSError:
            break
        if not part:
            break
        parts.append(part)
    os.close(leader)
    assert child.wait(20) == 0
    return b"".join(parts).decode()


def test_colour_is_for_terminals(tmp_path: Path) -> None:
    assert "\x1b[" in on_a_terminal(tmp_path, "explain", "tcp.refused")
    assert "\x1b[" not in on_a_terminal(tmp_path, "explain", "tcp.refused", NO_COLOR="1")
    assert "\x1b[" not in checkwire("explain", "tcp.refused", cwd=tmp_path).out


FAILING = """
    from checkwire import check, connect

    @check
    async def nobody_there():
        async with connect("ws://127.0.0.1:1/"):
            pass

    @check
    async def wrong():
        assert 1 + 1 == 3
"""


def test_a_failed_run_says_where_more_is_told(tmp_path: Path) -> None:
    told = checkwire("test", cwd=project(tmp_path, some_check=FAILING))
    assert told.status == 1
    assert re.search(r"^  explain +checkwire explain tcp\.refused$", told.out, re.MULTILINE)
    # The values say all that there is to say.
    assert "explain assertion.failed" not in told.out


def test_running_checks_imports_no_explanations(tmp_path: Path) -> None:
    code = (
        "import sys; from checkwire.cli import main\n"
        "main(['test'])\n"
        "print(' '.join(sys.modules), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environment(),
        cwd=project(tmp_path, some_check=FAILING),
        capture_output=True,
        text=True,
        check=True,
    )
    assert "checkwire explain tcp.refused" in done.stdout
    modules = done.stderr.split()
    assert "checkwire.model.failures" in modules
    assert not [name for name in modules if name.startswith("checkwire.model.explanations")]
