"""Services begin and end with the run that wants them, whatever happens to it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from checkwire.cli.testing.services import Services
from checkwire.project.config import load_project
from support.ports import free_port
from support.processes import is_alive, wait_until
from support.program import checkwire, environment, project

WAITING = """
    import time
    from pathlib import Path
    from checkwire import check

    @check(timeout="40s")
    def waits():
        Path("begun").touch()
        while not Path("go").exists():
            time.sleep(0.01)
        assert True
"""
PASSING = """
    from checkwire import check

    @check
    def quick():
        assert True
"""
SERVER = """
import os, pathlib, signal, socket, sys, time

def note(name):
    pathlib.Path("new-" + name).write_text(str(os.getpid()))
    os.rename("new-" + name, name)

"""
LISTEN = """
server = socket.create_server(("127.0.0.1", int(sys.argv[1])))
note("pid")
while True:
    server.accept()[0].close()
"""
STRAYS = """
def stray(name):
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            note(name)
            time.sleep(50)
        os._exit(0)

def polite(*_):
    pathlib.Path("asked").touch()
    sys.exit()

stray("stray")
signal.signal(signal.SIGTERM, polite)
stray("polite")
signal.signal(signal.SIGTERM, signal.SIG_DFL)
"""


def with_service(root: Path, source: str, port: int) -> Path:
    """Give the project a service that is a Python program."""
    (root / "serve.py").write_text(SERVER + source)
    with (root / "checkwire.toml").open("a") as config:
        config.write(
            f'[[service]]\nname = "db"\ncommand = "python serve.py {port}"\n'
            f'ready = "tcp://127.0.0.1:{port}"\n'
        )
    return root


@contextlib.contextmanager
def under_way(root: Path, mark: str) -> Iterator[subprocess.Popen[str]]:
    """``checkwire test``, once that file is there."""
    with subprocess.Popen(
        [sys.executable, "-m", "checkwire", "test"],
        cwd=root,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as program:
        try:
            wait_until((root / mark).exists)
            yield program
        finally:
            program.kill()


def pid_in(path: Path) -> int:
    wait_until(path.exists)
    return int(path.read_text())


def runs(pid: int) -> bool:
    """Whether there is such a process, and it is no zombie."""
    with contextlib.suppress(OSError):
        stat = Path(f"/proc/{pid}/stat").read_text()
        return stat.rpartition(")")[2].split()[0] != "Z"
    return False


def parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


@pytest.mark.parametrize("mark", ["begun", "pid"])
def test_a_run_that_is_killed_takes_its_service_along(tmp_path: Path, mark: str) -> None:
    root = project(tmp_path, a_check=WAITING)
    with_service(root, STRAYS + LISTEN, free_port())
    with under_way(root, mark) as program:
        pids = [pid_in(root / name) for name in ("pid", "stray", "polite")]
        assert all(map(runs, pids))
        program.kill()
    wait_until(lambda: not any(map(is_alive, pids)))
    assert (root / "asked").exists()


def test_a_service_that_will_not_end_is_killed_after_its_run_was(tmp_path: Path) -> None:
    root = project(tmp_path, a_check=WAITING)
    stubborn = "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    with_service(root, stubborn + LISTEN, free_port())
    with under_way(root, "begun") as program:
        pid = pid_in(root / "pid")
        program.kill()
    wait_until(lambda: not is_alive(pid))


def test_what_a_service_started_in_sessions_of_their_own_ends_with_it(tmp_path: Path) -> None:
    root = with_service(project(tmp_path, a_check=PASSING), STRAYS + LISTEN, free_port())
    assert checkwire("test", cwd=root).status == 0
    pids = [pid_in(root / name) for name in ("pid", "stray", "polite")]
    assert not any(map(is_alive, pids))
    assert (root / "asked").exists()


def test_what_a_service_left_behind_when_it_ended_is_ended_too(tmp_path: Path) -> None:
    """A service may put itself into the background."""
    background = """
if os.fork() == 0:
    os.setsid()
    server = socket.create_server(("127.0.0.1", int(sys.argv[1])))
    note("pid")
    time.sleep(50)
while not os.path.exists("pid"):
    time.sleep(0.01)
"""
    root = with_service(project(tmp_path, a_check=PASSING), background, free_port())
    result = checkwire("test", cwd=root)
    assert (result.status, result.err) == (0, "")
    assert not is_alive(pid_in(root / "pid"))


def test_one_that_runs_already_is_used_and_told_and_missed(tmp_path: Path) -> None:
    root = project(tmp_path, a_check=WAITING)
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with_service(root, LISTEN, port)
        told = f"checkwire: service db: what runs on 127.0.0.1:{port} already is used as it is\n"
        (root / "go").touch()
        result = checkwire("test", cwd=root)
        assert (result.status, result.err) == (0, told)
        (root / "go").unlink()
        (root / "begun").unlink()
        with under_way(root, "begun") as program:
            other.close()
            (root / "go").touch()
            _, errors = program.communicate(timeout=20)
    assert errors == told + (
        "checkwire: warning: checkwire.toml:3: service db was running already, "
        "and has ended while checks ran\n"
    )
    assert not (root / "pid").exists()


def test_another_that_listens_is_not_taken_for_a_service_that_has_ended(tmp_path: Path) -> None:
    ends = """
note("pid")
while not os.path.exists("go"):
    time.sleep(0.01)
exit("Address already in use")
"""
    port = free_port()
    root = with_service(project(tmp_path, a_check=PASSING), ends, port)
    with under_way(root, "pid") as program:
        program.send_signal(signal.SIGSTOP)
        with socket.create_server(("127.0.0.1", port)):
            (root / "go").touch()
            pid = pid_in(root / "pid")
            wait_until(lambda: not runs(pid))
            program.send_signal(signal.SIGCONT)
            _, errors = program.communicate(timeout=20)
    assert program.returncode == 2
    assert "service db ended with 1. Its output ends:\nAddress already in use" in errors


def test_the_keeper_of_a_service_takes_it_along_too(tmp_path: Path) -> None:
    root = with_service(project(tmp_path, a_check=WAITING), LISTEN, free_port())
    with under_way(root, "begun") as program:
        pid = pid_in(root / "pid")
        keeper = parent_of(pid)
        assert keeper != program.pid
        os.kill(keeper, signal.SIGKILL)
        wait_until(lambda: not runs(pid))
        (root / "go").touch()
        _, errors = program.communicate(timeout=20)
    assert "service db ended with -9 while checks ran" in errors


def test_the_end_of_a_service_is_told_though_its_keeper_is_slow_to_see_it(tmp_path: Path) -> None:
    ends = """
server = socket.create_server(("127.0.0.1", int(sys.argv[1])))
note("pid")
while not os.path.exists("go"):
    time.sleep(0.01)
exit("out of memory")
"""
    root = with_service(project(tmp_path), ends, free_port())

    async def run() -> list[str]:
        async with Services(load_project(root), environment()) as services:
            pid = pid_in(root / "pid")
            keeper = parent_of(pid)
            os.kill(keeper, signal.SIGSTOP)
            try:
                (root / "go").touch()
                wait_until(lambda: not runs(pid))
                problems = asyncio.create_task(services.problems())
                await asyncio.sleep(0)  # It has asked.
            finally:
                os.kill(keeper, signal.SIGCONT)
            return await problems

    (problem,) = asyncio.run(run())
    assert "service db ended with 1 while checks ran. Its output ends:\nout of memory" in problem
