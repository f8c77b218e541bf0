"""What runs when, over pauses, crashes and changes."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Callable
from pathlib import Path

from support.program import checkwire
from support.serve import Serve, Server

Checks = Callable[..., Path]

SECOND = 10**9

SELDOM = """
    from checkwire import check

    @check(every="12h")
    def seldom():
        assert True

    @check(cron="0 4 1 1 *")
    def new_year():
        assert True

    @check
    def never():
        assert True
"""


def test_a_new_check_runs_at_once_and_only_once(checks: Checks, serve: Serve) -> None:
    folder = checks(seldom_check=SELDOM)
    with serve(folder) as server:
        (run,) = server.wait_for(server.runs)
        assert (run["check"], run["cause"], run["status"]) == (
            "seldom_check.py::seldom", "first", "passed",
        )  # fmt: skip
        server.stop()
        server.start()
        (folder / "more_check.py").write_text(
            "from checkwire import check\n@check(every='6h')\ndef more():\n    assert True\n"
        )
        server.wait_for(lambda: len(server.runs()) > 1 or None)
        assert [run["cause"] for run in server.runs()] == ["first", "first"]
        assert server.runs()[0]["check"] == "more_check.py::more"


CRON = """
    from checkwire import check

    @check(cron="30 4 1 1 *", timezone="Europe/Berlin", locations=["eu", "us"],
           scheduling="round-robin")
    def new_year():
        assert True
"""


def test_a_check_with_a_cron_expression_is_shown_with_it(checks: Checks) -> None:
    with Server(checks(new_year_check=CRON)) as server:
        known = server.check("new_year")
        assert (known["every"], known["cron"], known["timezone"], known["scheduling"]) == (
            None, "30 4 1 1 *", "Europe/Berlin", "round-robin",
        )  # fmt: skip
        run_id = server.trigger("new_year")
        overview, page = server.ask("/"), server.ask(f"/checks/{known['uid']}")
        assert "cron 30 4 1 1 *, Europe/Berlin" in overview
        assert page.count("30 4 1 1 *, Europe/Berlin") == 2  # above, and in the definition
        assert "one location, in turn" in page
        server.run(run_id)
        assert "30 4 1 1 *, Europe/Berlin" in server.ask(f"/runs/{run_id}")
        for shown in (overview, page):
            assert "not scheduled" not in shown
            assert "none is scheduled" not in shown

        def asked(*arguments: str) -> str:
            result = checkwire(*arguments, cwd=server.project, CHECKWIRE_SERVER=server.url)
            assert result.status == 0, result.err
            return result.out

        (told,) = json.loads(asked("status", "--json"))["checks"]
        assert (told["cron"], told["timezone"]) == ("30 4 1 1 *", "Europe/Berlin")
        asked("pause", "new_year")
        assert "new_year  scheduled, due in " in asked("resume", "new_year")


WAITING = """
    import time
    from pathlib import Path
    from checkwire import check

    @check
    def first():
        Path("begun").touch()
        while not Path("go").exists():
            time.sleep(0.01)
        assert Path("well").exists()
"""
OTHER = "from checkwire import check\n@check\ndef other():\n    assert True\n"


def test_the_log_says_of_which_project_a_check_is(checks: Checks) -> None:
    folder = checks(first_check=WAITING, other_check=OTHER)
    with Server(folder, "--workers", "1") as server:
        failed = server.trigger("first")
        server.wait_for((folder / "begun").exists)
        server.trigger("other")
        (folder / "other_check.py").unlink()
        server.wait_for(lambda: len(server.logged("project loaded")) > 1 or None)
        (folder / "go").touch()
        assert server.run(failed)["status"] == "failed"
        (folder / "well").touch()
        assert server.run(server.trigger("first"))["status"] == "passed"
        for message in ("runs asked for", "check failed", "a run was missed", "check recovered"):
            told = server.wait_for(lambda message=message: server.logged(message))
            assert {line["project"] for line in told} == {"test"}, message


OVERTAKEN = """
    import time
    from pathlib import Path
    from checkwire import check

    @check(every="10s", timeout="60s")
    def sometimes_slow():
        begun = Path("begun")
        if not begun.exists():
            begun.touch()
            time.sleep(55)
        assert True
"""


def test_a_run_that_others_have_overtaken_is_not_lost_in_a_crash(
    checks: Checks, serve: Serve
) -> None:
    """Planning goes on from the latest instant in the store: the slow run's is before that."""
    folder = checks(slow_check=OVERTAKEN)
    with serve(folder) as server:

        def scheduled() -> list[int]:
            return sorted(
                run["due_ns"] + n * 10 * SECOND
                for run in server.runs()
                if run["cause"] == "schedule"
                for n in range(max(1, run["missed"]))
            )

        server.wait_for(scheduled)
        slow_ns = min(run["due_ns"] for run in server.ask("/api/v1/server")["running"])
        assert scheduled()[0] > slow_ns
        server.kill()
        server.start()
        server.wait_for(lambda: len(scheduled()) >= 3 or None)
        assert scheduled()[0] == slow_ns
        steps = {later - earlier for earlier, later in itertools.pairwise(scheduled())}
        assert steps == {10 * SECOND}


def test_nothing_is_missed_of_a_pause_that_has_ended(checks: Checks) -> None:
    source = "from checkwire import check\n@check(every='10s')\ndef often():\n    assert True\n"
    with Server(checks(often_check=source)) as server:
        server.wait_for(server.runs)
        check = server.check("often")
        server.ask(f"/api/v1/checks/{check['uid']}/pause", {})
        paused_ns = server.check("often")["paused_ns"]
        # Long enough for two of its instants.
        server.wait_for(lambda: time.time_ns() > paused_ns + 21 * SECOND or None)
        server.ask(f"/api/v1/checks/{check['uid']}/resume", {})
        server.kill()
        server.start()
        newest = server.wait_for(
            lambda: [run for run in server.runs() if run["due_ns"] > paused_ns + 21 * SECOND]
        )
        between = [run for run in server.runs() if run not in newest and run["due_ns"] > paused_ns]
        assert between == []
        assert newest[-1]["status"] == "passed"


SECRET = """
    from checkwire import check, secret

    @check
    def knows():
        assert secret("KEY") == "new"
"""


def test_a_secret_that_is_set_while_it_runs_is_used(
    checks: Checks, serve: Serve, tmp_path: Path
) -> None:
    folder = checks(secret_check=SECRET)
    with serve(folder) as server:
        assert server.run(server.trigger("knows"))["status"] != "passed"
        place = {"CHECKWIRE_DATABASE": server.database}
        done = checkwire("secret", "set", "KEY", cwd=folder, given="new", **place)
        assert done.status == 0, done.err
        server.wait_for(lambda: server.logged("secrets changed"))
        server.wait_for(lambda: len(server.logged("project loaded")) == 2 or None)
        assert server.run(server.trigger("knows"))["status"] == "passed"
