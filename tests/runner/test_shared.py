"""Attempts that share warm processes: beside each other, and at each other's mercy."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import pytest

from checkwire.model.attempt import Attempt, Run
from checkwire.model.events import AttemptStarted, Event, Logged
from checkwire.model.masking import MASK
from checkwire.runner.runner import Collected, Runner
from support.checks import collect, headline, printed, run_all, run_one, with_runner, write_check
from support.processes import descendants, is_alive, parents, wait_until
from support.wsserver import echo, served

NEIGHBOURS = 8


def pid_of(attempt: Attempt) -> int:
    (started,) = [event for event in attempt.events if isinstance(event, AttemptStarted)]
    return started.pid


def told(attempt: Attempt) -> list[str]:
    """What was told of the attempt by the runner itself."""
    logs = [event for event in attempt.events if isinstance(event, Logged)]
    return [log.message for log in logs if log.source == "checkwire"]


def run_with_neighbours(root: Path, culprit: str, **options: object) -> tuple[Attempt, list[Run]]:
    """Run a check that misbehaves beside others that wait until it has begun."""
    write_check(
        root,
        f"""
        import asyncio, os, signal, sys, time
        from pathlib import Path

        CASES = {{str(n): {{"n": n}} for n in range({NEIGHBOURS})}}

        @check(isolation="shared", timeout="20s", cases=CASES)
        async def neighbour(n):
            while not Path("begun").exists():
                await asyncio.sleep(0.01)
            await asyncio.sleep(0.3)
            print("neighbour", n)
            assert n >= 0

        {culprit}
        """,
    )

    async def use(runner: Runner, collected: Collected) -> tuple[Attempt, list[Run]]:
        *others, last = collected.definitions
        waiting = [asyncio.ensure_future(runner.run(other)) for other in others]
        run = await runner.run(last)
        (root / "begun").touch()
        return run.attempts[-1], await asyncio.gather(*waiting)

    # In one worker, so that all are neighbours.
    cpus = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cpus)})
    try:
        return with_runner(root, use, workers=NEIGHBOURS + 1, **options)
    finally:
        os.sched_setaffinity(0, cpus)


def all_passed(runs: list[Run]) -> None:
    for number, run in enumerate(runs):
        assert run.status == "passed", run.attempts[-1].failure
        assert printed(run.attempts[-1]) == [f"neighbour {number}"]


def test_two_hundred_at_once_have_each_its_own_transcript(tmp_path: Path) -> None:
    write_check(
        tmp_path,
        """
        import asyncio, logging, sys
        from checkwire import connect, env, log, secret, step

        logging.basicConfig(format="%(message)s")

        @check(isolation="shared", timeout="50s", cases={str(n): {"n": n} for n in range(200)})
        async def one(n):
            async with step(f"step {n}"):
                async with connect(env["WS_URL"]) as ws:
                    print("print", n, flush=False)
                    await ws.send(f"frame {n}")
                    assert await ws.receive(within="30s") == f"frame {n}"
                    log(f"log {n}")
            logging.error("logged %d", n)
            name = f"KEY_{n % 10}"
            print(secret(name), *(env[f"KEY_{m}"] for m in range(10) if m != n % 10))
            await asyncio.to_thread(print, "thread", n)
        """,
    )
    keys = {f"KEY_{n}": f"value-of-key-{n}" for n in range(10)}
    with served(echo) as url:

        async def use(runner: Runner, collected: Collected) -> list[Run]:
            return await asyncio.gather(*map(runner.run, collected.definitions))

        runs = with_runner(tmp_path, use, env={**os.environ, **keys, "WS_URL": url})
    assert len(runs) == 200
    for n, run in enumerate(runs):
        attempt = run.attempts[-1]
        assert run.status == "passed", attempt.failure
        assert [step.name for step in attempt.steps] == [f"step {n}"]
        others = [f"value-of-key-{m}" for m in range(10) if m != n % 10]
        assert printed(attempt) == [f"print {n}", " ".join([MASK, *others]), f"thread {n}"]
        assert printed(attempt, "stderr") == [f"logged {n}"]
        assert printed(attempt, "log") == [f"log {n}"]
        payloads = {getattr(event, "payload", None) for event in attempt.events}
        assert f"frame {n}" in payloads
        assert not payloads & {f"frame {m}" for m in range(200) if m != n}
    assert len({pid_of(run.attempts[-1]) for run in runs}) <= len(os.sched_getaffinity(0))


def test_what_a_module_keeps_is_kept_from_one_attempt_to_the_next(tmp_path: Path) -> None:
    write_check(
        tmp_path,
        """
        seen = []

        @check(isolation="shared")
        async def a():
            seen.append(1)
            print(len(seen))
        """,
    )

    async def use(runner: Runner, collected: Collected) -> list[Run]:
        return [await runner.run(collected.definitions[0]) for _ in range(3)]

    runs = with_runner(tmp_path, use)
    assert [printed(run.attempts[0]) for run in runs] == [["1"], ["2"], ["3"]]


def test_a_plain_function_has_a_process_of_its_own_and_that_is_said(tmp_path: Path) -> None:
    write_check(
        tmp_path,
        """
        @check(isolation="shared")
        def plain():
            assert True

        @check(isolation="shared")
        async def other():
            assert True
        """,
    )
    (warning,) = collect(tmp_path).warnings
    assert "a_check.py::plain runs in a process of its own" in warning
    assert "only an async def function can share one" in warning
    runs = run_all(tmp_path)
    assert {run.status for run in runs.values()} == {"passed"}
    assert len({pid_of(run.attempts[0]) for run in runs.values()}) == 2


def test_one_that_spins_is_told_with_its_line_and_its_neighbours_pass(tmp_path: Path) -> None:
    attempt, neighbours = run_with_neighbours(
        tmp_path,
        """
        @check(isolation="shared")
        async def spins():
            await asyncio.sleep(0.2)
            while True:
                pass
        """,
    )
    assert headline(attempt) == "runner.blocking"
    assert attempt.status == "error"
    assert attempt.failure is not None
    assert attempt.failure.location is not None
    assert attempt.failure.location.function == "spins"
    all_passed(neighbours)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("os._exit(3)", "script.exited"),
        ("sys.exit(3)", "script.exited"),
        ("import ctypes; ctypes.string_at(0)", "script.crashed"),
        ("os.kill(os.getpid(), signal.SIGSEGV)", "script.crashed"),
        ("assert bytes(2 << 30)", "runner.memory"),
        ("os.kill(os.getpid(), signal.SIGKILL)", "runner.killed"),
        ("os.fork()", "check.usage"),
    ],
)
def test_one_that_ends_the_process_has_its_own_code_and_its_neighbours_pass(
    tmp_path: Path, body: str, code: str
) -> None:
    attempt, neighbours = run_with_neighbours(
        tmp_path,
        f"""
        @check(isolation="shared")
        async def ends():
            await asyncio.sleep(0.1)
            print("before")
            {body}
        """,
    )
    assert headline(attempt) == code
    assert printed(attempt) == ["before"]
    all_passed(neighbours)


def test_one_that_does_not_heed_its_timeout_is_left_behind(tmp_path: Path) -> None:
    attempt, neighbours = run_with_neighbours(
        tmp_path,
        """
        @check(isolation="shared", timeout="1s")
        async def stubborn():
            while True:
                try:
                    await asyncio.sleep(5)
                except asyncio.CancelledError:
                    print("no")
        """,
    )
    assert headline(attempt) == "script.timeout"
    assert "did not heed its cancellation" in " ".join(told(attempt))
    all_passed(neighbours)


def test_one_that_prints_without_end_is_ended(tmp_path: Path) -> None:
    attempt, neighbours = run_with_neighbours(
        tmp_path,
        """
        @check(isolation="shared", output="2MB")
        async def floods():
            while True:
                print("x" * 999)
                await asyncio.sleep(0)
        """,
    )
    assert headline(attempt) == "runner.output"
    all_passed(neighbours)


def test_what_an_attempt_leaves_open_or_running_ends_with_it(tmp_path: Path) -> None:
    write_check(
        tmp_path,
        """
        import asyncio, socket, subprocess
        from checkwire import env

        kept = []

        @check(isolation="shared")
        async def leaves():
            kept.append(await asyncio.open_connection("127.0.0.1", int(env["PORT"])))
            kept.append(asyncio.ensure_future(ticks()))
            kept.append(subprocess.Popen(["sleep", "1000"]))
            print(kept[-1].pid)
            assert True

        async def ticks():
            while True:
                await asyncio.sleep(0.01)
                print("ticks")

        @check(isolation="shared")
        async def looks():
            await asyncio.sleep(0.2)
            print(kept[0][1].is_closing(), kept[1].done())
            assert True
        """,
    )

    async def use(runner: Runner, collected: Collected) -> list[Attempt]:
        return [(await runner.run(one)).attempts[-1] for one in collected.definitions]

    async def main() -> list[Attempt]:
        gone = asyncio.Event()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read()
            gone.set()
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        async with server:
            attempts = await asyncio.to_thread(
                with_runner, tmp_path, use, env={**os.environ, "PORT": str(port)}
            )
            await asyncio.wait_for(gone.wait(), 10)
        return attempts

    leaves, looks = asyncio.run(main())
    assert (leaves.status, looks.status) == ("passed", "passed")
    assert printed(looks) == ["True True"]
    (pid,) = [int(line) for line in printed(leaves) if line.isdigit()]
    wait_until(lambda: not is_alive(pid))


def test_a_thread_left_behind_costs_the_process(tmp_path: Path) -> None:
    write_check(
        tmp_path,
        """
        import threading, time

        @check(isolation="shared", cases={"a": {}, "b": {}})
        async def leaves():
            threading.Thread(target=time.sleep, args=(1000,), daemon=True).start()
            assert True
        """,
    )

    async def use(runner: Runner, collected: Collected) -> list[Attempt]:
        return [(await runner.run(one)).attempts[-1] for one in collected.definitions]

    first, second = with_runner(tmp_path, use)
    assert (first.status, second.status) == ("passed", "passed")
    assert "left a thread running" in " ".join(told(first))
    assert pid_of(first) != pid_of(second)


def test_a_run_that_is_cancelled_ends_alone(tmp_path: Path) -> None:
    write_check(
        tmp_path,
        """
        import asyncio

        @check(isolation="shared")
        async def waits():
            print("waits")
            try:
                await asyncio.sleep(1000)
            finally:
                open("cancelled", "w").close()

        @check(isolation="shared")
        async def goes_on():
            await asyncio.sleep(0.5)
            assert True
        """,
    )

    async def use(runner: Runner, collected: Collected) -> Run:
        begun = asyncio.Event()

        def listen(number: int, event: Event) -> None:
            if isinstance(event, Logged):
                begun.set()

        first, second = collected.definitions
        waiting = asyncio.ensure_future(runner.run(first, on_event=listen))
        await begun.wait()
        other = asyncio.ensure_future(runner.run(second))
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert (tmp_path / "cancelled").exists()
        return await other

    assert with_runner(tmp_path, use).status == "passed"


def test_what_a_listener_raises_ends_the_attempt_alone(tmp_path: Path) -> None:
    write_check(
        tmp_path,
        """
        import asyncio

        @check(isolation="shared")
        async def waits():
            print("waits")
            await asyncio.sleep(1000)
        """,
    )

    def listen(number: int, event: Event) -> None:
        if isinstance(event, Logged):
            raise ZeroDivisionError

    async def use(runner: Runner, collected: Collected) -> None:
        with pytest.raises(ZeroDivisionError):
            await runner.run(collected.definitions[0], on_event=listen)

    with_runner(tmp_path, use)


@pytest.mark.parametrize("whose", ["worker", "zygote"])
def test_the_runner_survives_a_kill_of_its_processes(tmp_path: Path, whose: str) -> None:
    write_check(
        tmp_path,
        """
        import asyncio
        from pathlib import Path

        @check(isolation="shared", cases={str(n): {} for n in range(5)})
        async def waits():
            print("begun")
            while not Path("go").exists():
                await asyncio.sleep(0.01)
            assert True
        """,
    )

    async def use(runner: Runner, collected: Collected) -> list[Run]:
        begun = 0

        def listen(number: int, event: Event) -> None:
            nonlocal begun
            if isinstance(event, AttemptStarted):
                begun += 1
                if begun == 5:
                    (tmp_path / "go").touch()
                    os.kill(
                        event.pid if whose == "worker" else parents()[event.pid], signal.SIGKILL
                    )

        runs = [runner.run(one, on_event=listen) for one in collected.definitions]
        return await asyncio.gather(*runs)

    before = descendants(os.getpid())
    runs = with_runner(tmp_path, use)
    assert [run.status for run in runs] == ["passed"] * 5
    wait_until(lambda: not descendants(os.getpid()) - before)


def test_closing_in_the_middle_ends_all_as_cancelled(tmp_path: Path) -> None:
    write_check(
        tmp_path,
        """
        import asyncio

        @check(isolation="shared", cases={str(n): {} for n in range(5)})
        async def waits():
            print("begun")
            await asyncio.sleep(1000)
        """,
    )

    async def use(runner: Runner, collected: Collected) -> list[Run]:
        begun = asyncio.Event()

        def listen(number: int, event: Event) -> None:
            if isinstance(event, Logged):
                begun.set()

        runs = [
            asyncio.ensure_future(runner.run(one, on_event=listen)) for one in collected.definitions
        ]
        await begun.wait()
        await runner.close()
        return await asyncio.gather(*runs)

    before = descendants(os.getpid())
    runs = with_runner(tmp_path, use)
    assert {headline(run.attempts[-1]) for run in runs} == {"runner.cancelled"}
    assert not descendants(os.getpid()) - before


def test_cancelling_all_tasks_cancels_only_its_own(tmp_path: Path) -> None:
    attempt, neighbours = run_with_neighbours(
        tmp_path,
        """
        @check(isolation="shared")
        async def cancels():
            mine = asyncio.ensure_future(asyncio.sleep(100))
            await asyncio.sleep(0)
            others = asyncio.all_tasks() - {asyncio.current_task()}
            assert others == {mine}
            for task in others:
                task.cancel()
        """,
    )
    assert attempt.status == "passed"
    all_passed(neighbours)


def test_an_attempt_that_neighbours_held_up_does_not_fail_for_that(tmp_path: Path) -> None:
    write_check(
        tmp_path,
        """
        import asyncio, time
        from pathlib import Path

        @check(isolation="shared")
        async def holds_up():
            while not Path("begun").exists():
                await asyncio.sleep(0.01)
            time.sleep(0.6)
            assert True

        @check(isolation="shared")
        async def hurries():
            Path("begun").touch()
            before = time.monotonic()
            await asyncio.sleep(0.2)
            assert time.monotonic() - before < 0.5
        """,
    )
    cpus = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cpus)})
    try:
        runs = run_all(tmp_path)
    finally:
        os.sched_setaffinity(0, cpus)
    hurries = runs["hurries"].attempts[-1]
    assert hurries.status == "passed", hurries.failure
    assert "other checks in its process kept it waiting" in " ".join(told(hurries))
    assert runs["holds_up"].status == "passed"


@pytest.mark.parametrize(
    "body",
    [
        "global task; task = asyncio.create_task(fail()); await asyncio.sleep(0)",
        "asyncio.create_task(fail()); await asyncio.sleep(0)",
        "asyncio.get_running_loop().call_soon(fail_now); await asyncio.sleep(0)",
        "thread = threading.Thread(target=fail_now); thread.start(); thread.join()",
    ],
)
def test_what_fails_in_the_background_fails_the_check_that_began_it(
    tmp_path: Path, body: str
) -> None:
    attempt, neighbours = run_with_neighbours(
        tmp_path,
        f"""
        import threading

        def fail_now():
            raise LookupError("in the background")

        async def fail():
            fail_now()

        @check(isolation="shared")
        async def fails():
            {body}
        """,
    )
    messages = [failed.failure.message for failed in attempt.failures]
    assert messages.count("LookupError: in the background") == 1
    all_passed(neighbours)


def test_modules_are_found_beside_the_check_that_imports_them(tmp_path: Path) -> None:
    for folder in ("one", "two"):
        write_check(
            tmp_path,
            """
            import asyncio
            import os

            @check(isolation="shared", cases={str(n): {} for n in range(3)})
            async def imports():
                await asyncio.sleep(0.05)
                import neighbour
                assert neighbour.NAME == os.path.basename(os.path.dirname(__file__))
            """,
            f"{folder}/{folder}_check.py",
        )
        (tmp_path / folder / "neighbour.py").write_text(f"NAME = {folder!r}\n")

    async def use(runner: Runner, collected: Collected) -> list[Run]:
        return await asyncio.gather(*map(runner.run, collected.definitions))

    runs = with_runner(tmp_path, use)
    assert [run.status for run in runs] == ["passed"] * 6, [r.attempts[-1].failure for r in runs]


def test_what_no_attempt_can_be_named_for_is_logged_masked(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "checkwire.worker")
    attempt, neighbours = run_with_neighbours(
        tmp_path,
        """
        from checkwire import secret

        @check(isolation="shared")
        async def writes():
            os.write(1, b"past Python: " + secret("KEY").encode() + b" and more")
            await asyncio.sleep(0.1)
            assert True
        """,
        env={**os.environ, "KEY": "value-of-the-key"},
    )
    assert attempt.status == "passed"
    all_passed(neighbours)
    assert caplog.messages == [f"past Python: {MASK} and more"]


def test_the_environment_is_the_runners(tmp_path: Path) -> None:
    attempt = run_one(
        tmp_path,
        """
        import os
        from checkwire import env

        @check(isolation="shared")
        async def a():
            assert env["COLOUR"] == os.environ["COLOUR"] == "blue"
        """,
        env={"COLOUR": "blue"},
    )
    assert attempt.status == "passed", attempt.failure
