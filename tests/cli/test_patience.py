"""What a terminal shows while there is nothing to report yet."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.program import environment, project

WAITS = """
    import time
    from pathlib import Path
    from checkwire import check

    while not Path("go").exists():
        time.sleep(0.01)

    @check
    def after_all():
        assert True
"""


@contextlib.contextmanager
def on_a_terminal(root: Path, **variables: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """The program, whose standard error is a terminal; and where to read what is on that."""
    master, slave = os.openpty()
    try:
        with subprocess.Popen(
            [sys.executable, "-m", "checkwire", "test"],
            cwd=root,
            env=environment(TERM="xterm", **variables),
            stdout=subprocess.PIPE,
            stderr=slave,
            text=True,
        ) as program:
            try:
                yield program, master
            finally:
                if program.poll() is None:
                    program.kill()
    finally:
        os.close(slave)
        os.close(master)


def read_until(terminal: int, wanted: str) -> str:
    seen = ""
    while wanted not in seen:
        seen += os.read(terminal, 4096).decode()
    return seen


@pytest.mark.parametrize(
    ("variables", "shown"),
    [
        ({}, "\r\x1b[K\x1b[2mimporting checks/waits_check.py\x1b[0m"),
        ({"NO_COLOR": "1"}, "\r\x1b[Kimporting checks/waits_check.py"),
    ],
)
def test_a_file_that_takes_long_to_import_is_named_and_then_erased(
    tmp_path: Path, variables: dict[str, str], shown: str
) -> None:
    root = project(tmp_path, checks__waits_check=WAITS)
    with on_a_terminal(root, **variables) as (program, terminal):
        read_until(terminal, shown)
        (root / "go").touch()
        assert program.stdout is not None
        assert "1 passed" in program.stdout.read()
        assert program.wait(20) == 0
        assert os.read(terminal, 4096).decode() == "\r\x1b[K"


def test_a_service_that_takes_long_to_start_is_named(tmp_path: Path) -> None:
    root = project(tmp_path, a_check="from checkwire import check\n@check\ndef a(): assert True\n")
    with (root / "checkwire.toml").open("a") as config:
        config.write(
            '[[service]]\nname = "slow"\ncommand = "sleep 40"\nready = "tcp://127.0.0.1:9"\n'
        )
    with on_a_terminal(root, NO_COLOR="1") as (program, terminal):
        read_until(terminal, "\r\x1b[Kwaiting for service slow on 127.0.0.1:9")
        program.terminate()
        assert program.wait(20) == 143
        said = read_until(terminal, "interrupted")
    assert said.startswith("\r\x1b[Kcheckwire: interrupted")
