"""Event loops that a check makes beside its own: nothing is lost in one."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.checks import run_one
from support.wsserver import echo, served


@pytest.mark.parametrize("end", ["await asyncio.sleep(0.01)", "task.cancel(); del task"])
@pytest.mark.parametrize("run", ["asyncio.run(main())", "in_a_thread(main)"])
def test_a_failure_in_the_background_of_another_loop_fails_the_check(
    tmp_path: Path, run: str, end: str
) -> None:
    attempt = run_one(
        tmp_path,
        f"""
import asyncio, threading

async def fail():
    try:
        await asyncio.sleep(0)
    finally:
        raise LookupError("in the background")

async def main():
    task = asyncio.create_task(fail())
    await asyncio.sleep(0)
    {end}

def in_a_thread(main):
    thread = threading.Thread(target=lambda: asyncio.run(main()))
    thread.start()
    thread.join()

@check
def a():
    {run}
    assert 1 == 1
""",
    )
    assert attempt.status == "error"
    messages = [failed.failure.message for failed in attempt.failures]
    assert messages.count("LookupError: in the background") == 1


@pytest.mark.parametrize("leave", ["", "assert 1 == 2"])
def test_a_connection_left_open_in_a_loop_of_the_checks_own_is_closed_and_told(
    tmp_path: Path, leave: str
) -> None:
    with served(echo) as url:
        attempt = run_one(
            tmp_path,
            f"""
import asyncio
from checkwire import connect

async def main():
    ws = await connect("{url}")
    assert ws.ready_state == 1
    {leave}

@check
def a():
    asyncio.run(main())
""",
        )
    (connection,) = attempt.connections
    assert connection.closed is not None
    assert connection.closed.clean is not bool(leave)
    warned = [failed.failure.code for failed in attempt.failures if failed.severity == "warning"]
    assert warned == ([] if leave else ["check.unclosed_connection"])


def test_a_blocking_connection_left_open_is_told(tmp_path: Path) -> None:
    with served(echo) as url:
        attempt = run_one(
            tmp_path,
            f"""
from checkwire.sync import connect

@check
def a():
    ws = connect("{url}").open()
    assert ws.ready_state == 1
""",
        )
    (connection,) = attempt.connections
    assert connection.closed is not None
    assert [failed.failure.code for failed in attempt.failures] == ["check.unclosed_connection"]
