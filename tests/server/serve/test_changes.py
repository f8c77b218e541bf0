"""A project that changes while it is watched, at moments that do not suit."""

from __future__ import annotations

import contextlib
import os
import signal
import sqlite3
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from support.processes import is_alive
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
IMPORTED_FOR = """
    import os, pathlib, time
    with open(pathlib.Path(__file__).with_name("importing"), "a") as file:
        print(os.getpid(), file=file)
    time.sleep({seconds})
"""


def importers(folder: Path) -> list[int]:
    """The processes that have begun to import a file with ``IMPORTED_FOR`` in it."""
    try:
        return [int(pid) for pid in (folder / "importing").read_text().split()]
    except FileNotFoundError:
        return []


def imported_for(seconds: float) -> str:
    """Source that takes so long to be imported."""
    return textwrap.dedent(IMPORTED_FOR.format(seconds=seconds))


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


def test_a_table_that_becomes_wrong_runs_on_as_it_was(checks: Checks) -> None:
    folder = checks(one_check=ONE)
    right = '[[check]]\nname = "Closed"\nurl = "ws://127.0.0.1:1"\nexpect.failure = "tcp.refused"\n'
    file = folder / "closed.check.toml"
    file.write_text(right)
    with Server(folder) as server:
        assert server.run(server.trigger("Closed"))["status"] == "passed"
        file.write_text(right.replace("tcp.refused", "tcp.refusd"))
        server.wait_for(lambda: server.ask("/readyz")["problems"] or None)
        (problem,) = server.ask("/readyz")["problems"]
        assert "closed.check.toml" in problem
        assert 'no failure has the code "tcp.refusd"; did you mean "tcp.refused"?' in problem
        for name in ("Closed", "one"):
            assert server.run(server.trigger(name))["status"] == "passed"

        file.write_text(right.replace("tcp.refused", "dns.*"))
        server.wait_for(lambda: not server.ask("/readyz")["problems"] or None)
        assert server.run(server.trigger("Closed"))["status"] == "failed"


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


def files(server: Server, folder: Path) -> None:
    """Let it notice by itself."""


def hangup(server: Server, folder: Path) -> None:
    """Have it look by a signal."""
    os.kill(server.pid, signal.SIGHUP)


def reload(server: Server, folder: Path) -> None:
    """Have it look by the API, which answers once that is done."""
    server.ask("/api/v1/projects/test/reload", method="POST")
    assert {check["name"] for check in server.ask("/api/v1/checks")["items"]} == {"one", "two"}


@pytest.mark.parametrize("told", [files, hangup, reload])
def test_a_file_that_hangs_as_it_is_imported_keeps_no_repair_waiting(
    checks: Checks, told: Callable[[Server, Path], None]
) -> None:
    folder = checks(one_check=ONE)
    with Server(folder) as server:
        (folder / "two_check.py").write_text(imported_for(60) + TWO)
        server.wait_for(lambda: importers(folder))
        (hanging,) = importers(folder)
        assert server.run(server.trigger("one"))["status"] == "passed"
        assert server.ask("/readyz")["problems"] == []

        (folder / "two_check.py").write_text(TWO)
        repaired = time.monotonic()
        told(server, folder)
        loaded(server, 2)
        assert time.monotonic() - repaired < 10  # 30 is what the import of a file may take
        assert not is_alive(hanging)
        assert server.run(server.trigger("two"))["status"] == "passed"
        assert len(server.logged("project loaded")) == 2


def test_a_file_that_hangs_is_replaced_by_one_that_is_broken(checks: Checks) -> None:
    folder = checks(one_check=ONE)
    with Server(folder) as server:
        (folder / "two_check.py").write_text(imported_for(60) + TWO)
        server.wait_for(lambda: importers(folder))
        (folder / "two_check.py").write_text("def two(:\n")
        error = server.wait_for(lambda: server.ask("/api/v1/projects")["items"][0]["error"], 10)
        assert "two_check.py, line 1" in error
        assert server.run(server.trigger("one"))["status"] == "passed"


@contextlib.contextmanager
def restless(file: Path, pause: float) -> Iterator[None]:
    """Change a file again and again."""
    ended = threading.Event()

    def change() -> None:
        number = 0
        while not ended.wait(pause):
            file.write_text(str(number := number + 1))

    thread = threading.Thread(target=change)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def test_files_that_never_come_to_rest_are_loaded_all_the_same(checks: Checks) -> None:
    folder = checks(one_check=ONE)
    with Server(folder) as server, restless(folder / "some.json", 0.8):
        (folder / "two_check.py").write_text(imported_for(2) + TWO)
        loaded(server, 2)
        assert len(importers(folder)) > 1
        assert server.run(server.trigger("two"))["status"] == "passed"
