"""Whatever comes, in whatever order and however often: what is computed of it is the same."""

from __future__ import annotations

import itertools
import random
import tempfile
from collections import Counter, defaultdict
from pathlib import Path
from typing import NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from checkwire.store.database import Store
from checkwire.store.maintenance import check
from checkwire.store.records import STATUSES, CheckState, RunRecord, RunStatus
from checkwire.store.registry import sync_project
from checkwire.store.rollups.rolling import roll_up
from checkwire.store.runs import insert_runs, list_runs, states
from checkwire.store.statistics import percentiles, uptime
from checkwire.store.tables import locations, rollups_day, rollups_hour, rollups_week
from support.loops import run
from support.stored import DAY, HOUR, MINUTE, MS, START, defined, enter, row

PLACES = ("eu", "us")
SPAN = 80  # hours, in which a week ends

told = st.lists(
    st.builds(
        lambda place, minute, status, holds, time: row(
            1,
            START + minute * MINUTE,
            status,
            place,
            holds_ns=holds * MINUTE,
            missed=3 if status == "missed" else 0,
            times={} if time is None else {"open": time * MS},
        ),
        st.sampled_from(PLACES),
        st.integers(0, SPAN * 6).map(lambda n: n * 10),
        st.sampled_from(STATUSES),
        st.sampled_from((1, 10, 25, 60, 3000)),
        st.none() | st.integers(1, 50),
    ),
    min_size=1,
    max_size=25,
    unique_by=lambda record: (record.location, record.due_ns),
)


class Sums(NamedTuple):
    """What an hour or a day comes to."""

    up: int = 0
    degraded: int = 0
    down: int = 0
    runs: int = 0
    missed: int = 0


def directly(records: list[RunRecord], since_ns: int, until_ns: int) -> dict[str, Sums]:
    """Minute by minute: the last run before it says how it was, if it still speaks."""
    found = {}
    for place in PLACES:
        here = sorted(
            (record for record in records if record.location == place), key=lambda r: r.due_ns
        )
        minutes: Counter[RunStatus] = Counter()
        for at_ns in range(since_ns, until_ns, MINUTE):
            before = [record for record in here if record.due_ns <= at_ns]
            if before and before[-1].due_ns + before[-1].holds_ns > at_ns:
                minutes[before[-1].status] += 1
        within = [record for record in here if since_ns <= record.due_ns < until_ns]
        found[place] = Sums(
            up=(minutes["passed"] + minutes["degraded"]) * MINUTE,
            degraded=minutes["degraded"] * MINUTE,
            down=(minutes["failed"] + minutes["error"]) * MINUTE,
            runs=sum(record.status not in ("missed", "skipped") for record in within),
            missed=sum(record.missed for record in within),
        )
    return found


async def rolled(store: Store) -> dict[tuple[str, int], dict[str, Sums]]:
    """What is rolled up, by level and time."""
    async with store.reading() as tx:
        names = {row.id: row.name for row in await tx.execute(select(locations))}
        found: defaultdict[tuple[str, int], dict[str, Sums]] = defaultdict(dict)
        for level, table in (("hour", rollups_hour), ("day", rollups_day), ("week", rollups_week)):
            for entry in await tx.execute(select(table)):
                assert entry.runs == entry.passed + entry.degraded + entry.failed + entry.errors
                found[level, entry.start_ns][names[entry.location_id]] = Sums(
                    entry.up_ns, entry.degraded_ns, entry.down_ns, entry.runs, entry.missed
                )
    return found


async def opened(folder: str) -> Store:
    store = await Store.open(str(Path(folder) / "x.db"))
    async with store.writing() as tx:
        (check_id,) = await enter(tx, "a")
        assert check_id == 1
    return store


async def come(store: Store, records: list[RunRecord], draw: random.Random) -> None:
    """In any order, some twice, in batches of any size, with roll-ups in between and at the end.

    The clock may be set back between them. The last roll-up is needed: a run that comes late is
    in no roll-up before the next one.
    """
    arriving = records + draw.sample(records, draw.randint(0, len(records)))
    draw.shuffle(arriving)
    while arriving:
        size = draw.randint(1, len(arriving))
        batch, arriving = arriving[:size], arriving[size:]
        async with store.writing() as tx:
            await insert_runs(tx, [(record, None) for record in batch], START)
        if draw.random() < 0.5 or not arriving:
            now_ns = START + draw.randint(0, SPAN) * HOUR
            await roll_up(store, now_ns, bite=draw.choice((1, 7, 250)))


@settings(max_examples=8, deadline=None)
@given(records=told, draw=st.randoms(use_true_random=False))
def test_roll_ups_are_what_they_would_be_computed_directly(
    records: list[RunRecord], draw: random.Random
) -> None:
    async def work(folder: str) -> None:
        store = await opened(folder)
        try:
            await come(store, records, draw)
            partly = await times(store)
            await roll_up(store, START + SPAN * HOUR)
            found = await rolled(store)
            until_ns = START + SPAN * HOUR
            for level, span_ns in (("hour", HOUR), ("day", DAY), ("week", 7 * DAY)):
                first_ns, last_ns = (at_ns - at_ns % span_ns for at_ns in (START, until_ns))
                for start_ns in range(first_ns, last_ns, span_ns):
                    expected = directly(records, start_ns, start_ns + span_ns)
                    for place in PLACES:
                        got = found.get((level, start_ns), {}).get(place, Sums())
                        assert got == expected[place], (level, place, start_ns - START)
            assert await times(store) == partly == await times_of_rows()
            assert await check(store) == []
        finally:
            await store.close()

    async def times_of_rows() -> object:
        with tempfile.TemporaryDirectory() as other:
            store = await opened(other)
            try:
                async with store.writing() as tx:
                    await insert_runs(tx, [(record, None) for record in records], START)
                return await times(store)
            finally:
                await store.close()

    async def times(store: Store) -> object:
        async with store.reading() as tx:
            return [
                await uptime(tx, [1], START + since, START + until, location=place)
                for since, until in ((0, 60 * HOUR), (7 * MINUTE, 5 * HOUR), (9 * HOUR, 58 * HOUR))
                for place in (None, *PLACES)
            ]

    with tempfile.TemporaryDirectory() as folder:
        run(work(folder))


@settings(max_examples=8, deadline=None)
@given(records=told, draw=st.randoms(use_true_random=False))
def test_a_state_is_that_of_the_latest_run_in_whatever_order_they_come(
    records: list[RunRecord], draw: random.Random
) -> None:
    async def work(folder: str) -> None:
        store = await opened(folder)
        try:
            await come(store, records, draw)
            async with store.reading() as tx:
                found: dict[str, CheckState] = {s.location: s for s in await states(tx)}
                listed = await list_runs(tx, limit=1000)
        finally:
            await store.close()
        assert len(listed) == len(records)
        for place in {record.location for record in records}:
            here = [record for record in records if record.location == place]
            latest = max(here, key=lambda record: record.due_ns)
            assert found[place].run_id == latest.run_id
            assert found[place].status == latest.status

    with tempfile.TemporaryDirectory() as folder:
        run(work(folder))


@settings(max_examples=8, deadline=None)
@given(records=told, draw=st.randoms(use_true_random=False), buckets=st.integers(1, 70))
def test_no_value_is_lost_between_roll_ups_and_rows(
    records: list[RunRecord], draw: random.Random, buckets: int
) -> None:
    async def work(folder: str) -> None:
        store = await opened(folder)
        try:
            await come(store, records, draw)
            since_ns, until_ns = START, START + (SPAN + 1) * HOUR
            async with store.reading() as tx:
                series = await percentiles(
                    tx, 1, since_ns, until_ns, quantiles=(0, 0.5, 1), buckets=buckets
                )
        finally:
            await store.close()
        assert series[0].start_ns == since_ns
        for bucket, following in itertools.pairwise(series):
            assert bucket.end_ns == following.start_ns
        for bucket in series:
            within = [r for r in records if bucket.start_ns <= r.due_ns < bucket.end_ns]
            values = sorted(r.times["open"] for r in within if r.times)
            assert bucket.count == len(values)
            assert bucket.runs == sum(r.status not in ("missed", "skipped") for r in within)
            assert bucket.bad == sum(r.status in ("failed", "error") for r in within)
            if values:
                middle = values[(len(values) - 1) // 2]
                assert bucket.values == (values[0], middle, values[-1])

    with tempfile.TemporaryDirectory() as folder:
        run(work(folder))


filters = st.fixed_dictionaries(
    {},
    optional={
        "check_id": st.integers(1, 4),
        "statuses": st.lists(st.sampled_from(STATUSES), max_size=3),
        "location": st.sampled_from(PLACES),
        "tag": st.sampled_from(("x", "y")),
        "code": st.sampled_from(("tls.a", "tls.", "tcp.", "none")),
        "project": st.sampled_from(("shop", "bank")),
        "until_ns": st.integers(0, 4).map(lambda minute: START + minute * MINUTE),
    },
)


@settings(max_examples=25, deadline=None)
@given(
    wanted=filters,
    limit=st.integers(1, 9),
    keys=st.sets(
        st.tuples(st.integers(1, 4), st.integers(0, 3), st.sampled_from(PLACES)), max_size=32
    ),
    draw=st.randoms(use_true_random=False),
)
def test_pages_visit_each_run_that_is_meant_once(
    wanted: dict[str, object],
    limit: int,
    keys: set[tuple[int, int, str]],
    draw: random.Random,
) -> None:
    tags = {1: {"x"}, 2: {"x", "y"}, 3: {"y"}, 4: set()}
    projects = {1: "shop", 2: "shop", 3: "bank", 4: "bank"}
    records = []
    for check_id, minute, place in sorted(keys):
        status = draw.choice(STATUSES)
        code = draw.choice(("tls.a", "tls.b", "tcp.a")) if status != "passed" else None
        records.append(row(check_id, START + minute * MINUTE, status, place, code=code))

    def is_meant(record: RunRecord) -> bool:
        statuses, code = wanted.get("statuses"), wanted.get("code")
        return (
            record.check_id == wanted.get("check_id", record.check_id)
            and record.due_ns < wanted.get("until_ns", START + DAY)  # type: ignore[operator]
            and (not statuses or record.status in statuses)  # type: ignore[operator]
            and record.location == wanted.get("location", record.location)
            and ("tag" not in wanted or wanted["tag"] in tags[record.check_id])
            and projects[record.check_id] == wanted.get("project", projects[record.check_id])
            and (code is None or _is_of(record.code, str(code)))
        )

    async def work(folder: str) -> None:
        store = await Store.open(str(Path(folder) / "x.db"))
        try:
            async with store.writing() as tx:
                for project, checks in (("shop", (1, 2)), ("bank", (3, 4))):
                    definitions = [defined(f"c{n}", tags=tuple(tags[n])) for n in checks]
                    ids = await sync_project(
                        tx, key=project, name="", root="", definitions=definitions, now_ns=START
                    )
                    assert tuple(ids.values()) == checks
                await insert_runs(tx, [(record, None) for record in records], START)
            pages: list[RunRecord] = []
            before: tuple[int, int, str] | None = None
            while True:
                async with store.reading() as tx:
                    page = await list_runs(tx, **wanted, before=before, limit=limit)  # type: ignore[arg-type]
                assert len(page) <= limit
                pages += page
                if not page:
                    break
                before = page[-1].due_ns, page[-1].check_id, page[-1].location
        finally:
            await store.close()
        expected = {record.run_id for record in records if is_meant(record)}
        assert len(pages) == len({record.run_id for record in pages})
        assert {record.run_id for record in pages} == expected
        assert [r.due_ns for r in pages] == sorted((r.due_ns for r in pages), reverse=True)

    with tempfile.TemporaryDirectory() as folder:
        run(work(folder))


def _is_of(code: str | None, wanted: str) -> bool:
    if code is None:
        return False
    return code.startswith(wanted) if wanted.endswith(".") else code == wanted
