"""Who begins when: in due order, within bounds, and nobody behind somebody who cannot."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from checkwire.dispatch.local import LocalQueue, Taken
from checkwire.dispatch.room import SLOT, Bounds, Key
from checkwire.model.due import DueRun
from support.loops import run

AT = {"eu": 2, "us": 1, "asia": None}
PARTS = {"c": 3, "d": 1}


def bounds(total: int = 8, check: int = 8) -> Bounds:
    return Bounds(total, check, lambda _project, name: AT[name], parts)


def parts(due: DueRun) -> int:
    """Attempts of some checks share processes."""
    return PARTS.get(due.check, SLOT)


def due(number: int, check: str = "a", location: str = "asia", due_ns: int | None = None) -> DueRun:
    return DueRun(
        run_id=f"run{number:04}",
        project="shop",
        check=check,
        location=location,
        due_ns=number if due_ns is None else due_ns,
        holds_ns=1,
        grace_ns=1,
    )


class Consumer:
    """Takes what it is given, as the executor does."""

    def __init__(self, queue: LocalQueue) -> None:
        self.queue = queue
        self.taken: list[DueRun] = []
        self.behind: list[Key | None] = []

    async def __call__(self) -> None:
        while True:
            run_, behind = await self.queue.take()
            self.taken.append(run_)
            self.behind.append(behind)

    def numbers(self) -> list[int]:
        return [int(run_.run_id[3:]) for run_ in self.taken]


def consuming(
    of: Bounds, work: Callable[[LocalQueue, Consumer], Coroutine[Any, Any, None]]
) -> None:
    async def whole() -> None:
        queue = LocalQueue(of)
        consumer = Consumer(queue)
        task = asyncio.create_task(consumer())
        try:
            await work(queue, consumer)
        finally:
            task.cancel()

    run(whole())


async def settled() -> None:
    """Let everything that can go on do so."""
    for _ in range(20):
        await asyncio.sleep(0)


def test_who_was_due_first_goes_first() -> None:
    async def work(queue: LocalQueue, consumer: Consumer) -> None:
        first = due(1)
        queue.put(first)
        await settled()
        for number in (4, 2, 3):
            assert queue.put(due(number))
        assert not queue.put(due(2)), "it is in there"
        assert not queue.put(first), "it is under way"
        assert (len(queue), queue.oldest_ns) == (3, 2)
        queue.done(first)
        await settled()
        assert consumer.numbers() == [1, 2]
        for _ in range(2):
            queue.done(consumer.taken[-1])
            await settled()
        assert consumer.numbers() == [1, 2, 3, 4]
        assert queue.put(first), "it is over, and may come again"

    consuming(bounds(total=1), work)


def test_one_check_leaves_room_for_the_others() -> None:
    async def work(queue: LocalQueue, consumer: Consumer) -> None:
        for number in range(6):
            queue.put(due(number, "slow"))
        queue.put(due(9, "quick"))
        await settled()
        assert consumer.numbers() == [0, 1, 9]
        queue.done(consumer.taken[0])
        await settled()
        assert consumer.numbers() == [0, 1, 9, 2]
        assert consumer.behind == [None, None, None, Key("check", "shop", "slow")]
        assert queue.bound(Taken(due(1), consumer.behind[-1])) == 2

    consuming(bounds(total=8, check=2), work)


def test_a_location_takes_as_many_as_it_may() -> None:
    async def work(queue: LocalQueue, consumer: Consumer) -> None:
        for number in range(4):
            queue.put(due(number, f"c{number}", "us"))
        queue.put(due(7, "c7", "eu"))
        await settled()
        assert consumer.numbers() == [0, 7]
        queue.done(consumer.taken[0])
        await settled()
        assert consumer.numbers() == [0, 7, 1]
        assert consumer.behind[-1] == Key("location", "shop", "us")

    consuming(bounds(), work)


def test_a_bound_that_is_raised_lets_those_in_who_wait_for_it() -> None:
    async def work(queue: LocalQueue, consumer: Consumer) -> None:
        for number in range(3):
            queue.put(due(number, f"c{number}", "us"))
        await settled()
        assert consumer.numbers() == [0]
        AT["us"] = 3
        try:
            queue.bounds_changed()
            await settled()
        finally:
            AT["us"] = 1
        assert consumer.numbers() == [0, 1, 2]

    consuming(bounds(), work)


def test_another_attempt_comes_before_runs_that_are_new() -> None:
    async def work(queue: LocalQueue, consumer: Consumer) -> None:
        queue.put(old := due(1))
        await settled()
        queue.leave(old)
        queue.put(due(2, due_ns=0))
        queue.put(due(3))
        await settled()
        assert consumer.numbers() == [1, 2]
        again = asyncio.create_task(queue.again(old))
        await settled()
        assert not again.done()
        queue.done(consumer.taken[-1])
        await settled()
        assert again.done()
        assert consumer.numbers() == [1, 2]
        queue.done(old)
        await settled()
        assert consumer.numbers() == [1, 2, 3]

    consuming(bounds(total=1), work)


def test_an_attempt_goes_on_though_nobody_takes_runs_any_more() -> None:
    async def work() -> None:
        queue = LocalQueue(bounds(total=1))
        queue.put(one := due(1))
        assert (await queue.take()).due is one
        queue.leave(one)
        queue.put(due(2))
        async with asyncio.timeout(5):
            await queue.again(one)

    run(work())


def test_who_gives_up_waiting_takes_no_room() -> None:
    async def work() -> None:
        queue = LocalQueue(bounds(total=1))
        one, two = due(1), due(2)
        for run_ in (one, two):
            queue.put(run_)
        assert (await queue.take()).due is one
        taker = asyncio.create_task(queue.take())
        await settled()
        taker.cancel()
        await settled()
        queue.leave(one)
        again = asyncio.create_task(queue.again(one))
        await settled()
        assert again.done()
        queue.leave(one)
        waiting = [asyncio.create_task(queue.again(one)) for _ in range(1)]
        await settled()
        waiting[0].cancel()
        await settled()
        queue.done(one)
        assert (await queue.take()).due is two, "it is still there"

    run(work())


def test_what_takes_a_part_of_a_slot_does_not_keep_others_from_theirs() -> None:
    async def work(queue: LocalQueue, consumer: Consumer) -> None:
        again, *shared = due(1, "a"), *(due(number, "d") for number in range(2, 30))
        queue.put(again)
        await settled()
        queue.leave(again)
        for one in shared:
            queue.put(one)
        await settled()
        assert consumer.taken == [again, *shared[:10]], "ten to the slot"
        waits = asyncio.create_task(queue.again(again))
        await settled()
        for one in shared[:9]:
            queue.done(one)
            await settled()
            assert not waits.done()
            assert len(consumer.taken) == 11, "nobody takes what has become free"
        queue.done(shared[9])
        await settled()
        assert waits.done()
        queue.done(again)
        await settled()
        assert consumer.taken[11:] == shared[10:20]

    consuming(bounds(total=1), work)


def test_a_run_that_was_handed_over_too_late_is_put_back() -> None:
    async def work() -> None:
        queue = LocalQueue(bounds(total=1))
        taker = asyncio.create_task(queue.take())
        await settled()
        queue.put(one := due(1))  # It has it now, and is ended before it goes on.
        taker.cancel()
        await settled()
        assert taker.cancelled()
        assert (await queue.take()).due is one

    run(work())


RUNS = st.lists(
    st.tuples(st.integers(0, 30), st.sampled_from("abcd"), st.sampled_from(sorted(AT))),
    min_size=1,
    max_size=25,
)


@given(RUNS, st.integers(1, 5), st.integers(1, 3), st.randoms(use_true_random=False))
def test_always_the_first_that_has_room(
    wanted: list[tuple[int, str, str]], total: int, check: int, draw: Any
) -> None:
    """Whatever ends when: as from a list that is looked through from its begin each time."""
    all_of = [due(number, name, location, at) for number, (at, name, location) in enumerate(wanted)]

    async def work(queue: LocalQueue, consumer: Consumer) -> None:
        waiting: list[DueRun] = []
        inside: list[DueRun] = []
        expected: list[DueRun] = []
        left = list(all_of)

        def is_bound(run_: DueRun) -> bool:
            taken = sum(parts(other) for other in inside if other.check == run_.check)
            at_place = sum(other.location == run_.location for other in inside)
            bound = AT[run_.location]
            return taken + parts(run_) > check * SLOT or (bound is not None and at_place >= bound)

        def first() -> DueRun | None:
            """Nobody passes one that waits for a slot alone."""
            in_order = sorted(waiting, key=lambda run_: (run_.due_ns, run_.run_id))
            one = next((run_ for run_ in in_order if not is_bound(run_)), None)
            left = total * SLOT - sum(map(parts, inside))
            return one if one is not None and parts(one) <= left else None

        while left or inside or waiting:
            if left and (not inside or draw.random() < 0.6):
                run_ = left.pop()
                queue.put(run_)
                waiting.append(run_)
            else:
                run_ = inside.pop(draw.randrange(len(inside)))
                queue.done(run_)
            while (run_ := first()) is not None:
                waiting.remove(run_)
                inside.append(run_)
                expected.append(run_)
            await settled()
            assert consumer.taken == expected
            assert len(queue) == len(waiting)
            assert queue.oldest_ns == min((r.due_ns for r in waiting), default=None)

    consuming(bounds(total, check), work)
