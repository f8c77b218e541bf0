"""``INSERT ... ON CONFLICT``, which SQLite and PostgreSQL have in common, and SQL has not."""

from __future__ import annotations

from typing import TypeAlias

from sqlalchemy import Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

__all__ = ["Insert", "insert_into"]

Insert: TypeAlias = sqlite.Insert | postgresql.Insert


def insert_into(tx: AsyncConnection, table: Table) -> Insert:
    """An insert of the database's own kind: with ``on_conflict_do_nothing`` and its sister."""
    if tx.dialect.name == "sqlite":
        return sqlite.insert(table)
    return postgresql.insert(table)
