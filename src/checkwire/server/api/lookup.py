"""Finding what an address names."""

from __future__ import annotations

import re

from sqlalchemy.ext.asyncio import AsyncConnection

from checkwire.server.problems import Problem
from checkwire.store import registry, runs
from checkwire.store.records import CheckRecord, RunRecord

__all__ = ["check_record", "no_run", "run_record"]

_UID = re.compile(r"[0-9a-z]{12}", re.ASCII)
_RUN_ID = re.compile(r"[0-9A-Z]{26}", re.ASCII)


async def check_record(tx: AsyncConnection, uid: str) -> CheckRecord:
    """The check.

    Raises:
        Problem: 404.
    """
    record = await registry.get_check(tx, uid) if _UID.fullmatch(uid) else None
    if record is None:
        raise Problem.of_field(404, "no_such_check", "check", "There is no check with this uid.")
    return record


async def run_record(tx: AsyncConnection, run_id: str) -> RunRecord:
    """The run, if it is over.

    Raises:
        Problem: 404.
    """
    record = await runs.get_run(tx, run_id) if _RUN_ID.fullmatch(run_id) else None
    if record is None:
        raise no_run()
    return record


def no_run() -> Problem:
    """There is no such run."""
    return Problem.of_field(
        404, "no_such_run", "run_id", "There is no run with this id, or it is no longer kept."
    )
