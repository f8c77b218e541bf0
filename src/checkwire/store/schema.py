"""The schema's versions: a database is brought to this one's when it is opened."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, inspect, text

from checkwire.store.address import Address
from checkwire.store.errors import DatabaseError
from checkwire.store.tables import metadata

__all__ = ["HEAD", "MIGRATIONS", "REVISIONS", "VERSION_TABLE", "migrate", "revision_of"]

VERSION_TABLE = "checkwire_schema"
MIGRATIONS = Path(__file__).parent / "migrations"
REVISIONS = ("0001",)
"""All revisions, the first one first: so that a database that is up to date is opened without
loading Alembic, which takes longer than all else."""
HEAD = REVISIONS[-1]

_LOCK = 0x636865636B77  # "checkw": PostgreSQL's advisory locks have numbers.


def migrate(connection: Connection, address: Address) -> None:
    """Bring the tables to this version's form, within the transaction.

    Raises:
        DatabaseError: the database is a newer version's, or another program's.
    """
    if connection.dialect.name == "postgresql":
        # Two servers that start at the same time take turns.
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
    found = revision_of(connection)
    if found == HEAD:
        return
    if found is None:
        _refuse_foreign(connection, address)
    elif found not in REVISIONS:
        raise DatabaseError(
            f"the database {address} was written by a newer version of Checkwire (its revision is "
            f"{found}, this version knows {HEAD}): install the newer version, or restore a backup "
            "of before"
        )
    _upgrade(connection)


def revision_of(connection: Connection) -> str | None:
    """The revision of a database; ``None`` if it has no table of ours."""
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    found = connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar()
    return None if found is None else str(found)


def _upgrade(connection: Connection) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _refuse_foreign(connection: Connection, address: Address) -> None:
    """Tables of another program are left alone."""
    there = set(inspect(connection).get_table_names())
    if connection.dialect.name == "postgresql":
        there &= set(metadata.tables)
    if there:
        names = ", ".join(sorted(there)[:3])
        raise DatabaseError(
            f"the database {address} is another program's (it has the tables {names}): give "
            "Checkwire one of its own"
        )
