"""Backup, check, prune."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import stat
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select, text

from checkwire.store import incidents, outbox
from checkwire.store.database import DatabaseError, Store
from checkwire.store.maintenance import Pruned, Retention, backup, check, prune
from checkwire.store.records import RunRecord
from checkwire.store.rollups.rolling import roll_up
from checkwire.store.runs import get_run, get_transcript, insert_runs, list_runs, states
from checkwire.store.statistics import percentiles, uptime
from checkwire.store.tables import metadata
from support.loops import run
from support.postgresql import PostgreSQL
from support.stored import DAY, HOUR, MINUTE, MS, START, WithStore, defined, enter, ran, row


async def insert(store: Store, *records: RunRecord) -> None:
    async with store.writing() as tx:
        await insert_runs(tx, [(record, ran(defined("a"))) for record in records], START)


async def counted(store: Store, name: str) -> int:
    async with store.reading() as tx:
        table = metadata.tables[name]
        found: int = (await tx.execute(select(func.count()).select_from(table))).scalar_one()
        return found


def test_a_backup_is_a_database_of_its_own(tmp_path: Path, sqlite_url: str) -> None:
    copy = tmp_path / "copy.db"

    async def work() -> None:
        store = await Store.open(sqlite_url)
        try:
            async with store.writing() as tx:
                (check_id,) = await enter(tx, "a")
            await insert(store, *(row(check_id, START + n * MINUTE) for n in range(50)))
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(backup(store.address, copy))
                for number in range(50, 80):
                    tasks.create_task(insert(store, row(check_id, START + number * MINUTE)))
        finally:
            await store.close()
        assert stat.S_IMODE(copy.stat().st_mode) == 0o600
        restored = await Store.open(str(copy))
        try:
            assert await check(restored) == []
            assert await counted(restored, "runs") >= 50
        finally:
            await restored.close()

    run(work())
    assert {entry.name for entry in tmp_path.iterdir()} == {"checkwire.db", "copy.db"}


def test_a_backup_overwrites_nothing(tmp_path: Path, sqlite_url: str) -> None:
    async def work() -> None:
        store = await Store.open(sqlite_url)
        try:
            (tmp_path / "there").write_text("mine")
            with pytest.raises(DatabaseError, match="is there already"):
                await backup(store.address, tmp_path / "there")
            with pytest.raises(DatabaseError, match="cannot be written"):
                await backup(store.address, tmp_path / "no folder" / "x.db")
        finally:
            await store.close()

    run(work())
    assert (tmp_path / "there").read_text() == "mine"
    assert {entry.name for entry in tmp_path.iterdir()} == {"checkwire.db", "there"}


def test_postgresql_is_backed_up_by_its_own_tools(postgresql: PostgreSQL, tmp_path: Path) -> None:
    async def work(url: str) -> None:
        store = await Store.open(url)
        try:
            with pytest.raises(DatabaseError, match="pg_dump --format=custom"):
                await backup(store.address, tmp_path / "x")
        finally:
            await store.close()

    with postgresql.database() as url:
        run(work(url))


BREAKING: dict[str, tuple[str, str]] = {
    "a transcript without its run": (
        "INSERT INTO transcripts (check_id, due_ns, location_id, keep, codec, size, data) "
        "SELECT check_id, 5, location_id, 1, codec, size, data FROM transcripts "
        "WHERE due_ns = :first",
        "transcripts are of runs that are not there",
    ),
    "a state behind": (
        "UPDATE check_states SET due_ns = :first",
        "1 states of checks are not those of their latest runs",
    ),
    "an hour that lacks runs": (
        "UPDATE rollups_hour SET runs = runs - 1 WHERE start_ns = :first",
        "1 roll-ups of hours do not have the runs that there are",
    ),
    "an hour that is not there": (
        "DELETE FROM rollups_hour WHERE start_ns = :first",
        "1 roll-ups of hours do not have the runs that there are",
    ),
    "an hour that is too long": (
        "UPDATE rollups_hour SET up_ns = up_ns + 3600000000000",
        "roll-ups of hours have times that cannot be",
    ),
    "a day that is too long": (
        "UPDATE rollups_day SET down_ns = 25 * 3600000000000",
        "roll-ups of days have times that cannot be",
    ),
    "a status of a newer version": (
        "UPDATE runs SET status = 77 WHERE due_ns = :first",
        "1 runs have a status that this version does not know",
    ),
    "an incident that ends first": (
        "UPDATE incidents SET closed_ns = opened_ns - 1",
        "1 incidents were closed before they were opened",
    ),
    "a notice delivered and not": (
        "UPDATE outbox SET delivered_ns = 1",
        "1 notices are delivered, and are to be delivered again",
    ),
    "a transcript that is cut": (
        "UPDATE transcripts SET size = size - 1 WHERE due_ns = :first",
        "1 transcripts cannot be read",
    ),
    "a transcript in a form unknown": (
        "UPDATE transcripts SET codec = 99 WHERE due_ns = :first",
        "1 transcripts cannot be read",
    ),
}


@pytest.mark.parametrize("how", BREAKING)
def test_what_does_not_belong_together_is_found(with_store: WithStore, how: str) -> None:
    breaking, sentence = BREAKING[how]

    async def work(store: Store) -> None:
        async with store.writing() as tx:
            (check_id,) = await enter(tx, "a")
        await insert(store, *(row(check_id, START + n * 30 * MINUTE) for n in range(60)))
        await roll_up(store, START + DAY + 5 * HOUR)
        async with store.writing() as tx:
            incident = await incidents.open_incident(
                tx, check_id=check_id, began_ns=START, opened_ns=START, opened_by="x"
            )
            assert incident is not None
            await outbox.add(
                tx,
                incident_id=incident.id,
                event="opened",
                channel="mail",
                payload=b"",
                now_ns=START,
            )
        assert await check(store) == []
        async with store.writing() as tx:
            await tx.execute(text(breaking), {"first": START} if ":first" in breaking else {})
        problems = await check(store)
        assert sentence in problems[0]

    with_store(work)


@pytest.mark.parametrize("damage", ["a page", "a letter"])
def test_a_file_that_is_damaged_is_found_to_be(
    tmp_path: Path, sqlite_url: str, damage: str
) -> None:
    file = tmp_path / "checkwire.db"

    async def fill() -> str:
        store = await Store.open(sqlite_url)
        async with store.writing() as tx:
            (check_id,) = await enter(tx, "a")
        records = [row(check_id, START + n * MINUTE) for n in range(500)]
        await insert(store, *records)
        await store.close()
        return records[100].run_id

    async def problems() -> list[str]:
        store = await Store.open(sqlite_url)
        try:
            return await check(store)
        finally:
            await store.close()

    run_id = run(fill())
    content = file.read_bytes()
    if damage == "a page":
        with closing(sqlite3.connect(file)) as other:
            query = "SELECT rootpage FROM sqlite_master WHERE name = 'ix_runs_run_id'"
            (page,) = other.execute(query).fetchone()
        start, end = (page - 1) * 4096, page * 4096
        content = content[:start] + os.urandom(4096) + content[end:]
    else:
        content = content.replace(run_id.encode(), b"x" + run_id[1:].encode(), 1)
    file.write_bytes(content)
    found = run(problems())
    assert found
    assert all("damaged" in problem for problem in found)


def test_a_row_that_names_none_is_found(sqlite_url: str) -> None:
    async def work() -> None:
        store = await Store.open(sqlite_url)
        try:
            async with store.writing() as tx:
                (check_id,) = await enter(tx, "a")
            await insert(store, row(check_id, START))
            assert store.address.path is not None
            with closing(sqlite3.connect(store.address.path)) as other, other:
                other.execute("DELETE FROM checks")
            problems = await check(store)
        finally:
            await store.close()
        assert "1 rows of runs name a row of checks that is not there" in problems

    run(work())


KEPT = Retention(
    passed_transcripts=1 * DAY,
    transcripts=3 * DAY,
    runs=5 * DAY,
    hours=10 * DAY,
    days=20 * DAY,
    incidents=20 * DAY,
)


def test_each_level_is_kept_as_long_as_is_asked_for(with_store: WithStore) -> None:
    async def work(store: Store) -> None:
        async with store.writing() as tx:
            (check_id,) = await enter(tx, "a")
        step = 4 * HOUR
        now_ns = START + 30 * DAY
        count = 30 * 6
        await insert(
            store,
            *(row(check_id, START + n * step, "failed" if n % 6 == 1 else "passed",
                  holds_ns=step, times={"open": MS}) for n in range(count)),
        )  # fmt: skip
        assert await prune(store, KEPT, now_ns) == Pruned(count - 1 * 6 - 2, 0, 0, 0, 0), (
            "what is not rolled up yet stays"
        )
        await roll_up(store, now_ns)
        async with store.reading() as tx:
            before = await uptime(tx, [check_id], now_ns - 7 * DAY, now_ns)
        pruned = await prune(store, KEPT, now_ns, bite=7)
        assert pruned == Pruned(0, 25 * 6, 20 * 24 + 20 * 6, 10 * 2 + 2 * 2, 0)
        assert await counted(store, "runs") == 5 * 6
        assert await counted(store, "transcripts") == 1 * 6 + 2
        assert await counted(store, "rollups_hour") == 10 * 24
        assert await counted(store, "sketches_hour") == 10 * 6
        assert await counted(store, "rollups_day") == await counted(store, "sketches_day") == 20
        assert await counted(store, "rollups_week") == await counted(store, "sketches_week") == 2
        async with store.reading() as tx:
            assert await uptime(tx, [check_id], now_ns - 7 * DAY, now_ns) == before
            assert before[check_id].unknown_ns == 0
            series = await percentiles(tx, check_id, START, now_ns, buckets=30)
            assert [bucket.runs for bucket in series] == [0] * 10 + [6] * 20
        assert await prune(store, KEPT, now_ns) == Pruned(0, 0, 0, 0, 0)
        assert await check(store) == []

    with_store(work)


def test_a_late_run_does_not_undo_what_was_computed_of_runs_now_forgotten(
    with_store: WithStore,
) -> None:
    async def work(store: Store) -> None:
        async with store.writing() as tx:
            (check_id,) = await enter(tx, "a")
        now_ns = START + 30 * DAY
        await insert(
            store, *(row(check_id, START + n * HOUR, holds_ns=HOUR) for n in range(30 * 24))
        )
        await roll_up(store, now_ns)
        await prune(store, KEPT, now_ns)
        async with store.reading() as tx:
            before = await uptime(tx, [check_id], START + 15 * DAY, now_ns)
        assert before[check_id].runs == 15 * 24
        for days in (15, 24):
            await insert(store, row(check_id, START + days * DAY + 5, "failed"))
        await roll_up(store, now_ns)
        async with store.reading() as tx:
            assert await uptime(tx, [check_id], START + 15 * DAY, now_ns) == before
        await prune(store, KEPT, now_ns)
        assert await check(store) == []

    with_store(work)


def test_the_latest_run_of_a_place_stays(with_store: WithStore) -> None:
    async def work(store: Store) -> None:
        async with store.writing() as tx:
            (check_id,) = await enter(tx, "a")
        await insert(store, row(check_id, START), row(check_id, START + HOUR))
        await insert(store, row(check_id, START, location="eu"))
        now_ns = START + 300 * DAY
        await roll_up(store, now_ns)
        assert (await prune(store, KEPT, now_ns)).runs == 1
        async with store.reading() as tx:
            for state in await states(tx):
                record = await get_run(tx, state.run_id)
                assert record is not None
                assert await get_transcript(tx, record) is None
            assert len(await list_runs(tx)) == 2

    with_store(work)


def test_incidents_are_forgotten_with_their_notices(with_store: WithStore) -> None:
    async def work(store: Store) -> None:
        async def opened(at_ns: int) -> str:
            async with store.writing() as tx:
                fields: dict[str, Any] = {"began_ns": at_ns, "opened_ns": at_ns, "opened_by": "x"}
                incident = await incidents.open_incident(tx, check_id=check_id, **fields)
                assert incident is not None
                await outbox.add(
                    tx,
                    incident_id=incident.id,
                    event="opened",
                    channel="mail",
                    payload=b"",
                    now_ns=at_ns,
                )
                return incident.id

        async with store.writing() as tx:
            (check_id,) = await enter(tx, "a")
        first = await opened(START)
        async with store.writing() as tx:
            await incidents.close_incident(tx, first, closed_ns=START + 1, closed_by=None)
        second = await opened(START + 2)
        assert (await prune(store, KEPT, START + 20 * DAY)).incidents == 0
        assert (await prune(store, KEPT, START + 21 * DAY)).incidents == 1
        async with store.reading() as tx:
            (left,) = await incidents.list_incidents(tx)
        assert left.id == second, "one that is open stays"
        assert await counted(store, "outbox") == 1

    with_store(work)
