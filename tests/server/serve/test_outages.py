"""An outage as people follow it: since when, how long, and who was told; everywhere alike."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from checkwire.model.due import DueRun, check_uid, due_run_id
from checkwire.model.durations import format_ns
from checkwire.server.pages.figures import span
from checkwire.store.database import Store
from checkwire.store.registry import get_check
from checkwire.store.runs import insert_runs, missed_record
from support.hooks import alerting, hooking
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

SLOW = SOURCE.replace("mark =", "__import__('time').sleep(1.2); mark =")


def fail(server: Server, times: int = 1, status: str = "failed") -> None:
    for _ in range(times):
        assert server.run(server.trigger("watched"))["status"] == status


def asked(server: Server, *arguments: str) -> Result:
    return checkwire(*arguments, "--server", server.url, cwd=server.project.parent)


def miss(server: Server, uid: str, location: str = "local") -> None:
    """As if the server had been down when a run was due."""

    async def work() -> None:
        store = await Store.open(server.database)
        try:
            async with store.writing() as tx:
                check = await get_check(tx, uid)
                assert check is not None
                now_ns = time.time_ns()
                due = DueRun(
                    run_id=due_run_id("test", check.definition.id, location, now_ns),
                    project="test",
                    check=check.definition.id,
                    location=location,
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


def test_an_outage_lasts_equally_long_wherever_it_is_told(
    checks: Checks, serve: Serve, tmp_path: Path
) -> None:
    well = tmp_path / "well"
    with hooking() as hook:
        folder = alerting(checks(one_check=SLOW), hook)
        with serve(folder, WELL=str(well)) as server:
            fail(server, 2)
            well.write_text("passed")
            assert server.run(server.trigger("watched"))["status"] == "passed"
            server.wait_for(lambda: hook.events == ["opened", "closed"] or None)
            (incident,) = server.ask("/api/v1/incidents")["items"]
            (logged,) = server.logged("incident closed")
            row = re.findall(r"<td.*?</td>", str(server.ask("/incidents")))
    opened, closed = (notice for _, notice in hook.got)
    lasted_ns = incident["duration_ns"]
    assert lasted_ns == incident["ended_ns"] - incident["began_ns"]
    assert incident["ended_ns"] // 10**6 == ns_of(closed["run"]["due_at"]) // 10**6
    assert incident["closed_ns"] - incident["ended_ns"] > 10**9  # the run took as long
    assert closed["incident"]["duration_ns"] == lasted_ns
    assert closed["title"] == f"watched is up again after {format_ns(lasted_ns)}"
    assert logged["lasted"] == format_ns(lasted_ns)
    began, ended = (re.findall(r'datetime="(.*?)"', cell) for cell in row[1:3])
    assert abs(ns_of(ended[0]) - ns_of(began[0]) - lasted_ns) < 2 * 10**6
    assert row[3] == f'<td class="t">{span(lasted_ns)}</td>'
    for member in ("code", "title", "message", "hint", "phase"):
        assert closed["failure"][member] == opened["failure"][member]


def test_a_channel_that_gives_up_is_told_until_it_works_again(
    checks: Checks, serve: Serve, tmp_path: Path
) -> None:
    well = tmp_path / "well"
    with hooking() as hook:
        hook.status = 410
        folder = alerting(checks(one_check=SOURCE), hook, "[alerts]\nafter = 1\n")
        with serve(folder, WELL=str(well)) as server:
            fail(server)
            (problem,) = server.wait_for(lambda: server.ask("/readyz")["problems"] or None)
            assert problem.startswith("channel hook of project test: 1 notice was given up. 127")
            assert problem.endswith(" answered 410 Gone.")
            assert server.ask("/readyz")["status"] == "ready"
            assert json.loads(asked(server, "status", "--json").out)["server"]["problems"] == [
                problem
            ]
            assert "1 notice was given up." in " ".join(asked(server, "status").out.split())
            uid = server.check("watched")["uid"]
            assert f'<a href="/incidents?check={uid}">watched</a>' in page(server)
            hook.status = 204
            well.write_text("passed")
            assert server.run(server.trigger("watched"))["status"] == "passed"
            assert server.ask("/api/v1/incidents")["items"][0]["closed_ns"] is not None
            assert hook.events == ["opened"]  # and not "up again" to who never heard of it
            assert problem in server.ask("/readyz")["problems"]
            well.unlink()
            fail(server)
            server.wait_for(lambda: not server.ask("/readyz")["problems"])
            assert "was given up" not in page(server)
            assert hook.events == ["opened", "opened"]


def test_a_channel_without_its_secret_is_told_before_anything_fails(
    checks: Checks, serve: Serve
) -> None:
    with hooking() as hook:
        more = 'secret = "HOOK_KEY"\n[secrets]\nHOOK_KEY = { env = "HOOK_KEY" }\n'
        folder = alerting(checks(one_check=SOURCE), hook, more)
        with serve(folder) as server:
            (warning,) = server.ask("/api/v1/projects")["items"][0]["warnings"]
            assert warning.startswith("channel hook cannot be told of incidents: checkwire.toml:")
            assert "set it with checkwire secret set HOOK_KEY, or start the server" in warning
            assert server.logged(warning)
            assert "--env" not in server.log
            assert "Channel hook cannot be told of incidents" in page(server)
            told = " ".join(asked(server, "status").out.split())
            assert "▲ test channel hook cannot be told of incidents" in told
            data = ("--data", str(server.data), "--database", server.database)
            done = checkwire("secret", "set", "HOOK_KEY", *data, cwd=folder, given="x")
            assert done.status == 0, done.err
            server.ask("/api/v1/projects/test/reload", method="POST")
            server.wait_for(
                lambda: not server.ask("/api/v1/projects")["items"][0]["warnings"] or None
            )


def test_a_secret_that_a_check_lacks_is_set_on_a_server_in_another_way(
    checks: Checks, serve: Serve
) -> None:
    source = """
        from checkwire import check, secret

        @check
        def watched():
            secret("API_KEY")
    """
    folder = checks(one_check=source)
    with (folder / "checkwire.toml").open("a") as settings:
        settings.write('[secrets]\nAPI_KEY = { env = "ORDERS_KEY" }\n')
    with serve(folder) as server:
        run_id = server.trigger("watched")
        assert server.run(run_id)["status"] == "error"
        hint = server.ask(f"/api/v1/runs/{run_id}/transcript")["attempts"][-1]["failure"]["hint"]
    assert "checkwire secret set API_KEY" in hint
    assert "--env" not in hint


def test_a_project_that_tells_nobody_says_so(checks: Checks, serve: Serve, tmp_path: Path) -> None:
    with serve(checks(one_check=SOURCE), WELL=str(tmp_path / "well")) as server:
        (line,) = [one for one in server.messages if "nobody is told" in one["message"]]
        assert line["message"] == (
            "nobody is told of incidents in test: declare a channel, [channels.NAME]"
        )
        assert line["level"] == "warning"
        fail(server, 2)
        assert server.ask("/api/v1/incidents")["items"][0]["notices"] == []
        for shown in (page(server, server.check("watched")["uid"]), server.ask("/incidents")):
            assert "Nobody is told of it: the project had no channel" in shown
        assert "Nobody is told" not in page(server)


def test_a_paused_check_is_not_down_and_its_incident_is_told(
    checks: Checks, serve: Serve, tmp_path: Path
) -> None:
    def sample(name: str, place: str = "") -> float | None:
        labels = f'{{check="one_check.py::watched",{place}project="test"}}'
        line = re.search(rf"^{re.escape(name + labels)} (\S+)$", server.ask("/metrics"), re.M)
        return None if line is None else float(line[1])

    here = 'location="local",'
    with serve(checks(one_check=SOURCE), WELL=str(tmp_path / "well")) as server:
        fail(server)
        assert sample("checkwire_check_up", here) == 0
        assert sample("checkwire_check_paused") == sample("checkwire_incidents_open") == 0
        fail(server)
        assert sample("checkwire_incidents_open") == 1
        uid = server.check("watched")["uid"]
        server.ask(f"/api/v1/checks/{uid}/pause", method="POST")
        for _ in range(2):  # the second time after a restart
            assert sample("checkwire_check_up", here) is None
            assert sample("checkwire_check_paused") == sample("checkwire_incidents_open") == 1
            told = asked(server, "status")
            assert re.search(r"paused from this machine .*, incident open for \d+ m?s", told.out)
            assert told.status == 0
            assert "Its incident has been open since" in page(server)
            server.stop()
            server.start()


@pytest.mark.parametrize("everywhere", [False, True])
def test_alerts_link_to_where_the_server_listens_if_that_is_one_place(
    checks: Checks, serve: Serve, tmp_path: Path, everywhere: bool
) -> None:
    where = ("--host", "0.0.0.0", "--no-auth", "--allow-host", "0.0.0.0") if everywhere else ()
    with hooking() as hook:
        folder = alerting(checks(one_check=SOURCE), hook, "[alerts]\nafter = 1\n")
        with serve(folder, *where, WELL=str(tmp_path / "well")) as server:
            fail(server)
            server.wait_for(lambda: hook.got or None)
            uid = server.check("watched")["uid"]
            expected = None if everywhere else f"{server.url}/checks/{uid}"
    assert hook.got[0][1]["check"]["url"] == expected


def test_what_is_missed_at_one_location_says_where_and_how_it_stands_elsewhere(
    checks: Checks, serve: Serve, tmp_path: Path
) -> None:
    well = tmp_path / "well"
    well.write_text("passed")
    source = SOURCE.replace("@check", '@check(locations=["eu", "us"])')
    with serve(checks(one_check=source), WELL=str(well)) as server:
        server.trigger("watched")
        server.wait_for(lambda: len(server.check("watched")["states"]) == 2 or None)
        server.kill()
        miss(server, check_uid("test", "one_check.py::watched"), "eu")
        server.start()
        told = asked(server, "status").out
        assert re.search(
            r"no run could begin in time for \S+ m?s at eu \(1 of 2\), passed \d+ s ago at us$",
            told,
            re.M,
        ), told
        assert "Missed at eu: it was due " in page(server)


def test_incidents_are_listed_with_who_was_told(
    checks: Checks, serve: Serve, tmp_path: Path
) -> None:
    well = tmp_path / "well"
    with hooking() as hook:
        folder = alerting(checks(one_check=SOURCE), hook)
        with serve(folder, WELL=str(well)) as server:
            assert asked(server, "incidents").out == "there has been no incident\n"
            fail(server, 2)
            server.wait_for(lambda: hook.got or None)
            server.wait_for(lambda: "Told: hook." in asked(server, "incidents", "--open").out)
            told = asked(server, "incidents")
            (incident,) = server.ask("/api/v1/incidents")["items"]
            assert (told.status, told.err) == (0, "")
            opened_by = incident["opened_by"]
            assert re.search(rf"^  ✕ \S+ +watched +\S+ m?s, open  {opened_by}$", told.out, re.M)
            assert "assertion.failed" in told.out
            well.write_text("passed")
            server.run(server.trigger("watched"))
            assert asked(server, "incidents", "--open").out == "no incident is open\n"
            document = json.loads(asked(server, "incidents", "--check", "watched", "--json").out)
            (shown,) = document["incidents"]
            assert shown["duration_ns"] == shown["ended_ns"] - incident["began_ns"]
            lines = asked(server, "incidents", "--check", "watched").out.splitlines()
            assert all(len(line) <= 100 for line in lines)
            assert re.fullmatch(rf"  ● \S+ +watched +\S+ m?s  +{opened_by}", lines[1])
            assert asked(server, "incidents", "--check", "other").status == 2


def test_a_channel_can_be_tried_and_works_again_from_then_on(
    checks: Checks, serve: Serve, tmp_path: Path
) -> None:
    with hooking() as hook:
        hook.status = 410
        folder = alerting(checks(one_check=SOURCE), hook, "[alerts]\nafter = 1\n")
        with serve(folder, WELL=str(tmp_path / "well")) as server:
            fail(server)
            server.wait_for(lambda: server.ask("/readyz")["problems"] or None)
            tried = asked(server, "channel", "test", "hook")
            assert (tried.status, tried.err) == (1, "")
            assert re.fullmatch(
                r"  ✕ hook  not delivered: 127\.0\.0\.1:\d+ answered 410 Gone\n", tried.out
            )
            assert server.ask("/readyz")["problems"]
            hook.status = 204
            tried = asked(server, "channel", "test", "hook", "--project", "test", "--json")
            document = json.loads(tried.out)
            assert (tried.status, document["delivered"]) == (0, True)
            assert document["said"].endswith("answered 204 No Content")
            server.wait_for(lambda: not server.ask("/readyz")["problems"])
            assert "was given up" not in page(server)
            unknown = asked(server, "channel", "test", "hok")
            assert unknown.status == 2
            assert "the project test has no channel hok: it declares hook" in unknown.err
            assert asked(server, "channel", "test", "hook", "--project", "none").status == 2
    opened, refused, taken = (notice for _, notice in hook.got)
    assert (opened["event"], refused["event"], taken["event"]) == ("opened", "test", "test")
    assert taken.keys() == opened.keys()
    assert taken["title"] == "This is a test of the channel hook: nothing is down"
    assert taken["incident"]["id"] == f"test-{taken['id']}"
    assert refused["id"] != taken["id"]


def ns_of(instant: str) -> int:
    at = datetime.fromisoformat(instant)
    return int(at.timestamp()) * 10**9 + at.microsecond * 1000


def page(server: Server, uid: str = "") -> str:
    return str(server.ask(f"/checks/{uid}" if uid else "/"))
