"""The command line. Commands are imported when they are called, so that each starts quickly."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import NamedTuple

import click

from checkwire._version import __version__
from checkwire.cli.help import (
    CONTEXT_SETTINGS,
    Example,
    HelpContext,
    suggest_command,
    write_examples,
)
from checkwire.cli.stderr import tell

__all__ = ["COMMANDS", "EXAMPLES", "CommandEntry", "main"]

INTERRUPTED = 130
"""Exit status after Ctrl-C: 128 + SIGINT, as shells have it."""
BROKEN_PIPE = 141
"""Exit status when nobody reads our output any more: 128 + SIGPIPE."""


class CommandEntry(NamedTuple):
    """Where a command is, and what ``checkwire --help`` says of it without importing it."""

    home: str
    summary: str


COMMANDS = {
    "init": CommandEntry(
        "checkwire.cli.init:command", "Make a small project with commented example checks."
    ),
    "test": CommandEntry("checkwire.cli.test:command", "Run checks and say what happened."),
    "schema": CommandEntry(
        "checkwire.cli.schema:command", "Print the JSON Schema of declared checks, for editors."
    ),
    "eject": CommandEntry(
        "checkwire.cli.eject:command", "Print the Python script that a declared check stands for."
    ),
    "import": CommandEntry(
        "checkwire.cli.importing:command",
        "Read another product's project, and write its checkwire.toml.",
    ),
    "explain": CommandEntry(
        "checkwire.cli.explain:command",
        "Say what a failure code means, how to confirm it, and what to do.",
    ),
    "serve": CommandEntry(
        "checkwire.cli.serve:command", "Run checks around the clock, and serve what became of them."
    ),
    "status": CommandEntry(
        "checkwire.cli.status:command", "Say how all checks stand, the worst first."
    ),
    "runs": CommandEntry("checkwire.cli.runs:command", "List runs, the latest first."),
    "incidents": CommandEntry(
        "checkwire.cli.incidents:command", "List incidents, the latest first, and who was told."
    ),
    "show": CommandEntry(
        "checkwire.cli.show:command", "Show a run: what failed, its phases, its transcript."
    ),
    "trigger": CommandEntry(
        "checkwire.cli.trigger:command",
        "Have the server run checks now, beside their schedule.",
    ),
    "pause": CommandEntry("checkwire.cli.pause:command", "Plan no more runs of checks."),
    "resume": CommandEntry("checkwire.cli.pause:resume", "Plan runs of paused checks again."),
    "channel": CommandEntry(
        "checkwire.cli.channel:command", "Try the channels that a server tells of incidents."
    ),
    "login": CommandEntry(
        "checkwire.cli.login:command", "Keep a server's token, for all commands that ask it."
    ),
    "token": CommandEntry(
        "checkwire.cli.token:command", "Make, list and revoke the tokens of a server."
    ),
    "secret": CommandEntry(
        "checkwire.cli.secret:command",
        "Set, list and remove the secrets that a server gives to checks.",
    ),
    "db": CommandEntry(
        "checkwire.cli.db:command", "Back up, check, prune and migrate the database of a server."
    ),
    "doctor": CommandEntry(
        "checkwire.cli.doctor:command", "Look whether this machine has what Checkwire needs."
    ),
    "echo": CommandEntry(
        "checkwire.cli.echo:command", "Serve a local stand-in for wss://echo.websocket.org."
    ),
    "faults": CommandEntry(
        "checkwire.cli.faults:command", "Serve what goes wrong, one fault at a time."
    ),
}

EXAMPLES: tuple[Example, ...] = (
    ("checkwire init monitoring && cd monitoring", "a small project that works"),
    ("checkwire test", "run all its checks"),
    ("checkwire test checks/echo_check.py -v", "one file, with every frame"),
    ("checkwire echo", "a server to try them on"),
    ("checkwire COMMAND --help", "more on a command"),
)


class CommandTable(click.Group):
    """The commands of :data:`COMMANDS`, each imported when it is called."""

    context_class: type[click.Context] = HelpContext

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names, in the order in which a newcomer meets them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command."""
        entry = COMMANDS.get(cmd_name)
        if entry is None:
            return None
        module, _, name = entry.home.partition(":")
        command = getattr(import_module(module), name)
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that is called, or suggest the one that was meant."""
        suggest_command(ctx, args[0], COMMANDS)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the table, without importing anything."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.summary) for name, entry in COMMANDS.items()])

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples."""
        write_examples(formatter, EXAMPLES)


@click.group(cls=CommandTable, context_settings=CONTEXT_SETTINGS)
@click.version_option(__version__, "-V", "--version", message="checkwire %(version)s")
def cli() -> None:
    """Synthetic monitoring for WebSockets.

    A check is a Python function that opens a WebSocket, sends, validates and closes. Checkwire
    runs it, measures every phase of the connection, and says in plain words what broke.
    """


def main(args: Sequence[str] | None = None) -> int:
    """Run the command line, and return the exit status.

    A command's own status is what it returns, if that is an ``int``, or passes to ``ctx.exit``.

    Args:
        args: what follows the program's name; ``None`` means the process's own arguments.
    """
    try:
        status = _run(sys.argv[1:] if args is None else list(args))
        sys.stdout.flush()
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        _write_nowhere()
        return BROKEN_PIPE
    except Exception as error:
        _complain(_unwritable() or _our_fault(error))
        return 2
    return status


def _unwritable() -> str:
    """Why standard output cannot be written to, if it cannot: what is still buffered tells."""
    try:
        sys.stdout.flush()
    except OSError as error:
        _write_nowhere()
        return f"standard output cannot be written: {error.strerror}"
    return ""


def _write_nowhere() -> None:
    """What is still buffered would be written, and complain, when the interpreter exits."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


def _our_fault(error: Exception) -> str:
    """A sentence about what should not have happened."""
    import traceback

    if sys.flags.dev_mode:
        tell("".join(traceback.format_exception(error)).rstrip())
    (*_, (frame, line)) = traceback.walk_tb(error.__traceback__)
    place = f"{os.path.basename(frame.f_code.co_filename)}:{line}"  # noqa: PTH119
    said = " ".join("".join(traceback.format_exception_only(error)).split())
    return (
        f"Checkwire itself is at fault: {said} ({place}). "
        "Please report it, with what PYTHONDEVMODE=1 shows"
    )


def _run(args: list[str]) -> int:
    if "_CHECKWIRE_COMPLETE" in os.environ:
        cli.main(args, prog_name="checkwire")
    try:
        with cli.make_context("checkwire", args) as ctx:
            _require_folder()
            result = cli.invoke(ctx)
            return result if isinstance(result, int) else 0
    except click.exceptions.Exit as exit_:
        return exit_.exit_code
    except click.Abort:
        return INTERRUPTED
    except click.exceptions.NoArgsIsHelpError as error:
        tell(error.format_message())
        return error.exit_code
    except click.ClickException as error:
        _complain(error.format_message())
        if isinstance(error, click.UsageError) and error.ctx is not None:
            tell(f"Try: {error.ctx.command_path} --help")
        return 2
    except Exception as error:
        from checkwire.model.errors import CheckwireError

        if not isinstance(error, CheckwireError):
            raise
        _complain(str(error))
        return 2


def _require_folder() -> None:
    try:
        os.getcwd()  # noqa: PTH109 - pathlib costs start-up time
    except FileNotFoundError:
        raise click.ClickException(
            "the current folder does not exist any more: cd to another one"
        ) from None


def _complain(message: str) -> None:
    tell(f"checkwire: {click.style('error:', fg='red', bold=True)} {message}")
