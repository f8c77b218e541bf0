"""Incidents from end to end: a check fails, people are told once, also over a crash."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from support.hooks import alerting, hooking
from support.serve import Serve, Server

Checks = Callable[..., Path]

SOURCE = """
    import os, pathlib
    from checkwire import check

    @check
    def watched():
        assert pathlib.Path(os.environ["WELL"]).exists()
"""


def fail(server: Server, times: int) -> None:
    for _ in range(times):
        assert server.run(server.trigger("watched"))["status"] == "failed"


def test_one_incident_is_told_once_and_so_is_its_end(
    checks: Checks, serve: Serve, tmp_path: Path
) -> None:
    well = tmp_path / "well"
    with hooking() as hook:
        folder = alerting(checks(one_check=SOURCE), hook)
        with serve(folder, "--url", "https://mon.example.org", WELL=str(well)) as server:
            fail(server, 1)
            assert server.ask("/api/v1/incidents")["items"] == []
            fail(server, 2)
            server.wait_for(lambda: hook.got or None)
            well.touch()
            assert server.run(server.trigger("watched"))["status"] == "passed"
            server.wait_for(lambda: len(hook.got) == 2 or None)
            (incident,) = server.ask("/api/v1/incidents")["items"]
            assert incident["closed_ns"] is not None
    assert hook.events == ["opened", "closed"]
    assert len({key for key, _ in hook.got}) == 2
    opened = hook.got[0][1]
    assert opened["check"]["url"].startswith("https://mon.example.org/checks/")


def test_a_crash_between_incident_and_notice_loses_none(
    checks: Checks, serve: Serve, tmp_path: Path
) -> None:
    with hooking() as hook:
        hook.status = 503  # The notice is delivered only later.
        folder = alerting(checks(one_check=SOURCE), hook)
        with serve(folder, WELL=str(tmp_path / "well")) as server:
            fail(server, 2)
            server.wait_for(lambda: hook.got or None)
            server.kill()
            hook.status = 204
            server.start()
            fail(server, 1)
            server.wait_for(lambda: len(hook.got) >= 2 or None, seconds=50)
            assert len(server.ask("/api/v1/incidents")["items"]) == 1
    assert set(hook.events) == {"opened"}
    assert len({key for key, _ in hook.got}) == 1


def test_a_notice_that_nobody_takes_is_told_wherever_one_looks(
    checks: Checks, serve: Serve, tmp_path: Path
) -> None:
    with hooking() as hook:
        hook.status = 410
        folder = alerting(checks(one_check=SOURCE), hook)
        with serve(folder, WELL=str(tmp_path / "well")) as server:
            fail(server, 2)
            (line,) = server.wait_for(lambda: server.logged("notice given up") or None)
            (incident,) = server.ask("/api/v1/incidents")["items"]
            assert line["channel"] == "hook"
            assert line["check"] == incident["check"] == "one_check.py::watched"
            assert line["incident"] == incident["id"]
            assert "410" in line["why"]
            for _ in range(2):  # the second time after a restart
                asked = server.ask(f"/api/v1/incidents/{incident['id']}")
                (notice,) = asked["notices"]
                assert (notice["channel"], notice["event"]) == ("hook", "opened")
                assert (notice["status"], notice["tries"]) == ("given_up", 1)
                assert "410" in notice["error"]
                labels = '{channel="hook",project="test"}'
                metrics = server.ask("/metrics")
                assert f"checkwire_notices_given_up{labels} 1.0" in metrics
                assert f"checkwire_notices_waiting{labels} 0.0" in metrics
                page = server.ask("/")
                assert "Channel hook of " in page
                assert "1 notice was given up." in page
                server.stop()
                server.start()
