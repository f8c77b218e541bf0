"""Runs: each once, whatever comes, and found again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from checkwire.model.failures import Failure
from checkwire.store.database import Store
from checkwire.store.records import CheckState, RunRecord
from checkwire.store.registry import pause
from checkwire.store.runs import (
    Inserted,
    add_pending,
    get_run,
    get_transcript,
    insert_runs,
    last_due,
    list_pending,
    list_runs,
    missed_record,
    record_of,
    states,
    strip,
)
from support.loops import run
from support.stored import HOUR, MINUTE, MS, START, WithStore, defined, due, enter, ran, row

FAILURE = Failure(code="tls.certificate_expired", message="It expired.", phase="tls")


async def insert(store: Store, *records: RunRecord) -> list[Inserted]:
    async with store.writing() as tx:
        return await insert_runs(tx, [(record, None) for record in records], START)


async def found(store: Store, **filters: Any) -> list[tuple[int, int]]:
    async with store.reading() as tx:
        runs = await list_runs(tx, **filters)
    return [(run.check_id, (run.due_ns - START) // MINUTE) for run in runs]


def test_a_run_comes_back_as_it_was_given(with_store: WithStore) -> None:
    async def work(store: Store) -> None:
        async with store.writing() as tx:
            (check,) = await enter(tx, "a")
            record = record_of(ran(defined("a"), FAILURE, tries=2), due(START), check)
            ((inserted, before, after),) = await insert_runs(
                tx, [(record, ran(defined("a"), FAILURE, tries=2))], START
            )
        assert inserted == record
        assert before is None
        assert (after.status, after.bad_in_row, after.since_ns) == ("failed", 1, START)
        async with store.reading() as tx:
            again = await get_run(tx, record.run_id)
            assert again is not None
            assert again.check_uid
            assert again == RunRecord(**{**fields(record), "check_uid": again.check_uid})
            transcript = await get_transcript(tx, again)
        assert transcript is not None
        assert transcript.id == record.run_id
        assert transcript.attempts == ran(defined("a"), FAILURE, tries=2).attempts

    with_store(work)


def fields(record: RunRecord) -> dict[str, Any]:
    return {name: getattr(record, name) for name in record.__struct_fields__}


def test_the_row_says_what_the_last_attempt_s_first_connection_took() -> None:
    record = record_of(ran(defined("a"), FAILURE), due(START), 1)
    assert record.times == {"tcp": 3 * MS, "open": 9 * MS, "reply": 5 * MS}
    assert (record.code, record.phase, record.clock) == (FAILURE.code, "tls", "kernel")
    assert not record.flaky
    assert record_of(ran(defined("a"), tries=2), due(START), 1).flaky


def test_a_run_that_comes_twice_is_there_once(with_store: WithStore) -> None:
    async def work(store: Store) -> None:
        async with store.writing() as tx:
            (check,) = await enter(tx, "a")
        first, second = row(check, START), row(check, START + MINUTE, "failed")
        assert len(await insert(store, first, first)) == 1
        (inserted,) = await insert(store, second, first)
        assert inserted.record == second
        assert await insert(store, first, second) == []
        assert await found(store) == [(check, 1), (check, 0)]
        async with store.reading() as tx:
            (state,) = await states(tx)
        assert (state.status, state.bad_in_row, state.good_in_row) == ("failed", 1, 0)

    with_store(work)


def test_a_state_follows_the_latest_runs(with_store: WithStore) -> None:
    async def work(store: Store) -> None:
        async with store.writing() as tx:
            (check,) = await enter(tx, "a")
        told = ["passed", "degraded", "failed", "skipped", "error", "error", "missed", "passed"]
        rows = [row(check, START + n * MINUTE, status) for n, status in enumerate(told)]
        inserted = await insert(store, *rows[:4]) + await insert(store, *rows[4:])
        after = [entry.after for entry in inserted]
        assert [state.status for state in after] == told
        assert [state.bad_in_row for state in after] == [0, 0, 1, 1, 2, 3, 3, 0]
        assert [state.good_in_row for state in after] == [1, 2, 0, 0, 0, 0, 0, 1]
        assert [(state.since_ns - START) // MINUTE for state in after] == [0, 1, 2, 3, 4, 4, 6, 7]
        # What was skipped or missed meanwhile does not make it begin anew.
        assert [state.bad_since_ns for state in after] == [
            START + 2 * MINUTE if state.bad_in_row else None for state in after
        ]
        assert [entry.before for entry in inserted] == [None, *after[:-1]]
        async with store.reading() as tx:
            assert await states(tx, [check]) == [after[-1]]
            assert await states(tx, [check + 1]) == []

    with_store(work)


def test_a_late_run_does_not_move_a_state(with_store: WithStore) -> None:
    async def work(store: Store) -> None:
        async with store.writing() as tx:
            (check,) = await enter(tx, "a")
        (latest,) = await insert(store, row(check, START + MINUTE))
        (late,) = await insert(store, row(check, START, "failed"))
        assert late.before == late.after == latest.after
        assert await found(store) == [(check, 1), (check, 0)]

    with_store(work)


def test_each_location_has_a_state_of_its_own(with_store: WithStore) -> None:
    async def work(store: Store) -> None:
        async with store.writing() as tx:
            (check,) = await enter(tx, "a", locations=("eu", "us"))
        await insert(store, row(check, START, "failed", "eu"), row(check, START, "passed", "us"))
        assert await standing(store) == {"eu": "failed", "us": "passed"}
        async with store.writing() as tx:
            await enter(tx, "a", locations=("us",))
        assert await standing(store) == {"us": "passed"}, "eu is no longer one of the check's"

    with_store(work)


async def standing(store: Store) -> dict[str, str]:
    async with store.reading() as tx:
        return {state.location: state.status for state in await states(tx)}


def test_missed_runs_are_one_row_to_the_end_of_which_planning_is_done(
    with_store: WithStore,
) -> None:
    async def work(store: Store) -> None:
        async with store.writing() as tx:
            (check,) = await enter(tx, "a")
        missed = missed_record(due(START), check, 61, START + HOUR)
        await insert(store, missed)
        async with store.reading() as tx:
            assert await last_due(tx) == {(check, "local"): START + HOUR}
            (again,) = await list_runs(tx)
            assert (again.missed, again.status, again.started_ns) == (61, "missed", None)
        await insert(store, row(check, START + 2 * HOUR, cause="manual"))
        async with store.reading() as tx:
            assert await last_due(tx) == {(check, "local"): START + HOUR}, "by hand, not planned"
        await insert(store, row(check, START + HOUR + MINUTE))
        async with store.reading() as tx:
            assert await last_due(tx) == {(check, "local"): START + HOUR + MINUTE}, "though late"

    with_store(work)


def test_what_was_asked_for_by_hand_is_pending_until_its_result_is_there(
    with_store: WithStore,
) -> None:
    async def work(store: Store) -> None:
        async with store.writing() as tx:
            (check,) = await enter(tx, "a")
            one, two = (
                due(START + number, run_id=f"r{number}", cause="manual", grace_ns=number)
                for number in (1, 2)
            )
            for owed in (two, one, two):
                await add_pending(tx, owed, check)
        async with store.reading() as tx:
            assert await list_pending(tx) == [one, two]
        await insert(store, row(check, START + 1, run_id="r1", cause="manual"))
        async with store.reading() as tx:
            assert await list_pending(tx) == [two]

    with_store(work)


def test_runs_are_found_by_what_is_asked_for(with_store: WithStore) -> None:
    async def work(store: Store) -> None:
        async with store.writing() as tx:
            one, two = await enter(tx, "one", "two", tags=("web",))
            (other,) = await enter(tx, "three", project="bank")
        expired, refused = "tls.certificate_expired", "tcp.refused"
        await insert(
            store,
            row(one, START, "passed"),
            row(one, START + 1 * MINUTE, "failed", code=expired),
            row(two, START + 2 * MINUTE, "error", "eu", code="script.raised"),
            row(two, START + 3 * MINUTE, "failed", code="tls.handshake"),
            row(other, START + 4 * MINUTE, "failed", code=refused),
            row(other, START + 5 * MINUTE, "degraded", code="assertion.failed"),
            row(one, START + 6 * MINUTE, "missed", attempts=0),
        )
        assert await found(store) == [
            (one, 6), (other, 5), (other, 4), (two, 3), (two, 2), (one, 1), (one, 0)
        ]  # fmt: skip
        assert await found(store, check_id=one) == [(one, 6), (one, 1), (one, 0)]
        both = await found(store, check_id=one, statuses=["passed", "failed"])
        assert both == [(one, 1), (one, 0)]
        assert await found(store, statuses=["failed"]) == [(other, 4), (two, 3), (one, 1)]
        assert await found(store, statuses=["failed", "error"], limit=2) == [(other, 4), (two, 3)]
        assert await found(store, statuses=["degraded", "missed"]) == [(one, 6), (other, 5)]
        assert await found(store, location="eu") == [(two, 2)]
        assert await found(store, location="eu", statuses=["failed"]) == []
        assert await found(store, location="nowhere") == []
        assert await found(store, tag="web", statuses=["failed"]) == [(two, 3), (one, 1)]
        assert await found(store, tag="none") == []
        assert await found(store, project="bank") == [(other, 5), (other, 4)]
        assert await found(store, project="bank", tag="web") == []
        assert await found(store, project="bank", check_id=one) == []
        assert await found(store, code=expired) == [(one, 1)]
        assert await found(store, code="tls.") == [(two, 3), (one, 1)]
        assert await found(store, code="tls.", check_id=two) == [(two, 3)]
        assert await found(store, code="tls.", statuses=["error"]) == []
        assert await found(store, code="tls") == await found(store, code="tls.")
        assert await found(store, code="tls.*") == await found(store, code="tls.")
        assert await found(store, code="tl") == []
        assert await found(store, code="http.") == []
        span = {"since_ns": START + MINUTE, "until_ns": START + 3 * MINUTE}
        assert await found(store, **span) == [(two, 2), (one, 1)]

    with_store(work)


def test_pages_of_runs_join_without_gap(with_store: WithStore) -> None:
    async def work(store: Store) -> None:
        async with store.writing() as tx:
            checks = await enter(tx, "one", "two", "three")
        await insert(
            store,
            *(
                row(check, START + minute * MINUTE, "failed", place)
                for minute in range(4)
                for place in ("us", "eu", "asia")
                for check in checks
            ),
        )
        for filters in ({}, {"statuses": ["failed"]}, {"check_id": checks[1]}, {"project": "shop"}):
            async with store.reading() as tx:
                whole = await list_runs(tx, **filters, limit=1000)  # type: ignore[arg-type]
                pages: list[RunRecord] = []
                before: tuple[int, int, str] | None = None
                while page := await list_runs(tx, **filters, before=before, limit=5):  # type: ignore[arg-type]
                    pages += page
                    before = page[-1].due_ns, page[-1].check_id, page[-1].location
            assert pages == whole
            assert len(whole) == (12 if "check_id" in filters else 36)

    with_store(work)


def test_strips_are_the_latest_runs_of_each_check(with_store: WithStore) -> None:
    async def work(store: Store) -> None:
        async with store.writing() as tx:
            one, two, none = await enter(tx, "one", "two", "none")
        await insert(
            store,
            *(row(one, START + n * MINUTE, location=place) for n in range(9) for place in "ab"),
            row(two, START),
        )
        async with store.reading() as tx:
            strips = await strip(tx, [two, none, one], limit=5)
        assert list(strips) == [two, none, one]
        assert [run.due_ns for run in strips[two]] == [START]
        assert strips[none] == []
        minutes = [(run.due_ns - START) // MINUTE for run in strips[one]]
        assert minutes == [8, 8, 7, 7, 6]

    with_store(work)


@pytest.mark.parametrize("text", ["a\0b", "lone \ud800 half", "ü" * 5000])
def test_any_message_can_be_stored(with_store: WithStore, text: str) -> None:
    async def work(store: Store) -> None:
        async with store.writing() as tx:
            (check,) = await enter(tx, "a")
        failure = Failure(code="script.raised", message=text)
        record = record_of(ran(defined("a"), failure), due(START), check)
        await insert(store, record)
        async with store.reading() as tx:
            (again,) = await list_runs(tx)
        assert again.message is not None
        assert again.message[0] == text[0]
        assert len(again.message) <= 1000

    with_store(work)


def test_what_was_undone_is_not_there(with_store: WithStore) -> None:
    async def work(store: Store) -> None:
        async with store.writing() as tx:
            (check,) = await enter(tx, "a")
        with pytest.raises(RuntimeError):
            await give_up(store, check)
        assert await found(store) == []
        async with store.reading() as tx:
            assert await states(tx) == []

    async def give_up(store: Store, check: int) -> None:
        async with store.writing() as tx:
            await insert_runs(tx, [(row(check, START), ran(defined("a")))], START)
            await pause(tx, check, "ann", START)
            raise RuntimeError

    with_store(work)


def test_no_runs_are_no_work(with_store: WithStore) -> None:
    async def work(store: Store) -> None:
        assert await insert(store) == []

    with_store(work)


def test_a_state_is_not_moved_by_a_run_of_another_check(with_store: WithStore) -> None:
    async def work(store: Store) -> None:
        async with store.writing() as tx:
            one, two = await enter(tx, "one", "two")
        inserted = await insert(store, row(one, START, "failed"), row(two, START))
        assert [entry.before for entry in inserted] == [None, None]
        found: list[CheckState] = [entry.after for entry in inserted]
        assert [state.status for state in found] == ["failed", "passed"]

    with_store(work)


@pytest.mark.parametrize(
    "more",
    [{}, {"before": (START, 1, "local")}, {"before": (START, 1, "local"), "until_ns": START + 1}],
    ids=["all", "a page", "a page of a span"],
)
def test_an_index_leads_straight_to_the_failures_of_a_check(
    tmp_path: Path, more: dict[str, Any]
) -> None:
    asked: list[tuple[str, Any]] = []

    async def work() -> list[str]:
        store = await Store.open(str(tmp_path / "x.db"))
        try:
            async with store.reading() as tx:
                event.listen(
                    tx.sync_connection,
                    "before_cursor_execute",
                    lambda _connection, _cursor, sql, values, *_: asked.append((sql, values)),
                )
                await list_runs(tx, check_id=1, statuses=("failed",), **more)
                sql, values = asked[-1]
                plan = await tx.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", values)
                return [row.detail for row in plan]
        finally:
            await store.close()

    wanted = "ix_runs_not_passed_of_check (check_id=? AND status=? AND due_ns<?)"
    assert any(wanted in line for line in run(work()))
