"""Trying a channel."""

from __future__ import annotations

from urllib.parse import quote

import msgspec

from checkwire.cli.client.access import find_access
from checkwire.cli.client.answers import ProjectAnswer, decoded
from checkwire.cli.client.server import Server
from checkwire.cli.reporters.console import Console
from checkwire.cli.reporters.json import format_document
from checkwire.cli.reporters.marks import MARKS
from checkwire.cli.reporters.output import Output
from checkwire.cli.reporters.paint import Text
from checkwire.model.errors import UsageError

__all__ = ["try_channel"]


class _Tried(msgspec.Struct, frozen=True):
    """What became of it."""

    delivered: bool
    said: str


def try_channel(
    name: str, project: str | None, server: str | None, token: str | None, as_json: bool
) -> int:
    """Have a test notice sent; returns the exit status.

    Raises:
        CheckwireError: the server cannot be asked, or knows no such channel.
    """
    asked = Server(find_access(server, token))
    project = project or _only_project(asked)
    path = f"/projects/{quote(project, safe='')}/channels/{quote(name, safe='')}/test"
    tried = decoded(asked.post(path), _Tried, asked)
    status = 0 if tried.delivered else 1
    output = Output()
    if as_json:
        told = {"server": asked.access.server, "project": project, "channel": name}
        document = {**told, **msgspec.to_builtins(tried), "exit_code": status}
        output.write(format_document(document))
        return status
    mark = MARKS["passed" if tried.delivered else "failed"]
    line = Text("  ").add(mark.shape, mark.style).add(f" {name}  ", "bold")
    line.add("" if tried.delivered else "not delivered: ", mark.style)
    Console(output).lines([line.add(tried.said)])
    return status


def _only_project(server: Server) -> str:
    found = [decoded(item, ProjectAnswer, server).key for item in server.items("/projects")]
    if len(found) != 1:
        known = f": write --project {found[0]}, or another of {', '.join(found)}" if found else ""
        raise UsageError(f"{server.access.server} watches {len(found) or 'no'} projects{known}")
    return found[0]
