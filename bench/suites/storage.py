"""The store: taking runs in, and reading what is asked for most among ten million of them."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import random
import sqlite3
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from harness.history import CHECKS, DAY, DAYS, HOT, NOW, PLACES, ROLLED, write_history
from harness.peers import BENCH
from harness.table import median, number, percentile, table

from checkwire.store.database import Store
from checkwire.store.registry import location_ids, sync_project
from checkwire.store.rollups.rolling import roll_up
from checkwire.store.runs import get_run, insert_runs, list_runs, record_of, strip
from checkwire.store.statistics import percentiles, phases, uptime

sys.path.insert(0, str(BENCH.parent / "tests"))
from support.postgresql import serving_postgresql
from support.stored import MINUTE, defined, due, ran

__all__ = ["storage"]

_MILLION = 1_000_000
_BATCH = 500

Ask = Callable[[Any], Awaitable[object]]


def storage(_files: tuple[str, str], rounds: int) -> str:
    """Run the suite; returns its tables."""
    quick = rounds < 7
    gc.set_threshold(50_000, 20, 20)  # As ``checkwire`` does.
    with tempfile.TemporaryDirectory() as folder:
        taken = asyncio.run(_ingest(Path(folder), 5_000 if quick else 40_000))
        count = _MILLION // 5 if quick else 10 * _MILLION
        read = asyncio.run(_history(Path(folder) / "history.db", count, 40 * rounds))
    return "\n\n".join([*taken, *read])


async def _ingest(folder: Path, count: int) -> list[str]:
    rows = []
    with _postgresql() as url:
        for name, address in (("SQLite", f"{folder}/ingest.db"), ("PostgreSQL", url)):
            if address is None:
                continue
            speeds = [await _speed(address, count, whole=whole) for whole in (False, True)]
            rows.append([name, *(number(value) for speed in speeds for value in speed)])
    text = (
        f"Runs stored per second, {_BATCH} in a transaction, 100 checks at 5 locations; each "
        f"moves a state, marks hours, and is on disk before it is acknowledged ({count:,} runs). "
        "Median of the transactions; CPU is µs per run of Checkwire's process, PostgreSQL's own "
        "not counted."
    )
    headers = ["database", "rows", "CPU", "with transcripts", "CPU"]
    return [text, table(headers, rows)]


@contextlib.contextmanager
def _postgresql() -> Iterator[str | None]:
    with serving_postgresql(durable=True) as server, server.database() as url:
        yield url


async def _speed(url: str, count: int, *, whole: bool) -> tuple[float, float]:
    """Runs per second of the middle transaction, and microseconds of CPU per run."""
    store = await Store.open(url)
    try:
        names = [f"{'whole' if whole else 'row'}{number_}" for number_ in range(100)]
        definitions = [defined(name) for name in names]
        async with store.writing() as tx:
            ids = await sync_project(
                tx, key="shop", name="shop", root="/", definitions=definitions, now_ns=NOW
            )
        runs = [ran(definition) for definition in definitions]
        walls, cpus = [], []
        for start in range(0, count, _BATCH):
            batch = []
            for index in range(start, start + _BATCH):
                which = index // PLACES % 100
                planned = due(
                    NOW + index // _BATCH * MINUTE, names[which], f"place{index % PLACES}"
                )
                record = record_of(runs[which], planned, ids[definitions[which].id])
                batch.append((record, runs[which] if whole else None))
            began, cpu = time.perf_counter(), time.process_time()
            async with store.writing() as tx:
                inserted = await insert_runs(tx, batch, NOW)
            walls.append(time.perf_counter() - began)
            cpus.append(time.process_time() - cpu)
            assert len(inserted) == _BATCH
        return _BATCH / median(walls), median(cpus) / _BATCH * 1e6
    finally:
        await store.close()


async def _history(file: Path, count: int, rounds: int) -> list[str]:
    store = await Store.open(str(file))
    definitions = [
        defined(f"c{check}", tags=(f"team{check % 10}",)) for check in range(1, CHECKS + 1)
    ]
    async with store.writing() as tx:
        await sync_project(
            tx, key="shop", name="shop", root="/", definitions=definitions, now_ns=NOW
        )
        await location_ids(tx, [f"place{place}" for place in range(PLACES)])
    await store.close()
    began = time.perf_counter()
    runs_size = write_history(file, count)
    _say(f"wrote {count:,} runs in {time.perf_counter() - began:.0f} s")
    with closing(sqlite3.connect(file)) as db:
        (stored,) = db.execute("SELECT count(*) FROM runs").fetchone()
    size = _size(file)
    store = await Store.open(str(file))
    cpu = time.process_time()
    rolled = await roll_up(store, NOW, bite=4_000)
    spent = time.process_time() - cpu
    _say(f"rolled up {rolled.hours:,} hours and {rolled.days:,} days in {spent:.0f} s")
    rolled_size = _size(file) - size
    rows = []
    try:
        for name, ask in _questions().items():
            times = await _times(store, ask, rounds)
            walls, cpus = ([entry[i] * 1e3 for entry in times] for i in (0, 1))
            cells = (median(walls), percentile(walls, 0.99), median(cpus), percentile(cpus, 0.99))
            rows.append([name, *map(number, cells)])
            _say("  ".join(rows[-1]))
    finally:
        await store.close()
    return [
        f"{stored:,} runs on SQLite: {CHECKS} checks at {PLACES} locations over {DAYS} days, one "
        f"of them every 10 s. Milliseconds through the store's own functions, {rounds} times with "
        "changing arguments, one after another.",
        table(["what is asked for", "p50", "p99", "CPU p50", "CPU p99"], rows),
        f"On disk, a million runs take {runs_size / stored:,.0f} MB without transcripts, and the "
        f"roll-up of an hour {rolled_size / rolled.hours:,.0f} bytes, sketches included. To "
        f"compute one takes {spent / rolled.hours * 1e6:,.0f} µs ({rolled.hours:,} of them).",
    ]


def _questions() -> dict[str, Ask]:
    draw = random.Random(7)

    def check() -> int:
        return draw.randrange(2, ROLLED + 1)

    def some() -> int:
        return NOW - draw.randrange(DAYS // 2) * DAY

    bad: Any = ("failed", "error")
    every = list(range(1, CHECKS + 1))
    day, quarter = NOW - DAY, NOW - DAYS * DAY

    async def cursor(tx: Any) -> object:
        return await list_runs(tx, before=(some(), 7, "place1"))

    async def one(tx: Any) -> object:
        (record,) = await list_runs(tx, check_id=check(), until_ns=some(), limit=1)
        return await get_run(tx, record.run_id)

    return {
        "last 50 runs of a check": lambda tx: list_runs(tx, check_id=check()),
        "last 50 runs of all": lambda tx: list_runs(tx),
        "50 runs of all, from a cursor": cursor,
        "a run by its id": one,
        "strips of 50 checks": lambda tx: strip(tx, draw.sample(every, 50)),
        "24 h of percentiles, 48 buckets": lambda tx: percentiles(
            tx, check(), day, NOW, buckets=48
        ),
        "24 h of percentiles of the check of every 10 s": lambda tx: percentiles(
            tx, HOT, day, NOW, buckets=288
        ),
        "30 d of percentiles of that check": lambda tx: percentiles(
            tx, HOT, NOW - 30 * DAY, NOW, buckets=60
        ),
        "90 d of all phases of that check": lambda tx: phases(tx, HOT, quarter, NOW),
        "90 d of uptime of 200 checks": lambda tx: uptime(tx, every, quarter, NOW),
        "24 h of uptime of 200 checks": lambda tx: uptime(tx, every, day, NOW),
        # In another order they are others.
        "90 d of uptime of 200 checks, for the first time": lambda tx: uptime(
            tx, draw.sample(every, CHECKS), quarter, NOW
        ),
        "24 h of uptime of 200 checks, for the first time": lambda tx: uptime(
            tx, draw.sample(every, CHECKS), day, NOW
        ),
        "90 d of uptime of a check": lambda tx: uptime(tx, [check()], quarter, NOW),
        "last 50 failures": lambda tx: list_runs(tx, statuses=bad),
        "last 50 failures of a check": lambda tx: list_runs(tx, statuses=bad, check_id=check()),
        "last 50 failures at a location": lambda tx: list_runs(
            tx, statuses=bad, location="place3", until_ns=some()
        ),
        "last 50 failures of a tag": lambda tx: list_runs(tx, statuses=bad, tag="team3"),
        "last 50 of a code": lambda tx: list_runs(tx, code="tls.certificate_expired"),
        "last 50 of a family of codes": lambda tx: list_runs(tx, code="tcp."),
        "last 50 of a code of a check": lambda tx: list_runs(
            tx, code="tls.certificate_expired", check_id=check()
        ),
        "last 50 errors of a day a while ago": lambda tx: list_runs(
            tx, statuses=("error",), since_ns=(at := some()) - DAY, until_ns=at
        ),
    }


async def _times(store: Store, ask: Ask, rounds: int) -> list[tuple[float, float]]:
    """Wall and CPU seconds of each time."""
    times = []
    for _ in range(rounds + 3):
        began, cpu = time.perf_counter(), time.process_time()
        async with store.reading() as tx:
            await ask(tx)
        times.append((time.perf_counter() - began, time.process_time() - cpu))
    return times[3:]  # The first ones compile statements.


def _size(file: Path) -> int:
    return file.stat().st_size


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
