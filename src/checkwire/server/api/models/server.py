"""How the server is."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from checkwire.server.api.models.base import Model
from checkwire.server.api.models.runs import Run

__all__ = ["Alive", "Ready", "Server", "Tried"]


class Alive(Model):
    """The process answers."""

    status: Literal["alive"] = "alive"


class Ready(Model):
    """Whether the server does its work."""

    status: Literal["ready", "not ready"]
    database: bool
    """Whether the database answered just now."""
    backlog: int
    """Results that wait to be stored."""
    problems: list[str]


class Server(Model):
    """The server, and what it is doing."""

    version: str = Field(examples=["0.2.0"])
    started_ns: int
    ok: bool
    """Whether it does all that it should."""
    problems: list[str]
    """What it does not, in sentences; also what is wrong with a project's files, and which channels
    were not told what they were to be told: that does not make it less `ok`."""
    database: bool
    """Whether the database answers."""
    backlog: int
    """Results that wait to be stored."""
    lateness_ns: int
    """How much later than due the latest runs began."""
    running: list[Run]
    """Runs under way, and those that wait for their turn."""


class Tried(Model):
    """What became of a test notice."""

    delivered: bool
    """Whether the channel took it."""
    said: str = Field(examples=["hooks.example.org answered 204 No Content"])
    """What came back, or why it was not taken."""
