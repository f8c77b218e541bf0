"""Thousands of attempts that misbehave: nothing of them is left, and the next one is unharmed."""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from pathlib import Path

from harness.processes import children, descendants
from harness.table import number, table

from checkwire.project.config import load_project
from checkwire.project.discovery import discover
from checkwire.runner.runner import Runner

__all__ = ["soak"]

_ATTEMPTS = 1430
"""For each round: about 10,000 in seven."""
_IN_FLIGHT = 6
_SOURCE = """
import asyncio, ctypes, os, signal, subprocess, sys, threading
from checkwire import check


@check
async def passes():
    assert True


@check
async def leaves_a_daemon():
    subprocess.Popen(["sleep", "300"], start_new_session=True)
    assert True


@check
def leaves_a_tree():
    subprocess.run(["sh", "-c", "setsid sh -c 'sleep 300 & setsid sleep 300' & sleep 300 &"])
    assert True


@check
def forks():
    if os.fork() == 0:
        os.fork()
        signal.pause()
    assert True


@check
async def crashes():
    ctypes.string_at(0)


@check
async def exits():
    os._exit(3)


@check
async def kills_itself():
    os.kill(os.getpid(), signal.SIGKILL)


@check
def leaves_a_thread():
    threading.Thread(target=threading.Event().wait).start()
    assert True


@check
async def closes_everything():
    os.closerange(0, 100)


@check(output="100kB")
async def shouts():
    while True:
        os.write(1, bytes(60_000))


class _Cruel:
    def __del__(self):
        raise RuntimeError("from __del__")


@check
async def raises_late():
    sys.cruel = _Cruel()
    _Cruel()
    assert True


@check(timeout="200ms")
async def spins():
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    while True:
        pass
"""


def soak(files: tuple[str, str], rounds: int) -> str:
    """Run the suite; returns its table."""
    with tempfile.TemporaryDirectory() as name:
        Path(name, "checkwire.toml").touch()
        Path(name, "bad_check.py").write_text(_SOURCE)
        rows = asyncio.run(_soak(Path(name), _ATTEMPTS * rounds if rounds > 2 else 300))
    return table(["", ""], rows)


async def _soak(folder: Path, attempts: int) -> list[list[str]]:
    project = load_project(folder)
    done: dict[str, int] = {}
    async with Runner(project, workers=_IN_FLIGHT, waiting=0) as runner:
        definitions = (await runner.collect(discover(project))).definitions
        (first,) = (check for check in definitions if check.function == "passes")
        await runner.run(first)
        (zygote,) = children(os.getpid())
        descriptors = _descriptors(zygote)
        left, began = iter(range(attempts)), time.perf_counter()

        async def work() -> None:
            for number_ in left:
                run = await runner.run(definitions[number_ % len(definitions)])
                done[run.status] = done.get(run.status, 0) + 1
                if run.check is first and run.status != "passed":
                    raise SystemExit(f"a good check came to harm: {run.attempts[0].failure}")

        await asyncio.gather(*(work() for _ in range(_IN_FLIGHT)))
        took = time.perf_counter() - began
        strays = _left_below(zygote)
        same_zygote = children(os.getpid()) == [zygote]
        leaked = _descriptors(zygote) - descriptors
    left_over = descendants(os.getpid())
    if left_over or strays or leaked or not same_zygote:
        raise SystemExit(f"left behind: {left_over}, {strays}, {leaked} descriptors")
    outcomes = ", ".join(f"{count:,} {status}" for status, count in sorted(done.items()))
    return [
        ["attempts", f"{attempts:,}: {outcomes}"],
        ["attempts/s", number(attempts / took)],
        ["processes left: zombies, orphans, daemons", "0"],
        ["descriptors more than before, of the process they are forked from", "0"],
        ["times that it had to be started again", "0"],
    ]


def _left_below(zygote: int) -> list[int]:
    """What a zygote has below it, once what was killed has had a moment to go."""
    deadline = time.monotonic() + 5
    while (below := descendants(zygote)) and time.monotonic() < deadline:
        time.sleep(0.01)
    return below


def _descriptors(pid: int) -> int:
    return sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())
