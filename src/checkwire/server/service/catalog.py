"""The checks that the projects have now, with their rows in the store."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from checkwire.model.definition import CheckDefinition
from checkwire.model.due import DueRun, check_uid
from checkwire.server.monitor import NoSuchThing

__all__ = ["Catalog", "Watched"]


class Watched(NamedTuple):
    """A check that some project has now."""

    check_id: int
    project: str
    definition: CheckDefinition


class Catalog:
    """Checks by uid."""

    def __init__(self) -> None:
        self._checks: dict[str, Watched] = {}
        self._gone: dict[str, Watched] = {}

    def __iter__(self) -> Iterator[Watched]:
        return iter(self._checks.values())

    def find(self, uid: str) -> Watched | None:
        """The check; ``None`` if no project has it."""
        return self._checks.get(uid)

    def get(self, uid: str) -> Watched:
        """The check. Raises :class:`NoSuchThing`."""
        watched = self._checks.get(uid)
        if watched is None:
            raise NoSuchThing(f"there is no check {uid}")
        return watched

    def of(self, due: DueRun) -> Watched | None:
        """The check that a run is of, also if it went meanwhile; ``None`` if there was none."""
        uid = check_uid(due.project, due.check)
        return self._checks.get(uid) or self._gone.get(uid)

    def replace(self, project: str, checks: Mapping[int, CheckDefinition]) -> None:
        """Let a project's checks be these, by row."""
        before = {uid for uid, watched in self._checks.items() if watched.project == project}
        after = {
            check_uid(project, definition.id): Watched(check_id, project, definition)
            for check_id, definition in checks.items()
        }
        gone = {uid: self._checks.pop(uid) for uid in before - after.keys()}
        self._checks |= after
        self._gone |= gone
        for uid in after:
            self._gone.pop(uid, None)
