"""Nothing is left of an attempt, a runner, or a cancellation: counted."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
import uvloop

from checkwire.model.attempt import Attempt
from checkwire.model.events import AttemptStarted, Event
from checkwire.project.config import load_project
from checkwire.project.discovery import discover
from checkwire.runner.python.launch import launch
from checkwire.runner.runner import Collected, Runner
from support.checks import printed, with_runner, write_check
from support.processes import descendants, is_alive, open_fds, wait_until, with_command
from support.program import checkwire

MIXED = """
import asyncio, os, subprocess, sys

@check
async def passes():
    print("x" * 1000)
    assert True

@check
async def fails():
    assert 1 == 2

@check(timeout="200ms")
async def hangs():
    await asyncio.sleep(60)

@check
async def exits():
    os._exit(0)

@check
async def crashes():
    os.kill(os.getpid(), 11)

@check
async def leaves():
    subprocess.Popen(["sleep", "65"], start_new_session=True)
    assert True
"""

LOOPS = pytest.mark.parametrize("new_loop", [asyncio.new_event_loop, uvloop.new_event_loop])


def on_a_loop(
    new_loop: Callable[[], asyncio.AbstractEventLoop], work: Callable[[], Awaitable[None]]
) -> None:
    with asyncio.Runner(loop_factory=new_loop) as loop_runner:
        loop_runner.run(_as_coroutine(work))


async def _as_coroutine(work: Callable[[], Awaitable[None]]) -> None:
    await work()


async def collected_by(runner: Runner, root: Path) -> Collected:
    return await runner.collect(discover(load_project(root)))


@LOOPS
def test_a_hundred_attempts_leave_nothing_behind(
    tmp_path: Path, new_loop: Callable[[], asyncio.AbstractEventLoop]
) -> None:
    write_check(tmp_path, MIXED)

    async def work() -> None:
        async with Runner(load_project(tmp_path), workers=6, waiting=0) as runner:
            definitions = (await collected_by(runner, tmp_path)).definitions
            await asyncio.gather(*map(runner.run, definitions))
            (zygote,) = (p for p in descendants(os.getpid()))
            before = open_fds(), open_fds(zygote), len(asyncio.all_tasks())
            for _ in range(17):
                await asyncio.gather(*map(runner.run, definitions))
            assert (open_fds(), open_fds(zygote), len(asyncio.all_tasks())) == before
            # The zygote itself is the one process; what it killed may take a moment to be reaped.
            wait_until(lambda: descendants(os.getpid()) == {zygote})
        assert len(asyncio.all_tasks()) == 1

    on_a_loop(new_loop, work)
    assert not with_command("sleep", "65")
    assert descendants(os.getpid()) == set()
    assert threading.active_count() == 1


def test_a_runner_leaves_no_descriptor(tmp_path: Path) -> None:
    write_check(tmp_path, "@check\nasync def a(): assert True")

    async def work() -> None:
        async with Runner(load_project(tmp_path)) as runner:
            for definition in (await collected_by(runner, tmp_path)).definitions:
                await runner.run(definition)

    asyncio.run(work())
    before = open_fds()
    asyncio.run(work())
    assert open_fds() == before


@LOOPS
def test_a_cancelled_run_is_gone_with_its_process(
    tmp_path: Path, new_loop: Callable[[], asyncio.AbstractEventLoop]
) -> None:
    write_check(tmp_path, "import asyncio\n@check\nasync def a(): await asyncio.sleep(60)")

    async def work() -> None:
        async with Runner(load_project(tmp_path), waiting=0) as runner:
            (definition,) = (await collected_by(runner, tmp_path)).definitions
            before = open_fds()
            pids: list[int] = []
            started = asyncio.Event()

            def listen(number: int, event: Event) -> None:
                if isinstance(event, AttemptStarted):
                    pids.append(event.pid)
                    started.set()

            task = asyncio.create_task(runner.run(definition, on_event=listen))
            await started.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert not is_alive(pids[0])
            assert open_fds() == before

    on_a_loop(new_loop, work)


def test_a_run_cancelled_at_any_moment_leaves_nothing(tmp_path: Path) -> None:
    write_check(tmp_path, "@check\nasync def a(): assert True")

    async def work() -> None:
        async with Runner(load_project(tmp_path), waiting=0) as runner:
            (definition,) = (await collected_by(runner, tmp_path)).definitions
            await runner.run(definition)
            before = open_fds()
            finished = 0
            for turns in range(60):
                task = asyncio.create_task(runner.run(definition))
                for _ in range(turns):
                    await asyncio.sleep(0)
                task.cancel()
                try:
                    await task
                    finished += 1
                except asyncio.CancelledError:
                    pass
            run = await runner.run(definition)  # it still works
            assert run.status == "passed"
            await asyncio.to_thread(wait_until, lambda: open_fds().keys() <= before.keys())

    asyncio.run(work())


def test_closing_ends_what_is_under_way_as_cancelled(tmp_path: Path) -> None:
    write_check(
        tmp_path, "import asyncio\n@check(retries=3)\nasync def a(): await asyncio.sleep(60)"
    )

    async def work() -> None:
        runner = Runner(load_project(tmp_path))
        (definition,) = (await collected_by(runner, tmp_path)).definitions
        started = asyncio.Event()
        task = asyncio.create_task(
            runner.run(definition, on_event=lambda number, event: started.set())
        )
        await started.wait()
        await runner.close()
        run = await task
        assert run.status == "error"
        assert len(run.attempts) == 1
        assert run.attempts[0].failure is not None
        assert run.attempts[0].failure.code == "runner.cancelled"

    asyncio.run(work())
    assert descendants(os.getpid()) == set()


def test_closing_ends_a_zygote_that_is_being_started_again(tmp_path: Path) -> None:
    write_check(
        tmp_path,
        """
        import os, signal, subprocess, time
        if os.path.exists("again"):
            subprocess.run(["sleep", "68"])

        @check
        async def a():
            open("again", "w").close()
            os.kill(os.getppid(), signal.SIGKILL)
            time.sleep(60)
        """,
    )

    async def work() -> None:
        runner = Runner(load_project(tmp_path))
        (definition,) = (await collected_by(runner, tmp_path)).definitions
        task = asyncio.create_task(runner.run(definition))
        await asyncio.to_thread(wait_until, lambda: bool(with_command("sleep", "68")))
        await runner.close()
        run = await task
        assert run.attempts[0].failure is not None
        assert run.attempts[0].failure.code == "runner.cancelled"

    asyncio.run(work())
    assert descendants(os.getpid()) == set()
    wait_until(lambda: not with_command("sleep", "68"))


def test_a_run_after_the_end_is_cancelled(tmp_path: Path) -> None:
    write_check(tmp_path, "@check\nasync def a(): assert True")

    async def work() -> None:
        async with Runner(load_project(tmp_path)) as runner:
            (definition,) = (await collected_by(runner, tmp_path)).definitions
        run = await runner.run(definition)
        assert run.attempts[0].failure is not None
        assert run.attempts[0].failure.code == "runner.cancelled"

    asyncio.run(work())


def test_a_collection_that_is_cancelled_ends_the_import(tmp_path: Path) -> None:
    write_check(
        tmp_path,
        """
        import subprocess
        subprocess.run(["sleep", "66"])
        """,
    )

    async def work() -> None:
        async with Runner(load_project(tmp_path)) as runner:
            task = asyncio.create_task(collected_by(runner, tmp_path))
            while not with_command("sleep", "66"):  # noqa: ASYNC110
                await asyncio.sleep(0.01)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    asyncio.run(work())
    assert descendants(os.getpid()) == set()
    wait_until(lambda: not with_command("sleep", "66"))


def test_a_zygote_started_in_advance_and_never_needed_is_ended(tmp_path: Path) -> None:
    before = open_fds()

    async def work() -> None:
        async with Runner(load_project(tmp_path), process=launch()):
            pass

    asyncio.run(work())
    launch().discard()
    assert descendants(os.getpid()) == set()
    assert open_fds() == before


def test_a_zygote_started_by_a_thread_that_ended_lives_on(tmp_path: Path) -> None:
    write_check(tmp_path, "@check\nasync def a(): assert True")
    started = []
    thread = threading.Thread(target=lambda: started.append(launch()))
    thread.start()
    thread.join()

    async def work() -> None:
        async with Runner(load_project(tmp_path), process=started[0]) as runner:
            (definition,) = (await collected_by(runner, tmp_path)).definitions
            run = await runner.run(definition)
            assert run.status == "passed"
            assert not any("second time" in str(event) for event in run.attempts[0].events)

    asyncio.run(work())


OPEN = """
import os
from pathlib import Path

@check
async def a():
    print([os.readlink(path) for path in Path("/proc/self/fd").iterdir() if path.exists()])
    assert True
"""


def test_what_the_runner_was_started_with_is_not_the_checks(tmp_path: Path) -> None:
    """Neither if the zygote is forked from it, nor if it is started by it."""
    (tmp_path / "checkwire.toml").touch()
    write_check(tmp_path, OPEN)
    lock = tmp_path / "held-by-a-shell"
    shell = ("sh", "-c", f'exec 7>{lock}; exec "$@"', "sh")
    seen = checkwire("test", "--reporter", "json", cwd=tmp_path, before=shell).out
    assert "/dev/null" in seen
    assert lock.name not in seen

    async def use(runner: Runner, collected: Collected) -> Attempt:
        return (await runner.run(collected.definitions[0])).attempts[0]

    with lock.open() as held:
        os.set_inheritable(held.fileno(), True)
        assert lock.name not in str(printed(with_runner(tmp_path, use)))
