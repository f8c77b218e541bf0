from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from checkwire.server.live import MISSED, Hub, Message, Subscription


def run(work: Coroutine[Any, Any, Any]) -> Any:
    async def bounded() -> Any:
        async with asyncio.timeout(20):
            return await work

    return asyncio.run(bounded())


async def drain(stream: Subscription) -> list[Message]:
    """What waits now."""
    got = []
    while (message := await stream.receive(within=0)) is not None:
        got.append(message)
    return got


def test_who_listens_gets_the_messages_of_its_topics_in_order() -> None:
    async def work() -> None:
        hub = Hub(first_id=1)
        async with hub.subscribe(["runs", "incidents"]) as stream:
            hub.publish("runs", "run_started", {"n": 1})
            hub.publish("projects", "reloaded", {"n": 2})
            hub.publish("incidents", "opened", {"n": 3})
            got = await drain(stream)
        assert [(m.id, m.topic, m.kind, m.data) for m in got] == [
            (1, "runs", "run_started", {"n": 1}),
            (3, "incidents", "opened", {"n": 3}),
        ]

    run(work())


def test_a_reader_that_waits_is_woken() -> None:
    async def work() -> None:
        hub = Hub()
        async with hub.subscribe(["runs"]) as stream:
            waiting = asyncio.create_task(anext(aiter(stream)))
            await asyncio.sleep(0)
            hub.publish("runs", "run_started", {"n": 1})
            assert (await waiting).data == {"n": 1}

    run(work())


def test_a_slow_subscriber_is_told_how_many_it_missed_and_gets_the_latest() -> None:
    async def work() -> None:
        hub = Hub(queue=3, first_id=1)
        async with hub.subscribe(["runs"]) as slow:
            for n in range(10):
                hub.publish("runs", "run_started", {"n": n})
            missed, *rest = await drain(slow)
        assert (missed.kind, missed.id, missed.data) == (MISSED, 7, {"count": 7})
        assert [message.data["n"] for message in rest] == [7, 8, 9]

    run(work())


def test_a_reader_that_comes_back_gets_what_came_since() -> None:
    async def work() -> None:
        hub = Hub(first_id=1)
        for n in range(5):
            hub.publish("runs", "run_started", {"n": n})
        async with hub.subscribe(["runs"], after=3) as stream:
            hub.publish("runs", "run_started", {"n": 5})
            assert [message.data["n"] for message in await drain(stream)] == [3, 4, 5]
        async with hub.subscribe(["runs"]) as stream:
            assert await drain(stream) == []

    run(work())


def test_what_is_too_long_ago_or_of_another_life_is_missed() -> None:
    async def work() -> None:
        hub = Hub(backlog=2, first_id=100)
        for n in range(5):
            hub.publish("runs", "run_started", {"n": n})
        for after in (7, 99, 101, 500):
            async with hub.subscribe(["runs"], after=after) as stream:
                missed, *rest = await drain(stream)
            assert (missed.kind, missed.id, missed.data) == (MISSED, 102, {"count": None})
            assert [message.data["n"] for message in rest] == [3, 4]
        async with hub.subscribe(["runs"], after=102) as stream:
            assert [message.data["n"] for message in await drain(stream)] == [3, 4]

    run(work())


def test_events_of_single_runs_do_not_push_out_the_others() -> None:
    async def work() -> None:
        hub = Hub(backlog=3, first_id=1)
        hub.publish("incidents", "opened", {})
        for n in range(50):
            hub.publish(f"run:{n}", "event", {})
        async with hub.subscribe(["incidents"], after=0) as stream:
            assert [message.kind for message in await drain(stream)] == ["opened"]

    run(work())


def test_streams_end_when_the_hub_is_closed_and_what_waits_is_read_before() -> None:
    async def work() -> None:
        hub = Hub()
        async with hub.subscribe(["runs"]) as stream, hub.subscribe(["runs"]) as idle:
            await drain(idle)
            hub.publish("runs", "run_started", {"n": 1})
            hub.close()
            assert [message.data async for message in stream] == [{"n": 1}]
            assert stream.ended
        async with hub.subscribe(["runs"]) as late:
            assert [message async for message in late] == []

    run(work())


def test_a_subscriber_that_left_costs_nothing() -> None:
    async def work() -> None:
        hub = Hub()
        async with hub.subscribe(["run:1"]):
            assert "run:1" in hub._subscribers
        assert not hub._subscribers

    run(work())


@given(
    st.integers(1, 6),
    st.integers(1, 6),
    st.lists(st.sampled_from(["runs", "incidents", "run:1"]), max_size=20),
    st.integers(0, 25),
)
def test_whatever_is_lost_is_told(
    backlog: int, queue: int, published: list[str], after: int
) -> None:
    async def work() -> None:
        hub = Hub(backlog=backlog, queue=queue, first_id=1)
        for topic in published:
            hub.publish(topic, "kind", {})
        async with hub.subscribe(["runs", "incidents"], after=after) as stream:
            got = await drain(stream)
        ids = [message.id for message in got]
        assert ids == sorted(ids)
        due = [n for n, topic in enumerate(published, 1) if topic != "run:1" and n > after]
        if due != ids:
            assert got[0].kind == MISSED
            assert due[-len(ids) + 1 :] == ids[1:] or after > len(published)

    run(work())
