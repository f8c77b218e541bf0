"""``checkwire test``: run checks, and say what happened."""

from __future__ import annotations

from typing import Any

import click

from checkwire.cli.help import ExampleCommand

__all__ = ["command"]


class _Parsed(click.ParamType[Any]):
    """A value with a parser of ours; what it raises is told with the option's name."""

    def __init__(self, name: str, home: str) -> None:
        self.name = name
        self._home = home

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        from importlib import import_module

        module, _, function = self._home.partition(":")
        try:
            return getattr(import_module(module), function)(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


class _Number(click.IntRange):
    name = "number"  # click calls it an "integer range"


_DURATION = _Parsed("duration", "checkwire.cli.testing.request:parse_timeout")
_TAGS = _Parsed("tags", "checkwire.cli.testing.request:parse_tags")
_ASSIGNMENT = _Parsed("name=value", "checkwire.cli.testing.env_file:parse_assignment")
_RESOLVE = _Parsed("host:port:address[:port]", "checkwire.cli.testing.resolve:parse_resolve")
_FILE = click.Path(exists=True, dir_okay=False, readable=True)


@click.command(
    cls=ExampleCommand,
    examples=(
        ("checkwire test", "all checks of the project"),
        ("checkwire test checks/orders_check.py -v", "one file, with every frame"),
        ("checkwire test websocket.js", "a script for Node, as it is"),
        ("checkwire test 'checks/orders_check.py::order_updates[eu]'", "one case of one check"),
        ("checkwire test --tag orders --tag chat", "checks with either tag"),
        ("checkwire test --env WS_URL=wss://staging.example.com/ws", "against another place"),
        ("checkwire test --reporter list --reporter junit=report.xml", "for people and for CI"),
        ("checkwire test --resolve api.example.com:443:127.0.0.1:8443 --ca ca.pem", "as if public"),
        ("checkwire test --watch", "again on every change"),
    ),
)
@click.argument("targets", nargs=-1, metavar="[PATH[::CHECK]]...")
@click.option("-k", "keywords", multiple=True, metavar="TEXT", help="Only checks whose id or name "
              "contains TEXT; '!TEXT' for those that do not. Repeat to narrow.")  # fmt: skip
@click.option("--tag", "tags", multiple=True, type=_TAGS, metavar="TAG[,TAG]",
              help="Only checks with this tag; with a comma, all of these. Repeat for "
              "alternatives.")  # fmt: skip
@click.option("--list", "list_only", is_flag=True, help="List the checks, and run none.")
@click.option("-e", "--env", "env", multiple=True, type=_ASSIGNMENT, metavar="NAME=VALUE",
              help="A variable for env[...].")  # fmt: skip
@click.option("--env-file", "env_files", multiple=True, type=_FILE, metavar="FILE",
              help="A file of NAME=VALUE lines.")  # fmt: skip
@click.option("--timeout", type=_DURATION, metavar="DURATION",
              help="Time for each attempt, instead of the checks' own: 10s, 500ms.")  # fmt: skip
@click.option("--retries", type=_Number(0, 100), metavar="N",
              help="Retries for each check, instead of the checks' own.")  # fmt: skip
@click.option("-n", "--workers", type=_Number(1, 1000), metavar="N",
              help="Checks at a time; four for each CPU, and at least eight.")  # fmt: skip
@click.option("-x", "--fail-fast", is_flag=True, help="Stop at the first check that fails.")
@click.option("--resolve", multiple=True, type=_RESOLVE, metavar="HOST:PORT:ADDRESS[:PORT]",
              help="Connect there instead of looking HOST up, as curl does.")  # fmt: skip
@click.option("--ca", type=_FILE, metavar="FILE",
              help="Trust these authorities (PEM) too, in every connection.")  # fmt: skip
@click.option("-r", "--reporter", "reporters", multiple=True, metavar="NAME[=FILE]",
              help="list (the default), dot, json, junit, github; repeat for several.")  # fmt: skip
@click.option("-v", "--verbose", "verbosity", count=True,
              help="Show transcripts; -vv shows headers and whole payloads too.")  # fmt: skip
@click.option("-w", "--watch", is_flag=True, help="Run again whenever a file changes.")
def command(**options: Any) -> int:
    """Run checks and say what happened.

    Without a PATH, all checks of the project around the current folder. A PATH is a folder, a
    file, or one check in it: FILE::CHECK, or FILE::CHECK[CASE].

    Exit status: 0 if all passed or are degraded, 1 if some failed, 2 if a check or the command
    line is not right, 130 after Ctrl-C.
    """
    from checkwire.cli.testing.request import Request
    from checkwire.cli.testing.session import run_and_report

    return run_and_report(Request(**options))
