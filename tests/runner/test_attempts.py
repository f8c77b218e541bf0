"""Checks run in processes of their own, and what becomes of them is told."""

from __future__ import annotations

import asyncio
import json
import os
from itertools import pairwise
from pathlib import Path

import pytest

from checkwire.model.attempt import Run
from checkwire.model.events import AttemptStarted, Event, Failed, Finished
from checkwire.model.masking import MASK
from checkwire.runner.python.messages import Connecting
from checkwire.runner.runner import Collected, Runner
from support.checks import headline, printed, run_all, run_one, with_runner, write_check
from support.processes import is_alive, wait_until
from support.rawserver import Peer, RawServer


def test_a_check_that_returns_passes_and_one_that_asserts_wrongly_fails(tmp_path: Path) -> None:
    write_check(
        tmp_path,
        """
        @check
        async def good():
            assert 1 + 1 == 2

        @check
        def good_too():
            assert 1 + 1 == 2

        @check
        async def bad():
            assert 1 + 1 == 3

        @check
        def bad_too():
            assert 1 + 1 == 3
        """,
    )
    runs = run_all(tmp_path)
    assert {name: run.status for name, run in runs.items()} == {
        "good": "passed",
        "good_too": "passed",
        "bad": "failed",
        "bad_too": "failed",
    }
    for name in ("bad", "bad_too"):
        failure = runs[name].attempts[0].failure
        assert failure is not None
        assert failure.code == "assertion.failed"
        assert failure.location is not None
        assert failure.location.text == "assert 1 + 1 == 3"


def test_the_stream_begins_and_ends_as_documented(tmp_path: Path) -> None:
    attempt = run_one(tmp_path, "@check\nasync def a(): assert True")
    first, last = attempt.events[0], attempt.events[-1]
    assert isinstance(first, AttemptStarted)
    assert first.check == "a_check.py::a"
    assert first.engine == "python"
    assert first.pid not in (0, os.getpid())
    assert isinstance(last, Finished)
    assert attempt.usage.cpu_seconds > 0
    assert attempt.usage.peak_memory > 1_000_000


def test_every_attempt_has_a_process_of_its_own(tmp_path: Path) -> None:
    write_check(
        tmp_path,
        """
        seen = []

        @check(cases={"a": {}, "b": {}, "c": {}})
        async def a():
            seen.append(1)
            print(len(seen))
        """,
    )

    async def use(runner: Runner, collected: Collected) -> list[Run]:
        return [await runner.run(definition) for definition in collected.definitions]

    runs = with_runner(tmp_path, use)
    assert [printed(run.attempts[0]) for run in runs] == [["1"]] * 3
    pids = {event.pid for run in runs for event in run.attempts[0].events[:1]}  # type: ignore[union-attr]
    assert len(pids) == 3


def test_an_exception_is_told_with_its_place_in_the_check(tmp_path: Path) -> None:
    attempt = run_one(
        tmp_path,
        """
        def helper():
            return json_of({})

        def json_of(value):
            return value["missing"]

        @check
        async def a():
            helper()
        """,
    )
    assert attempt.status == "error"
    failure = attempt.failure
    assert failure is not None
    assert failure.code == "script.exception"
    assert failure.message == "KeyError: 'missing'"
    assert failure.location is not None
    assert (failure.location.path, failure.location.function) == ("a_check.py", "json_of")
    assert failure.location.text == 'return value["missing"]'
    assert "in helper" in failure.details
    assert "checkwire/runner" not in failure.details


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("raise SystemExit(3)", "script.exited"),
        ("import sys; sys.exit()", "script.exited"),
        ("raise KeyboardInterrupt", "script.exception"),
        ("raise GeneratorExit", "script.exception"),
        ("raise MemoryError", "runner.memory"),
        ("raise AssertionError('by hand')", "assertion.failed"),
        ("raise ExceptionGroup('many', [ValueError(1), TypeError(2)])", "script.exception"),
        (
            "import asyncio; asyncio.current_task().cancel(); await asyncio.sleep(1)",
            "script.exception",
        ),
        (
            "class Odd(Exception):\n  def __str__(self): raise ValueError\n raise Odd",
            "script.exception",
        ),
    ],
)
def test_whatever_leaves_a_check_is_its_failure(tmp_path: Path, body: str, code: str) -> None:
    attempt = run_one(tmp_path, f"@check\nasync def a():\n {body}\n")
    assert headline(attempt) == code
    (finished,) = [event for event in attempt.events if isinstance(event, Finished)]
    assert finished.outcome == "raised"


@pytest.mark.parametrize("kind", ["def", "async def"])
@pytest.mark.parametrize(
    "method",
    ["__str__(self): raise KeyboardInterrupt", "__getattr__(self, name): return self.inner"],
)
def test_an_exception_that_cannot_be_asked_anything_is_told_by_its_name(
    tmp_path: Path, kind: str, method: str
) -> None:
    source = f"class Odd(Exception):\n def {method}\n@check\n{kind} a():\n raise Odd\n"
    attempt = run_one(tmp_path, source)
    assert attempt.failure is not None
    assert (attempt.failure.code, attempt.failure.message) == ("script.exception", "Odd")


def test_each_exception_of_a_group_is_told(tmp_path: Path) -> None:
    attempt = run_one(
        tmp_path,
        """
        @check
        async def a():
            import asyncio
            async def fail(what):
                raise what
            async with asyncio.TaskGroup() as group:
                group.create_task(fail(ValueError("one")))
                group.create_task(fail(TypeError("two")))
        """,
    )
    messages = {failed.failure.message for failed in attempt.failures}
    assert messages == {"ValueError: one", "TypeError: two"}


@pytest.mark.parametrize(
    "body",
    [
        # Nobody awaits it, and it is held until the end.
        "global task\n    task = asyncio.create_task(fail())\n    await asyncio.sleep(0)",
        # Nobody awaits it, and it is collected at once.
        "asyncio.create_task(fail())\n    await asyncio.sleep(0)",
        "asyncio.get_running_loop().call_soon(fail_now)\n    await asyncio.sleep(0)",
        "thread = threading.Thread(target=fail_now)\n    thread.start()\n    thread.join()",
    ],
)
def test_a_failure_in_the_background_fails_the_check(tmp_path: Path, body: str) -> None:
    attempt = run_one(
        tmp_path,
        f"""
import asyncio, threading

def fail_now():
    raise LookupError("in the background")

async def fail():
    fail_now()

@check
async def a():
    {body}
""",
    )
    assert attempt.status == "error"
    messages = [failed.failure.message for failed in attempt.failures]
    assert messages.count("LookupError: in the background") == 1


def test_the_environment_is_the_jobs_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OF_THE_RUNNER", "1")
    attempt = run_one(
        tmp_path,
        """
        import json, os

        @check
        async def a():
            print(json.dumps(dict(os.environ)))
        """,
        env={"NAME": "value", "PATH": "/bin"},
    )
    environ = json.loads(printed(attempt)[0])
    del environ["CHECKWIRE_ZYGOTE"]
    assert environ == {"NAME": "value", "PATH": "/bin"}


def test_variables_and_secrets_that_are_no_text_arrive_as_they_are(tmp_path: Path) -> None:
    write_check(
        tmp_path,
        """
        import os
        from checkwire import env, secret

        AT_IMPORT = os.environb[b"ODD"]

        @check
        def a():
            assert AT_IMPORT == os.environb[b"ODD"] == os.fsencode(env["ODD"]) == b"a\\xffb"
            assert os.fsencode(secret("KEY")) == b"hunter\\xff2"
            print(secret("KEY"))
        """,
    )
    odd, key = os.fsdecode(b"a\xffb"), os.fsdecode(b"hunter\xff2")
    (run,) = run_all(tmp_path, env={"ODD": odd}, secrets={"KEY": key}).values()
    assert run.status == "passed", run.attempts[-1].failure
    assert "hunter" not in str(run.attempts[-1].events)


def test_the_options_for_connections_arrive(tmp_path: Path) -> None:
    connecting = Connecting(resolve=(("example.test", 80, "127.0.0.1", 81),), ca="/some/ca.pem")
    attempt = run_one(
        tmp_path,
        """
        from checkwire.sdk.context import current

        @check
        async def a():
            print(current().resolve, current().ca)
        """,
        connecting=connecting,
    )
    assert printed(attempt) == ["{('example.test', 80): ('127.0.0.1', 81)} /some/ca.pem"]


def test_a_check_starts_with_the_signals_of_a_fresh_python(tmp_path: Path) -> None:
    attempt = run_one(
        tmp_path,
        """
        import signal, sys
        signal.signal(signal.SIGUSR1, print)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR2])

        @check
        async def a():
            assert signal.getsignal(signal.SIGUSR1) == signal.SIG_DFL
            assert signal.getsignal(signal.SIGINT) == signal.default_int_handler
            assert signal.getsignal(signal.SIGPIPE) == signal.SIG_IGN
            assert signal.getsignal(signal.SIGCHLD) == signal.SIG_DFL
            assert not signal.pthread_sigmask(signal.SIG_BLOCK, [])
            assert sys.stdin.read() == ""
        """,
    )
    assert attempt.status == "passed"


def test_a_check_has_no_descriptor_but_its_own(tmp_path: Path) -> None:
    attempt = run_one(
        tmp_path,
        """
        import os

        @check
        def a():
            targets = {fd: os.readlink(f"/proc/self/fd/{fd}") for fd in os.listdir("/proc/self/fd")
                       if os.path.exists(f"/proc/self/fd/{fd}")}
            kinds = sorted(target.partition(":")[0] for target in targets.values())
            assert kinds == ["/dev/null", "pipe", "pipe", "pipe"], targets
        """,
    )
    assert attempt.status == "passed", attempt.failure


def test_secrets_are_masked_in_what_is_printed_and_raised(tmp_path: Path) -> None:
    attempt = run_one(
        tmp_path,
        """
        import sys
        from checkwire import env

        @check
        async def a():
            print("out", env["KEY"])
            print("err", env["KEY"], file=sys.stderr)
            raise ValueError(env["KEY"])
        """,
        secrets={"KEY": "hunter2-hunter2"},
    )
    assert printed(attempt) == [f"out {MASK}"]
    assert f"err {MASK}" in printed(attempt, "stderr")
    assert attempt.failure is not None
    assert attempt.failure.message == f"ValueError: {MASK}"
    assert "hunter2" not in str(attempt)


def test_a_variable_read_as_a_secret_is_masked_in_what_is_printed(tmp_path: Path) -> None:
    attempt = run_one(
        tmp_path,
        """
        from checkwire import log, secret

        @check
        async def a():
            for number in range(200):
                log("x" * 300)
            print("token", secret("TOKEN"))
            print("token", secret("TOKEN"))
        """,
        env={"TOKEN": "hunter2-hunter2"},
    )
    assert printed(attempt) == [f"token {MASK}"] * 2
    assert "hunter2" not in str(attempt)


def test_secrets_never_are_in_the_zygote(tmp_path: Path) -> None:
    attempt = run_one(
        tmp_path,
        """
        import os

        @check
        async def a():
            zygote = os.getppid()
            found = False
            with open(f"/proc/{zygote}/maps") as maps, open(f"/proc/{zygote}/mem", "rb") as mem:
                for line in maps:
                    span, mode, *_ = line.split()
                    if mode.startswith("rw"):
                        start, end = (int(part, 16) for part in span.split("-"))
                        mem.seek(start)
                        try:
                            # Joined here, so that the source does not hold it.
                            found = found or "".join(["hunter2", "-", "hunter2"]).encode() in (
                                mem.read(end - start)
                            )
                        except OSError:
                            pass
            print(found)
        """,
        secrets={"KEY": "hunter2-hunter2"},
    )
    assert printed(attempt) == ["False"]


def test_events_come_as_they_happen(tmp_path: Path) -> None:
    write_check(
        tmp_path,
        """
        import sys
        from checkwire import log

        @check
        async def a():
            log("first")
            while not sys.stdin.read(1) and not __import__("os").path.exists("go"):
                pass
        """,
    )

    async def use(runner: Runner, collected: Collected) -> Run:
        def listen(number: int, event: Event) -> None:
            assert number == 1
            if getattr(event, "message", "") == "first":
                (tmp_path / "go").touch()  # the check waits for this

        return await runner.run(collected.definitions[0], on_event=listen)

    assert with_runner(tmp_path, use).status == "passed"


def test_what_is_too_long_or_no_text_is_told_in_short(tmp_path: Path) -> None:
    attempt = run_one(
        tmp_path,
        r"""
        from checkwire import log, step
        from checkwire.model.errors import FailureError
        from checkwire.model.failures import Failure

        @check
        async def a():
            log("x" * 3_000_000)
            log("half of a pair: \ud800")
            with step("y" * 3_000_000):
                pass
            evidence = {"huge": 10**30, "long": "z" * 3_000_000}
            raise FailureError(Failure(code="ws.closed", message="closed", evidence=evidence))
        """,
    )
    assert headline(attempt) == "ws.closed"
    assert len(attempt.failures) == 1
    assert len(attempt.steps) == 1
    assert [line[:10] for line in printed(attempt, "log")] == ["xxxxxxxxxx", "half of a "]


def test_nothing_is_lost_when_the_runner_is_late(tmp_path: Path) -> None:
    write_check(
        tmp_path,
        """
        from checkwire import log

        @check
        async def a():
            for number in range(400):
                log(f"{number} " + "x" * 400)
            print("y" * 20_000)
            assert True
        """,
    )

    async def use(runner: Runner, collected: Collected) -> Run:
        def listen(number: int, event: Event) -> None:
            if isinstance(event, AttemptStarted):
                # The loop stands still until the check has written all that it will.
                wait_until(lambda: not is_alive(event.pid))

        return await runner.run(collected.definitions[0], on_event=listen)

    attempt = with_runner(tmp_path, use).attempts[0]
    assert attempt.status == "passed"
    assert len(printed(attempt, "log")) == 400
    assert printed(attempt)


def test_what_the_listener_raises_ends_the_run_and_is_raised(tmp_path: Path) -> None:
    write_check(tmp_path, "import asyncio\n@check\nasync def a(): await asyncio.sleep(60)")

    async def use(runner: Runner, collected: Collected) -> None:
        def listen(number: int, event: Event) -> None:
            raise LookupError("the listener's own")

        with pytest.raises(LookupError):
            await runner.run(collected.definitions[0], on_event=listen)

    with_runner(tmp_path, use)


def test_retries_run_the_check_again_until_it_passes(tmp_path: Path) -> None:
    write_check(
        tmp_path,
        """
        from pathlib import Path

        @check(retries={"max": 5, "delay": "1ms"})
        async def a():
            with Path("count").open("a") as file:
                file.write("x")
            assert Path("count").stat().st_size == 3
        """,
    )
    run = run_all(tmp_path)["a"]
    assert run.status == "passed"
    assert run.flaky
    assert [attempt.number for attempt in run.attempts] == [1, 2, 3]
    assert [attempt.status for attempt in run.attempts] == ["failed", "failed", "passed"]


def test_what_is_not_activated_or_lacks_a_variable_is_skipped(tmp_path: Path) -> None:
    write_check(
        tmp_path,
        """
        @check(activated=False)
        async def off(): pass

        @check(needs=["TOKEN", "URL"])
        async def needy(): pass
        """,
    )
    runs = run_all(tmp_path, env={"URL": "x", "TOKEN": ""})
    assert [run.status for run in runs.values()] == ["skipped", "skipped"]
    assert runs["needy"].skipped == "it needs TOKEN, which is not set"
    assert runs["off"].attempts == ()
    assert run_all(tmp_path, env={"URL": "x"}, secrets={"TOKEN": "y"})["needy"].status == "passed"


def test_no_more_attempts_are_under_way_than_there_are_workers(tmp_path: Path) -> None:
    write_check(
        tmp_path,
        """
        import asyncio

        @check(cases={str(n): {} for n in range(9)})
        async def a(): await asyncio.sleep(0.05)
        """,
    )
    most = 0

    async def use(runner: Runner, collected: Collected) -> None:
        under_way: set[str] = set()

        def listener(id_: str) -> object:
            def listen(number: int, event: Event) -> None:
                nonlocal most
                if isinstance(event, AttemptStarted):
                    under_way.add(id_)
                elif isinstance(event, Finished):
                    under_way.discard(id_)
                most = max(most, len(under_way))

            return listen

        await asyncio.gather(
            *(runner.run(d, on_event=listener(d.id)) for d in collected.definitions)  # type: ignore[arg-type]
        )

    with_runner(tmp_path, use, workers=3)
    assert most == 3


def test_failures_keep_their_numbers_apart(tmp_path: Path) -> None:
    attempt = run_one(
        tmp_path,
        """
        import os

        @check
        async def a():
            try:
                assert 1 == 2
            except AssertionError:
                pass
            os._exit(0)
        """,
    )
    told = [event for event in attempt.events if isinstance(event, Failed)]
    assert len({failed.number for failed in told}) == len(told)
    assert "script.exited" in {failed.failure.code for failed in told}


def test_an_exception_is_told_in_the_step_that_it_leaves_at_the_time_it_does(
    tmp_path: Path,
) -> None:
    attempt = run_one(
        tmp_path,
        """
        import asyncio
        from checkwire import step

        @check
        async def fails():
            async with step("outer"):
                with step("inner"):
                    {}["nothing"]
        """,
    )
    inner = attempt.steps[1]
    (failed,) = attempt.failures
    assert (failed.step, inner.name) == (inner.number, "inner")
    assert inner.duration_ns is not None
    assert inner.at_ns <= failed.at_ns <= inner.at_ns + inner.duration_ns


def test_a_run_begins_when_its_turn_comes(tmp_path: Path) -> None:
    write_check(
        tmp_path,
        """
        import time

        @check(cases={name: {"number": name} for name in "abc"})
        def waits(number):
            time.sleep(0.2)
            assert number
        """,
    )

    async def use(runner: Runner, collected: Collected) -> list[Run]:
        return await asyncio.gather(*map(runner.run, collected.definitions))

    runs = sorted(with_runner(tmp_path, use, workers=1), key=lambda run: run.started_ns)
    for run in runs:
        (attempt,) = run.attempts
        assert (run.started_ns, run.duration_ns) == (attempt.started_ns, attempt.duration_ns)
    for earlier, later in pairwise(runs):
        assert earlier.started_ns + earlier.duration_ns <= later.started_ns


def test_a_check_that_returned_in_time_is_not_late_for_servers_that_do_not_close(
    tmp_path: Path,
) -> None:
    def never_closes(peer: Peer) -> None:
        peer.handshake()
        peer.stay()

    with RawServer(never_closes) as server:
        attempt = run_one(
            tmp_path,
            f"""
            from checkwire import connect

            @check(timeout="1.5s")
            async def leaves_three_open():
                for _ in range(3):
                    ws = await connect("{server.url}")
                assert ws.response.status == 101
            """,
        )
    assert attempt.status == "passed"
    assert [failed.failure.code for failed in attempt.failures] == [
        *["check.unclosed_connection"] * 3,
        *["ws.close_timeout"] * 3,
    ]
