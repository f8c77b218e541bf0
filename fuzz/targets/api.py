"""What requests to the server hold: cursors, instants, ids of events, hosts, ways back."""

from __future__ import annotations

from contextlib import suppress
from typing import TypeVar

from checkwire.server.api.cursors import (
    CheckPosition,
    IncidentPosition,
    RunPosition,
    read_cursor,
    write_cursor,
)
from checkwire.server.api.parameters import parse_instant
from checkwire.server.api.run_events import read_place
from checkwire.server.auth.auth import local_path
from checkwire.server.auth.hosts import host_name, is_loopback
from checkwire.server.problems import Problem

__all__ = ["target"]

P = TypeVar("P", CheckPosition, IncidentPosition, RunPosition)


def target(data: bytes) -> None:
    """The bytes are the text."""
    text = data.decode("utf-8", "surrogateescape")
    _read(text, CheckPosition)
    _read(text, IncidentPosition)
    _read(text, RunPosition)
    with suppress(ValueError):
        assert 0 <= parse_instant(text) < 2**63
    with suppress(Problem):
        assert read_place(text) is not None
    name = host_name(text)
    if name is not None:
        assert name.isascii()
        is_loopback(name)
    path = local_path(text)
    assert path in (text, "/")
    assert path.startswith("/")
    assert path[1:2] not in ("/", "\\")


def _read(text: str, kind: type[P]) -> None:
    try:
        position = read_cursor(text, kind)
    except Problem as problem:
        assert problem.status == 400
    else:
        assert position is not None
        assert write_cursor(position) == text
