"""How many attempts may be under way at a time: in all, of a check, and at a location."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Final, Literal, NamedTuple

from checkwire.model.due import DueRun

__all__ = ["SLOT", "Bounds", "Key", "Room"]


class Key(NamedTuple):
    """What a bound is for, within a project: a check at all its locations, or a location."""

    kind: Literal["check", "location"]
    project: str
    name: str


SLOT: Final = 10
"""How many parts a slot has: an attempt takes all of one, or some parts."""


class Bounds(NamedTuple):
    """How many attempts may be under way at a time.

    Attributes:
        slots: how many there are for all checks together.
        check: how many of them one check may take, at all its locations together: so that one
            whose attempts all take long leaves room for the others.
        location: asked how many attempts there may be at a location of a project; ``None`` is for
            any number.
        parts: asked how much of a slot an attempt of a run takes, up to :data:`SLOT`.
    """

    slots: int
    check: int
    location: Callable[[str, str], int | None]
    parts: Callable[[DueRun], int] = lambda _: SLOT


class Room:
    """The room that attempts under way take.

    Args:
        bounds: how much there is.
    """

    def __init__(self, bounds: Bounds) -> None:
        self._bounds = bounds
        self._taken = 0
        self._of: Counter[Key] = Counter()
        self._parts: dict[str, int] = {}

    def is_left(self, due: DueRun) -> bool:
        """Whether there is room for another attempt of a run, if it depends on slots alone."""
        return self._taken + self._bounds.parts(due) <= self._bounds.slots * SLOT

    def full(self, due: DueRun) -> Key | None:
        """What of a run has no room for another attempt; ``None`` if all of it has."""
        return next((key for key in keys(due) if not self.has(key, due)), None)

    def has(self, key: Key, due: DueRun) -> bool:
        """Whether a check, or a location, of a run has room for another attempt of it."""
        if key.kind == "check":
            return self._of[key] + self._bounds.parts(due) <= self._bounds.check * SLOT
        bound = self._bounds.location(*key[1:])
        return bound is None or self._of[key] < bound

    def bound(self, key: Key | None, due: DueRun) -> int:
        """How many attempts like that of a run its check or location has room for, or all have."""
        slots = self._bounds.slots
        match key:
            case Key("check"):
                slots = self._bounds.check
            case Key("location", project, name):
                bound = self._bounds.location(project, name)
                if bound is not None:
                    return bound
        return slots * SLOT // self._bounds.parts(due)

    def take(self, due: DueRun) -> None:
        """An attempt of the run begins."""
        self._parts[due.run_id] = parts = self._bounds.parts(due)
        self._count(due, parts, 1)

    def give_back(self, due: DueRun) -> None:
        """It is over."""
        self._count(due, -self._parts.pop(due.run_id), -1)

    def _count(self, due: DueRun, parts: int, attempts: int) -> None:
        self._taken += parts
        for key in keys(due):
            self._of[key] += parts if key.kind == "check" else attempts
            if not self._of[key]:
                del self._of[key]


def keys(due: DueRun) -> tuple[Key, Key]:
    """What bounds a run is under."""
    return (
        Key("check", due.project, due.check),
        Key("location", due.project, due.location),
    )
