"""Checks that misbehave hurt nobody but themselves, and what they did is told."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from pathlib import Path

import pytest

from checkwire.model.attempt import Attempt
from checkwire.model.events import Event, Finished, Logged
from checkwire.model.failures import code_of
from checkwire.runner.runner import Collected, Runner
from support.checks import headline, printed, run_all, run_one, with_runner, write_check
from support.httpserver import HttpServer, reply
from support.processes import is_alive, wait_until, with_command
from support.rawserver import Peer, RawServer
from support.wsserver import served, silent

GOOD = """
@check
async def good():
    import asyncio
    await asyncio.sleep(0.3)
    assert True
"""


def run_beside_a_good_check(root: Path, source: str, **options: object) -> Attempt:
    """Run a bad check and a good one at the same time; the good one must not notice."""
    write_check(root, GOOD, "good_check.py")
    write_check(root, source, "bad_check.py")
    runs = run_all(root, **options)
    assert runs["good"].status == "passed"
    assert len(runs["good"].attempts[0].failures) == 0
    return runs["bad"].attempts[0]


@pytest.mark.parametrize(
    ("body", "code", "status"),
    [
        ("while True: pass", "script.blocked", "error"),
        ("import time; time.sleep(60)", "script.blocked", "error"),
        ("import asyncio; await asyncio.sleep(60)", "script.timeout", "error"),
        (
            "import asyncio\n"
            " while True:\n  try: await asyncio.sleep(60)\n  except BaseException: pass",
            "script.timeout",
            "error",
        ),
        (
            "import signal\n signal.signal(signal.SIGTERM, signal.SIG_IGN)\n while True: pass",
            "script.blocked",
            "error",
        ),
        ("import os, signal; os.kill(os.getpid(), signal.SIGSTOP)", "script.blocked", "error"),
        (
            "import os, signal\n signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))\n"
            " while True: os.getpid()",
            "script.blocked",
            "error",
        ),
    ],
)
def test_a_check_that_does_not_end_is_ended(
    tmp_path: Path, body: str, code: str, status: str
) -> None:
    source = f"@check(timeout='500ms')\nasync def bad():\n print('begun')\n {body}\n"
    attempt = run_beside_a_good_check(tmp_path, source)
    assert headline(attempt) == code
    assert attempt.status == status
    assert printed(attempt) == ["begun"]


@pytest.mark.parametrize(
    ("kind", "body", "code", "text"),
    [
        ("async def", "import asyncio; await asyncio.sleep(60)", "script.timeout", "sleep(60)"),
        ("def", "import time; time.sleep(60)", "script.timeout", "sleep(60)"),
        ("def", "while True: pass", "script.timeout", "while True"),
        (
            "def",
            "import signal, time; signal.alarm(9); signal.alarm(0); time.sleep(60)",
            "script.timeout",
            "sleep(60)",
        ),
        ("async def", "while True: pass", "script.blocked", "while True"),
        # It holds the interpreter, so that no Python code runs any more, not even a handler.
        ("async def", "__import__('re').match('(a+)+$', 'a' * 40 + 'b')", "script.blocked", "(a+)"),
    ],
)
def test_a_timeout_says_where_the_check_was(
    tmp_path: Path, kind: str, body: str, code: str, text: str
) -> None:
    attempt = run_one(tmp_path, f"@check(timeout='300ms')\n{kind} a():\n    {body}\n")
    assert headline(attempt) == code
    assert attempt.failure is not None
    assert attempt.failure.location is not None
    assert text in attempt.failure.location.text
    assert "300 ms" in attempt.failure.message


def test_a_check_that_computes_as_its_time_ends_is_not_taken_for_one_that_blocks(
    tmp_path: Path,
) -> None:
    attempt = run_one(
        tmp_path,
        """
        import asyncio, time

        @check(timeout="500ms")
        async def a():
            await asyncio.sleep(0.48)
            time.sleep(0.04)
            await asyncio.sleep(60)
        """,
    )
    assert headline(attempt) == "script.timeout"
    assert attempt.failure is not None
    assert attempt.failure.location is not None
    assert "sleep(60)" in attempt.failure.location.text


@pytest.mark.parametrize(
    "source",
    [
        """
        from checkwire import connect, step

        @check(timeout="500ms")
        async def a():
            async with step("wait"):
                async with connect(URL) as ws:
                    await ws.receive_text()
        """,
        """
        from checkwire import step
        from checkwire.sync import connect

        @check(timeout="500ms")
        def a():
            with step("wait"):
                with connect(URL) as ws:
                    ws.receive_text()
        """,
    ],
)
def test_a_timeout_names_the_step_and_the_connection_that_kept_silent(
    tmp_path: Path, source: str
) -> None:
    with served(silent) as url:
        attempt = run_one(tmp_path, source.replace("URL", repr(url)))
    (failed,) = (failed for failed in attempt.failures if failed.severity == "failed")
    assert failed.failure.code == "timeout.check"
    assert failed.step == 1
    assert failed.failure.connection == 1
    assert failed.failure.phase == "first_message"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("async with connect(WS):\n        await asyncio.sleep(60)", "timeout.check"),
        ("while True:\n        await http.get(HTTP)\n        await asyncio.sleep(0.05)",
         "timeout.check"),
        ("async with connect(WS):\n        pass\n    await asyncio.sleep(60)", "script.timeout"),
        ("await http.get(HTTP)\n    await asyncio.sleep(60)", "script.timeout"),
        ("async with connect(SILENT):\n        pass", "timeout.check"),
        ("await http.get(SILENT.replace('ws', 'http'))", "timeout.check"),
    ],
)  # fmt: skip
def test_a_timeout_blames_who_had_the_time(tmp_path: Path, body: str, code: str) -> None:
    source = f"""
import asyncio
from checkwire import check, connect, http

@check(timeout="800ms")
async def a():
    {body}
"""
    with (
        served(silent) as ws,
        HttpServer(lambda _: reply()) as http,
        RawServer(Peer.stay) as stalled,
    ):
        urls = f"WS, HTTP, SILENT = {ws!r}, {http.url!r}, {stalled.url!r}"
        attempt = run_one(tmp_path, urls + source)
    assert headline(attempt) == code
    assert attempt.status == ("failed" if code == "timeout.check" else "error")


def test_a_plain_function_cannot_swallow_its_timeout_by_accident(tmp_path: Path) -> None:
    attempt = run_one(
        tmp_path,
        """
        import time

        @check(timeout="300ms")
        def a():
            try:
                time.sleep(60)
            except Exception:
                time.sleep(60)
        """,
    )
    assert headline(attempt) == "script.timeout"
    assert any(isinstance(event, Finished) for event in attempt.events)


@pytest.mark.parametrize(
    ("body", "code", "said"),
    [
        ("os._exit(0)", "script.exited", "exit status 0"),
        ("os._exit(7)", "script.exited", "exit status 7"),
        ("import ctypes; ctypes.string_at(0)", "script.crashed", "SIGSEGV"),
        ("os.abort()", "script.crashed", "SIGABRT"),
        ("os.kill(os.getpid(), 9)", "runner.killed", "SIGKILL"),
        ("os.kill(os.getpid(), 15); import time; time.sleep(9)", "runner.killed", "SIGTERM"),
        ("os.closerange(0, 256); os._exit(0)", "script.exited", "exit status 0"),
        ("os.closerange(0, 65536); os._exit(0)", "script.exited", "exit status 0"),
        ("os.execv('/bin/true', ['true'])", "script.exited", "exit status 0"),
        # A process forked from the check's comes to the end of the function; the check does not.
        ("if (p := os.fork()): os.waitpid(p, 0); os._exit(0)", "script.exited", "exit status 0"),
        ("if (p := os.fork()): os.waitpid(p, 0); os.abort()", "script.crashed", "SIGABRT"),
    ],
)
def test_a_process_that_ends_before_its_check_is_never_a_pass(
    tmp_path: Path, body: str, code: str, said: str
) -> None:
    source = f"import os\n@check\nasync def bad():\n assert True\n {body}\n"
    attempt = run_beside_a_good_check(tmp_path, source)
    assert attempt.status == "error"
    assert headline(attempt) == code
    assert attempt.failure is not None
    assert said in attempt.failure.message


@pytest.mark.parametrize("kind", ["def", "async def"])
def test_an_alarm_of_the_checks_own_is_not_the_end_of_its_time(tmp_path: Path, kind: str) -> None:
    attempt = run_one(
        tmp_path,
        f"""
        import signal, time

        @check
        {kind} a():
            signal.setitimer(signal.ITIMER_REAL, 0.05)
            time.sleep(9)
        """,
    )
    assert headline(attempt) == "script.crashed"
    assert attempt.failure is not None
    assert "SIGALRM" in attempt.failure.message
    assert "handler" in attempt.failure.hint


def test_what_a_forked_process_asserts_counts_under_a_number_of_its_own(tmp_path: Path) -> None:
    attempt = run_one(
        tmp_path,
        """
        import os

        def holds_at_last(values):
            for value in values:
                try:
                    assert value
                except AssertionError:
                    pass

        @check
        def a():
            if (pid := os.fork()) == 0:
                assert 2 == 1
            os.waitpid(pid, 0)
            holds_at_last([False, True])
        """,
    )
    assert attempt.status == "failed"
    assert headline(attempt) == "assertion.failed"
    assert attempt.failure is not None
    assert attempt.failure.location is not None
    assert attempt.failure.location.text == "assert 2 == 1"
    assert len([event for event in attempt.events if isinstance(event, Finished)]) == 1


@pytest.mark.parametrize(
    ("number", "said", "advised"),
    [
        (signal.SIGKILL, "killed from outside, by SIGKILL", "journalctl -k | grep -i oom"),
        (signal.SIGTERM, "stopped from outside, by SIGTERM", "services"),
        (signal.SIGHUP, "stopped from outside, by SIGHUP", "services"),
    ],
)
def test_a_check_that_another_process_kills_is_no_crash(
    tmp_path: Path, number: int, said: str, advised: str
) -> None:
    write_check(
        tmp_path,
        """
        import os, time

        @check
        def a():
            print(os.getpid(), flush=True)
            time.sleep(20)
        """,
    )

    def kill(_: int, event: Event) -> None:
        if isinstance(event, Logged) and event.source == "stdout":
            subprocess.run(["kill", f"-{int(number)}", event.message], check=True)

    async def use(runner: Runner, collected: Collected) -> Attempt:
        run = await runner.run(collected.definitions[0], on_event=kill)
        return run.attempts[-1]

    attempt = with_runner(tmp_path, use)
    assert attempt.status == "error"
    failure = attempt.failure
    assert failure is not None
    assert failure.code == "runner.killed"
    assert code_of(failure.code).blame == "probe"
    assert said in failure.message
    hint = failure.hint or code_of(failure.code).hint
    assert advised in hint
    assert "native" not in hint
    assert failure.evidence == {"signal": signal.Signals(number).name}


def test_a_crash_is_told_with_its_place(tmp_path: Path) -> None:
    attempt = run_one(
        tmp_path,
        """
        import ctypes

        def deep():
            ctypes.string_at(0)

        @check
        async def a():
            deep()
        """,
    )
    assert attempt.failure is not None
    assert attempt.failure.location is not None
    assert attempt.failure.location.function == "deep"
    assert attempt.failure.location.text == "ctypes.string_at(0)"


def test_closing_every_small_descriptor_does_not_silence_a_check(tmp_path: Path) -> None:
    attempt = run_one(
        tmp_path,
        """
        import os

        @check
        def a():
            os.closerange(0, 256)
            assert 1 == 2
        """,
    )
    assert headline(attempt) == "assertion.failed"


@pytest.mark.parametrize("size", [100_000_000])
def test_a_flood_on_stdout_is_bounded(tmp_path: Path, size: int) -> None:
    attempt = run_beside_a_good_check(
        tmp_path,
        f"""
        import os

        @check
        async def bad():
            block = b"x" * 99 + b"\\n"
            for _ in range({size} // (1000 * len(block))):
                os.write(1, block * 1000)
            print("the last line")
            assert True
        """,
    )
    assert attempt.status == "passed"
    lines = printed(attempt)
    assert lines[-1] == "the last line"
    assert len(lines) < 1001
    (note,) = [e for e in attempt.events if isinstance(e, Logged) and "kept" in e.message]
    assert note.source == "checkwire"


def test_a_memory_bomb_is_told_as_such(tmp_path: Path) -> None:
    attempt = run_beside_a_good_check(
        tmp_path,
        """
        @check(memory="128MiB")
        async def bad():
            hoard = []
            while True:
                hoard.append(bytearray(1_000_000))
        """,
    )
    assert headline(attempt) == "runner.memory"
    assert attempt.status == "error"
    assert attempt.failure is not None
    assert "128 MiB" in attempt.failure.message


def test_threads_that_find_no_memory_are_told_how_much_there_is(tmp_path: Path) -> None:
    attempt = run_one(
        tmp_path,
        """
        import threading

        @check(memory="100MB")
        def a():
            wait = threading.Event().wait
            while True:
                threading.Thread(target=wait, daemon=True).start()
        """,
    )
    assert headline(attempt) == "script.exception"
    assert attempt.failure is not None
    assert "memory= allows 100 MB" in attempt.failure.hint


def test_the_memory_that_was_promised_is_there(tmp_path: Path) -> None:
    attempt = run_one(
        tmp_path, "@check(memory='64MiB')\nasync def a():\n assert len(bytes(60 * 1024 * 1024))\n"
    )
    assert attempt.status == "passed"


def test_a_limit_of_cpu_time_is_told_as_such(tmp_path: Path) -> None:
    attempt = run_one(tmp_path, "@check(cpu='1s')\nasync def a():\n while True: pass\n")
    assert headline(attempt) == "runner.cpu"
    assert attempt.failure is not None
    assert attempt.failure.location is not None
    assert "while True" in attempt.failure.location.text
    assert attempt.usage.cpu_seconds >= 1


def test_who_ignores_the_signal_of_its_cpu_time_is_killed_for_it_all_the_same(
    tmp_path: Path,
) -> None:
    attempt = run_one(
        tmp_path,
        """
        import signal

        @check(cpu="1s")
        async def a():
            signal.signal(signal.SIGXCPU, signal.SIG_IGN)
            while True:
                pass
        """,
    )
    assert headline(attempt) == "runner.cpu"
    assert attempt.failure is not None
    assert attempt.failure.evidence["signal"] == "SIGKILL"


@pytest.mark.parametrize(
    ("options", "body", "code", "said"),
    [
        ("", "while True: os.open('/dev/null', os.O_RDONLY)", "runner.files", "the 1,024 files"),
        ("files=50", "while True: os.open('/dev/null', 0)", "runner.files", "the 50 files"),
        (
            "files=50",
            "held = []\n while True: held.append(await connect(URL))",
            "runner.files",
            "files= allows",
        ),
        ("file_size='1MB'", "open('f', 'wb').write(bytes(10**7))", "runner.file_size", "1 MB"),
        ("", "os.truncate(os.open('f', os.O_CREAT | os.O_RDWR), 1 << 31)", "runner.file_size",
         "1 GiB"),
        ("", "while True: os.write(2, bytes(60_000))", "runner.output", "256 MiB"),
        ("output=1000", "subprocess.run(['yes'])", "runner.output", "1 kB"),
    ],
)  # fmt: skip
def test_each_limit_has_its_code(
    tmp_path: Path, options: str, body: str, code: str, said: str
) -> None:
    with served(silent) as url:
        source = f"""
import os, subprocess
from checkwire import connect
URL = {url!r}

@check({options})
async def bad():
 {body}
"""
        attempt = run_beside_a_good_check(tmp_path, source)
    assert headline(attempt) == code
    assert attempt.failure is not None
    assert said in attempt.failure.message
    assert attempt.status == "error"


@pytest.mark.parametrize(
    "start",
    [
        "subprocess.Popen(['sleep', '69'])",
        "subprocess.Popen(['sleep', '69'], start_new_session=True)",
        "subprocess.Popen(['sh', '-c', 'sleep 69 & sleep 69 & wait'], start_new_session=True)",
    ],
)
def test_too_many_processes_are_all_killed(tmp_path: Path, start: str) -> None:
    attempt = run_beside_a_good_check(
        tmp_path,
        f"""
        import subprocess, time

        @check(processes=5)
        def bad():
            for _ in range(8):
                {start}
            time.sleep(20)
        """,
    )
    assert headline(attempt) == "runner.processes"
    assert attempt.failure is not None
    assert "processes= allows 5" in attempt.failure.message
    assert attempt.failure.evidence["processes"] >= 8
    wait_until(lambda: not with_command("sleep", "69"))


def test_as_many_processes_as_are_allowed_are_no_trouble(tmp_path: Path) -> None:
    attempt = run_one(
        tmp_path,
        """
        import subprocess

        @check(processes=4)
        def a():
            # Threads are none.
            for process in [subprocess.Popen(["sleep", "0.7"]) for _ in range(4)]:
                assert process.wait() == 0
        """,
    )
    assert attempt.status == "passed"


def test_a_limit_that_is_exceeded_counts_although_the_check_has_finished(tmp_path: Path) -> None:
    attempt = run_one(tmp_path, "@check(output=100)\ndef a():\n print('x' * 1000)\n assert True\n")
    assert headline(attempt) == "runner.output"


def test_a_thread_left_running_does_not_keep_the_process(tmp_path: Path) -> None:
    attempt = run_beside_a_good_check(
        tmp_path,
        """
        import threading, time

        @check
        async def bad():
            threading.Thread(target=time.sleep, args=(60,)).start()
            assert True
        """,
    )
    assert attempt.status == "passed"


def test_a_task_that_refuses_to_end_does_not_keep_the_process(tmp_path: Path) -> None:
    attempt = run_beside_a_good_check(
        tmp_path,
        """
        import asyncio

        async def stay():
            while True:
                try:
                    await asyncio.sleep(60)
                except asyncio.CancelledError:
                    pass

        @check
        async def bad():
            task = asyncio.create_task(stay())
            await asyncio.sleep(0)
            assert task
        """,
    )
    assert attempt.status == "passed"


@pytest.mark.parametrize(
    "start",
    [
        "subprocess.Popen(['sleep', '61'])",
        "subprocess.Popen(['sleep', '61'], start_new_session=True)",
        "subprocess.Popen(['sleep', '61'], start_new_session=True, env={})",
        "subprocess.run(['sh', '-c', 'setsid sh -c \"setsid sleep 61 & sleep 61\" &'])",
        "os.fork() or (os.setsid(), os.fork() or os.execvp('sleep', ['sleep', '61']), os._exit(0))",
    ],
)
def test_nothing_that_a_check_starts_outlives_it(tmp_path: Path, start: str) -> None:
    write_check(
        tmp_path,
        f"""
        import os, subprocess, time
        from pathlib import Path

        @check
        def a():
            {start}
            while not Path("go").exists():
                time.sleep(0.01)
            assert True
        """,
    )

    async def use(runner: Runner, collected: Collected) -> None:
        task = asyncio.create_task(runner.run(collected.definitions[0]))
        await asyncio.to_thread(wait_until, lambda: bool(with_command("sleep", "61")))
        (tmp_path / "go").touch()
        assert (await task).status == "passed"
        await asyncio.to_thread(wait_until, lambda: not with_command("sleep", "61"))

    with_runner(tmp_path, use, env={"PATH": os.environ["PATH"]})


def test_what_a_check_starts_outlives_other_checks(tmp_path: Path) -> None:
    write_check(
        tmp_path,
        """
        import subprocess, time
        from pathlib import Path

        @check
        def first():
            subprocess.run(["sh", "-c", "setsid sleep 67 & echo $! > pid"])
            while not Path("go").exists():
                time.sleep(0.01)
            stat = Path("/proc", Path("pid").read_text().strip(), "stat").read_text()
            assert stat.split()[2] in "SR"

        @check
        def second():
            assert True
        """,
    )

    async def use(runner: Runner, collected: Collected) -> None:
        first, second = collected.definitions
        task = asyncio.create_task(runner.run(first))
        await asyncio.to_thread(wait_until, lambda: bool(with_command("sleep", "67")))
        await runner.run(second)
        await runner.run(second)
        (tmp_path / "go").touch()
        assert (await task).status == "passed"

    with_runner(tmp_path, use)


def test_a_grandchild_that_holds_the_pipes_does_not_hold_the_runner(tmp_path: Path) -> None:
    attempt = run_one(
        tmp_path,
        """
        import subprocess

        @check
        async def a():
            print("begun", flush=True)
            subprocess.Popen(["sh", "-c", "while :; do echo noise; done"], start_new_session=True)
            assert True
        """,
    )
    assert attempt.status == "passed"
    assert printed(attempt)[0] == "begun"


def test_a_child_that_is_stopped_while_its_zygote_is_asked_to_end_is_gone(tmp_path: Path) -> None:
    attempt = run_one(
        tmp_path,
        f"""
        import os

        @check(timeout="300ms")
        def a():
            os.kill(os.getpid(), {signal.SIGSTOP})
        """,
    )
    assert headline(attempt) == "script.blocked"
    assert attempt.events
    pid = attempt.events[0].pid  # type: ignore[union-attr]
    wait_until(lambda: not is_alive(pid))


def test_garbage_among_the_events_is_told_and_does_no_harm(tmp_path: Path) -> None:
    attempt = run_beside_a_good_check(
        tmp_path,
        """
        import os

        @check
        async def bad():
            for fd in range(3, 2000):
                try:
                    os.write(fd, b"garbage" + bytes([10]))
                except OSError:
                    pass
            assert True
        """,
    )
    assert attempt.status == "error"
    assert headline(attempt) == "runner.protocol"
    assert attempt.failure is not None
    assert "garbage" in attempt.failure.message
