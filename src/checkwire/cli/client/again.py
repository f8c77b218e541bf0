"""How a run of a server is asked for again: there, with its secrets, and not here."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from checkwire.cli.reporters.again import Again, Word

__all__ = ["OfServer", "again_there"]


class OfServer(NamedTuple):
    """A run of a server.

    Attributes:
        id: of its check, as the report has it.
        project: the check's.
        name: the check's.
        location: where it ran; empty if the check has no other.
    """

    id: str
    project: str
    name: str
    location: str = ""


def again_there(runs: Iterable[OfServer], server: str | None) -> Again:
    """The commands that have the server run the checks again.

    Args:
        runs: which were told of.
        server: what ``--server`` said; what else names the server does so again.
    """
    options: list[tuple[Word, ...]] = [(Word("--wait"),)]
    if server is not None:
        options.append((Word("--server"), Word("", server)))
    return Again(options=tuple(options), starts={run.id: tuple(_start(run)) for run in runs})


def _start(run: OfServer) -> Iterable[tuple[Word, ...]]:
    yield Word("checkwire"), Word("trigger"), Word("", f"{run.project}/{run.name}")
    if run.location:
        yield Word("--location"), Word("", run.location)
