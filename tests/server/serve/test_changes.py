"""A project that changes while it is watched, at moments that do not suit."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable
from pathlib import Path

from support.serve import Serve, Server

Checks = Callable[..., Path]

ONE = "from checkwire import check\n@check\ndef one():\n    assert True\n"
TWO = ONE.replace("one", "two")
SLOW = """
    import time
    from checkwire import check, log

    @check
    def slow():
        log("begun")
        time.sleep(3)
        assert True
"""


def loaded(server: Server, times: int) -> None:
    """Wait until the project was loaded so often."""
    server.wait_for(lambda: len(server.logged("project loaded")) == times or None)


def test_a_change_while_the_database_is_locked_waits_for_it(checks: Checks) -> None:
    folder = checks(one_check=ONE)
    with Server(folder) as server:
        with contextlib.closing(
            sqlite3.connect(server.data / "checkwire.db", isolation_level=None)
        ) as other:
            other.execute("BEGIN IMMEDIATE")
            (folder / "two_check.py").write_text(TWO)
            refused = "the changed project cannot be loaded; the version before goes on"
            server.wait_for(lambda: server.logged(refused))
            assert "is locked by another process" in server.logged(refused)[0]["why"]
            other.execute("ROLLBACK")
        loaded(server, 2)
        assert server.run(server.trigger("two"))["status"] == "passed"
        assert server.ask("/api/v1/projects")["items"][0]["error"] is None


def test_a_paused_check_that_is_taken_out_and_put_back_is_paused_still(
    checks: Checks, serve: Serve
) -> None:
    source = ONE.replace("@check", "@check(every='10s')")
    folder = checks(one_check=source, two_check=TWO)
    file = folder / "one_check.py"
    with serve(folder) as server:
        server.ask(f"/api/v1/checks/{server.check('one')['uid']}/pause", {})
        server.stop()
        file.unlink()
        for _ in range(2):  # The second start finds it removed already.
            server.start()
            server.stop()
        server.start()
        file.write_text(source)
        loaded(server, 5)
        check = server.check("one")
        assert check["paused"]
        assert check["next_due_ns"] is None
        server.ask(f"/api/v1/checks/{check['uid']}/resume", {})
        assert server.check("one")["next_due_ns"] is not None


def test_a_check_that_goes_while_it_runs_keeps_its_result(checks: Checks, serve: Serve) -> None:
    folder = checks(slow_check=SLOW, two_check=TWO)
    with serve(folder) as server:
        run_id = server.trigger("slow")
        server.wait_for(lambda: server.ask(f"/api/v1/runs/{run_id}")["status"] == "running" or None)
        (folder / "slow_check.py").unlink()
        loaded(server, 2)
        assert server.run(run_id)["status"] == "passed"


def test_what_was_broken_at_the_start_keeps_no_other_change_out(checks: Checks) -> None:
    folder = checks(one_check=ONE, two_check="def two(:\n")
    with Server(folder) as server:
        ready = server.ask("/readyz")
        assert ready["status"] == "ready"
        (problem,) = ready["problems"]
        assert "two_check.py, line 1" in problem
        assert 'checkwire_project_load_failed{project="test"} 1.0' in server.ask("/metrics")

        (folder / "one_check.py").write_text(ONE + TWO.replace("from checkwire import check", ""))
        loaded(server, 2)
        assert server.run(server.trigger("two"))["status"] == "passed"

        (folder / "one_check.py").write_text("def one(:\n")
        server.wait_for(
            lambda: "one_check.py, line 1" in server.ask("/readyz")["problems"][0] or None
        )
        assert len(server.ask("/api/v1/checks")["items"]) == 2

        (folder / "one_check.py").write_text(ONE)
        (folder / "two_check.py").write_text(TWO)
        server.wait_for(lambda: not server.ask("/readyz")["problems"] or None)
        assert server.run(server.trigger("two"))["status"] == "passed"


def test_settings_that_are_gone_are_no_new_version(checks: Checks) -> None:
    folder = checks(one_check=ONE)
    settings = folder / "checkwire.toml"
    text = settings.read_text()
    with Server(folder) as server:
        settings.unlink()
        error = server.wait_for(lambda: server.ask("/api/v1/projects")["items"][0]["error"])
        assert error == f"its settings, {settings}, are gone"
        settings.write_text(text)
        server.wait_for(lambda: server.ask("/api/v1/projects")["items"][0]["error"] is None or None)


def test_a_change_of_services_is_told(checks: Checks) -> None:
    folder = checks(one_check=ONE)
    with Server(folder, "--no-services") as server:
        with (folder / "checkwire.toml").open("a") as settings:
            settings.write('[[service]]\nname = "one"\ncommand = "true"\n')
        server.wait_for(
            lambda: server.logged(
                "its [[service]]s changed: that takes effect with the next start of the server"
            )
        )
