"""Checks of one id: their histories would run together, so none of them is run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from checkwire.model.failures import Failure, Location

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from checkwire.model.definition import CheckDefinition

__all__ = ["duplicates", "failures_of_duplicates"]

_HINT_OF_TABLES = 'Rename one of the checks, or give it an id of its own: id = "..."'


def duplicates(definitions: Iterable[CheckDefinition]) -> list[list[CheckDefinition]]:
    """The checks that share their id with others, each id's in their order."""
    by_id: dict[str, list[CheckDefinition]] = {}
    for definition in definitions:
        by_id.setdefault(definition.id, []).append(definition)
    return [same for same in by_id.values() if len(same) > 1]


def failures_of_duplicates(same: Sequence[CheckDefinition]) -> list[Failure]:
    """``check.duplicate_id``, once for each file that has a check of this id.

    Each names all the places, and is located at the last one in its file: what was there first is
    more often the one that is meant.
    """
    places = [f"{one.path}:{one.line}" for one in same]
    listed = f"{', '.join(places[:-1])} and {places[-1]}"
    return [
        Failure(
            code="check.duplicate_id",
            message=f'{len(same)} checks have the id "{one.id}", and none of them is run: {listed}',
            hint=_HINT_OF_TABLES if one.kind == "declared" else "",
            evidence={"id": one.id, "places": places},
            location=Location(one.path, one.line, one.function),
        )
        for one in {one.path: one for one in same}.values()
    ]
