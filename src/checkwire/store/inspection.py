"""Looking at a database without bringing its tables up to date."""

from __future__ import annotations

import sqlite3
from typing import Any

from sqlalchemy import create_engine
from sqlalchemy.exc import DBAPIError, NoSuchModuleError
from sqlalchemy.pool import NullPool

from checkwire.store.address import Address, AddressError, parse_address
from checkwire.store.errors import DatabaseError, explained
from checkwire.store.schema import revision_of

__all__ = ["revision_at"]

_PATIENCE = 5.0


def revision_at(url: str, *, patience: float = _PATIENCE) -> str | None:
    """The revision of the tables of a database; ``None`` if it has none of ours.

    Blocks, for at most about ``patience`` seconds.

    Args:
        url: as :meth:`~checkwire.store.database.Store.open` takes it.
        patience: seconds to wait for a lock that another process holds, or for a server.

    Raises:
        DatabaseError: there is no such database, or it cannot be read.
    """
    try:
        address = parse_address(url)
    except AddressError as error:
        raise DatabaseError(str(error)) from None
    if address.path is not None and not address.path.exists():
        raise DatabaseError(f"there is no database {address.path}: checkwire serve makes it")
    try:
        engine = _engine(address, patience)
        with engine.connect() as connection:
            return revision_of(connection)
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
