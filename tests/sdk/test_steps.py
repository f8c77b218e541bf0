"""Steps: named parts of an attempt, nested as the code is, in tasks too."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator

import pytest

from checkwire import connect, expect, log, step
from checkwire.model.events import ConnectionStarted, Failed, Logged, StepFinished, StepStarted
from support.scene import Outcome, play
from support.wsserver import silent


def tree(outcome: Outcome) -> dict[str, str]:
    """Each step with the one it is part of."""
    names = {event.step: event.name for event in outcome.of(StepStarted)}
    return {event.name: names.get(event.parent, "") for event in outcome.of(StepStarted)}


def test_steps_nest_and_say_where_they_are() -> None:
    async def check() -> None:
        async with step("a"):
            with step("b"):
                log("inside")
            async with step("c"):
                pass
        with step("d"):
            pass

    outcome = play(check)
    assert outcome.passed
    assert tree(outcome) == {"a": "", "b": "a", "c": "a", "d": ""}
    first = outcome.of(StepStarted)[0]
    assert first.location is not None
    assert first.location.text == 'async with step("a"):'
    assert {event.status for event in outcome.of(StepFinished)} == {"passed"}
    assert [event.step for event in outcome.of(StepFinished)] == [2, 3, 1, 4]
    assert outcome.of(Logged)[0].step == 2


def test_a_step_that_an_exception_leaves_has_failed() -> None:
    async def check() -> None:
        async with step("outer"):
            with pytest.raises(LookupError), step("inner"):
                raise LookupError

    outcome = play(check)
    assert [(e.step, e.status) for e in outcome.of(StepFinished)] == [(2, "failed"), (1, "passed")]


def test_tasks_belong_to_the_step_in_which_they_were_started() -> None:
    async def part(name: str) -> None:
        async with step(name):
            await asyncio.sleep(0.01)
            log(name)

    async def check() -> None:
        async with step("both"), asyncio.TaskGroup() as group:
            group.create_task(part("one"))
            group.create_task(part("two"))
        await asyncio.to_thread(lambda: log("thread"))

    outcome = play(check)
    assert tree(outcome) == {"both": "", "one": "both", "two": "both"}
    steps = {event.name: event.step for event in outcome.of(StepStarted)}
    assert {e.message: e.step for e in outcome.of(Logged)} == {
        "one": steps["one"],
        "two": steps["two"],
        "thread": 0,
    }


def test_connections_and_failures_know_their_step() -> None:
    async def check(url: str) -> None:
        async with step("connect"), connect(url) as ws, step("wait"):
            await ws.receive(within="10ms", default=None)
            expect(2).below(1)

    outcome = play(check, silent)
    assert outcome.of(ConnectionStarted)[0].step == 1
    assert outcome.of(Failed)[0].step == 2


def test_a_thread_of_the_check_s_own_is_in_the_attempt() -> None:
    async def check() -> None:
        def work() -> None:
            with step("in a thread"):
                expect(1).equals(2)

        thread = threading.Thread(target=work)
        threading.excepthook, hook = (lambda args: None), threading.excepthook
        thread.start()
        await asyncio.to_thread(thread.join)
        threading.excepthook = hook

    outcome = play(check)
    assert tree(outcome) == {"in a thread": ""}
    assert outcome.codes == ["assertion.failed"]


def test_a_step_left_in_another_context_does_no_harm() -> None:
    async def fixture() -> AsyncIterator[None]:
        async with step("fixture"):
            yield

    async def check() -> None:
        generator = fixture()
        await asyncio.create_task(anext(generator))  # type: ignore[arg-type]
        await generator.aclose()  # type: ignore[attr-defined]

    outcome = play(check)
    assert outcome.passed
    assert len(outcome.of(StepFinished)) == 1


@pytest.mark.parametrize("name", ["", "  ", 7, None])
def test_a_step_without_a_name_is_a_mistake(name: object) -> None:
    async def check() -> None:
        step(name)  # type: ignore[arg-type]

    assert str(play(check).error) == f'step("log in") takes a name, not {name!r}'


def test_a_step_that_is_never_entered_is_a_mistake() -> None:
    async def check() -> None:
        step("log in")

    outcome = play(check)
    assert outcome.failure.message == (
        'step("log in") does nothing by itself: write `async with step("log in"):`'
    )


def test_a_step_is_entered_once() -> None:
    async def check() -> None:
        once = step("once")
        for _ in range(2):
            with once:
                pass

    assert str(play(check).error).startswith("a step is entered once")
