"""Deleting rows by their primary keys."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Table, bindparam, delete
from sqlalchemy.ext.asyncio import AsyncConnection

__all__ = ["delete_keys"]


async def delete_keys(tx: AsyncConnection, table: Table, keys: Iterable[Sequence[Any]]) -> None:
    """Delete rows.

    One by one, for SQLite would read the whole table for ``(a, b, c) IN (...)``.

    Args:
        tx: a transaction that writes.
        table: of which.
        keys: values of the columns of its primary key, in their order.
    """
    columns = list(table.primary_key.columns)
    names = [f"key_{column.name}" for column in columns]
    values = [dict(zip(names, key, strict=True)) for key in keys]
    if values:
        is_it = (column == bindparam(name) for column, name in zip(columns, names, strict=True))
        await tx.execute(delete(table).where(*is_it), values)
