"""Check files that cannot be imported, and what becomes of the other ones."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from checkwire.model.failures import Failure
from checkwire.model.masking import MASK
from checkwire.runner.engine import EngineError
from checkwire.runner.runner import Collected, Runner
from support.checks import collect, printed, run_all, with_runner, write_check
from support.processes import with_command

UMASK = os.umask(0)
os.umask(UMASK)
GOOD = "@check\nasync def good():\n    assert True\n"


def collect_beside_a_good_file(root: Path, source: str, **options: object) -> Collected:
    """Collect a bad file between two good ones, which must be there all the same."""
    write_check(root, GOOD, "first_check.py")
    write_check(root, source, "middle_check.py")
    write_check(root, GOOD, "third_check.py")
    collected = collect(root, **options)
    paths = [definition.path for definition in collected.definitions]
    assert paths == ["first_check.py", "third_check.py"]
    return collected


def failure_of(collected: Collected) -> Failure:
    assert list(collected.failures) == ["middle_check.py"]
    return collected.failures["middle_check.py"]


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("import os\nos._exit(3)", "exit status 3"),
        ("import os\nos._exit(0)", "exit status 0"),
        ("import sys\nsys.exit(3)", "exit(3)"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt"),
        ("raise LookupError('what?')", "LookupError: what?"),
        ("import there_is_no_such_module", "there_is_no_such_module"),
        ("import ctypes\nctypes.string_at(0)", "SIGSEGV"),
        ("import os\nos.abort()", "SIGABRT"),
        ("import os\nos.kill(os.getpid(), 9)", "SIGKILL"),
        ("import os\nos.kill(os.getpid(), 9)", "grep -i oom"),
        ("import os\nos.closerange(0, 100)", "exit status"),
        (
            "import threading, time\nthreading.Thread(target=time.sleep, args=(60,)).start()",
            "thread",
        ),
        ("import threading, time\nthreading.Timer(60, print).start()", "thread"),
        ("held = []\nwhile True:\n held.append(bytes(1 << 28))", "MemoryError"),
        ("def f(): f()\nf()", "RecursionError"),
        (
            "import sys\nsys.setrecursionlimit(10**9)\n"
            "def f(): sorted([1], key=lambda _: f())\nf()",
            "SIGSEGV",
        ),
        (
            "import asyncio\nclass Policy(asyncio.DefaultEventLoopPolicy):\n"
            " def new_event_loop(self): raise LookupError('no loop')\n"
            "asyncio.set_event_loop_policy(Policy())",
            "LookupError: no loop",
        ),
    ],
)
def test_a_bad_import_is_the_files_failure_and_nobody_elses(
    tmp_path: Path, source: str, said: str
) -> None:
    failure = failure_of(collect_beside_a_good_file(tmp_path, source))
    assert failure.code == "script.import"
    assert "middle_check.py" in failure.message
    assert said in failure.message + failure.hint
    assert failure.location is not None
    assert failure.location.path == "middle_check.py"


@pytest.mark.parametrize("body", ["while True: pass", "import time; time.sleep(600)"])
def test_an_import_that_hangs_is_given_up_and_says_where_it_was(tmp_path: Path, body: str) -> None:
    source = f"def wait():\n    {body}\n\nwait()\n"
    failure = failure_of(collect_beside_a_good_file(tmp_path, source, import_timeout=1.0))
    assert failure.code == "script.import"
    assert "1.00 s" in failure.message
    assert failure.location is not None
    assert failure.location.function == "wait"
    assert failure.location.text == body
    shown = [line.partition("middle_check.py")[2] for line in failure.details.split("\n")]
    assert [line for line in shown if line] == ['", line 3 in wait', '", line 5 in <module>']
    assert "zygote" not in failure.details
    assert "Fatal" not in failure.details


def test_a_thread_that_has_ended_or_soon_will_is_no_trouble(tmp_path: Path) -> None:
    write_check(
        tmp_path,
        """
        import asyncio, threading

        thread = threading.Thread(target=print)
        thread.start()
        thread.join()

        async def look_up():
            await asyncio.get_running_loop().getaddrinfo("127.0.0.1", 80)

        asyncio.run(look_up())
        threading.Timer(0.1, print).start()

        @check
        async def a():
            assert True
        """,
    )
    assert run_all(tmp_path)["a"].status == "passed"


def test_several_bad_files_cost_only_themselves(tmp_path: Path) -> None:
    write_check(tmp_path, "import os\nos._exit(1)", "a_check.py")
    write_check(tmp_path, "def f(:", "b_check.py")
    write_check(tmp_path, GOOD, "c_check.py")
    write_check(tmp_path, "import ctypes\nctypes.string_at(0)", "d_check.py")
    collected = collect(tmp_path)
    assert {path: failure.code for path, failure in collected.failures.items()} == {
        "a_check.py": "script.import",
        "b_check.py": "script.syntax",
        "d_check.py": "script.import",
    }
    assert [definition.id for definition in collected.definitions] == ["c_check.py::good"]


def test_a_file_that_ends_the_process_later_is_found_too(tmp_path: Path) -> None:
    set_a_bomb = "import signal\nsignal.setitimer(signal.ITIMER_REAL, 0.05)\n"
    write_check(tmp_path, set_a_bomb, "a_check.py")
    write_check(tmp_path, "import time\ntime.sleep(0.5)\n" + GOOD, "b_check.py")
    collected = collect(tmp_path)
    # Which of the two is at fault cannot be seen; but it ends, with a failure.
    assert collected.failures


def test_what_is_printed_during_imports_is_kept_apart(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    write_check(tmp_path, "print('hello from the import')\n" + GOOD)
    collected = collect(tmp_path)
    assert collected.output == "hello from the import\n"
    assert capfd.readouterr() == ("", "")


def test_a_flood_during_imports_is_bounded(tmp_path: Path) -> None:
    write_check(tmp_path, "import os\nfor _ in range(300): os.write(1, b'x' * 100_000)\n" + GOOD)
    assert 0 < len(collect(tmp_path).output) <= 16 * 1024


def test_a_file_that_forks_does_not_make_a_second_zygote(tmp_path: Path) -> None:
    write_check(tmp_path, "import os\nif os.fork() == 0:\n    pass\n" + GOOD)
    run = run_all(tmp_path)["good"]
    assert run.status == "passed"
    # Were there a second one, it would take answers that are meant for the first.
    assert run.attempts[0].usage.cpu_seconds > 0


def test_a_process_started_by_a_file_lives_as_long_as_the_runner(tmp_path: Path) -> None:
    write_check(
        tmp_path,
        """
        import subprocess
        helper = subprocess.Popen(["sleep", "62"], start_new_session=True)

        @check(cases={"a": {}, "b": {}})
        async def good():
            with open(f"/proc/{helper.pid}/stat") as stat:
                assert stat.read().split()[2] in "SR"
        """,
    )

    async def use(runner: Runner, collected: Collected) -> list[str]:
        return [(await runner.run(definition)).status for definition in collected.definitions]

    assert with_runner(tmp_path, use) == ["passed", "passed"]
    assert not with_command("sleep", "62")


def test_a_descriptor_opened_by_a_file_is_open_in_its_checks(tmp_path: Path) -> None:
    (tmp_path / "data.txt").write_text("data")
    write_check(
        tmp_path,
        """
        data = open("data.txt")

        @check
        async def good():
            assert data.read() == "data"
        """,
    )
    assert run_all(tmp_path)["good"].status == "passed"


def test_a_file_that_closes_the_standard_descriptors_can_still_be_run(tmp_path: Path) -> None:
    write_check(tmp_path, "import os\nos.closerange(0, 3)\n" + GOOD)
    assert run_all(tmp_path)["good"].status == "passed"


def test_a_large_environment_and_many_files_arrive_whole(tmp_path: Path) -> None:
    names = [f"{'a_rather_long_folder_name_' * 6}/number_{n}_check.py" for n in range(500)]
    for name in names:
        write_check(tmp_path, "", name)
    write_check(tmp_path, GOOD, "the_one_with_a_check.py")
    collected = collect(tmp_path, env={"BIG": "x" * 100_000})
    assert [found.path for found in collected.definitions] == ["the_one_with_a_check.py"]
    assert len(collected.warnings) == len(names)


@pytest.mark.parametrize(
    "body",
    [
        "sys.stdout = None",
        "sys.stdout = object()",
        "sys.stdout.close(); sys.stderr.close()",
        "sys.path = ['/somewhere/else']",
        "os.chdir('/')",
        "os.umask(0o077)",
        "signal.signal(signal.SIGCHLD, signal.SIG_IGN)",
        "signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())",
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)",
        "sys.setrecursionlimit(60)",
        "sys.settrace(lambda *_: print('traced'))",
        "sys.setprofile(lambda *_: print('profiled'))",
        "socket.setdefaulttimeout(0.001)",
        "uvloop.install()",
    ],
)
def test_what_an_import_does_to_the_process_is_undone(tmp_path: Path, body: str) -> None:
    write_check(tmp_path, GOOD, "a_check.py")
    write_check(tmp_path, f"import os, signal, socket, sys, uvloop\n{body}\n{GOOD}", "b/b_check.py")
    write_check(
        tmp_path,
        f"""
        import os, signal, socket, sys
        import beside

        BLOCKED = signal.pthread_sigmask(signal.SIG_BLOCK, ())
        HANDLER = signal.getsignal(signal.SIGCHLD)

        @check
        def c():
            import beside_too
            print("still here")
            os.close(os.open("made", os.O_CREAT, 0o666))
            assert os.stat({str(tmp_path / "made")!r}).st_mode & 0o777 == {0o666 & ~UMASK}
            assert os.getcwd() == {str(tmp_path)!r}
            assert BLOCKED == set()
            assert HANDLER == signal.SIG_DFL
            assert signal.getsignal(signal.SIGINT) == signal.default_int_handler
            assert (sys.getrecursionlimit(), socket.getdefaulttimeout()) == (1000, None)
        """,
        "c/c_check.py",
    )
    (tmp_path / "c" / "beside.py").write_text("")
    (tmp_path / "c" / "beside_too.py").write_text("")
    runs = run_all(tmp_path)
    assert {name: run.status for name, run in runs.items()} == {"good": "passed", "c": "passed"}
    assert printed(runs["c"].attempts[-1]) == ["still here"]


@pytest.mark.parametrize("function", ["os.fork", "select.poll", "signal.signal", "time.monotonic"])
def test_a_file_that_replaces_what_all_need_is_left_out_and_told_so(
    tmp_path: Path, function: str
) -> None:
    source = f"import os, select, signal, time\n{function} = lambda *_: 0\n{GOOD}"
    failure = failure_of(collect_beside_a_good_file(tmp_path, source))
    assert failure.code == "script.import"
    assert f"replaces {function}" in failure.message
    assert "inside the check function" in failure.hint


def test_libraries_are_told_not_to_start_threads_as_they_are_imported(tmp_path: Path) -> None:
    write_check(
        tmp_path,
        """
        import os
        OURS, THEIRS = os.environ["OPENBLAS_NUM_THREADS"], os.environ["OMP_NUM_THREADS"]

        @check
        def a():
            assert (OURS, THEIRS) == ("1", "4")
            assert "OPENBLAS_NUM_THREADS" not in os.environ
            assert os.environ["OMP_NUM_THREADS"] == "4"
        """,
    )
    (run,) = run_all(tmp_path, env={"OMP_NUM_THREADS": "4"}).values()
    assert run.status == "passed", run.attempts


def test_a_thread_that_was_there_before_is_no_files_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    thread = "threading.Thread(target=time.sleep, args=(60,), name='early', daemon=True)"
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(
        f"import threading, time\n{thread}.start()\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "site"))
    write_check(tmp_path / "project", GOOD)
    with pytest.raises(EngineError, match=r"(?s)before any check file is imported \(early\)"):
        collect(tmp_path / "project")


def test_secrets_are_masked_in_what_an_import_prints_and_raises(tmp_path: Path) -> None:
    source = """
    import os
    from checkwire import secret
    print("own", secret("OWN"), "project's", os.environ["OF_PROJECT"])
    print(*["lorem ipsum"] * 2000)
    print("own", secret("OWN"), "project's", os.environ["OF_PROJECT"])
    raise ValueError(secret("OWN") + os.environ["OF_PROJECT"] + " " + "x" * 490 + secret("OWN"))
    """
    named = "import os\n@check(name=os.environ['OF_PROJECT'])\ndef b():\n    assert True\n"
    write_check(tmp_path, source, "a_check.py")
    write_check(tmp_path, named, "b_check.py")
    values = {"OWN": "hunter2-hunter2", "OF_PROJECT": "s3cret-s3cret"}
    collected = collect(tmp_path, env=values, secrets={"KEY": values["OF_PROJECT"]})
    told = str(collected)
    assert f"own {MASK} project's {MASK}" in collected.output
    assert f"ValueError: {MASK}{MASK}" in collected.failures["a_check.py"].message
    assert collected.definitions[0].name == MASK
    for value in values.values():
        assert value[:6] not in told
