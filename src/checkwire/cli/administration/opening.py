"""Opening the database of a server, which may be running."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import click

from checkwire.cli.places import (
    data_folder,
    database_file,
    database_url,
    make_data_folder,
    require_database_url,
    secrets_key,
)
from checkwire.model.errors import UsageError
from checkwire.project.discovery import find_project

if TYPE_CHECKING:
    from checkwire.store.database import Store

__all__ = ["Place", "find_place", "importing", "with_store"]

T = TypeVar("T")


class Place(NamedTuple):
    """Where a server's data are.

    Attributes:
        project: id of the project around the current folder, or else what the folder's would be.
        is_project: whether there is one: whether it has settings.
        is_named: whether an option, or its variable, says where the data are.
        data: the folder.
        url: of the database.
    """

    project: str
    is_project: bool
    is_named: bool
    data: Path
    url: str

    @property
    def key(self) -> Path:
        """The file with the key to the secrets."""
        return secrets_key(self.data)

    @property
    def is_there(self) -> bool:
        """Whether the database is there, as far as that can be known without asking it."""
        with importing():
            file = database_file(self.url)
        return file is None or file.exists()

    def require(self, *, create: bool = False) -> None:
        """See that the database is there, or may be made.

        In any other folder than a project's, one that was not named is most likely not the one
        that is meant, and what is written to it would be of no use.

        Args:
            create: whether the command makes one where it makes sense.

        Raises:
            UsageError: neither.
        """
        if self.is_there or (create and (self.is_project or self.is_named)):
            return
        raise UsageError(
            f"there is no database {database_file(self.url)}: name the server's folder with "
            "--data DIR, or start checkwire serve first"
        )


def find_place(data: Path | None, database: str | None) -> Place:
    """Where the data are, by the options and the project.

    Raises:
        DefinitionError: the project's settings are not as they must be.
    """
    project = find_project(())
    folder = data_folder(data, project)
    return Place(
        project=project.id,
        is_project=project.config_path is not None,
        is_named=data is not None or database is not None,
        data=folder,
        url=database_url(database, folder),
    )


@contextmanager
def importing() -> Iterator[None]:
    """Say what to install if what is imported inside needs what is not there.

    Raises:
        UsageError: so it is.
    """
    try:
        yield
    except ImportError as error:
        missing = (error.name or "").partition(".")[0]
        if missing in ("", "checkwire"):
            raise
        raise UsageError(
            f"this needs {missing}, which is not installed: pip install 'checkwire[server]'"
        ) from None


def with_store(place: Place, work: Callable[[Store], Awaitable[T]], *, create: bool = False) -> T:
    """Do something with the open database.

    Args:
        place: where it is.
        work: what to do.
        create: whether to make a database that is not there, where that makes sense; it is told
            that it was.

    Raises:
        UsageError: what a server needs is not installed, or there is no database.
        DatabaseError: the database cannot be used.
    """
    with importing():
        from checkwire.store.database import Store

        require_database_url(place.url)
    place.require(create=create)

    async def main() -> T:
        file = database_file(place.url) if create else None
        new = file is not None and not file.exists()
        if file is not None and file.parent == place.data:
            make_data_folder(place.data)
        store = await Store.open(place.url, create=create)
        if new:
            click.echo(f"Made the database {file}", err=True)
        try:
            return await work(store)
        finally:
            await store.close()

    return asyncio.run(main())
