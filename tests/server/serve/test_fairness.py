"""One check that takes long costs the others nothing; what comes too late is the probe's fault."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

import pytest

from checkwire.model.failures import CODES
from support.serve import Server

Checks = Callable[..., Path]

LOCATIONS = """
[locations]
eu = { concurrency = 1 }
us = {}
"""
STUCK = """
    import pathlib
    import time

    from checkwire import check

    def wait_until_released():
        while not pathlib.Path(__file__).with_name("released").exists():
            time.sleep(0.02)
        assert True

    @check(every="10s", timeout="1m", locations=["eu"])
    def stuck():
        wait_until_released()

    @check(every="10s", timeout="1m", locations=["eu"])
    def same_place():
        wait_until_released()

    @check(every="10s", timeout="1m", locations=["us"])
    def quick():
        assert True
"""


def test_what_waits_too_long_is_missed_because_the_probe_is_overloaded(checks: Checks) -> None:
    folder = checks(stuck_check=STUCK)
    settings = folder / "checkwire.toml"
    settings.write_text(settings.read_text() + LOCATIONS)
    with Server(folder, "--workers", "4") as server:

        def waiting(seconds: float) -> bool:
            """Whether two runs have waited for that long."""
            now_ns = time.time_ns()
            late = [
                run
                for run in server.ask("/api/v1/server")["running"]
                if run["started_ns"] is None and now_ns - run["due_ns"] > seconds * 1e9
            ]
            return len(late) > 1

        server.wait_for(lambda: waiting(10.5) or None, 60)
        with pytest.raises(HTTPError) as refused:
            server.ask("/readyz")
        assert "wait for their turn" in refused.value.read().decode()
        (folder / "released").touch()

        def missed() -> dict[str, Any] | None:
            found = {run["check"].partition("::")[2]: run for run in server.runs("&status=missed")}
            return found if len(found) > 1 else None

        found = server.wait_for(missed)
        assert set(found) <= {"stuck", "same_place"}
        for run in found.values():
            assert run["code"] == "probe.overloaded"
            assert CODES[run["code"]].blame == "probe"
            assert run["message"].startswith("It waited 1")
        why = " ".join(run["message"] for run in found.values())
        assert "at eu one attempt may be under way at a time" in why
        assert any(
            entry["code"] == "probe.overloaded" for entry in server.logged("a run was missed")
        )
        quick = [run for run in server.runs() if run["check"].endswith("::quick")]
        assert {run["status"] for run in quick} == {"passed"}
        assert len(quick) > 1
