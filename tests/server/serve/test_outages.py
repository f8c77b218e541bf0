"""An outage as people follow it: since when, how long, and who was told; everywhere alike."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from checkwire.model.due import DueRun, due_run_id
from checkwire.store.database import Store
from checkwire.store.registry import get_check
from checkwire.store.runs import insert_runs, missed_record
from support.program import Result, checkwire
from support.serve import Serve, Server

Checks = Callable[..., Path]

SOURCE = """
    import os, pathlib
    from checkwire import check

    @check
    def watched():
        mark = pathlib.Path(os.environ["WELL"])
        text = mark.read_text() if mark.exists() else "failed"
        assert text != "failed"
        if text == "error":
            raise RuntimeError("the check is broken")
"""


def fail(server: Server, times: int = 1, status: str = "failed") -> None:
    for _ in range(times):
        assert server.run(server.trigger("watched"))["status"] == status


def asked(server: Server, *arguments: str) -> Result:
    return checkwire(*arguments, "--server", server.url, cwd=server.project.parent)


def miss(server: Server, uid: str) -> None:
    """As if the server had been down when a run was due."""

    async def work() -> None:
        store = await Store.open(server.database)
        try:
            async with store.writing() as tx:
                check = await get_check(tx, uid)
                assert check is not None
                now_ns = time.time_ns()
                due = DueRun(
                    run_id=due_run_id("test", check.definition.id, "local", now_ns),
                    project="test",
                    check=check.definition.id,
                    location="local",
                    due_ns=now_ns,
                    holds_ns=10**9,
                    grace_ns=10**9,
                )
                await insert_runs(tx, [(missed_record(due, check.id, 1, now_ns), None)], now_ns)
        finally:
            await store.close()

    asyncio.run(work())


def down_for(server: Server) -> float:
    """Seconds, as ``checkwire status`` has it."""
    said = re.search(r"down for (\d+) s|in error for (\d+) s", asked(server, "status").out)
    assert said is not None
    return float(said[1] or said[2])


@pytest.mark.parametrize("kind", ["failed", "error"])
def test_down_since_survives_a_crash_and_what_is_missed_meanwhile(
    checks: Checks, serve: Serve, tmp_path: Path, kind: str
) -> None:
    well = tmp_path / "well"
    with serve(checks(one_check=SOURCE), WELL=str(well)) as server:
        fail(server, 2)
        (incident,) = server.ask("/api/v1/incidents")["items"]
        began_ns = incident["began_ns"]
        uid = incident["check_uid"]
        server.kill()
        miss(server, uid)
        well.write_text(kind)
        server.start()
        fail(server, 1, kind)
        check = server.check("watched")
        assert check["down_since_ns"] == began_ns
        assert check["incident"] == {"id": incident["id"], "began_ns": began_ns}
        (state,) = check["states"]
        assert state["since_ns"] > began_ns  # of this very status, since the latest run
        assert state["bad_since_ns"] == began_ns
        clock = time.strftime("%H:%M:%S", time.gmtime(began_ns // 10**9))
        assert f"{clock}," in re.findall(r"<dt>Since</dt><dd>(.*?)</dd>", page(server, uid))[0]
        assert f"since {clock}," in page(server)
        before_s = (time.time_ns() - began_ns) / 1e9
        assert before_s - 1.5 <= down_for(server) <= (time.time_ns() - began_ns) / 1e9
        document: dict[str, Any] = json.loads(asked(server, "status", "--json").out)
        assert document["checks"][0]["down_since_ns"] == began_ns
        assert len(server.ask("/api/v1/incidents")["items"]) == 1


def page(server: Server, uid: str = "") -> str:
    return str(server.ask(f"/checks/{uid}" if uid else "/"))
