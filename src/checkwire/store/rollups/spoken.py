"""The last run before a time: it may speak into it."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, or_, select

from checkwire.store.tables import check_states, runs

__all__ = ["runs_before"]


def runs_before(
    columns: Collection[ColumnElement[Any]],
    at_ns: int | ColumnElement[int],
    *places: ColumnElement[bool],
) -> Select[Any]:
    """The last run before an instant of each check and location that still speaks then, if any.

    Args:
        columns: of ``runs``, which are wanted.
        at_ns: the instant.
        places: conditions on ``check_states``, which has a row for each check and location.
    """
    earlier = runs.alias("earlier")
    last = (
        select(earlier.c.due_ns)
        .where(
            earlier.c.check_id == check_states.c.check_id,
            earlier.c.location_id == check_states.c.location_id,
            earlier.c.due_ns < at_ns,
        )
        .order_by(earlier.c.due_ns.desc())
        .limit(1)
        .scalar_subquery()
    )
    # A place that has been silent since needs no search, which could be a long one: its latest
    # run is known, and to when it speaks.
    due_ns = case((check_states.c.due_ns < at_ns, check_states.c.due_ns), else_=last)
    return (
        select(*columns)
        .select_from(check_states)
        .join(
            runs,
            and_(
                # Plus 0: or SQLite takes conditions on the places for ones on runs, and begins with
                # these, of which there are many.
                runs.c.check_id == check_states.c.check_id + 0,
                runs.c.location_id == check_states.c.location_id,
                runs.c.due_ns == due_ns,
            ),
        )
        .where(
            *places,
            or_(check_states.c.due_ns >= at_ns, check_states.c.until_ns > at_ns),
            runs.c.due_ns + runs.c.holds_ns > at_ns,
        )
    )
