"""``checkwire serve``: what it does while all is well, and when the project changes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from support.ports import free_port
from support.processes import is_alive
from support.program import checkwire, environment
from support.serve import Serve, Server

Checks = Callable[..., Path]

SCHEDULED = "from checkwire import check\n" + "".join(
    f'@check(every="10s")\ndef number_{i}():\n    assert True\n' for i in range(8)
)


def test_checks_run_when_they_are_due(checks: Checks, serve: Serve) -> None:
    with serve(checks(many_check=SCHEDULED)) as server:
        runs = server.wait_for(lambda: r if len(r := server.runs()) >= 16 else None)
        by_check: dict[str, list[int]] = {}
        for run in runs:
            assert run["status"] == "passed"
            assert run["cause"] == "schedule"
            by_check.setdefault(run["check"], []).append(run["due_ns"])
        twice = [due for due in by_check.values() if len(due) > 1]
        assert twice
        assert all(due[0] - due[1] == 10 * 10**9 for due in twice)


def test_a_run_that_is_asked_for_has_its_transcript(
    checks: Checks, serve: Serve, tmp_path: Path
) -> None:
    with serve(checks(), MARK=str(tmp_path / "mark")) as server:
        passing, failing, flaky = map(server.trigger, ("passing", "failing", "flaky"))
        assert server.run(passing)["status"] == "passed"
        failed = server.run(failing)
        assert (failed["status"], failed["code"]) == ("failed", "assertion.failed")
        assert "arithmetic is broken" in failed["message"]
        retried = server.run(flaky)
        assert (retried["status"], retried["attempts"], retried["flaky"]) == ("passed", 2, True)
        transcript = server.ask(f"/api/v1/runs/{flaky}/transcript")
        assert [a["status"] for a in transcript["attempts"]] == ["failed", "passed"]


def test_changed_files_are_loaded_and_broken_ones_are_not(checks: Checks, serve: Serve) -> None:
    folder = checks(one_check="from checkwire import check\n@check\ndef one():\n    assert True\n")
    file = folder / "one_check.py"
    with serve(folder) as server:
        file.write_text(file.read_text().replace("assert True", "assert False"))
        server.wait_for(lambda: server.logged("files changed"))
        server.wait_for(lambda: len(server.logged("project loaded")) == 2 or None)
        assert server.run(server.trigger("one"))["status"] == "failed"

        file.write_text("def broken(:\n")
        server.wait_for(lambda: server.ask("/api/v1/projects")["items"][0]["error"])
        assert "one_check.py, line 1" in server.ask("/api/v1/projects")["items"][0]["error"]
        (line,) = server.logged("the changed project cannot be loaded; the version before goes on")
        assert "one_check.py, line 1" in line["why"]
        assert server.run(server.trigger("one"))["status"] == "failed"

        file.write_text("from checkwire import check\n@check\ndef two():\n    assert True\n")
        server.wait_for(lambda: len(server.logged("project loaded")) == 3 or None)
        assert [c["name"] for c in server.ask("/api/v1/checks")["items"]] == ["two"]
        assert server.ask("/api/v1/projects")["items"][0]["error"] is None


def test_sighup_loads_the_project_again(checks: Checks, serve: Serve) -> None:
    folder = checks()
    with serve(folder) as server:
        assert server.process is not None
        server.process.send_signal(signal.SIGHUP)
        server.wait_for(lambda: len(server.logged("project loaded")) == 2 or None)
        assert server.run(server.trigger("passing"))["status"] == "passed"


def test_a_run_ends_on_the_version_it_began_with(checks: Checks, serve: Serve) -> None:
    folder = checks()
    with serve(folder) as server:
        run_id = server.trigger("slow")
        server.wait_for(lambda: server.ask(f"/api/v1/runs/{run_id}")["status"] == "running" or None)
        file = folder / "some_check.py"
        file.write_text(file.read_text().replace("assert True", "assert False"))
        server.wait_for(lambda: len(server.logged("project loaded")) == 2 or None)
        assert server.run(run_id)["status"] == "passed"
        assert server.run(server.trigger("slow"))["status"] == "failed"


def test_a_paused_check_is_not_due(checks: Checks, serve: Serve) -> None:
    with serve(checks(many_check=SCHEDULED)) as server:
        checks_ = [server.check(f"number_{i}") for i in range(8)]
        for check in checks_[1:]:
            server.ask(f"/api/v1/checks/{check['uid']}/pause", {})
        server.wait_for(lambda: server.check("number_1")["paused"] or None)
        paused_ns = max(server.check(f"number_{i}")["paused_ns"] for i in range(1, 8))
        # Within one interval each of them would have been due.
        due = checks_[0]["next_due_ns"]
        server.wait_for(
            lambda: (
                any(r["due_ns"] > due for r in server.runs() if r["check"].endswith("_0")) or None
            )
        )
        after = [run for run in server.runs() if run["due_ns"] > paused_ns]
        assert {run["check"].rpartition("::")[2] for run in after} == {"number_0"}
        server.ask(f"/api/v1/checks/{checks_[1]['uid']}/resume", {})
        assert server.check("number_1")["next_due_ns"] is not None


def test_stopping_lets_runs_end_and_leaves_nothing_behind(checks: Checks, serve: Serve) -> None:
    with serve(checks()) as server:
        run_id = server.trigger("slow")
        server.wait_for(lambda: server.ask(f"/api/v1/runs/{run_id}")["status"] == "running" or None)
        children = server.children
        assert children
        assert server.stop() == 0
        assert not [pid for pid in children if is_alive(pid)]
        server.start()
        assert server.ask(f"/api/v1/runs/{run_id}")["status"] == "passed"


GATED = """
    import time
    from pathlib import Path
    from checkwire import check

    @check
    def gated():
        Path("begun").touch()
        while not Path("go").exists():
            time.sleep(0.01)
        assert True
"""


def test_while_runs_end_it_answers_and_begins_nothing(checks: Checks, serve: Serve) -> None:
    folder = checks(gated_check=GATED)
    with serve(folder) as server:
        asking = subprocess.Popen(
            [sys.executable, "-m", "checkwire", "trigger", "gated", "--wait", "--json"],
            cwd=folder,
            env=environment(CHECKWIRE_SERVER=server.url),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        server.wait_for((folder / "begun").exists)
        assert server.process is not None
        server.process.send_signal(signal.SIGTERM)
        server.wait_for(lambda: server.logged("stopping"))

        def refused(path: str, body: Any = None) -> tuple[int, str]:
            with pytest.raises(urllib.error.HTTPError) as caught:
                server.ask(path, body)
            return caught.value.code, caught.value.read().decode()

        status, told = refused("/readyz")
        assert (status, json.loads(told)["problems"]) == (503, ["The server is stopping."])
        uid = server.check("gated")["uid"]
        assert "gated" in server.ask("/")
        status, told = refused(f"/api/v1/checks/{uid}/runs", {})
        assert (status, json.loads(told)["type"]) == (503, "urn:checkwire:problem:stopping")
        assert "The server is stopping" in json.loads(told)["detail"]
        assert refused("/api/v1/projects/test/reload", {})[0] == 503
        result = checkwire("trigger", "gated", cwd=folder, CHECKWIRE_SERVER=server.url)
        assert (result.status, result.out) == (2, "")
        assert "The server is stopping" in result.err

        (folder / "go").touch()
        out, err = asking.communicate(timeout=30)
        assert (asking.returncode, err) == (0, "")
        (run,) = json.loads(out)["runs"]
        assert (run["status"], run["attempts"][0]["status"]) == ("passed", "passed")
        assert server.process.wait(30) == 0
        server.process.stdout.close()  # type: ignore[union-attr]


def test_a_run_that_takes_too_long_takes_place_again_after_a_restart(
    checks: Checks, serve: Serve
) -> None:
    with serve(checks(), "--patience", "0.1") as server:
        run_id = server.trigger("slow")
        server.wait_for(lambda: server.ask(f"/api/v1/runs/{run_id}")["status"] == "running" or None)
        assert server.stop() == 0
        server.start()
        assert server.run(run_id)["status"] == "passed"


def test_what_was_asked_for_survives_a_crash(checks: Checks, serve: Serve) -> None:
    with serve(checks()) as server:
        run_id = server.trigger("slow")
        server.kill()
        server.start()
        assert server.run(run_id)["status"] == "passed"
        assert [run["run_id"] for run in server.runs()] == [run_id]


def test_metrics_can_be_read_by_prometheus(checks: Checks, serve: Serve) -> None:
    with serve(checks()) as server:
        server.run(server.trigger("failing"))
        families = {f.name: f for f in text_string_to_metric_families(server.ask("/metrics"))}
        assert all(name.startswith("checkwire_") for name in families)
        (counted,) = [s for s in families["checkwire_runs"].samples if s.name.endswith("_total")]
        assert counted.labels["code"] == "assertion.failed"
        assert counted.value == 1
        states = {s.labels["status"]: s.value for s in families["checkwire_check_state"].samples}
        assert states["failed"] == 1
        assert sum(states.values()) == 1


def test_off_loopback_a_token_is_needed(checks: Checks, serve: Serve) -> None:
    with serve(checks(), "--host", "0.0.0.0") as server:
        server.url = server.url.replace("0.0.0.0", "127.0.0.1")
        (line,) = [x for x in server.log.splitlines() if x.startswith("The first token")]
        for path in ("/api/v1/checks", "/metrics"):
            with pytest.raises(urllib.error.HTTPError, match="401"):
                server.ask(path)
        server.token = line.rpartition(" ")[2]
        assert len(server.ask("/api/v1/checks")["items"]) == 4
        assert server.stop() == 0
        server.start()
        assert server.log.count("The first token") == 1
        server.url = server.url.replace("0.0.0.0", "127.0.0.1")
        assert len(server.ask("/api/v1/checks")["items"]) == 4


def test_a_second_signal_waits_for_no_run(checks: Checks) -> None:
    with Server(checks(), "--patience", "600") as server:
        run_id = server.trigger("slow")
        server.wait_for(lambda: server.ask(f"/api/v1/runs/{run_id}")["status"] == "running" or None)
        assert server.process is not None
        server.process.send_signal(signal.SIGTERM)
        (line,) = server.wait_for(lambda: server.logged("stopping"))
        assert line["runs"] == 1
        assert server.stop() == 0
        assert server.logged("runs were ended, and take place again if it is not too late")


def test_whom_a_proxy_stands_for_needs_a_token(checks: Checks) -> None:
    with Server(checks()) as server:
        request = urllib.request.Request(server.url + "/api/v1/checks")
        request.add_header("X-Forwarded-For", "192.0.2.1")
        with pytest.raises(urllib.error.HTTPError, match="403"):
            urllib.request.urlopen(request)
    with Server(server.project, "--auth") as server:
        with pytest.raises(urllib.error.HTTPError, match="401"):
            server.ask("/api/v1/checks")
        server.token = "cw_wrong"
        with pytest.raises(urllib.error.HTTPError, match="401"):
            server.ask("/api/v1/checks")
        assert server.logged("A token that is not good came from 127.0.0.1")
    with (
        Server(server.project, "--no-auth") as server,
        urllib.request.urlopen(
            urllib.request.Request(
                server.url + "/healthz", headers={"X-Forwarded-For": "192.0.2.1"}
            )
        ) as response,
    ):
        assert response.status == 200


SERVICE = """
[[service]]
name = "listener"
command = ["python3", "listen.py", "{port}"]
ready = "tcp://127.0.0.1:{port}"
"""
LISTEN = """
import os, pathlib, socket, sys
pathlib.Path("pid").write_text(str(os.getpid()))
server = socket.create_server(("127.0.0.1", int(sys.argv[1])))
print("listening", flush=True)
while True:
    server.accept()[0].close()
"""


def test_a_service_that_ends_is_started_again(checks: Checks) -> None:
    folder = checks()
    (folder / "listen.py").write_text(LISTEN)
    with (folder / "checkwire.toml").open("a") as settings:
        settings.write(SERVICE.format(port=free_port()))
    with Server(folder) as server:
        first = int((folder / "pid").read_text())
        os.kill(first, signal.SIGKILL)
        (line,) = server.wait_for(lambda: server.logged("a service has ended"))
        assert "service listener ended with -9, and is started again in 1 s" in line["why"]
        assert line["why"].endswith("listening")
        server.wait_for(lambda: int((folder / "pid").read_text() or first) != first or None)
        second = int((folder / "pid").read_text())
        assert is_alive(second)
        assert server.stop() == 0
        assert not is_alive(second)
