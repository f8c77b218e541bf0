"""Looking at a database without bringing its tables up to date."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from sqlalchemy import Connection, create_engine, select
from sqlalchemy.exc import DBAPIError, NoSuchModuleError
from sqlalchemy.pool import NullPool

from checkwire.store.address import Address, AddressError, parse_address
from checkwire.store.errors import DatabaseError, explained
from checkwire.store.schema import revision_of
from checkwire.store.tables import projects, secrets

__all__ = ["Sealed", "revision_at", "sealed_at"]

_PATIENCE = 5.0


class Sealed(NamedTuple):
    """A secret as it is kept, see :class:`checkwire.store.secrets.SecretBox`."""

    project: str
    name: str
    sealed: bytes


def revision_at(url: str, *, patience: float = _PATIENCE) -> str | None:
    """The revision of the tables of a database; ``None`` if it has none of ours.

    Blocks, for at most about ``patience`` seconds.

    Args:
        url: as :meth:`~checkwire.store.database.Store.open` takes it.
        patience: seconds to wait for a lock that another process holds, or for a server.

    Raises:
        DatabaseError: there is no such database, or it cannot be read.
    """
    with _looking(url, patience) as connection:
        return revision_of(connection)


def sealed_at(url: str, *, patience: float = _PATIENCE) -> list[Sealed]:
    """The secrets in a database of this version, but for those of projects that are gone.

    Args and errors are those of :func:`revision_at`.
    """
    query = (
        select(secrets.c.project_key, secrets.c.name, secrets.c.sealed)
        .join(projects, projects.c.key == secrets.c.project_key, isouter=True)
        .where(projects.c.removed_ns.is_(None))
        .order_by(secrets.c.project_key, secrets.c.name)
    )
    with _looking(url, patience) as connection:
        return [Sealed(*row) for row in connection.execute(query)]


@contextmanager
def _looking(url: str, patience: float) -> Iterator[Connection]:
    try:
        address = parse_address(url)
    except AddressError as error:
        raise DatabaseError(str(error)) from None
    if address.path is not None and not address.path.exists():
        raise DatabaseError(f"there is no database {address.path}: checkwire serve makes it")
    try:
        engine = _engine(address, patience)
        with engine.connect() as connection:
            yield connection
    except (ImportError, NoSuchModuleError):
        raise DatabaseError(
            "PostgreSQL needs a driver: pip install 'checkwire[postgresql]'"
        ) from None
    except DBAPIError as error:
        known = explained(error, address)
        if known is None:
            raise
        raise known from error


def _engine(address: Address, patience: float) -> Any:
    if address.url is not None:
        arguments = {"connect_timeout": max(1, round(patience))}
        return create_engine(address.url, poolclass=NullPool, connect_args=arguments)
    assert address.path is not None
    place = f"{address.path.as_uri()}?mode=ro"
    return create_engine(
        "sqlite://",
        creator=lambda: sqlite3.connect(place, uri=True, timeout=patience),
        poolclass=NullPool,
    )
