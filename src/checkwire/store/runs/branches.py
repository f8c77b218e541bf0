"""The statement that finds the keys of runs, put together of branches.

A branch is what an index yields in the order wanted: the runs of one check, status or code. It
stops after as many keys as are wanted at most; the keys of all branches are merged. To put such a
statement together takes longer than to run it, so it is kept for the next time: by its shape, with
parameters for all values.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Subquery,
    and_,
    bindparam,
    literal_column,
    or_,
    select,
    union_all,
)

from checkwire.store.tables import runs

__all__ = ["HAS_CODE", "Branch", "Shape", "keys", "shape_and_values"]

_NOT_PASSED: ColumnElement[bool] = literal_column("runs.status > 0")
"""Said so that the partial indexes can be used: they are not for a value in a parameter."""
HAS_CODE: ColumnElement[bool] = literal_column("runs.code IS NOT NULL")
_KEY = (runs.c.check_id, runs.c.due_ns, runs.c.location_id)
_NEWEST_FIRST = (runs.c.due_ns.desc(), runs.c.check_id.desc(), runs.c.location_id.desc())
_LISTS = ("check_ids", "statuses", "codes")


class Branch(NamedTuple):
    """What is the same for all runs of a branch; ``None`` for what is not."""

    check_id: int | None = None
    status: int | None = None
    code: str | None = None


class Shape(NamedTuple):
    """All that a statement depends on but for values.

    Attributes:
        bound: which of a branch's fields are given, in each of them the same.
        branches: how many there are.
        filters: which of the other parameters there are: ``check_ids``, ``statuses``, ``codes``
            (lists), ``location_id``, ``since_ns``, and ``before_ns`` with ``before_check`` and
            ``before_place``.
        unusual: whether none of the runs passed.
    """

    bound: tuple[str, ...]
    branches: int
    filters: frozenset[str]
    unusual: bool


def shape_and_values(
    branches: Collection[Branch], filters: dict[str, Any], *, unusual: bool
) -> tuple[Shape, dict[str, Any]]:
    """The shape of a statement, and the values of its parameters.

    Args:
        branches: at least one.
        filters: by their names in :class:`Shape`.
        unusual: whether none of the runs passed.
    """
    first, *_ = branches
    bound = tuple(name for name, value in first._asdict().items() if value is not None)
    values = dict(filters)
    for number, branch in enumerate(branches):
        for name in bound:
            values[f"{name}_{number}"] = getattr(branch, name)
    return Shape(bound, len(branches), frozenset(filters), unusual), values


@lru_cache(maxsize=256)
def keys(shape: Shape) -> Subquery:
    """The keys of the runs of all branches, some of which may be one too many.

    Its parameters are ``end_ns`` and ``limit``, the filters of the shape, and for each branch what
    is bound: ``check_id_0``, ``check_id_1``, and so on.
    """
    return union_all(
        *(
            select(
                select(*_KEY)
                .where(*_of_branch(shape, number), *_of_all(shape.filters))
                .order_by(*_NEWEST_FIRST)
                .limit(bindparam("limit"))
                .subquery()
            )
            for number in range(shape.branches)
        )
    ).subquery()


def _of_branch(shape: Shape, number: int) -> Iterable[ColumnElement[bool]]:
    if shape.unusual:
        yield _NOT_PASSED
    if "code" in shape.bound:
        yield HAS_CODE
    for name in shape.bound:
        yield runs.c[name] == bindparam(f"{name}_{number}")


def _of_all(filters: frozenset[str]) -> Iterable[ColumnElement[bool]]:
    # Just one bound to the time, and always one: of two SQLite may begin at the later one, and with
    # none it takes the primary key for a check's failures, too, and reads all that passed.
    yield runs.c.due_ns < bindparam("end_ns")
    for name, column in zip(_LISTS, (runs.c.check_id, runs.c.status, runs.c.code), strict=True):
        if name in filters:
            yield column.in_(bindparam(name, expanding=True))
    if "location_id" in filters:
        yield runs.c.location_id == bindparam("location_id")
    if "since_ns" in filters:
        yield runs.c.due_ns >= bindparam("since_ns")
    if "before_ns" in filters:
        check_id: BindParameter[int] = bindparam("before_check")
        location_id: BindParameter[int] = bindparam("before_place")
        yield or_(
            runs.c.due_ns < bindparam("before_ns"),
            runs.c.check_id < check_id,
            and_(runs.c.check_id == check_id, runs.c.location_id < location_id),
        )
