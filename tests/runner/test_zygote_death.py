"""The zygote dies, is stopped, or loses its runner."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

from checkwire.model.attempt import Run
from checkwire.model.events import AttemptStarted, Event, Logged
from checkwire.runner.runner import Collected, Runner
from support.checks import headline, printed, run_one, with_runner, write_check
from support.processes import is_alive, parents, wait_until, with_command

KILLER = """
import os, signal

@check
async def killer():
    os.kill(os.getppid(), signal.SIGKILL)
    import time
    time.sleep(60)
"""

GOOD = """
import asyncio

@check(cases={str(n): {} for n in range(5)})
async def good():
    await asyncio.sleep(0.5)
    assert True
"""


def test_the_check_that_kills_it_is_told_and_the_others_run_again(tmp_path: Path) -> None:
    write_check(tmp_path, KILLER, "killer_check.py")
    write_check(tmp_path, GOOD, "good_check.py")

    async def use(runner: Runner, collected: Collected) -> dict[str, Run]:
        runs = await asyncio.gather(*map(runner.run, collected.definitions))
        return {run.check.id: run for run in runs}

    runs = with_runner(tmp_path, use)
    killer = runs.pop("killer_check.py::killer")
    assert killer.status == "error"
    assert headline(killer.attempts[0]) == "runner.lost"
    assert {run.status for run in runs.values()} == {"passed"}
    notes = [note for run in runs.values() for note in printed(run.attempts[0], "checkwire")]
    assert any("second time" in note for note in notes)


def test_a_zygote_killed_once_from_outside_is_replaced_unnoticed(tmp_path: Path) -> None:
    write_check(tmp_path, GOOD)

    async def use(runner: Runner, collected: Collected) -> Run:
        killed = False

        def kill_its_zygote(number: int, event: Event) -> None:
            nonlocal killed
            if isinstance(event, AttemptStarted) and not killed:
                killed = True
                os.kill(parents()[event.pid], signal.SIGKILL)

        return await runner.run(collected.definitions[0], on_event=kill_its_zygote)

    run = with_runner(tmp_path, use)
    assert run.status == "passed"
    assert len(run.attempts) == 1
    (note,) = [event for event in run.attempts[0].events if isinstance(event, Logged)]
    assert "second time" in note.message


def test_a_zygote_that_a_check_stops_is_replaced(tmp_path: Path) -> None:
    write_check(
        tmp_path,
        """
        import os, signal

        @check
        async def stopper():
            os.kill(os.getppid(), signal.SIGSTOP)
            assert True
        """,
        "a_check.py",
    )
    write_check(tmp_path, GOOD, "b_check.py")

    async def use(runner: Runner, collected: Collected) -> list[Run]:
        first, *others = collected.definitions
        stopped = await runner.run(first)
        return [stopped, *await asyncio.gather(*map(runner.run, others))]

    # The stopper finished its check, so that is what counts.
    assert [run.status for run in with_runner(tmp_path, use)] == ["passed"] * 6


def test_a_zygote_that_ends_is_survived_by_nothing(tmp_path: Path) -> None:
    run_one(
        tmp_path,
        """
        import os, signal, subprocess

        @check
        async def a():
            subprocess.Popen(["sleep", "63"])
            subprocess.Popen(["sleep", "63"], start_new_session=True)
            os.kill(os.getppid(), signal.SIGKILL)
        """,
        env={"PATH": os.environ["PATH"]},
    )
    wait_until(lambda: not with_command("sleep", "63"))


RUNNER = """
import asyncio, sys
from pathlib import Path
from checkwire.project.config import load_project
from checkwire.project.discovery import discover
from checkwire.runner.runner import Runner

async def main():
    project = load_project(Path(sys.argv[1]))
    async with Runner(project) as runner:
        collected = await runner.collect(discover(project))
        await asyncio.gather(*map(runner.run, collected.definitions))

asyncio.run(main())
"""


def test_nothing_outlives_a_runner_that_is_killed(tmp_path: Path) -> None:
    write_check(
        tmp_path,
        """
        import os, subprocess, time

        @check
        async def a():
            subprocess.Popen(["sleep", "64"], start_new_session=True)
            with open("pids", "w") as file:
                file.write(f"{os.getpid()} {os.getppid()}\\n")
            time.sleep(60)
        """,
    )
    pids = tmp_path / "pids"
    with subprocess.Popen([sys.executable, "-c", RUNNER, str(tmp_path)]) as runner:
        wait_until(lambda: pids.exists() and pids.read_text().endswith("\n"))
        runner.kill()
    child, zygote = pids.read_text().split()
    wait_until(lambda: not is_alive(int(child)))
    wait_until(lambda: not is_alive(int(zygote)))
    wait_until(lambda: not with_command("sleep", "64"))


def test_a_check_does_not_outlive_its_zygote_even_without_a_runner(tmp_path: Path) -> None:
    write_check(
        tmp_path,
        """
        import os, time

        @check
        async def a():
            with open("pids", "w") as file:
                file.write(f"{os.getpid()} {os.getppid()}\\n")
            time.sleep(60)
        """,
    )
    pids = tmp_path / "pids"
    with subprocess.Popen([sys.executable, "-c", RUNNER, str(tmp_path)]) as runner:
        try:
            wait_until(lambda: pids.exists() and pids.read_text().endswith("\n"))
            child, zygote = map(int, pids.read_text().split())
            runner.send_signal(signal.SIGSTOP)
            os.kill(zygote, signal.SIGKILL)
            wait_until(lambda: not is_alive(child))
        finally:
            runner.kill()


def test_nothing_outlives_a_runner_that_is_killed_during_an_import(tmp_path: Path) -> None:
    write_check(
        tmp_path,
        """
        import os, time
        with open("pids", "w") as file:
            file.write(f"{os.getpid()}\\n")
        time.sleep(60)
        """,
    )
    pids = tmp_path / "pids"
    with subprocess.Popen([sys.executable, "-c", RUNNER, str(tmp_path)]) as runner:
        wait_until(lambda: pids.exists() and pids.read_text().endswith("\n"))
        runner.kill()
    zygote = pids.read_text().strip()
    wait_until(lambda: not is_alive(int(zygote)))


def test_a_check_may_be_gone_when_the_zygote_is_started_again(tmp_path: Path) -> None:
    path = write_check(tmp_path, KILLER)

    async def use(runner: Runner, collected: Collected) -> Run:
        path.write_text("from checkwire import check\n@check\nasync def other(): pass\n")
        return await runner.run(collected.definitions[0])

    attempt = with_runner(tmp_path, use).attempts[0]
    assert attempt.status == "error"
    assert headline(attempt) == "script.import"


def test_a_zygote_that_cannot_be_started_again_is_told(tmp_path: Path) -> None:
    write_check(tmp_path, KILLER)

    async def use(runner: Runner, collected: Collected) -> Run:
        (definition,) = collected.definitions
        real, sys.executable = sys.executable, str(tmp_path / "no python here")
        try:
            return await runner.run(definition)
        finally:
            sys.executable = real

    attempt = with_runner(tmp_path, use).attempts[0]
    assert attempt.status == "error"
    assert headline(attempt) == "runner.start"
