"""Which server is meant, and with which token."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import click

from checkwire.cli.client.credentials import Credentials
from checkwire.model.errors import UsageError

__all__ = ["DEFAULT_SERVER", "Access", "find_access", "find_server", "server_options"]

DEFAULT_SERVER = "http://127.0.0.1:8733"
"""Where ``checkwire serve`` listens unless it is told otherwise."""

_SERVER, _TOKEN = "CHECKWIRE_SERVER", "CHECKWIRE_TOKEN"

Command = TypeVar("Command", bound=Callable[..., Any])


class Access(NamedTuple):
    """A server, and what opens it.

    Attributes:
        server: its address, without a slash at its end.
        token: ``None`` to come without one.
        token_from: where the token was found, to be read after ``the token of``.
    """

    server: str
    token: str | None = None
    token_from: str = ""


def server_options(command: Command) -> Command:
    """Give a command ``--server``, ``--token`` and ``--json`` (``as_json``)."""
    server = click.option(
        "--server",
        metavar="URL",
        help=f"The server to ask; or {_SERVER}, or [server] in checkwire.toml, or that of the "
        f"latest login. By default {DEFAULT_SERVER}.",
    )
    token = click.option(
        "--token",
        metavar="TOKEN",
        help=f"Its token; better in {_TOKEN}, or left to checkwire login.",
    )
    as_json = click.option("--json", "as_json", is_flag=True, help="Write one JSON document.")
    return server(token(as_json(command)))


def find_access(server: str | None = None, token: str | None = None) -> Access:
    """The server to ask: of the options, the environment, the project, the latest login.

    The token that a login left is for its own server only.

    Raises:
        UsageError: an address is none.
        DefinitionError: the project's settings are not as they must be.
        CheckwireError: what logins left cannot be read.
    """
    address = find_server(server)
    if token is not None:
        return Access(address, _checked(token, "--token"), "--token")
    if held := os.environ.get(_TOKEN):
        return Access(address, _checked(held, _TOKEN), _TOKEN)
    credentials = Credentials()
    kept = credentials.token(address)
    if kept is not None and credentials.exposed:
        click.echo(
            f"checkwire: {click.style('warning:', fg='yellow')} others can read your tokens: "
            f"chmod 600 {credentials.file}",
            err=True,
        )
    return Access(address, kept, "the latest login" if kept else "")


def find_server(server: str | None = None) -> str:
    """The address of the server to ask; raises as :func:`find_access` does."""
    if server is not None:
        return _parse(server, "--server")
    if named := os.environ.get(_SERVER):
        return _parse(named, _SERVER)
    return _of_project() or Credentials().latest or DEFAULT_SERVER


def _of_project() -> str | None:
    from checkwire.project.discovery import find_project

    return find_project(()).server


def _parse(text: str, source: str) -> str:
    from checkwire.project.server import parse_server

    try:
        return parse_server(text)
    except ValueError as error:
        raise UsageError(f"{source}: {error}") from None


def _checked(token: str, source: str) -> str:
    token = token.strip()
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        raise UsageError(f"{source} is not a token: it is one word of plain letters and digits")
    return token
