"""Which server is meant, and with which token."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import click

from checkwire.cli.client.credentials import Credentials
from checkwire.cli.places import data_folder
from checkwire.cli.whereabouts import find_whereabouts
from checkwire.model.errors import UsageError

if TYPE_CHECKING:
    from checkwire.project.config import Project

__all__ = ["DEFAULT_SERVER", "Access", "find_access", "find_server", "server_options"]

DEFAULT_SERVER = "http://127.0.0.1:8733"
"""Where ``checkwire serve`` listens unless it is told otherwise."""

_BARE = re.compile(r"(?:[\w.-]*[\w-]|\[[0-9a-fA-F:]+\])(?::\d+)?(?:/\S*)?", re.ASCII)
"""A host, with a port or without, and no scheme."""
_LOOPBACK = re.compile(
    r"(?:(?:[\w-]+\.)*localhost|127(?:\.\d+){3}|\[::1\])(?=[:/]|$)", re.ASCII | re.IGNORECASE
)

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
        f"latest login, or the one that runs in this project. By default {DEFAULT_SERVER}.",
    )
    token = click.option(
        "--token",
        metavar="TOKEN",
        help=f"Its token; better in {_TOKEN}, or left to checkwire login.",
    )
    as_json = click.option("--json", "as_json", is_flag=True, help="Write one JSON document.")
    return server(token(as_json(command)))


def find_access(server: str | None = None, token: str | None = None) -> Access:
    """The server to ask: of the options, the environment, the project, the latest login, here.

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
    from checkwire.project.discovery import find_project

    project = find_project(())
    return project.server or Credentials().latest or _running_here(project) or DEFAULT_SERVER


def _running_here(project: Project) -> str | None:
    """Where the server listens that runs in this project's folder, if one does."""
    held = os.environ.get("CHECKWIRE_DATA")
    url = find_whereabouts(data_folder(Path(held) if held else None, project))
    return None if url is None else _parse(url, "the server of this folder")


def _parse(text: str, source: str) -> str:
    from checkwire.project.server import parse_server

    if _BARE.fullmatch(text):
        if not _LOOPBACK.match(text):
            raise UsageError(
                f"{source}: {text} does not say how it is asked: write https://{text} or "
                f"http://{text}"
            )
        text = f"http://{text}"
    try:
        return parse_server(text)
    except ValueError as error:
        raise UsageError(f"{source}: {error}") from None


def _checked(token: str, source: str) -> str:
    token = token.strip()
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        raise UsageError(f"{source} is not a token: it is one word of plain letters and digits")
    return token
