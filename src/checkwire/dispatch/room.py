"""How many attempts may be under way at a time: in all, of a check, and at a location."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Literal, NamedTuple

from checkwire.model.due import DueRun

__all__ = ["Bounds", "Key", "Room"]


class Key(NamedTuple):
    """What a bound is for, within a project: a check at all its locations, or a location."""

    kind: Literal["check", "location"]
    project: str
    name: str


class Bounds(NamedTuple):
    """How many attempts may be under way at a time.

    Attributes:
        total: of all checks together.
        check: of one check, at all its locations together: so that one whose attempts all take
            long leaves room for the others.
        location: asked for the bound of a location of a project; ``None`` is no other than
            ``total``.
    """

    total: int
    check: int
    location: Callable[[str, str], int | None]


class Room:
    """The room that attempts under way take.

    Args:
        bounds: how much there is.
    """

    def __init__(self, bounds: Bounds) -> None:
        self.bounds = bounds
        self.taken = 0
        self._of: Counter[Key] = Counter()

    @property
    def left(self) -> bool:
        """Whether there is room for another attempt at all."""
        return self.taken < self.bounds.total

    def full(self, due: DueRun) -> Key | None:
        """What of a run has no room for another attempt; ``None`` if all of it has."""
        return next((key for key in keys(due) if not self.has(key)), None)

    def has(self, key: Key) -> bool:
        """Whether a check, or a location, has room for another attempt."""
        bound = self.bound(key)
        return bound is None or self._of[key] < bound

    def bound(self, key: Key) -> int | None:
        """How many attempts a check, or a location, has room for; ``None`` for any number."""
        return self.bounds.check if key.kind == "check" else self.bounds.location(*key[1:])

    def take(self, due: DueRun) -> None:
        """An attempt of the run begins."""
        self.taken += 1
        self._of.update(keys(due))

    def give_back(self, due: DueRun) -> None:
        """It is over."""
        self.taken -= 1
        self._of.subtract(keys(due))
        for key in keys(due):
            if not self._of[key]:
                del self._of[key]


def keys(due: DueRun) -> tuple[Key, Key]:
    """What bounds a run is under."""
    return (
        Key("check", due.project, due.check),
        Key("location", due.project, due.location),
    )
