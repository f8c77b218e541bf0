"""``checkwire test`` as its user meets it: real processes, real servers."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from pathlib import Path

import pytest
from websockets.asyncio.server import ServerConnection

from support.ports import free_port
from support.program import checkwire, environment, project, report, serving

PASSING = """
    from checkwire import check, connect, env

    @check(tags=["a", "b"])
    async def first():
        async with connect(env["URL"]) as ws:
            assert await ws.receive() == "hello"

    @check(tags=["b"])
    async def second():
        assert True
"""


async def greet(ws: ServerConnection) -> None:
    await ws.send("hello")
    async for message in ws:
        await ws.send(message)


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with serving(greet) as address:
        yield address


def test_a_passing_project_exits_0_and_names_its_checks(url: str, tmp_path: Path) -> None:
    result = checkwire("test", cwd=project(tmp_path, a_check=PASSING), URL=url)
    assert result.status == 0, result.out + result.err
    assert "first" in result.out
    assert "second" in result.out
    assert "2 passed" in result.out
    assert result.err == ""


def test_nothing_is_coloured_in_a_pipe(url: str, tmp_path: Path) -> None:
    result = checkwire("test", "-v", cwd=project(tmp_path, a_check=PASSING), URL=url)
    assert "\x1b" not in result.out + result.err


def test_a_transcript_shows_phases_and_frames(url: str, tmp_path: Path) -> None:
    result = checkwire("test", "-v", cwd=project(tmp_path, a_check=PASSING), URL=url)
    assert "hello" in result.out
    assert "101 Switching Protocols" in result.out
    assert "close 1000" in result.out


def test_the_json_report_holds_phases_and_frames(url: str, tmp_path: Path) -> None:
    document = report("-k", "first", cwd=project(tmp_path, a_check=PASSING), URL=url)
    (run,) = document["runs"]
    (attempt,) = run["attempts"]
    (connection,) = attempt["connections"]
    names = {phase["name"] for phase in connection["phases"]}
    assert names == {"tcp", "upgrade", "open", "first_message", "close"}
    frames = [event for event in attempt["events"] if event["type"] == "frame_seen"]
    assert [(f["direction"], f["opcode"]) for f in frames] == [
        ("in", "text"),
        ("out", "close"),
        ("in", "close"),
    ]


def test_a_failing_check_exits_1_with_line_and_values(tmp_path: Path) -> None:
    source = """
        from checkwire import check

        @check
        async def adds():
            total = 1 + 1
            assert total == 3
    """
    result = checkwire("test", cwd=project(tmp_path, a_check=source))
    assert result.status == 1
    assert "assert total == 3" in result.out
    assert "a_check.py:7" in result.out
    assert "total = 2" in result.out


def test_a_broken_script_exits_2_with_its_own_lines_only(tmp_path: Path) -> None:
    source = """
        from checkwire import check

        @check
        async def broken():
            return {}["price"]
    """
    result = checkwire("test", cwd=project(tmp_path, a_check=source))
    assert result.status == 2
    assert "KeyError: 'price'" in result.out
    assert "site-packages" not in result.out
    assert "checkwire/runner" not in result.out


def test_a_syntax_error_is_shown_with_a_caret_and_other_files_run(url: str, tmp_path: Path) -> None:
    broken = "from checkwire import check\n\n@check\nasync def broken(:\n    pass\n"
    root = project(tmp_path, a_check=PASSING, b_check=broken)
    result = checkwire("test", cwd=root, URL=url)
    assert result.status == 2
    assert "b_check.py:4" in result.out
    assert "async def broken(:" in result.out
    assert "^" in result.out
    assert "2 passed" in result.out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nowhere_check.py"], "nowhere_check.py"),
        (["a_chek.py"], "a_check.py"),
        (["a_check.py::frist"], "first"),
        (["-k", "no such check"], "-k no such check"),
        (["--tag", "zebra"], "--tag zebra"),
        (["--env", "oops"], "NAME=VALUE"),
        (["--timeout", "banana"], "banana"),
        (["--tag", ""], "Invalid value for '--tag': a tag is missing: write --tag NAME, or"),
        (["--tag", "orders,"], "Invalid value for '--tag': a tag is missing: write --tag NAME, or"),
        (["--timeout", "0s"], '"0s" is too short: the least is 200 ms'),
        (["--retries", "-1"], "-1 is not in the range 0<=x<=100"),
        (["--workers", "many"], "'many' is not a valid number"),
        (["--resolve", "example.com"], "HOST:PORT:ADDRESS"),
        (["--reporter", "lisst"], "list"),
        (["--reporter", "json", "--reporter", "dot"], "standard output"),
        (["--reporter", "junit=a_check.py/x.xml"], "a_check.py"),
        (["--ca", "a_check.py"], "--ca a_check.py: no certificate or crl found; it must be PEM"),
        (["--env-file", "no_assignments.env"], "no_assignments.env:2: this line is not NAME=VALUE"),
        (["--env-file", "."], "'.' is a directory"),
        (["--env-file", "/proc/self/mem"], "/proc/self/mem: cannot be read: Input/output error"),
        (["--env-file", "missing.env"], "missing.env"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_wrong_command_line_is_told_in_one_line_and_exits_2(
    arguments: list[str], said: str, tmp_path: Path
) -> None:
    root = project(tmp_path, a_check=PASSING)
    (root / "no_assignments.env").write_text("A=1\nB\n")
    result = checkwire("test", *arguments, cwd=root)
    assert (result.status, result.out) == (2, "")
    errors = [line for line in result.err.splitlines() if not line.startswith("Try: ")]
    assert len(errors) == 1, result.err
    assert errors[0].startswith("checkwire: error: ")
    assert said in errors[0]
    assert "Traceback" not in result.err


def test_k_and_tags_choose_checks(url: str, tmp_path: Path) -> None:
    root = project(tmp_path, a_check=PASSING)

    def chosen(*arguments: str) -> list[str]:
        return checkwire("test", "--list", *arguments, cwd=root).out.split()[::1]

    assert "a_check.py::second" in chosen("-k", "SECOND")
    assert "a_check.py::first" not in chosen("-k", "second")
    assert "a_check.py::second" not in chosen("-k", "!second")
    assert "a_check.py::second" not in chosen("--tag", "a,b")
    assert "a_check.py::second" in chosen("--tag", "zebra", "--tag", "b")


def test_variables_come_from_the_project_the_shell_files_and_options_in_that_order(
    tmp_path: Path,
) -> None:
    source = """
        from checkwire import check, env, log

        AT_IMPORT = env["D"]

        @check
        async def shows():
            log(env["A"], env["B"], env["C"], env["D"], AT_IMPORT)
            assert True
    """
    root = project(tmp_path, a_check=source)
    with (root / "checkwire.toml").open("a") as config:
        config.write('[env]\nA = "toml"\nB = "toml"\nC = "toml"\nD = "toml"\n')
    (root / "x.env").write_text('export C="from file"\nD=file # comment\n')
    document = report("--env-file", "x.env", "--env", "D=option", cwd=root, B="shell")
    (attempt,) = document["runs"][0]["attempts"]
    (said,) = [event["message"] for event in attempt["events"] if event["type"] == "logged"]
    assert said == "toml shell from file option option"


def test_a_file_of_variables_may_have_a_mark_in_front_and_anything_in_its_values(
    tmp_path: Path,
) -> None:
    from checkwire.cli.testing.env_file import read_env_file

    file = tmp_path / "x.env"
    file.write_bytes("\ufeffA='one\u2028two\x0cthree\x1cfour'\r\nB=\"\x85\"\r\n".encode())
    assert read_env_file(str(file)) == {"A": "one\u2028two\x0cthree\x1cfour", "B": "\x85"}


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("A=p#ss", "p#ss"),
        ("A=#fff", "#fff"),
        ("A=ws://host/path#part # the staging one", "ws://host/path#part"),
        ("A= # nothing", ""),
        ("A='one # two' # three", "one # two"),
    ],
)
def test_a_comment_begins_behind_a_blank(tmp_path: Path, line: str, value: str) -> None:
    from checkwire.cli.testing.env_file import read_env_file

    (tmp_path / "x.env").write_text(line)
    assert read_env_file(str(tmp_path / "x.env")) == {"A": value}


def test_a_missing_variable_names_itself_and_its_check(tmp_path: Path) -> None:
    source = """
        from checkwire import check, connect, env

        @check
        async def needs_a_variable():
            async with connect(env["WS_URL"]):
                pass
    """
    result = checkwire("test", cwd=project(tmp_path, a_check=source))
    assert result.status == 2
    assert "WS_URL is not set" in result.out
    assert "needs_a_variable" in result.out
    assert "--env WS_URL=..." in result.out


def test_a_missing_secret_names_the_variable_that_it_would_come_from(tmp_path: Path) -> None:
    source = """
        from checkwire import check, secret

        @check
        async def logs_in():
            assert secret("KEY") == "x"
    """
    root = project(tmp_path, a_check=source)
    with (root / "checkwire.toml").open("a") as config:
        config.write('[secrets]\nKEY = { env = "THE_KEY" }\n')
    result = checkwire("test", cwd=root)
    assert result.status == 2
    said = " ".join(result.out.split())
    assert "✕ logs_in error a_check.py:6 The secret KEY is not set" in said
    assert (
        "checkwire.toml:4 takes KEY from the variable THE_KEY, which is not set: "
        "set it with export THE_KEY=... or --env THE_KEY=..."
    ) in said
    assert checkwire("test", "--env", "THE_KEY=x", cwd=root).status == 0


def test_a_secret_is_shown_nowhere(url: str, tmp_path: Path) -> None:
    source = """
        from checkwire import check, connect, env, log, secret

        @check
        async def leaks():
            key = secret("KEY")
            print("printed", key)
            log("logged", key=key)
            async with connect(env["URL"] + "?key=" + key, headers={"X-Key": key}) as ws:
                await ws.send(key)
                await ws.receive_text(where=key)
                assert key == "wrong", key
    """
    root = project(tmp_path, a_check=source)
    with (root / "checkwire.toml").open("a") as config:
        config.write('[secrets]\nKEY = { env = "THE_KEY" }\n')
    junit = tmp_path / "report.xml"
    result = checkwire(
        "test", "-vv", "--reporter", "list", "--reporter", f"junit={junit}",
        "--reporter", f"json={tmp_path / 'report.json'}",
        cwd=root, URL=url, THE_KEY="s3cr3t-v4lue",
    )  # fmt: skip
    assert result.status == 1, result.out + result.err
    written = result.out + result.err + junit.read_text() + (tmp_path / "report.json").read_text()
    assert "s3cr3t-v4lue" not in written
    assert "••••••" in written


def test_resolve_and_ca_reach_every_connection(tmp_path: Path) -> None:
    source = """
        from checkwire import check, connect

        @check
        async def as_if_public():
            async with connect("wss://echo.websocket.org/") as ws:
                assert "served by" in await ws.receive_text()
    """
    ca = tmp_path / "ca.pem"
    with subprocess.Popen(
        [sys.executable, "-m", "checkwire", "echo", "--port", "0", "--tls", "--tls-cert-out", ca],
        stdout=subprocess.PIPE,
        env=environment(),
        text=True,
    ) as echo:
        try:
            assert echo.stdout is not None
            port = echo.stdout.readline().rstrip().rpartition(":")[2]
            result = checkwire(
                "test", "--resolve", f"echo.websocket.org:443:127.0.0.1:{port}", "--ca", str(ca),
                cwd=project(tmp_path, a_check=source),
            )  # fmt: skip
        finally:
            echo.terminate()
    assert result.status == 0, result.out + result.err


def test_fail_fast_stops_at_the_first_failure(tmp_path: Path) -> None:
    source = """
        import asyncio
        from checkwire import check

        @check
        async def fails():
            assert 1 > 2

        @check(timeout="50s")
        async def waits():
            await asyncio.sleep(45)
            assert True
    """
    result = checkwire("test", "--fail-fast", cwd=project(tmp_path, a_check=source), timeout=30)
    assert result.status == 1
    assert "1 failed" in result.out
    assert "passed" not in result.out


def test_retries_show_a_flaky_check(tmp_path: Path) -> None:
    source = """
        from pathlib import Path
        from checkwire import check

        @check
        async def second_time_lucky():
            seen = Path("seen")
            first = not seen.exists()
            seen.touch()
            assert not first
    """
    document = report("--retries", "2", cwd=project(tmp_path, a_check=source))
    (run,) = document["runs"]
    assert run["status"] == "passed"
    assert [attempt["status"] for attempt in run["attempts"]] == ["failed", "passed"]


def test_services_run_for_the_checks_and_are_stopped(tmp_path: Path) -> None:
    source = """
        from pathlib import Path
        from checkwire import check, connect

        @check
        async def talks_to_the_service():
            port = Path("port").read_text()
            async with connect(f"ws://127.0.0.1:{port}") as ws:
                await ws.receive()
    """
    root = project(tmp_path, a_check=source)
    (root / "serve.py").write_text(
        "import asyncio, os, sys\n"
        "from pathlib import Path\n"
        "from checkwire.echo import EchoServer\n"
        "async def main():\n"
        "    async with EchoServer(port=int(sys.argv[1])) as server:\n"
        "        Path('port').write_text(str(server.port))\n"
        "        Path('pid').write_text(str(os.getpid()))\n"
        "        await asyncio.Event().wait()\n"
        "asyncio.run(main())\n"
    )
    port = free_port()
    with (root / "checkwire.toml").open("a") as config:
        config.write(
            f'[[service]]\nname = "echo"\ncommand = "python serve.py {port}"\n'
            f'ready = "tcp://127.0.0.1:{port}"\n'
        )
    result = checkwire("test", cwd=root)
    assert result.status == 0, result.out + result.err
    with pytest.raises(ProcessLookupError):
        os.kill(int((root / "pid").read_text()), 0)


@pytest.mark.parametrize(
    ("service", "said"),
    [
        (
            "command = ['python', '-c', 'exit(\"no disk\")']",
            "ended with 1. Its output ends:\nno disk",
        ),
        ("command = 'no-such-program'", "cannot run no-such-program: No such file or directory"),
        (
            "command = 'sleep 40'\ntimeout = '50ms'",
            "does not listen on 127.0.0.1:9 (its ready) within 0.05 s (its timeout), and printed",
        ),
    ],
)
def test_a_service_that_does_not_start_is_told_with_its_place_and_its_output(
    service: str, said: str, tmp_path: Path
) -> None:
    root = project(tmp_path, a_check=PASSING)
    with (root / "checkwire.toml").open("a") as config:
        config.write(f'[[service]]\nname = "db"\nready = "tcp://127.0.0.1:9"\n{service}\n')
    result = checkwire("test", cwd=root)
    assert (result.status, result.out) == (2, "")
    assert result.err.startswith("checkwire: error: checkwire.toml:3: service db ")
    assert said in result.err


def test_in_ci_a_service_is_not_taken_for_another_that_listens_there(tmp_path: Path) -> None:
    root = project(tmp_path, a_check=PASSING)
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with (root / "checkwire.toml").open("a") as config:
            config.write(
                f'[[service]]\nname = "db"\ncommand = "sleep 40"\nready = "tcp://127.0.0.1:{port}"\n'
            )
        assert checkwire("test", "--list", cwd=root).status == 0
        result = checkwire("test", cwd=root, CI="true")
    assert (result.status, result.out) == (2, "")
    assert f"service db finds 127.0.0.1:{port} taken, and CI is set" in result.err


def test_a_service_that_ends_while_checks_run_is_a_warning(tmp_path: Path) -> None:
    source = """
        from pathlib import Path
        from checkwire import check

        @check(timeout="40s")
        def waits():
            Path("begun").touch()
            while Path(f"/proc/{Path('pid').read_text()}/stat").read_text().split()[2] != "Z":
                pass
            assert True
    """
    root = project(tmp_path, a_check=source)
    (root / "serve.py").write_text(
        "import os, pathlib, socket, time\n"
        "pathlib.Path('pid').write_text(str(os.getpid()))\n"
        "server = socket.create_server(('127.0.0.1', int(os.environ['PORT'])))\n"
        "while not os.path.exists('begun'):\n"
        "    time.sleep(0.01)\n"
        "exit('out of memory')\n"
    )
    port = free_port()
    with (root / "checkwire.toml").open("a") as config:
        config.write(
            f'[[service]]\nname = "db"\ncommand = "python serve.py"\nenv.PORT = "{port}"\n'
            f'ready = "tcp://127.0.0.1:{port}"\n'
        )
    result = checkwire("test", cwd=root)
    assert (result.status, "1 passed" in result.out) == (0, True), result.out + result.err
    assert result.err == (
        "checkwire: warning: checkwire.toml:3: service db ended with 1 while checks ran. "
        "Its output ends:\nout of memory\n"
    )


def test_junit_counts_what_ran(url: str, tmp_path: Path) -> None:
    failing = "from checkwire import check\n\n@check\ndef wrong():\n    assert 1 == 2\n"
    root = project(tmp_path, a_check=PASSING, b_check=failing)
    checkwire("test", "--reporter", "junit=out.xml", cwd=root, URL=url)
    suites = ElementTree.parse(root / "out.xml").getroot()
    assert suites.get("tests") == "3"
    assert suites.get("failures") == "1"


def test_output_of_100_mb_does_no_harm(tmp_path: Path) -> None:
    source = """
        import sys
        from checkwire import check

        @check(timeout="45s")
        def shouts():
            line = "x" * 999_999 + "\\n"
            for _ in range(100):
                sys.stdout.write(line)
            assert True
    """
    result = checkwire("test", cwd=project(tmp_path, a_check=source))
    assert result.status == 0, result.out[-2000:]
    assert len(result.out) < 100_000


def test_a_script_that_never_ends_is_ended_at_its_timeout(tmp_path: Path) -> None:
    source = """
        import asyncio
        from checkwire import check

        @check(timeout="0.5s")
        async def waits():
            await asyncio.Event().wait()

        @check(timeout="0.5s")
        async def spins():
            while True:
                pass
    """
    document = report(cwd=project(tmp_path, a_check=source))
    codes = {
        run["check"]["function"]: run["attempts"][-1]["failure"]["code"] for run in document["runs"]
    }
    assert codes == {"waits": "script.timeout", "spins": "script.blocked"}


def test_init_makes_a_project_that_passes(tmp_path: Path) -> None:
    made = checkwire("init", "monitoring", cwd=tmp_path)
    assert made.status == 0, made.err
    assert "checkwire test" in made.out
    root = tmp_path / "monitoring"
    port = free_port()
    for file in root.rglob("*"):
        if file.is_file() and "8765" in file.read_text():
            file.write_text(file.read_text().replace("8765", str(port)))
    result = checkwire("test", cwd=root)
    assert result.status == 0, result.out + result.err


def test_init_overwrites_nothing(tmp_path: Path) -> None:
    (tmp_path / "checkwire.toml").write_text("mine")
    refused = checkwire("init", cwd=tmp_path)
    assert refused.status == 2
    assert "checkwire.toml" in refused.err
    assert (tmp_path / "checkwire.toml").read_text() == "mine"
    assert checkwire("init", "--force", cwd=tmp_path).status == 0


def test_init_refuses_a_file_in_the_place_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    assert checkwire("init", "notes.txt", cwd=tmp_path) == (
        2,
        "",
        "checkwire: error: notes.txt is a file: name a folder\n",
    )


def test_init_makes_nothing_in_a_folder_whose_name_is_not_text(tmp_path: Path) -> None:
    folder = tmp_path / os.fsdecode(b"caf\xe9")
    folder.mkdir()
    for where, name in ((folder, "."), (tmp_path, f"{folder}/new")):
        result = checkwire("init", name, cwd=where)
        assert result.status == 2
        assert "caf\\udce9" in result.err
        assert result.err.endswith(" is not UTF-8 text: rename the folder\n")
    assert not list(folder.iterdir())


@pytest.mark.parametrize("name", ["two words", "it's", 'a "quoted" \\ name', "{x}\n"])
def test_init_takes_any_name_and_says_how_to_go_on(tmp_path: Path, name: str) -> None:
    made = checkwire("init", name, cwd=tmp_path)
    assert made.status == 0, made.err
    command = made.out.partition("Now run:\n\n  ")[2].replace("checkwire test", "pwd")
    done = subprocess.run(["sh", "-c", command], cwd=tmp_path, capture_output=True, check=True)
    assert Path(os.fsdecode(done.stdout.removesuffix(b"\n"))) == tmp_path / name
    assert checkwire("test", "--list", cwd=tmp_path / name).status == 0


def test_watch_runs_again_when_a_file_changes_even_if_it_was_broken(tmp_path: Path) -> None:
    source = "from checkwire import check\n\n@check\ndef one():\n    assert 1 == {}\n"
    root = project(tmp_path)
    (root / "a_check.py").write_text(source.format(2))
    with subprocess.Popen(
        [sys.executable, "-m", "checkwire", "test", "--watch"],
        cwd=root,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as program:
        assert program.stdout is not None
        try:
            _read_until(program, "Waiting for a file to change")
            (root / "checkwire.toml").write_text("[project\n")
            assert "checkwire.toml:1" in _read_until(program, "Waiting for a file to change")
            (root / "checkwire.toml").write_text("[project]\n")
            _read_until(program, "Waiting for a file to change")
            (root / "a_check.py").write_text(source.format(1))
            assert "1 passed" in _read_until(program, "1 passed")
        finally:
            program.send_signal(signal.SIGINT)
            program.communicate(timeout=20)


def _read_until(program: subprocess.Popen[str], text: str) -> str:
    assert program.stdout is not None
    seen = ""
    while text not in seen:
        line = program.stdout.readline()
        assert line, seen
        seen += line
    return seen


def test_the_document_is_json_even_when_everything_fails(tmp_path: Path) -> None:
    broken = "import nothing_like_this\n"
    result = checkwire("test", "--reporter", "json", cwd=project(tmp_path, a_check=broken))
    assert result.status == 2
    json.loads(result.out)


def test_a_check_that_ran_out_of_time_shows_the_silence_it_waited_in(tmp_path: Path) -> None:
    async def silent(ws: ServerConnection) -> None:
        await ws.wait_closed()

    with serving(silent) as url:
        project(
            tmp_path,
            silent_check=f"""
            from checkwire import check, connect

            @check(timeout="800ms")
            async def hears_nothing():
                async with connect({url!r}) as ws:
                    await ws.receive()
            """,
        )
        result = checkwire("test", cwd=tmp_path)
    assert "First message ✕" in result.out
    assert "quiet, then it failed" in result.out


def test_an_env_file_with_a_nul_is_told_by_its_line(tmp_path: Path) -> None:
    root = project(tmp_path, a_check=PASSING)
    (root / "x.env").write_bytes(b"A=1\nB=a\0b\n")
    result = checkwire("test", "--env-file", "x.env", cwd=root)
    assert result.status == 2
    assert "x.env:2: this line holds a NUL byte" in result.err


def test_few_descriptors_make_attempts_wait_not_fail(tmp_path: Path) -> None:
    project(
        tmp_path,
        many_check="""
        import asyncio, resource
        from checkwire import check

        @check(cases={f"c{n}": {"n": n} for n in range(40)})
        async def waits(n):
            await asyncio.sleep(0.05)
            assert resource.getrlimit(resource.RLIMIT_NOFILE) == (120, 120)
        """,
    )
    limited = 'ulimit -S -n 100 && ulimit -H -n 120 && exec "$0" -m checkwire test -n 40'
    done = subprocess.run(
        ["sh", "-c", limited, sys.executable],
        cwd=tmp_path,
        env=environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=50,
        check=False,
    )
    assert "40 passed" in done.stdout.decode()
