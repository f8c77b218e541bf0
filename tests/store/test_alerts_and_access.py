"""Incidents, notices, tokens, sessions."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from checkwire.store import incidents, outbox, tokens
from checkwire.store.database import Store
from checkwire.store.records import Incident
from checkwire.store.tables import sessions as sessions_table
from checkwire.store.tables import tokens as tokens_table
from support.stored import HOUR, MINUTE, START, WithStore, enter


async def opened(store: Store, check: int, at_ns: int = START) -> Incident | None:
    async with store.writing() as tx:
        return await incidents.open_incident(
            tx,
            check_id=check,
            began_ns=at_ns - MINUTE,
            opened_ns=at_ns,
            opened_by="run",
            code="tcp.refused",
            message="It was refused.",
        )


def test_of_each_check_one_incident_at_most_is_open(with_store: WithStore) -> None:
    async def work(store: Store) -> None:
        async with store.writing() as tx:
            one, two = await enter(tx, "one", "two")
        first = await opened(store, one)
        assert first is not None
        assert (first.check, first.project, first.closed_ns) == ("checks.py::one", "shop", None)
        assert await opened(store, one, START + 1) is None
        assert await opened(store, two) is not None
        async with store.writing() as tx:
            closed = await incidents.close_incident(
                tx, first.id, closed_ns=START + 5, closed_by="other"
            )
            assert closed is not None
            assert (closed.closed_ns, closed.closed_by) == (START + 5, "other")
            again = await incidents.close_incident(tx, first.id, closed_ns=START, closed_by="x")
            assert again is None
        async with store.reading() as tx:
            assert list(await incidents.open_incidents(tx)) == [two]
            assert await incidents.get_incident(tx, first.id) == closed
            assert await incidents.get_incident(tx, "none") is None
        assert await opened(store, one, START + 9) is not None

    with_store(work)


def test_incidents_are_listed_the_newest_first(with_store: WithStore) -> None:
    async def work(store: Store) -> None:
        async with store.writing() as tx:
            checks = await enter(tx, *"abcde")
        for number in (3, 1, 2, 0, 4):
            assert await opened(store, checks[number], START + number // 2) is not None
        async with store.writing() as tx:
            whole = await incidents.list_incidents(tx)
            assert [incident.opened_ns - START for incident in whole] == [2, 1, 1, 0, 0]
            pages: list[Incident] = []
            before: tuple[int, str] | None = None
            while page := await incidents.list_incidents(tx, before=before, limit=2):
                pages += page
                before = page[-1].opened_ns, page[-1].id
            assert pages == whole
            first = whole[0]
            await incidents.close_incident(tx, first.id, closed_ns=START + 9, closed_by=None)
            assert [i.id for i in await incidents.list_incidents(tx, open=False)] == [first.id]
            assert len(await incidents.list_incidents(tx, open=True)) == 4
            assert await incidents.count_open(tx) == 4
            assert [await incidents.count_open(tx, check) for check in checks] == [1, 1, 1, 1, 0]
            assert len(await incidents.list_incidents(tx, checks[0])) == 1

    with_store(work)


def test_a_notice_is_due_until_it_is_delivered_or_given_up(with_store: WithStore) -> None:
    async def work(store: Store) -> None:
        async with store.writing() as tx:
            (check,) = await enter(tx, "a")
        incident = await opened(store, check)
        assert incident is not None

        async def add(channel: str) -> str:
            async with store.writing() as tx:
                return await outbox.add(
                    tx,
                    incident_id=incident.id,
                    event="opened",
                    channel=channel,
                    payload=b"{}",
                    now_ns=START,
                )

        async def due(at_ns: int) -> list[str]:
            async with store.reading() as tx:
                return [entry.channel for entry in await outbox.due(tx, at_ns)]

        mail, hook = await add("mail"), await add("hook")
        assert await add("mail") == mail != hook, "the same notice is entered once"
        assert sorted(await due(START)) == ["hook", "mail"]
        assert await due(START - 1) == []
        async with store.writing() as tx:
            await outbox.delivered(tx, mail, START + 1)
            await outbox.failed(tx, hook, "It answered 503.", START + MINUTE, START)
            assert await outbox.next_try(tx) == START + MINUTE
        assert await due(START + 1) == []
        assert await due(START + MINUTE) == ["hook"]
        async with store.writing() as tx:
            await outbox.failed(tx, mail, "a second try, which came to nothing", START, START)
            await outbox.failed(tx, hook, "It answered 410.", None, START)
            assert await outbox.next_try(tx) is None
            entries = {entry.id: entry for entry in await outbox.of_incident(tx, incident.id)}
        assert await due(START + HOUR) == []
        assert (entries[mail].tries, entries[mail].delivered_ns) == (1, START + 1)
        assert (entries[hook].tries, entries[hook].error) == (2, "It answered 410.")
        assert entries[hook].delivered_ns is None

    with_store(work)


def test_how_notices_fare_is_known_by_channel(with_store: WithStore) -> None:
    async def work(store: Store) -> None:
        async with store.writing() as tx:
            one, two = await enter(tx, "one", "two")
        open_one, over = await opened(store, one), await opened(store, two)
        assert open_one is not None
        assert over is not None
        async with store.writing() as tx:
            keys = {
                (incident.id, channel): await outbox.add(
                    tx,
                    incident_id=incident.id,
                    event="opened",
                    channel=channel,
                    payload=b"{}",
                    now_ns=START,
                )
                for incident in (open_one, over)
                for channel in ("hook", "mail")
            }
            await incidents.close_incident(tx, over.id, closed_ns=START + HOUR, closed_by="run")
            for number in range(outbox.SEVERAL):
                await outbox.failed(
                    tx, keys[open_one.id, "hook"], "It answered 503.", START + 1, START
                )
                early = await outbox.by_channel(tx, START)
                assert early[0].late == (number == outbox.SEVERAL - 1)
            await outbox.failed(tx, keys[over.id, "hook"], "It answered 410.", None, START)
            await outbox.delivered(tx, keys[over.id, "mail"], START, note="One was refused.")
            hook, mail = await outbox.by_channel(tx, START)
            assert (hook.project, hook.channel) == ("shop", "hook")
            assert (hook.waiting, hook.late, hook.given_up, hook.lost) == (1, 1, 1, 1)
            assert hook.error in ("It answered 503.", "It answered 410.")
            assert {one.check for one in hook.untold} == {"checks.py::one", "checks.py::two"}
            assert (mail.waiting, mail.late, mail.given_up, mail.error) == (1, 0, 0, None)
            # It worked again: what was given up before is no trouble any more.
            await outbox.worked(tx, "shop", "hook", START + 1)
            hook, _ = await outbox.by_channel(tx, START)
            assert (hook.late, hook.given_up, hook.lost) == (1, 1, 0)
            assert [one.check for one in hook.untold] == ["checks.py::one"]
            # What was given up long ago concerns nobody any more.
            hook, mail = await outbox.by_channel(tx, START + 2 * HOUR)
            assert (hook.waiting, hook.given_up, mail.waiting) == (1, 0, 1)

    with_store(work)


def test_a_token_opens_until_it_is_revoked_or_expires(with_store: WithStore) -> None:
    async def work(store: Store) -> None:
        async with store.writing() as tx:
            record, token = await tokens.create(tx, "ci", ("read", "trigger"), START)
            brief, brief_token = await tokens.create(tx, "brief", ("read",), START, START + HOUR)
        assert token.startswith("cw_")
        async with store.reading() as tx:
            assert await tokens.find(tx, token, START) == record
            assert await tokens.find(tx, brief_token, START + HOUR - 1) == brief
            assert await tokens.find(tx, brief_token, START + HOUR) is None
            for wrong in ("", "cw_", token[:-1], f"{token}x", token.swapcase(), "\ud800", "cw_ü"):
                assert await tokens.find(tx, wrong, START) is None
            other = token[:30] + brief_token[30:]
            assert await tokens.find(tx, other, START) is None, "another token's secret"
        async with store.writing() as tx:
            await tokens.used(tx, record.id, START + 7)
            assert await tokens.revoke(tx, record.id, START + 8)
            assert not await tokens.revoke(tx, record.id, START + 9)
            assert not await tokens.revoke(tx, "none", START)
            assert await tokens.find(tx, token, START) is None
            listed = await tokens.list_tokens(tx)
        assert {entry.name for entry in listed} == {"ci", "brief"}
        (gone,) = (entry for entry in listed if entry.name == "ci")
        assert (gone.used_ns, gone.revoked_ns) == (START + 7, START + 8)

    with_store(work)


def test_the_database_does_not_know_tokens_and_cookies(with_store: WithStore) -> None:
    async def work(store: Store) -> None:
        async with store.writing() as tx:
            record, token = await tokens.create(tx, "ci", ("read",), START)
            cookie = await tokens.start_session(tx, record.id, START, START + HOUR)
            kept = [*await tx.execute(select(tokens_table))]
            kept += [*await tx.execute(select(sessions_table))]
        for secret in (token, token.split("_", 2)[2], cookie):
            assert secret not in repr(kept)
            assert secret.encode() not in b"".join(
                value for row in kept for value in row if isinstance(value, bytes)
            )

    with_store(work)


@pytest.mark.parametrize("how", ["ended", "expired", "revoked", "token expired"])
def test_a_session_is_over(with_store: WithStore, how: str) -> None:
    async def work(store: Store) -> None:
        async with store.writing() as tx:
            record, _ = await tokens.create(tx, "ann", ("admin",), START, START + 2 * HOUR)
            session = HOUR if how == "expired" else 9 * HOUR
            cookie = await tokens.start_session(tx, record.id, START, START + session)
            assert await tokens.find_session(tx, cookie, START + HOUR - 1) == record
            assert await tokens.find_session(tx, cookie[:-1], START) is None
            at_ns = START + HOUR
            if how == "ended":
                await tokens.end_session(tx, cookie)
            elif how == "revoked":
                await tokens.revoke(tx, record.id, START)
            elif how == "token expired":
                at_ns = START + 2 * HOUR
            assert await tokens.find_session(tx, cookie, at_ns) is None

    with_store(work)
