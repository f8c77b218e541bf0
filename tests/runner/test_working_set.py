"""What a process touches is learnt in one, and touched ahead in others."""

from __future__ import annotations

import json
import mmap
import os
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from checkwire.model.attempt import Attempt
from checkwire.runner.python.working_set import WorkingSet, populate, touched
from checkwire.runner.runner import Collected, Runner
from support.checks import printed, with_runner, write_check
from support.program import environment
from support.wsserver import echo, served

PAGE = mmap.PAGESIZE
PAGES = 300

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="it is Linux that tells")


def forked(work: Callable[[], Any]) -> Any:
    """What this returns in a process of its own, as JSON has it."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.write(writing, json.dumps(work()).encode())
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        told = pipe.read()
    os.waitpid(pid, 0)
    return json.loads(told)


@pytest.fixture
def memory() -> mmap.mmap:
    """Of this process, written to, page by page."""
    memory = mmap.mmap(-1, PAGES * PAGE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    memory.madvise(mmap.MADV_NOHUGEPAGE)
    for page in range(PAGES):
        memory[page * PAGE] = 1
    return memory


def address_of(memory: mmap.mmap) -> int:
    import ctypes

    return ctypes.addressof(ctypes.c_char.from_buffer(memory))


def write(memory: mmap.mmap, pages: range) -> int:
    """Write to these; how many faults that took."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for page in pages:
        memory[page * PAGE] = 2
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


def test_pages_that_are_written_to_are_found_and_no_others(memory: mmap.mmap) -> None:
    first, wanted = address_of(memory), range(20, 280, 3)

    def work() -> list[int]:
        write(memory, wanted)
        return [
            (address + offset - first) // PAGE
            for address, size in touched().written
            for offset in range(0, size, PAGE)
            if first <= address + offset < first + PAGES * PAGE
        ]

    assert forked(work) == list(wanted)


def test_what_was_populated_is_written_to_without_a_fault(memory: mmap.mmap) -> None:
    first, wanted = address_of(memory), range(20, 280)
    pages = WorkingSet(written=((first + 20 * PAGE, 260 * PAGE),))

    def populated() -> int:
        populate(pages)
        return write(memory, wanted)

    faults: int = forked(lambda: write(memory, wanted))
    assert faults >= 260, "each page is copied"
    assert forked(populated) < 26
    assert memory[20 * PAGE] == 1, "each process has its own"


def test_what_is_not_there_does_no_harm() -> None:
    def work() -> bool:
        populate(WorkingSet(written=((PAGE, PAGE), (1 << 46, 4 * PAGE)), read=((PAGE, PAGE),)))
        return True

    assert forked(work)


FAULTS = """
import resource
from checkwire import connect, env

def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

@check
async def a():
    before = faults()
    async with connect(env["URL"]) as ws:
        await ws.send_json({"type": "echo"})
        assert await ws.receive_json() == {"type": "echo"}
    print(faults() - before)
"""


def test_an_attempt_finds_its_memory_ready(tmp_path: Path) -> None:
    write_check(tmp_path, FAULTS)

    async def use(runner: Runner, collected: Collected) -> Attempt:
        (definition,) = collected.definitions
        return (await runner.run(definition)).attempts[0]

    with served(echo) as url:
        attempt = with_runner(tmp_path, use, env={"URL": url})
    assert attempt.status == "passed"
    (faults,) = printed(attempt)
    assert int(faults) < 200, "of some 600"


def test_where_nothing_can_be_learnt_there_is_nothing() -> None:
    program = """
import resource
from checkwire.runner.python.rehearsal import rehearse
_, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
assert rehearse({}, ()).written
resource.setrlimit(resource.RLIMIT_NOFILE, (5, hard))
assert rehearse({}, ()) is None
resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
assert rehearse({}, ()).written
"""
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment(), capture_output=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, b"")
