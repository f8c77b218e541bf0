"""Whose secrets are meant: those of this folder's project, or of one that the server knows."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from checkwire.cli.administration.opening import Place, with_store
from checkwire.model.errors import UsageError
from checkwire.sdk.suggestion import did_you_mean

if TYPE_CHECKING:
    from checkwire.store.database import Store

__all__ = ["whose_secrets"]

_SHOWN = 8


class _Known(NamedTuple):
    """Projects of a database, by their ids.

    Attributes:
        live: those that the server watches.
        all: also those that it watched once, or that have secrets.
    """

    live: tuple[str, ...] = ()
    all: tuple[str, ...] = ()


def whose_secrets(place: Place, named: str | None, *, create: bool = False) -> str:
    """The id of the project whose secrets are meant.

    A name that nobody knows would be kept without a word, and no check would ever get its secret.

    Args:
        place: where the database is.
        named: what ``--project`` says.
        create: whether a database may be made: it knows no project yet.

    Raises:
        UsageError: the project is not known, or it could be one of several; or there is no
            database.
        DatabaseError: the database cannot be used.
    """
    place.require(create=create)
    known = with_store(place, _known) if place.is_there else _Known()
    if named is not None:
        if named == place.project or named in known.all:
            return named
        raise UsageError(f'no project "{named}" is known here{_instead(named, place, known)}')
    if place.is_project or not known.live:
        return place.project
    if len(known.live) == 1:
        return known.live[0]
    raise UsageError(
        f"this folder is in no project, and the server watches several ({_listed(known.live)}): "
        "name one with --project"
    )


def _instead(named: str, place: Place, known: _Known) -> str:
    if hint := did_you_mean(named, {*known.all, place.project}):
        return hint
    if known.live:
        return f": the server watches {_listed(known.live)}"
    return ": run this in its folder, or after checkwire serve has loaded it"


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(names[:_SHOWN]) + (", …" if len(names) > _SHOWN else "")


async def _known(store: Store) -> _Known:
    from checkwire.store.registry import list_projects
    from checkwire.store.secrets import list_secrets

    async with store.reading() as tx:
        records = await list_projects(tx, removed=True)
        sealed = await list_secrets(tx)
    live = tuple(record.key for record in records if record.removed_ns is None)
    every = {record.key for record in records} | {secret.project for secret in sealed}
    return _Known(live, tuple(sorted(every)))
