"""Roll-ups, and what is read from them: the same as from the runs themselves."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from checkwire.store.database import Store
from checkwire.store.maintenance import Retention, prune
from checkwire.store.records import RunRecord, RunStatus
from checkwire.store.rollups.rolling import RolledUp, roll_up
from checkwire.store.runs import insert_runs
from checkwire.store.statistics import Uptime, percentiles, phases, uptime
from checkwire.store.tables import dirty_hours, rollups_day, rollups_hour, rollups_week
from support.loops import run
from support.stored import DAY, HOUR, MINUTE, MS, START, WithStore, enter, row


async def insert(store: Store, *records: RunRecord) -> None:
    async with store.writing() as tx:
        await insert_runs(tx, [(record, None) for record in records], START)


async def up(store: Store, check: int, until_ns: int, since_ns: int = START, **more: Any) -> Uptime:
    async with store.reading() as tx:
        return (await uptime(tx, [check], since_ns, until_ns, **more))[check]


def minutes(found: Uptime) -> tuple[int, int, int, int]:
    """Up, degraded, down, unknown."""
    times = (found.up_ns, found.degraded_ns, found.down_ns, found.unknown_ns)
    assert not any(time % MINUTE for time in times)
    up, degraded, down, unknown = (time // MINUTE for time in times)
    return up, degraded, down, unknown


CASES: dict[str, tuple[list[tuple[int, RunStatus, int]], tuple[int, int, int, int]]] = {
    # Minute, status, minutes that it holds; up, degraded, down, unknown in the hour.
    "no runs": ([], (0, 0, 0, 60)),
    "one run speaks for as long as it holds": ([(10, "passed", 20)], (20, 0, 0, 40)),
    "and not beyond the next": ([(10, "passed", 20), (15, "failed", 20)], (5, 0, 20, 35)),
    "degraded is up": ([(0, "degraded", 30), (30, "passed", 60)], (60, 30, 0, 0)),
    "an error is down": ([(0, "error", 30), (30, "failed", 60)], (0, 0, 60, 0)),
    "the run before the hour counts": ([(-30, "failed", 60)], (0, 0, 30, 30)),
    "only the last one does": ([(-30, "failed", 90), (-10, "passed", 20)], (10, 0, 0, 50)),
    "what is skipped is unknown": ([(0, "passed", 60), (20, "skipped", 60)], (20, 0, 0, 40)),
    "what is missed, too": ([(0, "passed", 60), (20, "missed", 30)], (20, 0, 0, 40)),
    "missed before the hour": ([(-60, "passed", 120), (-20, "missed", 70)], (0, 0, 0, 60)),
    "runs at one time": ([(0, "passed", 30), (0, "passed", 30)], (30, 0, 0, 30)),
    "the last one to the end": ([(50, "passed", 60)], (10, 0, 0, 50)),
}


@pytest.mark.parametrize("case", CASES)
def test_time_in_state(with_store: WithStore, case: str) -> None:
    told, expected = CASES[case]

    async def work(store: Store) -> None:
        async with store.writing() as tx:
            (check,) = await enter(tx, "a")
        hour = START + 5 * HOUR
        await insert(
            store,
            *(
                row(check, hour + minute * MINUTE, status, holds_ns=holds * MINUTE)
                for minute, status, holds in told
            ),
        )
        raw = await up(store, check, hour + HOUR, hour)
        assert minutes(raw) == expected
        await roll_up(store, hour + HOUR)
        rolled = await up(store, check, hour + HOUR, hour)
        assert rolled == raw

    with_store(work)


def test_the_ratio_is_that_of_the_known_time(with_store: WithStore) -> None:
    async def work(store: Store) -> None:
        async with store.writing() as tx:
            (check,) = await enter(tx, "a")
        assert (await up(store, check, START + HOUR)).ratio is None
        await insert(
            store,
            row(check, START, "passed", holds_ns=30 * MINUTE),
            row(check, START + 30 * MINUTE, "failed", holds_ns=10 * MINUTE),
        )
        found = await up(store, check, START + HOUR)
        assert found.ratio == 0.75
        assert (found.runs, found.bad, found.missed) == (2, 1, 0)

    with_store(work)


def test_locations_count_each_in_full(with_store: WithStore) -> None:
    async def work(store: Store) -> None:
        async with store.writing() as tx:
            (check,) = await enter(tx, "a")
        await insert(
            store,
            row(check, START, "passed", "eu", holds_ns=HOUR),
            row(check, START, "failed", "us", holds_ns=HOUR),
        )
        for _ in range(2):
            assert minutes(await up(store, check, START + HOUR)) == (60, 0, 60, 0)
            assert minutes(await up(store, check, START + HOUR, location="eu")) == (60, 0, 0, 0)
            nowhere = await up(store, check, START + HOUR, location="asia")
            assert minutes(nowhere) == (0, 0, 0, 60)
            await roll_up(store, START + HOUR)

    with_store(work)


def test_days_are_made_of_hours_and_both_only_once_they_have_ended(with_store: WithStore) -> None:
    async def work(store: Store) -> None:
        async with store.writing() as tx:
            (check,) = await enter(tx, "a")
        at = [START + n * 20 * MINUTE for n in range(75)]
        await insert(
            store,
            *(row(check, at_ns, "failed" if n % 10 == 3 else "passed", holds_ns=HOUR, missed=n % 2)
              for n, at_ns in enumerate(at)),
        )  # fmt: skip
        before = await up(store, check, START + 25 * HOUR)
        assert await roll_up(store, START + HOUR - 1) == RolledUp(0, 0, 0)
        assert await roll_up(store, START + HOUR) == RolledUp(1, 0, 0)
        assert await roll_up(store, START + DAY - 1) == RolledUp(22, 0, 0)
        assert await roll_up(store, START + DAY) == RolledUp(1, 1, 0)
        assert await roll_up(store, START + DAY) == RolledUp(0, 0, 0)
        assert await up(store, check, START + 25 * HOUR) == before
        async with store.reading() as tx:
            (day,) = await tx.execute(select(rollups_day))
            hours = (await tx.execute(select(rollups_hour))).all()
        assert (day.runs, day.failed, day.passed, day.missed) == (72, 7, 65, 36)
        assert day.up_ns + day.down_ns == DAY
        assert len(hours) == 24

    with_store(work)


WEEK = 7 * DAY
THURSDAY = START + 3 * DAY


def test_weeks_are_made_of_days_and_only_once_they_have_ended(with_store: WithStore) -> None:
    async def work(store: Store) -> None:
        async with store.writing() as tx:
            (check,) = await enter(tx, "a")
        await insert(
            store,
            *(row(check, START + n * 4 * HOUR, "failed" if n % 10 == 3 else "passed",
                  holds_ns=4 * HOUR, missed=n % 2) for n in range(16 * 6)),
        )  # fmt: skip
        until_ns = START + 16 * DAY
        before = await up(store, check, until_ns)
        assert await roll_up(store, THURSDAY - 1) == RolledUp(3 * 24 - 1, 2, 0)
        assert await roll_up(store, THURSDAY) == RolledUp(1, 1, 1)
        assert await roll_up(store, THURSDAY + WEEK - 1) == RolledUp(7 * 24 - 1, 6, 0)
        assert await roll_up(store, until_ns) == RolledUp(6 * 24 + 1, 7, 1)
        assert await up(store, check, until_ns) == before
        async with store.reading() as tx:
            first, week = await tx.execute(select(rollups_week))
        assert (first.start_ns, week.start_ns) == (THURSDAY - WEEK, THURSDAY)
        assert (first.runs, week.runs, week.failed, week.missed) == (18, 42, 4, 21)
        assert week.up_ns + week.down_ns == WEEK

    with_store(work)


def test_percentiles_of_weeks_count_each_run_once(with_store: WithStore) -> None:
    async def work(store: Store) -> None:
        async with store.writing() as tx:
            (check,) = await enter(tx, "a")
        await insert(
            store,
            *(row(check, START + n * 4 * HOUR, holds_ns=4 * HOUR, times={"open": (n % 10) * MS})
              for n in range(16 * 6)),
        )  # fmt: skip
        until_ns = START + 16 * DAY
        await roll_up(store, until_ns)
        async with store.reading() as tx:
            whole = (await phases(tx, check, START, until_ns))["open"]
            series = await percentiles(tx, check, START, until_ns, buckets=2)
        assert (whole.count, whole.least_ns, whole.most_ns) == (96, 0, 9 * MS)
        assert whole.values[0] == pytest.approx(5 * MS, abs=MS)
        assert [bucket.count for bucket in series] == [48, 48]

    with_store(work)


def test_a_late_run_corrects_hours_days_and_weeks(with_store: WithStore) -> None:
    async def work(store: Store) -> None:
        async with store.writing() as tx:
            (check,) = await enter(tx, "a")
        await insert(store, row(check, START + HOUR, "passed", holds_ns=30 * HOUR))
        now_ns = THURSDAY
        await roll_up(store, now_ns)
        assert (await up(store, check, now_ns)).up_ns == 30 * HOUR
        # It says something for ten minutes only, and ends what the one before it said.
        await insert(store, row(check, START + 3 * HOUR, "failed", holds_ns=10 * MINUTE))
        await roll_up(store, now_ns)
        found = await up(store, check, now_ns)
        assert (found.up_ns, found.down_ns) == (2 * HOUR, 10 * MINUTE)
        async with store.reading() as tx:
            days = [row.up_ns for row in await tx.execute(select(rollups_day))]
            weeks = [row.up_ns for row in await tx.execute(select(rollups_week))]
        assert days == [2 * HOUR], "the day after has nothing any more"
        assert weeks == [2 * HOUR]

    with_store(work)


def test_what_was_read_is_not_remembered_once_roll_ups_change(database: str) -> None:
    async def whole() -> None:
        # As two processes have it: a server, and whoever rolls up or prunes beside it.
        store, other = await Store.open(database), await Store.open(database)
        try:
            async with store.writing() as tx:
                (check,) = await enter(tx, "a")
            ended_ns = START + 2 * HOUR
            await insert(store, row(check, START, "passed", holds_ns=HOUR))
            await roll_up(other, ended_ns)
            assert minutes(await up(store, check, ended_ns)) == (60, 0, 0, 60)
            await insert(store, row(check, START + HOUR, "failed", holds_ns=HOUR))
            await roll_up(other, ended_ns)
            assert minutes(await up(store, check, ended_ns)) == (60, 0, 60, 0)
            await insert(store, row(check, START + HOUR, "passed", "us", holds_ns=HOUR))
            await roll_up(other, ended_ns)
            assert minutes(await up(store, check, ended_ns)) == (120, 0, 60, 60)
            assert minutes(await up(store, check, ended_ns, location="us")) == (60, 0, 0, 60)

            await roll_up(other, START + 30 * DAY)
            assert minutes(await up(store, check, ended_ns)) == (120, 0, 60, 60)
            await prune(other, Retention(runs=0, hours=0, days=0), START + 30 * DAY)
            assert minutes(await up(store, check, ended_ns)) == (0, 0, 0, 120)
        finally:
            await store.close()
            await other.close()

    run(whole())


def test_runs_count_though_the_clock_was_set_back(with_store: WithStore) -> None:
    async def work(store: Store) -> None:
        async with store.writing() as tx:
            (check,) = await enter(tx, "a")
        await roll_up(store, START + 10 * HOUR)
        await insert(store, row(check, START + 7 * HOUR, "failed", holds_ns=10 * MINUTE))
        await roll_up(store, START + 7 * HOUR + 20 * MINUTE)
        found = await up(store, check, START + 8 * HOUR)
        assert minutes(found) == (0, 0, 10, 470), "a span that ends after now is known so far"
        assert (found.runs, found.bad) == (1, 1)

    with_store(work)


def test_a_place_where_nothing_is_known_is_not_counted(with_store: WithStore) -> None:
    async def work(store: Store) -> None:
        async with store.writing() as tx:
            (check,) = await enter(tx, "a")
        await insert(
            store,
            row(check, START, "skipped", "us", holds_ns=30 * HOUR),
            row(check, START + 9 * HOUR, "passed", "eu", holds_ns=HOUR),
        )
        times = []
        for now_ns in (START, START + 20 * HOUR):
            await roll_up(store, now_ns)
            times.append(minutes(await up(store, check, START + 20 * HOUR, START + 8 * HOUR)))
        assert times == [(60, 0, 0, 660)] * 2, "the same from rows as from roll-ups"

    with_store(work)


def test_small_bites_come_to_the_same(with_store: WithStore) -> None:
    async def work(store: Store) -> None:
        async with store.writing() as tx:
            checks = await enter(tx, "one", "two", "three")
        await insert(
            store,
            *(row(check, START + n * HOUR, location=place, holds_ns=HOUR)
              for check in checks for n in range(50) for place in ("eu", "us")),
        )  # fmt: skip
        assert await roll_up(store, START + 2 * DAY, bite=4) == RolledUp(6 * 48, 12, 0)
        for check in checks:
            found = await up(store, check, START + 50 * HOUR)
            assert found.up_ns == 100 * HOUR
            assert found.unknown_ns == 0
        async with store.reading() as tx:
            left = (await tx.execute(select(dirty_hours.c.start_ns))).scalars().all()
        assert sorted(left) == sorted([START + 48 * HOUR, START + 49 * HOUR] * 6)

    with_store(work)


def test_percentiles_of_a_day_are_exact(with_store: WithStore) -> None:
    async def work(store: Store) -> None:
        async with store.writing() as tx:
            (check,) = await enter(tx, "a")
        await insert(
            store,
            *(row(check, START + n * MINUTE, times={"open": (n % 60 + 1) * MS})
              for n in range(120)),
            row(check, START + 125 * MINUTE, "failed"),
        )  # fmt: skip
        async with store.reading() as tx:
            found = await percentiles(tx, check, START, START + 4 * HOUR, buckets=4)
            with pytest.raises(ValueError, match="no phase nothing"):
                await percentiles(tx, check, START, START + HOUR, phase="nothing")
            assert await percentiles(tx, check, START, START) == []
        assert [bucket.start_ns for bucket in found] == [START + n * HOUR for n in range(4)]
        assert [bucket.end_ns for bucket in found] == [START + n * HOUR for n in range(1, 5)]
        counts = [(bucket.runs, bucket.bad, bucket.count) for bucket in found]
        assert counts == [(60, 0, 60), (60, 0, 60), (1, 1, 0), (0, 0, 0)]
        assert found[0].values == (30 * MS, 57 * MS, 60 * MS)
        assert found[2].values == found[3].values == (None, None, None)

    with_store(work)


def test_percentiles_of_weeks_are_read_from_sketches(with_store: WithStore) -> None:
    async def work(store: Store) -> None:
        async with store.writing() as tx:
            (check,) = await enter(tx, "a")
        count = 10 * 24 * 4
        await insert(
            store,
            *(row(check, START + n * 15 * MINUTE, "error" if n % 96 == 5 else "passed",
                  location="eu" if n % 2 else "us", times={"open": (n % 96 + 1) * MS, "tcp": MS})
              for n in range(count)),
        )  # fmt: skip
        until_ns = START + 10 * DAY
        await roll_up(store, until_ns - 12 * HOUR)
        async with store.reading() as tx:
            by_day = await percentiles(tx, check, START, until_ns, buckets=10)
            by_hours = await percentiles(tx, check, START + 1, until_ns, buckets=120, location="eu")
            whole = await phases(tx, check, START, until_ns)
            brief = await phases(tx, check, START, START + 2 * HOUR, quantiles=(0.5,))
        assert [bucket.start_ns for bucket in by_day] == [START + n * DAY for n in range(10)]
        assert [bucket.count for bucket in by_day] == [96] * 10
        assert [bucket.bad for bucket in by_day] == [1] * 10
        for bucket in by_day:
            assert bucket.values == pytest.approx((48 * MS, 92 * MS, 96 * MS), rel=0.05)
        assert {bucket.end_ns - bucket.start_ns for bucket in by_hours} == {2 * HOUR}
        assert sum(bucket.count for bucket in by_hours) == 10 * 48
        assert by_hours[0].values[0] == 4 * MS
        assert list(whole) == ["tcp", "open"]
        assert whole["tcp"].values == (MS, MS, MS)
        assert (whole["open"].count, whole["open"].most_ns) == (10 * 96, 96 * MS)
        assert brief["open"].values == (4 * MS,)
        assert (brief["open"].least_ns, brief["open"].most_ns) == (MS, 8 * MS)

    with_store(work)
