"""``checkwire login``: keep a server's token."""

from __future__ import annotations

import click

from checkwire.cli.help import ExampleCommand

__all__ = ["command"]


@click.command(
    cls=ExampleCommand,
    examples=(
        ("checkwire login https://monitor.example.org", "asks for the token"),
        ("checkwire login < token.txt", "this project's server; the token from a file"),
        ("checkwire login --forget https://monitor.example.org", "log out"),
    ),
)
@click.argument("url", required=False, metavar="[URL]")
@click.option("--forget", is_flag=True, help="Forget the token of that server instead.")
def command(url: str | None, forget: bool) -> None:
    """Keep a server's token, for all commands that ask it.

    The token is asked for without showing it, or read from standard input; it is tried, and kept
    in a file that only you can read. Without a URL it is for the server that the other commands
    ask. A server prints its first token when it is started first; `checkwire token create
    NAME` makes more.
    """
    from checkwire.cli.client.login import log_in, log_out

    if forget:
        log_out(url)
    else:
        log_in(url)
