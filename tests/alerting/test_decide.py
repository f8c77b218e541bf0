"""When incidents open and close, and what is put into the outbox."""

from __future__ import annotations

import asyncio
from itertools import pairwise

from checkwire.alerting.decide import Change, close_gone
from checkwire.model.alerts import AlertPolicy
from checkwire.store import outbox
from checkwire.store.incidents import get_incident
from checkwire.store.registry import pause, remove_projects_but, resume
from support.loops import run
from support.watched import EPOCH_NS, MINUTE_NS, Watched, definition, watched

TWO = {"locations": ("eu", "us")}


def events(changes: list[Change]) -> list[str]:
    return [change.event for change in changes]


def test_an_incident_opens_after_so_many_failed_runs_in_a_row_and_closes_when_one_is_good(
    url: str,
) -> None:
    async def story() -> None:
        async with watched(url) as check:
            assert await check.runs("+ -") == []
            assert events(await check.runs("-")) == ["opened"]
            assert await check.runs("- - -") == []
            assert events(await check.runs("+")) == ["closed"]
            assert await check.runs("+ +") == []
            (incident,) = await check.incidents()
            assert incident.began_ns == EPOCH_NS + 2 * MINUTE_NS
            assert incident.opened_ns == EPOCH_NS + 3 * MINUTE_NS
            assert incident.closed_ns == EPOCH_NS + 7 * MINUTE_NS
            assert incident.ended_ns == EPOCH_NS + 7 * MINUTE_NS
            assert incident.lasted_ns == 5 * MINUTE_NS
            assert (incident.code, incident.check, incident.project) == (
                "ws.closed_abnormally",
                "orders_check.py::updates",
                "orders",
            )
            opening, closing = await check.told()
            assert [opening.event, closing.event] == ["opened", "closed"]
            assert opening.id == outbox.key_of(incident.id, "opened", "hook")
            assert closing.id == outbox.key_of(incident.id, "closed", "hook")
            assert opening.next_try_ns == opening.created_ns == incident.opened_ns

    run(story())


def test_each_channel_is_told_once_of_each_event(url: str) -> None:
    async def story() -> None:
        async with watched(url, channels=("hook", "mail")) as check:
            await check.runs("- - - + - - +")
            ids = [incident.id for incident in await check.incidents()]
            told = [(e.incident_id, e.event, e.channel) for e in await check.told()]
            assert sorted(told) == sorted(
                (id_, event, channel)
                for id_ in ids
                for event in ("opened", "closed")
                for channel in ("hook", "mail")
            )
            assert len(ids) == 2

    run(story())


def test_errors_count_as_failed_runs_and_degraded_ones_are_good(url: str) -> None:
    async def story() -> None:
        async with watched(url, after=3) as check:
            assert await check.runs("- - ~ ! - ") == []
            assert events(await check.runs("!")) == ["opened"]
            assert events(await check.runs("~")) == ["closed"]
            assert (await check.notices())[0].title.startswith("updates cannot be run: ")

    run(story())


def test_a_policy_of_one_run_opens_at_once(url: str) -> None:
    async def story() -> None:
        async with watched(url, after=1) as check:
            assert events(await check.runs("- + - +")) == ["opened", "closed"] * 2

    run(story())


def test_skipped_and_missed_runs_neither_fail_nor_recover(url: str) -> None:
    async def story() -> None:
        async with watched(url) as check:
            assert await check.runs("s m s m m") == []
            assert events(await check.runs("- m s -")) == ["opened"]
            (incident,) = await check.incidents()
            assert incident.began_ns == EPOCH_NS + 6 * MINUTE_NS
            assert await check.runs("m s") == []
            assert events(await check.runs("+")) == ["closed"]

    run(story())


def test_a_check_that_flaps_below_the_limit_opens_nothing(url: str) -> None:
    async def story() -> None:
        async with watched(url, after=3) as check:
            assert await check.runs("- - + " * 5) == []
            assert await check.told() == []

    run(story())


def test_one_bad_location_opens_and_every_one_must_be_good_to_close(url: str) -> None:
    async def story() -> None:
        async with watched(url, definition(**TWO)) as check:
            assert await check.runs("eu- us+ us-") == []  # two failed, but not at one place
            assert events(await check.runs("eu-")) == ["opened"]
            assert await check.runs("eu+ us- eu+") == []
            assert events(await check.runs("us+")) == ["closed"]
            opening, closing = await check.notices()
            assert [(at.name, at.status, at.failed_in_row) for at in opening.locations] == [
                ("eu", "failed", 2),
                ("us", "failed", 1),
            ]
            assert opening.run is not None
            assert opening.run.location == "eu"
            assert [(at.name, at.failed_in_row) for at in closing.locations] == [
                ("eu", 0),
                ("us", 0),
            ]

    run(story())


def test_a_location_where_it_never_ran_does_not_hold_an_incident_open(url: str) -> None:
    async def story() -> None:
        async with watched(url, definition(**TWO)) as check:
            assert events(await check.runs("us- us- us+")) == ["opened", "closed"]
            assert events(await check.runs("us- us- eum us+")) == ["opened", "closed"]

    run(story())


def test_a_location_that_the_check_no_longer_has_does_not_hold_an_incident_open(url: str) -> None:
    async def story() -> None:
        async with watched(url, definition(**TWO)) as check:
            assert events(await check.runs("us- us- eu+")) == ["opened"]
            await check.declare(definition(locations=("eu",)))
            assert events(await check.runs("eu+")) == ["closed"]

    run(story())


def test_a_run_by_hand_somewhere_else_decides_nothing(url: str) -> None:
    async def story() -> None:
        async with watched(url) as check:
            assert await check.runs("+ lab- lab- lab-") == []
            assert events(await check.runs("- - lab+ +")) == ["opened", "closed"]

    run(story())


def test_a_check_without_locations_counts_where_it_runs_at_home(url: str) -> None:
    async def story() -> None:
        async with watched(url) as check:
            assert events(await check.runs("office+ office- office-", home="office")) == ["opened"]
            # It is not known that home has moved: better all places than none.
            assert events(await check.runs("office+", home="elsewhere")) == ["closed"]

    run(story())


def test_a_late_run_does_not_open_what_is_well_nor_close_what_is_not(url: str) -> None:
    async def story() -> None:
        async with watched(url) as check:
            assert await check.runs("+ - +") == []
            assert await check.runs("-@-1 -@-2") == []
            assert events(await check.runs("- -")) == ["opened"]
            assert await check.runs("+@-3") == []
            assert events(await check.runs("+")) == ["closed"]

    run(story())


def test_the_same_run_twice_decides_once(url: str) -> None:
    async def story() -> None:
        async with watched(url) as check:
            first = check.run("-", "local", EPOCH_NS, "updates")
            second = check.run("-", "local", EPOCH_NS + MINUTE_NS, "updates")
            assert await check.ingest([first, first]) == []
            assert await check.ingest([first]) == []
            assert events(await check.ingest([second, first])) == ["opened"]
            assert await check.ingest([second]) == []
            assert len(await check.told()) == 1

    run(story())


def test_an_incident_may_open_and_close_within_one_transaction(url: str) -> None:
    async def story() -> None:
        async with watched(url) as check:
            changes = await check.runs("+ - - + - - - +", together=True)
            assert events(changes) == ["opened", "closed"] * 2
            began = sorted(incident.began_ns for incident in await check.incidents())
            assert began == [EPOCH_NS + 2 * MINUTE_NS, EPOCH_NS + 5 * MINUTE_NS]
            durations = [n.incident.duration_ns for n in await check.notices()]
            assert sorted(d for d in durations if d is not None) == [2 * MINUTE_NS, 3 * MINUTE_NS]

    run(story())


def test_checks_have_incidents_of_their_own(url: str) -> None:
    async def story() -> None:
        async with watched(url, definition("a"), definition("b")) as checks:
            assert events(await checks.runs("- -", check="a")) == ["opened"]
            assert await checks.runs("- +", check="b") == []
            assert events(await checks.runs("- -", check="b")) == ["opened"]
            assert events(await checks.runs("+", check="a")) == ["closed"]
            assert [(i.check, i.closed_ns is None) for i in await checks.incidents()] == [
                ("orders_check.py::a", False),
                ("orders_check.py::b", True),
            ]

    run(story())


def test_a_stricter_policy_opens_with_the_next_run_by_the_one_that_failed(url: str) -> None:
    async def story() -> None:
        async with watched(url, definition(**TWO), after=5) as check:
            assert await check.runs("eu- eu- eu-") == []
            check.policies = {"orders": AlertPolicy(after=3, channels=("hook",))}
            assert events(await check.runs("eum")) == ["opened"]
            (notice,) = await check.notices()
            assert notice.failure is not None
            assert notice.failure.code == "ws.closed_abnormally"

    run(story())


def test_a_project_without_a_policy_has_incidents_and_tells_nobody(url: str) -> None:
    async def story() -> None:
        async with watched(url) as check:
            check.policies = {}
            assert events(await check.runs("- - +")) == ["opened", "closed"]
            assert await check.told() == []

    run(story())


def test_a_paused_check_opens_nothing_and_an_open_incident_stays_until_it_recovers(
    url: str,
) -> None:
    async def story() -> None:
        async with watched(url) as check:
            async with check.store.writing() as tx:
                await pause(tx, check.ids["updates"], "ada", check.now_ns)
            assert await check.runs("- - -") == []
            async with check.store.writing() as tx:
                await resume(tx, check.ids["updates"], check.now_ns)
            assert events(await check.runs("-")) == ["opened"]
            async with check.store.writing() as tx:
                await pause(tx, check.ids["updates"], "ada", check.now_ns)
                assert await close_gone(tx, check.policies, check.now_ns) == []
            assert await check.runs("- s m") == []
            # By hand, to see whether it is mended.
            assert events(await check.runs("+")) == ["closed"]
            assert [n.reason for n in await check.notices()] == ["failing", "recovered"]

    run(story())


def test_an_incident_of_a_check_that_is_gone_is_closed_and_told(url: str) -> None:
    async def story() -> None:
        async with watched(url) as check:
            await check.runs("- -")
            (opened,) = await check.incidents()
            late = check.run("-", "local", check.now_ns, "updates")
            await check.declare(definition("other"))
            check.now_ns += MINUTE_NS
            async with check.store.writing() as tx:
                changes = await close_gone(tx, check.policies, check.now_ns)
                assert events(changes) == ["closed"]
                assert await close_gone(tx, check.policies, check.now_ns) == []
            (closed,) = await check.incidents()
            assert closed.id == opened.id
            assert (closed.closed_ns, closed.closed_by) == (check.now_ns, None)
            notice = (await check.notices())[-1]
            assert (notice.event, notice.reason, notice.run) == ("closed", "removed", None)
            assert notice.title == "updates is no longer checked; it had been down for 2 m 00 s"
            # What was under way when it was taken out still comes in.
            assert await check.ingest([late]) == []

    run(story())


def test_of_a_project_that_is_gone_incidents_close_and_nobody_is_told(url: str) -> None:
    async def story() -> None:
        async with watched(url) as check:
            await check.runs("- -")
            async with check.store.writing() as tx:
                await remove_projects_but(tx, [], check.now_ns)
                assert events(await close_gone(tx, {}, check.now_ns)) == ["closed"]
            assert [entry.event for entry in await check.told()] == ["opened"]

    run(story())


def test_who_heard_of_the_beginning_hears_of_the_end_and_nobody_else(url: str) -> None:
    async def story() -> None:
        async with watched(url, channels=("hook", "mail")) as check:
            await check.runs("- -")
            check.policies = {"orders": AlertPolicy(channels=("mail", "pager"))}
            await check.runs("+")
            told = [(entry.event, entry.channel) for entry in await check.told()]
            assert sorted(told) == [
                ("closed", "hook"),
                ("closed", "mail"),
                ("opened", "hook"),
                ("opened", "mail"),
            ]

    run(story())


def test_a_notice_says_all_there_is_to_know(url: str) -> None:
    async def story() -> None:
        about = definition(description="A subscriber gets order updates.", tags=("orders",))
        async with watched(url, about) as check:
            await check.runs("- - +", base_url="https://checkwire.example.org")
            opening, closing = await check.notices()
            failed, good = (
                check.run(sign, "local", EPOCH_NS + step * MINUTE_NS, "updates")[0].run_id
                for sign, step in (("-", 2), ("+", 3))
            )
            async with check.store.reading() as tx:
                incident = await get_incident(tx, opening.incident.id)
            assert incident is not None
            assert (incident.opened_by, incident.closed_by) == (failed, good)
            assert opening.title == (
                "updates is down: The server closed the connection without a Close frame after "
                "3.02 s"
            )
            assert (opening.project.id, opening.project.name) == ("orders", "Order service")
            assert opening.check.id == "orders_check.py::updates"
            assert opening.check.description == "A subscriber gets order updates."
            assert opening.check.url == (
                f"https://checkwire.example.org/checks/{incident.check_uid}"
            )
            assert opening.failure is not None
            assert opening.failure.hint == "Look at the server's log of that second"
            assert opening.failure.phase == "open"
            assert opening.incident.began_at.isoformat() == "2026-01-01T00:01:00+00:00"
            assert opening.incident.duration_ns is None
            assert opening.run is not None
            assert opening.run.id == failed
            assert opening.run.url == f"https://checkwire.example.org/runs/{failed}"
            assert closing.title == "updates is up again after 2 m 00 s"
            assert closing.incident.duration_ns == 2 * MINUTE_NS
            assert closing.incident.closed_at is not None
            assert closing.run is not None
            assert closing.run.id == good
            assert closing.failure is not None
            assert closing.failure.code == "ws.closed_abnormally"

    run(story())


def test_two_at_a_time_open_one_incident(url: str) -> None:
    """Two connections with the database, as of two processes, one location each."""

    async def story() -> None:
        async with (
            watched(url, definition(**TWO)) as here,
            watched(url, definition(**TWO)) as there,
        ):
            for step in range(8):
                due_ns = EPOCH_NS + step * MINUTE_NS
                sign = "+" if step % 4 == 3 else "-"
                await asyncio.gather(
                    here.ingest([here.run(sign, "eu", due_ns, "updates")]),
                    there.ingest([there.run(sign, "us", due_ns, "updates")]),
                )
            incidents = await here.incidents()
            assert len(incidents) == 2
            assert all(incident.closed_ns is not None for incident in incidents)
            assert len(await here.told()) == 4

    run(story())


def test_the_notice_of_an_end_waits_for_that_of_the_beginning(url: str) -> None:
    async def story() -> None:
        async with watched(url, channels=("hook", "mail")) as check:
            await check.runs("- - +")
            now_ns = check.now_ns
            async with check.store.writing() as tx:
                due = await outbox.due(tx, now_ns, 10)
                assert [e.event for e in due] == ["opened", "opened"]
                await outbox.claim(tx, [e.id for e in due], now_ns, now_ns + MINUTE_NS)
                assert await outbox.due(tx, now_ns, 10) == []
                await outbox.delivered(tx, due[0].id, now_ns)
                await outbox.failed(tx, due[1].id, "no", now_ns + 2 * MINUTE_NS, now_ns)
                (ready,) = await outbox.due(tx, now_ns, 10)
                assert (ready.event, ready.channel) == ("closed", due[0].channel)
                # Who never heard of the beginning does not hear of the end.
                await outbox.failed(tx, due[1].id, "no", None, now_ns)
                assert await outbox.due(tx, now_ns, 10) == [ready]

    run(story())


def test_who_was_never_told_of_the_beginning_is_not_told_of_the_end(url: str) -> None:
    async def story() -> None:
        async with watched(url, channels=("hook", "mail")) as check:
            await check.runs("- -")
            async with check.store.writing() as tx:
                hook = outbox.key_of((await check.incidents())[0].id, "opened", "hook")
                await outbox.failed(tx, hook, "410", None, check.now_ns)
            await check.runs("+")
            told = [(entry.event, entry.channel) for entry in await check.told()]
            assert sorted(told) == [("closed", "mail"), ("opened", "hook"), ("opened", "mail")]

    run(story())


def test_a_channel_with_many_notices_does_not_hide_the_others(url: str) -> None:
    async def story() -> None:
        checks = [definition(f"c{number}") for number in range(20)]
        async with watched(url, *checks) as all_of_them:
            for check in checks:
                await all_of_them.runs("- -", check=check.name)
            all_of_them.policies = {"orders": AlertPolicy(channels=("quiet",))}
            await all_of_them.declare(definition("late"))
            await all_of_them.runs("- -", check="late")
            async with all_of_them.store.reading() as tx:
                due = await outbox.due(tx, all_of_them.now_ns, 3)
            assert [entry.channel for entry in due] == ["hook", "quiet", "hook"]
            assert all(a.id != b.id for a, b in pairwise(due))

    run(story())


def test_a_claimed_notice_is_not_claimed_by_another_until_the_claim_ends(url: str) -> None:
    async def story() -> None:
        async with watched(url) as here, watched(url) as there:
            await here.runs("- -")
            now_ns = here.now_ns
            until_ns = now_ns + MINUTE_NS

            async def claim(scene: Watched, at_ns: int) -> int:
                async with scene.store.writing() as tx:
                    ids = [entry.id for entry in await here.told()]
                    return len(await outbox.claim(tx, ids, at_ns, at_ns + MINUTE_NS))

            both = await asyncio.gather(claim(here, now_ns), claim(there, now_ns))
            assert sorted(both) == [0, 1]
            assert await claim(there, until_ns - 1) == 0
            assert await claim(there, until_ns) == 1

    run(story())
