"""A condition on many values with one parameter.

``column IN (?, ?, ...)`` is another statement for each number of values, which SQLAlchemy writes
and the database compiles anew.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any

from sqlalchemy import ARRAY, ColumnElement, Integer, any_, bindparam, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

__all__ = ["among", "members"]


def among(dialect: str, column: ColumnElement[int], name: str) -> ColumnElement[bool]:
    """Whether the column's value is one of those in a parameter.

    Args:
        dialect: of the database.
        column: of integers.
        name: the parameter's; its value is what :func:`members` makes of many.
    """
    if dialect == "sqlite":
        each = func.json_each(bindparam(name)).table_valued("value")
        return column.in_(select(each.c.value))
    return column == any_(bindparam(name, type_=ARRAY(Integer)))


def members(tx: AsyncConnection, values: Collection[int]) -> Any:
    """The value of a parameter that stands for many."""
    return json.dumps(list(values)) if tx.dialect.name == "sqlite" else list(values)
