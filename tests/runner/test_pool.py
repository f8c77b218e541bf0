"""Children that were forked before they are needed: ready, unlike each other, and used once."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import pytest

from checkwire.model.attempt import Attempt, Run
from checkwire.model.events import AttemptStarted, TlsEstablished
from checkwire.runner.runner import Collected, Runner
from support.checks import printed, with_runner, write_check
from support.pki import Pki
from support.processes import descendants, is_alive, parents, wait_until
from support.wsserver import echo, served

TRIVIAL = "@check\nasync def a(): assert True\n"


def the_zygote() -> int:
    (zygote,) = (pid for pid, parent in parents().items() if parent == os.getpid())
    return zygote


def waiting() -> set[int]:
    """What is below the zygote."""
    return descendants(os.getpid()) - {the_zygote()}


async def ready(count: int) -> set[int]:
    """Wait until so many children wait."""
    await asyncio.to_thread(wait_until, lambda: len(waiting()) == count)
    return waiting()


def pid_of(attempt: Attempt) -> int:
    return next(event.pid for event in attempt.events if isinstance(event, AttemptStarted))


async def run_each(runner: Runner, collected: Collected) -> list[Attempt]:
    runs = await asyncio.gather(*map(runner.run, collected.definitions))
    assert {run.status for run in runs} == {"passed"}, [run.attempts[0].failure for run in runs]
    return [run.attempts[0] for run in runs]


def test_a_process_is_there_before_its_attempt_and_is_used_once(tmp_path: Path) -> None:
    write_check(
        tmp_path, "@check(cases={str(n): {} for n in range(3)})\nasync def a(): assert True"
    )

    async def use(runner: Runner, collected: Collected) -> None:
        runner.expect(3)
        first = await ready(3)
        assert {pid_of(attempt) for attempt in await run_each(runner, collected)} == first
        second = await ready(3)
        assert not first & second
        assert {pid_of(attempt) for attempt in await run_each(runner, collected)} == second

    with_runner(tmp_path, use)
    assert descendants(os.getpid()) == set()


def test_who_knows_what_will_run_has_none_waiting_afterwards(tmp_path: Path) -> None:
    write_check(tmp_path, TRIVIAL)

    async def use(runner: Runner, collected: Collected) -> None:
        runner.expect(1)
        before = await ready(1)
        (attempt,) = await run_each(runner, collected)
        assert {pid_of(attempt)} == before
        assert await ready(0) == set()

    with_runner(tmp_path, use, waiting=0)


SOURCES = """
import os, random, secrets, ssl, tempfile, uuid

@check(cases={str(n): {} for n in range(6)})
async def a():
    print(random.random(), random.Random().random(), random.SystemRandom().random())
    print(uuid.uuid1(), uuid.uuid4(), secrets.token_hex(), ssl.RAND_bytes(16), os.urandom(16))
    print(next(tempfile._get_candidate_names()))
    assert True
"""


def test_what_is_random_differs_in_each(tmp_path: Path) -> None:
    # They are used while the file is imported, so that there is a state to be inherited.
    write_check(
        tmp_path,
        SOURCES + "\nrandom.random(), uuid.uuid1(), uuid.uuid4(), secrets.token_hex()"
        "\nssl.RAND_bytes(16), next(tempfile._get_candidate_names())\n",
    )

    async def use(runner: Runner, collected: Collected) -> list[Attempt]:
        runner.expect(6)
        await ready(6)
        return await run_each(runner, collected)

    attempts = with_runner(tmp_path, use)
    words = [word for attempt in attempts for line in printed(attempt) for word in line.split()]
    assert len(words) >= 6 * 9
    assert len(set(words)) == len(words)


def test_no_tls_session_is_taken_up_again(tmp_path: Path) -> None:
    write_check(
        tmp_path,
        """
        from checkwire import connect, env

        @check(cases={str(n): {} for n in range(4)})
        async def a():
            async with connect(env["URL"], ca=env["CA"]) as ws:
                await ws.send("hello")
                assert await ws.receive() == "hello"
        """,
    )
    pki = Pki(tmp_path)
    context = pki.server("127.0.0.1")
    with served(echo, ssl=context) as url:

        async def use(runner: Runner, collected: Collected) -> list[Attempt]:
            runner.expect(4)
            await ready(4)
            return [*await run_each(runner, collected), *await run_each(runner, collected)]

        attempts = with_runner(tmp_path, use, env={"URL": url, "CA": pki.ca})
        assert len(attempts) == 8
        assert context.session_stats()["hits"] == 0
        assert context.session_stats()["accept"] == 8
    facts = [e for attempt in attempts for e in attempt.events if isinstance(e, TlsEstablished)]
    assert len(facts) == 8


def test_what_was_opened_to_get_warm_is_closed(tmp_path: Path) -> None:
    write_check(
        tmp_path,
        """
        import asyncio, gc, os, threading

        def target(fd):
            try:
                return os.readlink(f"/proc/self/fd/{fd}").partition(":")[0]
            except FileNotFoundError:  # that of the folder itself
                return ""

        @check
        async def a():
            print(sorted(filter(None, map(target, os.listdir("/proc/self/fd")))))
            print(len(asyncio.all_tasks()), threading.active_count())
            print(sum(isinstance(o, asyncio.AbstractEventLoop) for o in gc.get_objects()))
            assert True
        """,
    )

    async def use(runner: Runner, collected: Collected) -> Attempt:
        runner.expect(1)
        await ready(1)
        return (await run_each(runner, collected))[0]

    links, counts, loops = printed(with_runner(tmp_path, use))
    # The standard ones, that for events, and those of the check's own loop: a poll, and a pair of
    # sockets that wakes it.
    assert links == "['/dev/null', 'anon_inode', 'pipe', 'pipe', 'pipe', 'socket', 'socket']"
    assert counts == "2 1"  # the check's task, and that which waits for it
    assert loops == "1"


def test_time_that_was_spent_waiting_is_not_the_attempts(tmp_path: Path) -> None:
    write_check(tmp_path, "@check(timeout='200ms')\nasync def a(): assert True\n")

    async def use(runner: Runner, collected: Collected) -> list[Attempt]:
        runner.expect(1)
        await ready(1)
        await asyncio.sleep(0.5)  # longer than the attempt may take
        return await run_each(runner, collected)

    (attempt,) = with_runner(tmp_path, use)
    assert attempt.duration_ns < 200e6


def test_one_that_is_killed_while_it_waits_is_not_used(tmp_path: Path) -> None:
    write_check(tmp_path, TRIVIAL)

    async def use(runner: Runner, collected: Collected) -> None:
        runner.expect(2)
        victim, other = await ready(2)
        os.kill(victim, signal.SIGKILL)
        assert await ready(1) == {other}
        for _ in range(3):
            await run_each(runner, collected)

    with_runner(tmp_path, use)


def test_none_is_used_that_was_forked_before_the_files_changed(tmp_path: Path) -> None:
    write_check(tmp_path, "@check\nasync def a(): print('old')\n")

    async def use(runner: Runner, collected: Collected) -> list[Run]:
        (definition,) = collected.definitions
        before = await runner.run(definition)
        runner.expect(2)
        old = await ready(2)
        write_check(tmp_path, "@check\nasync def a(): print('new')\n")
        os.kill(the_zygote(), signal.SIGKILL)
        await asyncio.to_thread(wait_until, lambda: not any(map(is_alive, old)))
        return [before, await runner.run(definition), await runner.run(definition)]

    runs = with_runner(tmp_path, use)
    assert [printed(run.attempts[0]) for run in runs] == [["old"], ["new"], ["new"]]
    assert descendants(os.getpid()) == set()


@pytest.mark.parametrize("taken", [0, 1])
def test_none_outlives_its_runner(tmp_path: Path, taken: int) -> None:
    write_check(tmp_path, TRIVIAL)

    async def use(runner: Runner, collected: Collected) -> None:
        runner.expect(3)
        for _ in range(taken):
            await run_each(runner, collected)

    with_runner(tmp_path, use)
    assert descendants(os.getpid()) == set()


def test_no_secret_is_in_one_that_waits_nor_in_the_zygote(tmp_path: Path) -> None:
    value = f"hush-{os.urandom(8).hex()}"
    write_check(
        tmp_path,
        """
        from checkwire import secret

        @check
        async def a():
            assert secret("TOKEN")
        """,
    )

    async def use(runner: Runner, collected: Collected) -> None:
        await run_each(runner, collected)
        pids = await ready(1) | {the_zygote()}
        assert _holds(os.getpid(), value.encode())  # it would be found
        for pid in pids:
            assert not _holds(pid, value.encode())

    with_runner(tmp_path, use, secrets={"TOKEN": value}, env={"PATH": os.environ["PATH"]})


def _holds(pid: int, value: bytes) -> bool:
    """Whether a process has this anywhere in the memory that it may write to."""
    regions = [
        line.split()[0]
        for line in Path(f"/proc/{pid}/maps").read_text().splitlines()
        if line.split()[1].startswith("rw")
    ]
    with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as memory:
        for region in regions:
            start, end = (int(number, 16) for number in region.split("-"))
            memory.seek(start)
            if value in memory.read(end - start):
                return True
    return False
