"""Nothing is lost or doubled, whatever is killed, and whatever becomes of the database."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import random
import resource
import signal
import sqlite3
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from checkwire.store import maintenance
from checkwire.store.database import Store
from support.postgresql import PostgreSQL
from support.processes import descendants
from support.serve import Serve, Server

Checks = Callable[..., Path]

_SECOND = 10**9
_EVERY = 10 * _SECOND
_LOAD = """
import time
from checkwire import check
""" + "".join(
    f"""
@check(every="10s", timeout="5s")
def number_{i}():
    time.sleep(0.{i % 10})
    assert True
"""
    for i in range(40)
)


def _due_instants(run: dict[str, Any]) -> list[int]:
    """Those that a run stands for: several, if they were missed together."""
    return [run["due_ns"] + n * _EVERY for n in range(max(1, run["missed"]))]


@pytest.mark.timeout(240)
def test_kill_9_loses_and_doubles_nothing(checks: Checks, serve: Serve) -> None:
    seed = 20261125
    chance = random.Random(seed)
    acknowledged: dict[str, str] = {}
    with serve(checks(load_check=_LOAD)) as server:
        for _ in range(4):
            asked = [server.trigger(f"number_{chance.randrange(40)}") for _ in range(3)]
            acknowledged |= dict.fromkeys(asked, "")
            ends = time.monotonic() + chance.uniform(1.0, 5.0)
            while time.monotonic() < ends:
                if chance.random() < 0.3:
                    _kill_one_of_the_runner(server, chance)
                time.sleep(chance.uniform(0.0, 0.2))
            acknowledged |= {run["run_id"]: run["status"] for run in server.runs()}
            server.kill()
            assert not descendants_alive(server), "its processes have outlived it"
            server.start()
        for run_id in acknowledged:
            server.run(run_id)
        # All that is due is told of once more: as a run, or as missed.
        settled_ns = time.time_ns()
        server.wait_for(
            lambda: min(_latest_due(server).values(), default=0) > settled_ns - _EVERY or None
        )
        runs = server.runs()
        items = server.ask("/api/v1/checks?limit=100")["items"]
        seen_ns = {check["id"]: check["first_seen_ns"] for check in items}

    status = {run["run_id"]: run["status"] for run in runs}
    assert len(status) == len(runs)
    lost = {run_id for run_id in acknowledged if run_id not in status}
    assert not lost
    assert all(not then or status[run_id] == then for run_id, then in acknowledged.items())

    due: dict[str, list[int]] = defaultdict(list)
    for run in runs:
        if run["cause"] == "schedule":
            due[run["check"]] += _due_instants(run)
    assert len(due) == 40
    for check, instants in due.items():
        instants.sort()
        steps = {later - earlier for earlier, later in itertools.pairwise(instants)}
        assert steps <= {_EVERY}, (check, steps)
        assert 0 < instants[0] - seen_ns[check] <= _EVERY
    # An attempt whose process was killed says so; whose zygote was killed never knows.
    assert {run["status"] for run in runs} <= {"passed", "missed", "error"}
    asyncio.run(_check_database(server.database))


def _kill_one_of_the_runner(server: Server, chance: random.Random) -> None:
    """The zygote, or one of its children."""
    below = sorted(descendants(server.pid))
    if below:
        with contextlib.suppress(ProcessLookupError):
            os.kill(chance.choice(below), signal.SIGKILL)


def descendants_alive(server: Server) -> set[int]:
    """What the server's processes have left, a moment after it was killed."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        left = {
            int(entry.name)
            for entry in Path("/proc").iterdir()
            if entry.name.isdecimal() and _is_of(entry, server.project)
        }
        if not left:
            return set()
        time.sleep(0.05)
    return left


def _is_of(process: Path, folder: Path) -> bool:
    try:
        return (process / "cwd").readlink() == folder
    except OSError:
        return False


def _latest_due(server: Server) -> dict[str, int]:
    latest: dict[str, int] = {f"load_check.py::number_{i}": 0 for i in range(40)}
    for run in server.runs():
        if run["cause"] == "schedule":
            latest[run["check"]] = max(latest[run["check"]], _due_instants(run)[-1])
    return latest


async def _check_database(url: str) -> None:
    store = await Store.open(url)
    try:
        assert await maintenance.check(store) == []
    finally:
        await store.close()


def _problems(server: Server) -> list[str]:
    try:
        return list(server.ask("/readyz")["problems"])
    except OSError as error:  # 503 says the same in its body.
        return [str(error)]


def _holds_results(server: Server) -> bool | None:
    metrics = server.ask("/metrics")
    (line,) = [x for x in metrics.splitlines() if x.startswith("checkwire_results_waiting ")]
    return float(line.rpartition(" ")[2]) > 0 or None


def test_a_full_disk_is_told_and_nothing_is_lost(checks: Checks) -> None:
    with Server(checks()) as server:
        first = server.trigger("passing")
        server.run(first)
        # What a write gets beyond this size is what it gets on a full disk: an error.
        size = (server.data / "checkwire.db-wal").stat().st_size
        unlimited = resource.prlimit(server.pid, resource.RLIMIT_FSIZE)
        run_id = server.trigger("slow")
        resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (size, unlimited[1]))
        server.wait_for(lambda: _holds_results(server))
        server.wait_for(lambda: _problems(server))
        assert server.logged("results cannot be written; they are held, and tried again")
        resource.prlimit(server.pid, resource.RLIMIT_FSIZE, unlimited)
        assert server.run(run_id)["status"] == "passed"
        server.wait_for(lambda: server.logged("results can be written again"))
        assert server.ask("/readyz")["problems"] == []


@contextlib.contextmanager
def _locked(server: Server) -> Iterator[None]:
    file = server.data / "checkwire.db"
    with contextlib.closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


def test_a_locked_database_is_waited_for(checks: Checks) -> None:
    with Server(checks()) as server:
        run_id = server.trigger("slow")
        with _locked(server):
            server.wait_for(lambda: _holds_results(server))
            server.wait_for(lambda: _problems(server))
        assert server.run(run_id)["status"] == "passed"


def test_a_database_that_is_locked_when_it_stops_is_waited_for(checks: Checks) -> None:
    with Server(checks(), "--patience", "0") as server:
        run_id = server.trigger("slow")
        with _locked(server):
            server.wait_for(lambda: _holds_results(server))
            assert server.process is not None
            server.process.send_signal(signal.SIGTERM)
            server.wait_for(lambda: server.logged("stopping"))
        assert server.process.wait(30) == 0
        server.process.stdout.close()  # type: ignore[union-attr]
        server.start()
        assert server.ask(f"/api/v1/runs/{run_id}")["status"] == "passed"


def test_a_result_that_cannot_be_stored_is_told_and_its_run_takes_place_again(
    checks: Checks,
) -> None:
    with Server(checks(), "--patience", "0") as server:
        run_id = server.trigger("slow")
        with _locked(server):
            server.wait_for(lambda: _holds_results(server))
            assert server.stop() == 0
        (lost,) = server.logged("a result is lost")
        assert (lost["run"], lost["status"]) == (run_id, "passed")
        (all_,) = [x for x in server.messages if x["message"].startswith("results could not be")]
        assert all_["results"] == 1
        assert "locked" in all_["why"]
        server.start()
        assert server.run(run_id)["status"] == "passed"


def test_a_database_that_vanishes_is_missed_until_it_is_back(checks: Checks) -> None:
    with Server(checks()) as server:
        server.run(server.trigger("passing"))
        run_id = server.trigger("slow")
        away = server.data / "away"
        away.mkdir()
        files = list(server.data.glob("checkwire.db*"))
        for file in files:
            file.rename(away / file.name)
        server.wait_for(lambda: _holds_results(server))
        server.wait_for(lambda: _problems(server))
        for file in files:
            (away / file.name).rename(file)
        assert server.run(run_id)["status"] == "passed"
        assert len(server.runs()) == 2


def test_a_postgresql_that_locks_its_tables_is_waited_for(
    checks: Checks, postgresql: PostgreSQL
) -> None:
    with postgresql.database() as url, Server(checks(), database=url) as server:
        run_id = server.trigger("slow")
        with psycopg.connect(url) as other:
            other.execute("LOCK TABLE runs IN EXCLUSIVE MODE")
            server.wait_for(lambda: _holds_results(server))
            other.rollback()
        assert server.run(run_id)["status"] == "passed"


def test_a_postgresql_that_vanishes_is_missed_until_it_is_back(
    checks: Checks, postgresql: PostgreSQL
) -> None:
    with postgresql.database() as url, Server(checks(), database=url) as server:
        server.run(server.trigger("passing"))
        run_id = server.trigger("slow")
        name = url.partition("?")[0].rpartition("/")[2]
        postgresql.execute("ALTER DATABASE {} ALLOW_CONNECTIONS false", name)
        postgresql.end_connections(name)
        server.wait_for(lambda: _holds_results(server))
        server.wait_for(lambda: _problems(server))
        postgresql.execute("ALTER DATABASE {} ALLOW_CONNECTIONS true", name)
        assert server.run(run_id)["status"] == "passed"
        assert len(server.runs()) == 2
