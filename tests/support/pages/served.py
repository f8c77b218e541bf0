"""A server with the pages on it, and a day of runs in its store."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec
from fastapi import FastAPI

from checkwire.model.attempt import Run
from checkwire.model.definition import CheckDefinition
from checkwire.model.due import DueRun, check_uid, due_run_id
from checkwire.server.api import create_app
from checkwire.server.auth import Auth
from checkwire.server.monitor import ProjectStatus
from checkwire.server.pages import create_pages, draw_login, error_page
from checkwire.store import incidents, registry, runs
from checkwire.store.records import RunRecord
from support.server.running import Running, serving

__all__ = ["FUNCTIONS_OF_HISTORY", "HOUR_NS", "MISSED", "Filled", "filled", "uid_of"]

HOUR_NS = 3_600_000_000_000
KEY = "acme"
MISSED = "01MISSED000000000000000000"
"""Id of a run that never began."""
FUNCTIONS_OF_HISTORY = ("order_updates", "ticker_subscribe", "private_authority")
"""Checks with a day of runs; the others have a few."""


class Filled:
    """The server, and the ids of the latest run of each check by its function."""

    def __init__(self, running: Running, latest: Mapping[str, str]) -> None:
        self.running = running
        self.latest = latest

    @property
    def url(self) -> str:
        return self.running.url

    def run(self, function: str) -> str:
        """Address of the latest run of a check."""
        return f"{self.url}/runs/{self.latest[function]}"

    def check(self, function: str) -> str:
        """Address of a check."""
        return f"{self.url}/checks/{uid_of(function)}"


def uid_of(function: str) -> str:
    """The uid of a check by its function."""
    return check_uid(KEY, f"trading_check.py::{function}")


@contextmanager
def filled(
    folder: Path,
    real: Mapping[str, Sequence[Run]],
    *,
    required: bool = False,
    every_ns: int = HOUR_NS // 4,
) -> Iterator[Filled]:
    """Serve it.

    Args:
        folder: for the database.
        real: runs by function.
        required: whether a token is asked for.
        every_ns: how far apart the runs of the history are.
    """
    latest: dict[str, str] = {}

    def build(running: Running) -> FastAPI:
        auth = Auth(running.store, required)
        pages = create_pages(running.monitor, auth)
        return create_app(running.monitor, auth, [pages], login=draw_login, error_page=error_page)

    async def prepare(running: Running) -> None:
        latest.update(await _fill(running, real, every_ns))

    with serving(f"sqlite:///{folder}/checkwire.db", build, prepare) as running:
        yield Filled(running, latest)


async def _fill(
    running: Running, real: Mapping[str, Sequence[Run]], every_ns: int
) -> dict[str, str]:
    now_ns = time.time_ns()
    definitions = [_located(of_one[0].check) for of_one in real.values()]
    never = msgspec.structs.replace(
        definitions[0],
        id="chat_check.py::late_joiner",
        name="late_joiner",
        path="chat_check.py",
        function="late_joiner",
        description="Who joins late hears what was said.",
        tags=("chat",),
    )
    status = ProjectStatus(
        key=KEY,
        name="Acme",
        root="/srv/acme",
        loaded_ns=now_ns - 24 * HOUR_NS,
        digest="7f3a1c9",
        checks=len(definitions) + 1,
    )
    await running.monitor.add_project(status, [*definitions, never])
    async with running.store.reading() as tx:
        ids = {check.uid: check.id for check in await registry.list_checks(tx)}
    latest: dict[str, str] = {}
    batch: list[tuple[RunRecord, Run | None]] = []
    for function, of_one in real.items():
        count = 24 * HOUR_NS // every_ns if function in FUNCTIONS_OF_HISTORY else len(of_one)
        for number in range(count):
            due_ns = now_ns - (count - 1 - number) * every_ns - 30_000_000_000
            run = _turn(function, real, number, count)
            batch.append(_placed(ids, of_one[0].check, run, due_ns))
            latest[function] = batch[-1][0].run_id
    batch.append((_missed(ids, real["burst"][0].check, now_ns), None))
    async with running.store.writing() as tx:
        await runs.insert_runs(tx, batch, now_ns)
        record = await runs.get_run(tx, latest["ticker_subscribe"])
        assert record is not None
        await incidents.open_incident(
            tx,
            check_id=record.check_id,
            began_ns=record.due_ns,
            opened_ns=record.due_ns + 1_000_000_000,
            opened_by=record.run_id,
            code=record.code,
            message=record.message,
        )
    return latest


def _located(definition: CheckDefinition) -> CheckDefinition:
    return msgspec.structs.replace(definition, locations=("eu-north",))


def _turn(function: str, real: Mapping[str, Sequence[Run]], number: int, count: int) -> Run:
    """A run of its own; of a check that fails now and passed before, one that passes."""
    of_one = real[function]
    if function != "ticker_subscribe" or number >= count - 2:
        return of_one[_shuffled(number) % len(of_one)]
    if number == count - 9:
        return of_one[0]
    others = real["order_updates"]
    return others[_shuffled(number) % len(others)]


def _shuffled(number: int) -> int:
    """The same every time, and in no order that is seen."""
    return number * 2_654_435_761 >> 7


def _placed(
    ids: Mapping[str, int], check: CheckDefinition, run: Run, due_ns: int
) -> tuple[RunRecord, Run]:
    """The run, as if it had been due then."""
    due = DueRun(
        run_id=due_run_id(KEY, check.id, "eu-north", due_ns),
        project=KEY,
        check=check.id,
        location="eu-north",
        due_ns=due_ns,
        holds_ns=HOUR_NS // 2,
        grace_ns=HOUR_NS // 60,
    )
    started_ns = due_ns + 4_000_000
    attempts = tuple(
        msgspec.structs.replace(one, started_ns=started_ns + one.started_ns - run.started_ns)
        for one in run.attempts
    )
    run = msgspec.structs.replace(
        run,
        id=due.run_id,
        check=_located(check),
        location="eu-north",
        started_ns=started_ns,
        attempts=attempts,
    )
    return runs.record_of(run, due, ids[check_uid(KEY, check.id)]), run


def _missed(ids: Mapping[str, int], check: CheckDefinition, now_ns: int) -> RunRecord:
    due = DueRun(
        run_id=MISSED,
        project=KEY,
        check=check.id,
        location="eu-north",
        due_ns=now_ns - 20_000_000_000,
        holds_ns=HOUR_NS // 60,
        grace_ns=HOUR_NS // 60,
    )
    check_id = ids[check_uid(KEY, check.id)]
    return runs.missed_record(due, check_id, 3, due.due_ns + 1_000_000_000)
