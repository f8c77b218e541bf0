"""Ctrl-C and its relatives, at each stage of ``checkwire test``."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.processes import wait_until
from support.program import environment, project

PASSING = """
    from checkwire import check

    @check
    async def quick():
        assert True
"""
ENDLESS = """
    import asyncio, os
    from pathlib import Path
    from checkwire import check, step

    @check(timeout="50s")
    async def endless():
        async with step("wait"):
            Path("pid").write_text(str(os.getpid()))
            await asyncio.Event().wait()
"""
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextlib.contextmanager
def under_way(root: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """The program, under way."""
    with subprocess.Popen(
        [sys.executable, "-m", "checkwire", "test", *arguments],
        cwd=root,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as program:
        try:
            yield program
        finally:
            if program.poll() is None:
                program.kill()


def pid_in(path: Path) -> int:
    """The process id that somebody writes there."""
    wait_until(lambda: path.exists() and path.read_text().isdecimal())
    return int(path.read_text())


def is_gone(pid: int) -> bool:
    return not Path(f"/proc/{pid}").exists()


@pytest.mark.parametrize("number", STOP_SIGNALS)
def test_while_files_are_imported_it_says_which_one_it_waited_for(
    number: signal.Signals, tmp_path: Path
) -> None:
    waits = """
        import os, time
        from pathlib import Path

        Path("pid").write_text(str(os.getpid()))
        time.sleep(40)
    """
    root = project(tmp_path, a_check=PASSING, checks__waits_check=waits)
    with under_way(root) as program:
        pid = pid_in(root / "pid")
        program.send_signal(number)
        out, errors = program.communicate(timeout=20)
    assert (program.returncode, out) == (128 + number, "")
    assert errors == "checkwire: interrupted while importing checks/waits_check.py\n"
    wait_until(lambda: is_gone(pid))


def service(root: Path, source: str) -> None:
    """Give the project a service that never takes a connection."""
    (root / "serve.py").write_text(f"import os, pathlib, signal, time\n{source}\ntime.sleep(40)\n")
    with (root / "checkwire.toml").open("a") as config:
        config.write(
            '[[service]]\nname = "slow"\ncommand = "python serve.py"\nready = "tcp://127.0.0.1:9"\n'
        )


@pytest.mark.parametrize("number", STOP_SIGNALS)
def test_while_a_service_starts_it_ends_at_once_and_leaves_no_service(
    number: signal.Signals, tmp_path: Path
) -> None:
    root = project(tmp_path, a_check=PASSING)
    service(root, "pathlib.Path('pid').write_text(str(os.getpid()))")
    with under_way(root) as program:
        pid = pid_in(root / "pid")
        program.send_signal(number)
        out, errors = program.communicate(timeout=20)
    assert (program.returncode, out) == (128 + number, "")
    assert errors == "checkwire: interrupted while waiting for service slow on 127.0.0.1:9\n"
    assert is_gone(pid)


def test_a_second_ctrl_c_waits_for_no_service_that_will_not_end(tmp_path: Path) -> None:
    root = project(tmp_path, a_check=PASSING)
    source = """
def ignore(number, frame):
    pathlib.Path("asked").touch()

signal.signal(signal.SIGTERM, ignore)
pathlib.Path('pid').write_text(str(os.getpid()))
while not pathlib.Path("never").exists():
    time.sleep(40)
"""
    service(root, source)
    with under_way(root) as program:
        pid = pid_in(root / "pid")
        program.send_signal(signal.SIGINT)
        wait_until((root / "asked").exists)
        program.send_signal(signal.SIGINT)
        _, errors = program.communicate(timeout=20)
    assert program.returncode == 130
    assert "Traceback" not in errors
    assert is_gone(pid)


@pytest.mark.parametrize("number", STOP_SIGNALS)
def test_while_checks_run_what_finished_is_reported_and_no_process_is_left(
    number: signal.Signals, tmp_path: Path
) -> None:
    root = project(tmp_path, a_check=PASSING, b_check=ENDLESS)
    with under_way(root) as program:
        assert program.stdout is not None
        seen = ""
        while "quick" not in seen:
            seen += program.stdout.readline()
        pid = pid_in(root / "pid")
        program.send_signal(number)
        rest, errors = program.communicate(timeout=20)
    assert (program.returncode, errors) == (128 + number, "")
    assert "1 passed" in rest
    assert is_gone(pid)


TWO_MORE = """
    from checkwire import check

    @check
    async def never_begins():
        assert True

    @check
    async def neither_does():
        assert True
"""


def test_all_reporters_agree_on_what_has_no_run(tmp_path: Path) -> None:
    root = project(tmp_path, a_check=ENDLESS, b_check=TWO_MORE)
    reporters = ["list=list.txt", "dot=dot.txt", "json=all.json", "junit=all.xml", "github=all.md"]
    options = [word for reporter in reporters for word in ("-r", reporter)]
    with under_way(root, "--workers", "1", *options) as program:
        pid_in(root / "pid")
        program.send_signal(signal.SIGINT)
        program.communicate(timeout=20)
    for name in ("list.txt", "dot.txt"):
        text = (root / name).read_text()
        assert re.search(
            r"\nstopped\n  ◌ endless .* wait\n\ninterrupted  1 stopped, 2 not run  ", text
        )
    assert "### Checkwire: interrupted 1 stopped, 2 not run in" in (root / "all.md").read_text()
    told = json.loads((root / "all.json").read_text())
    assert (told["summary"]["stopped"], told["summary"]["not_run"]) == (1, 2)
    assert told["stopped"] == ["a_check.py::endless"]
    suites = ElementTree.parse(root / "all.xml").getroot()
    assert (suites.get("tests"), suites.get("skipped")) == ("3", "3")
    first, *others = (skipped.get("message") for skipped in suites.iter("skipped"))
    assert re.fullmatch("stopped after .*: interrupted", first or "")
    assert others == ["not run: interrupted"] * 2


def test_after_fail_fast_the_reports_name_what_has_no_run(tmp_path: Path) -> None:
    fails = """
        from checkwire import check

        @check
        def fails():
            assert 1 == 2
    """
    root = project(tmp_path, a_check=fails, b_check=TWO_MORE)
    options = ("-r", "junit=all.xml", "-r", "list")
    with under_way(root, "--workers", "1", "--fail-fast", *options) as program:
        out, _ = program.communicate(timeout=20)
    assert program.returncode == 1
    assert re.search(r"\n1 failed, 2 not run  in .*  exit 1\n", out)
    suites = ElementTree.parse(root / "all.xml").getroot()
    assert [skipped.get("message") for skipped in suites.iter("skipped")] == [
        "not run: --fail-fast"
    ] * 2


@pytest.mark.parametrize("number", STOP_SIGNALS)
def test_watching_ends_with_the_run_that_is_interrupted(
    number: signal.Signals, tmp_path: Path
) -> None:
    root = project(tmp_path, a_check=PASSING, b_check=ENDLESS)
    with under_way(root, "--watch") as program:
        pid_in(root / "pid")
        program.send_signal(number)
        rest, errors = program.communicate(timeout=20)
    assert (program.returncode, errors) == (128 + number, "")
    assert "interrupted" in rest


def test_watching_ends_while_it_waits_for_a_change(tmp_path: Path) -> None:
    root = project(tmp_path, a_check=PASSING)
    with under_way(root, "--watch") as program:
        assert program.stderr is not None
        seen = ""
        while "Waiting for a file" not in seen:
            seen += program.stderr.readline()
        program.send_signal(signal.SIGINT)
        _, errors = program.communicate(timeout=20)
    assert (program.returncode, errors) == (130, "")


def test_a_report_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    root = project(tmp_path, a_check=PASSING)
    full = os.open("/dev/full", os.O_WRONLY)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "checkwire", "test"],
            cwd=root,
            env=environment(),
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    finally:
        os.close(full)
    assert done.returncode == 2
    assert done.stderr == (
        "checkwire: error: the report on standard output could not be written: "
        "No space left on device\n"
    )
