"""Projects, checks and locations: what is gone keeps its history, what is back has it again."""

from __future__ import annotations

from typing import Any

from checkwire.store.database import Store
from checkwire.store.registry import (
    find_checks,
    get_check,
    list_checks,
    list_projects,
    location_ids,
    pause,
    remove_projects_but,
    resume,
    sync_project,
)
from checkwire.store.runs import insert_runs
from support.stored import START, WithStore, defined, enter, row


async def names(store: Store, **filters: Any) -> list[str]:
    async with store.reading() as tx:
        return [check.definition.name for check in await list_checks(tx, **filters)]


def test_a_check_that_is_gone_and_back_is_the_same(with_store: WithStore) -> None:
    async def work(store: Store) -> None:
        async with store.writing() as tx:
            one, two = await enter(tx, "one", "two")
        async with store.writing() as tx:
            assert await enter(tx, "two") == [two]
        assert await names(store) == ["two"]
        assert await names(store, removed=True) == ["one", "two"]
        async with store.reading() as tx:
            (gone,) = await find_checks(tx, "one")
        assert gone.removed_ns == START
        async with store.writing() as tx:
            assert await enter(tx, "one", "two") == [one, two]
        async with store.reading() as tx:
            back = await get_check(tx, gone.uid)
            assert await get_check(tx, "nobody") is None
        assert back is not None
        assert back.removed_ns is None
        assert back.id == one

    with_store(work)


def test_a_definition_is_the_latest_one(with_store: WithStore) -> None:
    async def work(store: Store) -> None:
        async with store.writing() as tx:
            (one,) = await enter(tx, "one", tags=("old",), locations=("eu",))
        async with store.writing() as tx:
            assert await enter(tx, "one", tags=("new",), locations=("us",), every=5.0) == [one]
        async with store.reading() as tx:
            (check,) = await list_checks(tx)
        assert check.definition == defined("one", tags=("new",), locations=("us",), every=5.0)
        assert check.first_seen_ns == START
        assert await names(store, tag="old") == await names(store, location="eu") == []
        assert await names(store, tag="new") == await names(store, location="us") == ["one"]

    with_store(work)


def test_checks_of_two_projects_may_have_one_name(with_store: WithStore) -> None:
    async def work(store: Store) -> None:
        async with store.writing() as tx:
            await enter(tx, "a", project="x")
            await enter(tx, "a", project="y")
        async with store.reading() as tx:
            found = await find_checks(tx, "a")
        assert [check.project for check in found] == ["x", "y"]
        assert found[0].uid != found[1].uid
        async with store.writing() as tx:
            await remove_projects_but(tx, ["y"], START + 1)
        async with store.reading() as tx:
            assert [project.key for project in await list_projects(tx)] == ["y"]
            assert len(await list_projects(tx, removed=True)) == 2
            (there,) = await find_checks(tx, "a")
            assert there.project == "y"
            (gone,) = await find_checks(tx, found[0].uid)
            assert gone.removed_ns == START + 1
        async with store.writing() as tx:
            await enter(tx, "a", project="x")
        async with store.reading() as tx:
            assert len(await find_checks(tx, "checks.py::a")) == 2

    with_store(work)


def test_checks_are_found_by_what_is_asked_for(with_store: WithStore) -> None:
    async def work(store: Store) -> None:
        async with store.writing() as tx:
            ann, bob = await enter(tx, "ann", "bob")
            await enter(tx, "100%", project="other", tags=("web", "web"))
            await insert_runs(
                tx,
                [
                    (row(ann, START, "failed", "eu", code="tls.expired"), None),
                    (row(ann, START, "passed", "us"), None),
                ],
                START,
            )
            await pause(tx, bob, "eve", START)
            await pause(tx, bob, "too late", START + 1)
        assert await names(store) == ["100%", "ann", "bob"]
        assert await names(store, project="shop") == ["ann", "bob"]
        assert await names(store, project="none") == []
        assert await names(store, text="AN") == ["ann"]
        assert await names(store, text="%") == ["100%"]
        assert await names(store, text="checks.py::B") == ["bob"]
        assert await names(store, text="WE") == ["100%"]
        assert await names(store, text="TLS.") == ["ann"]
        async with store.reading() as tx:
            (found,) = await find_checks(tx, "bob")
        assert await names(store, text=found.uid.upper()) == ["bob"]
        assert await names(store, text=found.uid[:-1]) == []
        assert await names(store, tag="web") == ["100%"]
        assert await names(store, location="eu") == ["ann"]
        assert await names(store, status="failed") == ["ann"]
        assert await names(store, status="failed", location="us") == []
        assert await names(store, paused=True) == ["bob"]
        assert await names(store, paused=False) == ["100%", "ann"]
        async with store.reading() as tx:
            (check,) = await list_checks(tx, paused=True)
        assert (check.paused_ns, check.paused_by) == (START, "eve")
        async with store.writing() as tx:
            await resume(tx, bob, START)
        assert await names(store, paused=True) == []

    with_store(work)


def test_pages_of_checks_join_without_gap(with_store: WithStore) -> None:
    async def work(store: Store) -> None:
        async with store.writing() as tx:
            for project in ("a", "b", "B"):
                await enter(tx, *(f"c{number}" for number in range(7)), project=project)
        async with store.reading() as tx:
            whole = await list_checks(tx)
            pages = []
            after: tuple[str, str] | None = None
            while page := await list_checks(tx, after=after, limit=4):
                pages += page
                after = page[-1].project, page[-1].definition.id
        assert pages == whole
        assert [check.project for check in whole] == ["B"] * 7 + ["a"] * 7 + ["b"] * 7

    with_store(work)


def test_a_thousand_checks_are_no_special_case(with_store: WithStore) -> None:
    async def work(store: Store) -> None:
        definitions = [defined(f"c{number}", tags=("t",)) for number in range(1200)]
        async with store.writing() as tx:
            ids = await sync_project(
                tx, key="p", name="p", root="/", definitions=definitions, now_ns=START
            )
        assert len(set(ids.values())) == 1200
        assert len(await names(store, tag="t", limit=5000)) == 1200
        async with store.writing() as tx:
            await sync_project(tx, key="p", name="p", root="/", definitions=[], now_ns=START)
        assert await names(store) == []

    with_store(work)


def test_locations_keep_their_ids(with_store: WithStore) -> None:
    async def work(store: Store) -> None:
        async with store.writing() as tx:
            first = await location_ids(tx, ["eu", "us", "eu"])
            assert await location_ids(tx, ["us", "asia"]) == {
                "us": first["us"],
                "asia": max(first.values()) + 1,
            }
            assert await location_ids(tx, []) == {}

    with_store(work)
