"""The command line's root: help, errors, exit statuses, and what it does not import."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from pathlib import Path

import click
import pytest

from checkwire import __version__
from checkwire.cli import COMMANDS, CommandTable, cli
from support.processes import wait_until
from support.program import checkwire, environment, project

HEAVY = {"asyncio", "msgspec", "ssl", "websockets", "h11", "cryptography", "subprocess"}


@pytest.fixture
def ctx():
    with cli.make_context("checkwire", [], resilient_parsing=True) as context:
        yield context


def test_help_introduces_lists_the_commands_and_gives_examples(tmp_path):
    result = checkwire("--help", cwd=tmp_path)
    assert result.status == 0
    assert "Synthetic monitoring for WebSockets" in result.out
    assert "Examples:\n" in result.out
    for name, entry in COMMANDS.items():
        assert re.search(rf"^  {name} +{re.escape(entry.summary)}$", result.out, re.MULTILINE)
    assert checkwire("-h", cwd=tmp_path).out == result.out


@pytest.mark.parametrize("name", COMMANDS)
def test_the_table_says_of_a_command_what_its_own_help_says(ctx, name):
    command = cli.get_command(ctx, name)
    assert command is not None
    assert command.get_short_help_str(limit=1000) == COMMANDS[name].summary


def every_command(ctx: click.Context) -> dict[str, click.Command]:
    """The commands, and those of groups, by what one types to call them."""
    found: dict[str, click.Command] = {}
    for name in COMMANDS:
        command = cli.get_command(ctx, name)
        assert command is not None
        found[name] = command
        if isinstance(command, click.Group):
            found |= {f"{name} {inner}": one for inner, one in command.commands.items()}
    return found


def test_the_help_of_each_command_has_examples_that_fit_a_terminal(ctx):
    for name, command in every_command(ctx).items():
        with command.make_context(f"checkwire {name}", [], resilient_parsing=True) as inner:
            inner.terminal_width = 80
            text = click.unstyle(command.get_help(inner))
        _, found, examples = text.partition("\nExamples:\n")
        assert found, name
        assert f"  checkwire {name}" in examples or f"| checkwire {name}" in examples
        assert all(len(line) <= 80 for line in text.splitlines())
        assert "..." not in text.partition("\nCommands:\n")[2].partition("\nExamples:\n")[0], name


def test_help_is_the_same_on_the_command_line(tmp_path):
    for words in (["echo"], ["token"], ["token", "create"]):
        result = checkwire(*words, "--help", cwd=tmp_path, COLUMNS="80")
        assert result.status == 0
        assert result.out.startswith(f"Usage: checkwire {' '.join(words)} ")
        assert "\nExamples:\n" in result.out


def test_the_examples_name_options_that_exist(ctx):
    commands = every_command(ctx)
    for shown in commands.values():
        for line, _ in shown.examples:  # type: ignore[attr-defined]
            for part in re.split(r" && | \| ", line):
                if not part.startswith("checkwire "):
                    continue
                words = part.split()
                name = " ".join(words[1:3]) if " ".join(words[1:3]) in commands else words[1]
                options = {option for one in commands[name].params for option in one.opts}
                used = {word.partition("=")[0] for word in words if word.startswith("-")}
                assert used <= options | {"-h", "--help"}, line


PAGE = (Path(__file__).parents[2] / "docs" / "cli.md").read_text()


SHARED = {"--server", "--token", "--json", "--data", "--database"}
"""Options that are told of once for all."""


def test_the_page_on_the_command_line_knows_every_command_and_option(ctx):
    sections = re.split(r"^#+ ", PAGE, flags=re.MULTILINE)
    for option in SHARED:
        assert f"`{option} " in PAGE or f"`{option}`" in PAGE
    for name, command in every_command(ctx).items():
        words = name.split()
        mine = [
            text
            for text in sections
            if f"`checkwire {words[0]}" in text.partition("\n")[0]
            or f"`{words[0]}`" in text.partition("\n")[0]
        ]
        assert mine, f"{name} is not in docs/cli.md"
        text = "\n".join(mine)
        assert all(re.search(rf"\b{word}\b", text) for word in words), name
        for parameter in command.params:
            if isinstance(parameter, click.Option) and not SHARED & set(parameter.opts):
                known = any(f"`{option}" in text for option in parameter.opts)
                assert known, f"{name} {parameter.opts} is not in docs/cli.md"


ASKING = (["status"], ["runs"], ["show", "x"], ["trigger", "x"], ["pause", "x"])
SERVERS_OWN = {"sqlalchemy", "fastapi", "pydantic", "starlette", "uvicorn", "alembic", "jinja2"}


@pytest.mark.parametrize("arguments", ASKING)
def test_what_asks_a_server_imports_nothing_of_one(tmp_path, arguments):
    code = (
        "import sys; from checkwire.cli import main\n"
        "main([*sys.argv[1:], '--server', 'http://127.0.0.1:1'])\n"
        "print(' '.join(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env=environment(XDG_CONFIG_HOME=str(tmp_path)),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "no server answers" in done.stderr
    modules = set(done.stdout.split())
    assert not modules & (SERVERS_OWN | {"asyncio", "websockets", "checkwire.server"})


def test_examples_too_wide_for_the_terminal_stand_below_their_words(tmp_path):
    result = checkwire("echo", "--help", cwd=tmp_path, COLUMNS="60")
    assert "  # wss://, and the CA to trust\n  checkwire echo --tls --tls-cert" in result.out


def test_version(tmp_path):
    assert checkwire("--version", cwd=tmp_path) == (0, f"checkwire {__version__}\n", "")


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["nonsense"]])
def test_what_calls_no_command_imports_none_and_nothing_heavy(arguments):
    code = (
        "import sys; from checkwire.cli import main; main(sys.argv[1:]);"
        "print('\\n' + ' '.join(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    modules = set(done.stdout.splitlines()[-1].split())
    assert not modules & HEAVY
    assert not modules & {entry.home.partition(":")[0] for entry in COMMANDS.values()}


def test_without_arguments_it_helps_and_fails(tmp_path):
    status, out, err = checkwire(cwd=tmp_path)
    assert (status, out) == (2, "")
    assert "Commands:" in err


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["ehco"], "No such command 'ehco'. Did you mean 'echo'?\nTry: checkwire --help"),
        (["xyzzy"], "No such command 'xyzzy'.\nTry: checkwire --help"),
        (["echo", "--prot", "1"], "No such option '--prot'."),
        (["echo", "--port", "65536"], "65536 is not a port"),
        (["echo", "--port", "http"], "'http' is not a valid integer"),
    ],
)
def test_wrong_usage_says_what_was_meant_and_exits_2(tmp_path, arguments, error):
    status, out, err = checkwire(*arguments, cwd=tmp_path)
    assert (status, out) == (2, "")
    assert err.startswith("checkwire: error: ")
    assert error in err


def test_an_error_of_checkwire_is_one_line_and_exits_2(tmp_path):
    (tmp_path / "checkwire.toml").write_text("")
    status, out, err = checkwire("init", cwd=tmp_path)
    assert (status, out) == (2, "")
    assert re.fullmatch(r"checkwire: error: checkwire\.toml is there already.*\n", err)


def test_a_bug_of_checkwire_is_a_line_and_blames_no_target():
    done = run_command("raise RuntimeError('a\\nbug')")
    assert done.returncode == 2
    (line,) = done.stderr.decode().splitlines()
    assert line.startswith(
        "checkwire: error: Checkwire itself is at fault: RuntimeError: a bug (<string>:4). Please"
    )
    done = run_command("raise RuntimeError('a bug')", PYTHONDEVMODE="1")
    assert done.returncode == 2
    assert b"Traceback" in done.stderr


STREAMS = {
    "closed output": ">&-",
    "closed errors": "2>&-",
    "all closed": "<&- >&- 2>&-",
    "full errors": "2>/dev/full",
}


def redirected(redirection, *arguments, cwd):
    """Run the program with streams as a shell redirects them."""
    line = f'exec "$0" -m checkwire "$@" {redirection}'
    return subprocess.run(
        ["sh", "-c", line, sys.executable, *arguments],
        cwd=cwd,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )


@pytest.fixture
def checks(tmp_path):
    """A project with a check that passes."""
    source = """
        from checkwire import check

        print("imported")

        @check
        def good():
            assert True
    """
    return project(tmp_path, a_check=source)


@pytest.mark.parametrize("redirection", STREAMS.values(), ids=STREAMS)
@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (["test"], 0),
        (["test", "-r", "json"], 0),
        (["test", "-r", "junit=report.xml"], 0),
        (["test", "--list"], 0),
        (["init", "new"], 0),
        (["--help"], 0),
        (["nonsense"], 2),
    ],
)
def test_a_standard_stream_that_is_missing_changes_no_result(
    checks, redirection, arguments, status
):
    done = redirected(redirection, *arguments, cwd=checks)
    assert done.returncode == status, done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert ("report.xml" in arguments[-1]) == (checks / "report.xml").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ["test"],
        ["test", "-r", "json"],
        ["test", "-r", "github"],
        ["test", "--list"],
        ["test", "--help"],
        ["init", "new"],
        ["echo", "--port", "0"],
        ["--help"],
        ["--version"],
    ],
)
def test_a_full_disk_on_standard_output_exits_2_and_is_told(checks, arguments):
    done = redirected(">/dev/full", *arguments, cwd=checks)
    assert done.returncode == 2
    told = done.stderr.removeprefix("imported\n")
    assert re.fullmatch(
        r"checkwire: error: .*standard output .* written: No space left on device\n", told
    )


def test_a_command_sets_the_status():
    assert run_command("return 1").returncode == 1
    assert run_command("return None").returncode == 0
    assert run_command("click.get_current_context().exit(7)").returncode == 7


def test_an_interrupt_exits_130_and_says_nothing(tmp_path):
    ready = tmp_path / "ready"
    body = f"import pathlib, time; pathlib.Path({str(ready)!r}).touch(); time.sleep(60)"
    with start_command(body) as process:
        wait_until(ready.exists)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
    assert (process.returncode, out, err) == (130, b"", b"")


@pytest.mark.parametrize("size", [1, 100_000])  # written at the end, and on the way
def test_output_that_nobody_reads_any_more_is_no_error(size):
    with start_command(f"sys.stdin.read(); print('x' * {size})") as process:
        assert process.stdout is not None
        assert process.stdin is not None
        process.stdout.close()
        process.stdin.close()
        assert process.wait(20) == 141
        assert process.stderr is not None
        assert process.stderr.read() == b""


def run_command(body: str, **variables: str) -> subprocess.CompletedProcess[bytes]:
    """Run the root with one command, whose body is given."""
    with start_command(body, **variables) as process:
        out, err = process.communicate(timeout=20)
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def start_command(body: str, **variables: str) -> subprocess.Popen[bytes]:
    code = (
        "import sys, click, checkwire.cli as root\n"
        f"@click.command()\ndef command():\n    {body}\n"
        "sys.modules['made_up'] = sys.modules['__main__']\n"
        "root.COMMANDS['made-up'] = root.CommandEntry('made_up:command', '')\n"
        "sys.exit(root.main(['made-up']))\n"
    )
    return subprocess.Popen(
        [sys.executable, "-c", code],
        env=environment(**variables),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def test_the_installed_program_is_the_same(tmp_path):
    program = Path(sys.executable).with_name("checkwire")
    done = subprocess.run([program, "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == checkwire("--version", cwd=tmp_path).out


def test_shell_completion_knows_the_commands(tmp_path):
    variables = {
        "_CHECKWIRE_COMPLETE": "bash_complete",
        "COMP_WORDS": "checkwire e",
        "COMP_CWORD": "1",
    }
    assert checkwire(cwd=tmp_path, **variables).out == "plain,eject\nplain,explain\nplain,echo\n"


def test_commands_are_listed_in_the_order_of_the_table(ctx):
    assert isinstance(cli, CommandTable)
    assert isinstance(cli, click.Group)
    assert cli.list_commands(ctx) == list(COMMANDS)
