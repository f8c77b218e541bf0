"""Where a server keeps its data: the same for ``serve`` and for whatever works on its database."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from checkwire.model.errors import CheckwireError, UsageError

if TYPE_CHECKING:
    from checkwire.project.config import Project

__all__ = [
    "DATABASE_NAME",
    "DATA_NAME",
    "data_folder",
    "data_options",
    "database_file",
    "database_url",
    "make_data_folder",
    "require_database_url",
    "secrets_key",
]

DATA_NAME = ".checkwire"
"""The folder in the project that holds a server's data, if no other is named."""
DATABASE_NAME = "checkwire.db"
"""The SQLite database in that folder."""
KEY_NAME = "secrets.key"
"""The key to the secrets, in that folder."""

Command = TypeVar("Command", bound=Callable[..., Any])


def data_options(command: Command) -> Command:
    """Give a command the options ``--data`` (``data``) and ``--database`` (``database``)."""
    data = click.option(
        "--data",
        type=click.Path(file_okay=False, path_type=Path),
        envvar="CHECKWIRE_DATA",
        metavar="DIR",
        help=f"The server's folder, instead of {DATA_NAME} in the project's.",
    )
    database = click.option(
        "--database",
        envvar="CHECKWIRE_DATABASE",
        metavar="URL",
        help="postgresql://..., or sqlite:///FILE, instead of the one in that folder.",
    )
    return data(database(command))


def data_folder(option: Path | None, project: Project) -> Path:
    """The folder of a server's data, absolute; it need not exist.

    Args:
        option: what ``--data`` says, relative to the current folder.
        project: whose server it is.
    """
    return Path(project.root) / DATA_NAME if option is None else option.absolute()


def make_data_folder(data: Path) -> None:
    """Make the folder, if it is not there: for its owner only, and not for the project's Git.

    It is root's only if the folder is that it is made in.

    Raises:
        CheckwireError: it cannot be made.
    """
    if data.is_dir():
        return
    from checkwire.store.ownership import give_to_owner_of

    try:
        missing = [folder for folder in (data, *data.parents) if not folder.exists()]
        for folder in reversed(missing):
            folder.mkdir(mode=0o700 if folder == data else 0o777, exist_ok=True)
            descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            try:
                give_to_owner_of(folder.parent, descriptor)
            finally:
                os.close(descriptor)
        with (data / ".gitignore").open("x", encoding="utf-8") as file:
            file.write("*\n")
            give_to_owner_of(data, file.fileno())
    except FileExistsError:
        if data.is_dir():
            return  # somebody else has made it in this moment
        raise CheckwireError(f"{data} is no folder: name another one with --data") from None
    except OSError as error:
        raise CheckwireError(
            f"the folder {data} cannot be made ({error.strerror}): name another one with --data"
        ) from None


def database_url(option: str | None, data: Path) -> str:
    """The URL of a server's database.

    Args:
        option: what ``--database`` says.
        data: the folder of its data, absolute.
    """
    return option if option is not None else f"sqlite:///{data / DATABASE_NAME}"


def database_file(url: str) -> Path | None:
    """The file of a SQLite database; ``None`` if it is another, or none at all."""
    from checkwire.store.address import AddressError, parse_address  # SQLAlchemy: 100 ms

    try:
        return parse_address(url).path
    except AddressError:
        return None  # opening it tells


def require_database_url(url: str) -> None:
    """See that it names a database, before anything is made for one.

    Raises:
        UsageError: it names none; the sentence says what would.
    """
    from checkwire.store.address import AddressError, parse_address

    try:
        parse_address(url)
    except AddressError as error:
        raise UsageError(str(error)) from None


def secrets_key(data: Path) -> Path:
    """The file with the key to the secrets in the database; it need not exist.

    It is not in the database, so that a copy of that alone gives no secret away.

    Args:
        data: the folder of a server's data, absolute.
    """
    return data / KEY_NAME
