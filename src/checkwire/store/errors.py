"""What can be wrong with a database, in sentences that say what to do next."""

from __future__ import annotations

import sqlite3

from sqlalchemy.exc import DBAPIError

from checkwire.model.errors import CheckwireError
from checkwire.store.address import Address

__all__ = ["DatabaseError", "explained"]


class DatabaseError(CheckwireError):
    """The database cannot be used.

    Attributes:
        passing: whether it may go away by itself or by another's doing, so that to try again is
            sensible: locked, full, out of reach.
    """

    def __init__(self, message: str, *, passing: bool = False) -> None:
        super().__init__(message)
        self.passing = passing


def explained(error: DBAPIError, address: Address) -> DatabaseError | None:
    """What a driver's error means; ``None`` if it is not the database that is at fault."""
    if isinstance(error.orig, sqlite3.Error):
        if error.connection_invalidated:
            return DatabaseError(
                f"the database {address.path} was closed, or replaced, while it was used: try "
                "again",
                passing=True,
            )
        return _sqlite(error.orig, address)
    return _postgresql(error, address)


def _sqlite(error: sqlite3.Error, address: Address) -> DatabaseError | None:
    name = getattr(error, "sqlite_errorname", "")
    file = address.path
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return DatabaseError(
            f"the database {file} is locked by another process: end that one, or try again when "
            "it is done",
            passing=True,
        )
    if name == "SQLITE_FULL":
        return DatabaseError(
            f"there is no room left for the database {file}: free space on its disk", passing=True
        )
    if name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")):
        return DatabaseError(
            f"{file} is damaged, or no SQLite database ({error}): restore it from a backup, or "
            "move it away to start anew"
        )
    if name.startswith("SQLITE_READONLY"):
        return DatabaseError(
            f"the database {file} cannot be written: give this user the right to write it and its "
            "folder"
        )
    if name.startswith("SQLITE_CANTOPEN"):
        return DatabaseError(
            f"the database {file} cannot be opened: see that it is there, and that this user may "
            "read and write it and its folder",
            passing=True,
        )
    if name.startswith("SQLITE_IOERR"):
        return DatabaseError(
            f"the disk of the database {file} does not work as it must ({error}): see the "
            "system's log",
            passing=True,
        )
    return None


_POSTGRESQL = {
    "28": "it does not accept this user and password: correct them in the URL",
    "3D": "it has no such database: create it first, with `createdb`",
    "42501": "this user may not do that there: make it the owner of the database",
    "53100": "its disk is full: free some space",
    "53300": "it has too many connections already: raise its max_connections",
    "25006": "it accepts no writes: name the primary server in the URL, not a standby",
    "55P03": "another process holds a lock for too long: end that one, or try again",
    "57": "it is shutting down or starting up: try again when it is back",
    "08": "the connection was lost: see that the server is running",
    "XX001": "its data are damaged: restore them from a backup",
    "XX002": "its data are damaged: restore them from a backup",
}


def _postgresql(error: DBAPIError, address: Address) -> DatabaseError | None:
    state = getattr(error.orig, "sqlstate", None) or ""
    said = str(error.orig).strip()
    for known, sentence in _POSTGRESQL.items():
        if state.startswith(known):
            passing = known not in ("28", "3D", "42501", "XX001", "XX002")
            return DatabaseError(f"the database {address}: {sentence}", passing=passing)
    # libpq's own words have no code of SQL's.
    for words, known in (
        ("password authentication failed", "28"),
        ("no password supplied", "28"),
        ("role ", "28"),
        ("does not exist", "3D"),
        ("too many ", "53300"),
        ("starting up", "57"),
        ("shutting down", "57"),
    ):
        if not state and words in said:
            passing = known not in ("28", "3D")
            return DatabaseError(f"the database {address}: {_POSTGRESQL[known]}", passing=passing)
    if type(error.orig).__name__ == "OperationalError" or error.connection_invalidated:
        first = said.splitlines()[0] if said else "the connection was lost"
        return DatabaseError(
            f"cannot reach the database {address} ({first}): see that the server is running, and "
            "that host and port are right",
            passing=True,
        )
    return None
