"""Logging in: a token is asked for, tried, and kept."""

from __future__ import annotations

import sys
from urllib.parse import urlsplit

import click

from checkwire.cli.client.access import Access, find_server
from checkwire.cli.client.answers import ServerAnswer, decoded
from checkwire.cli.client.credentials import Credentials
from checkwire.cli.client.server import CannotAsk, Server
from checkwire.model.errors import CheckwireError, UsageError

__all__ = ["log_in", "log_out"]

_LONGEST = 512
_LOOPBACK = ("127.", "[::1]", "::1", "localhost")


def log_in(url: str | None) -> None:
    """Ask for the token of a server, try it, and keep it.

    Args:
        url: the server; ``None`` for that of the options, the environment, the project.

    Raises:
        CheckwireError: the token is not good, or cannot be kept.
    """
    server = find_server(url)
    token = _ask(server)
    about = _try(Server(Access(server, token, "this login")))
    Credentials().put(server, token)
    if not server.startswith("https://") and not _is_near(server):
        click.echo(
            f"checkwire: {click.style('warning:', fg='yellow')} {server} is not https: "
            "whoever is on the way can read the token",
            err=True,
        )
    click.echo(f"Logged in to {server}{about}.")


def log_out(url: str | None) -> None:
    """Forget the token of a server.

    Raises:
        CheckwireError: none is kept.
    """
    server = find_server(url)
    if not Credentials().remove(server):
        raise CheckwireError(f"no token of {server} is kept here")
    click.echo(f"Forgot the token of {server}. To make it worthless: checkwire token revoke")


def _try(server: Server) -> str:
    """What the server is, to be read after its address; raises if the token is not good."""
    try:
        about = decoded(server.get("/server"), ServerAnswer, server)
    except CannotAsk as error:
        if error.kind != "missing_scope":
            raise
        return ""  # A good token, though not one for reading.
    return f", version {about.version}"


def _ask(server: str) -> str:
    if sys.stdin.isatty():
        text: str = click.prompt(f"Token of {server}", hide_input=True, err=True)
    else:
        text = sys.stdin.readline(_LONGEST)
    token = text.strip()
    if not token:
        raise UsageError("no token was given: it is asked for, or read from standard input")
    if not token.isascii() or not token.isprintable() or " " in token or len(token) >= _LONGEST:
        raise UsageError("that is not a token: it is one word of plain letters and digits")
    return token


def _is_near(server: str) -> bool:
    host = urlsplit(server).hostname or ""
    return host.startswith(_LOOPBACK) or host.endswith(".localhost")
