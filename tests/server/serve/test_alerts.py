"""Incidents from end to end: a check fails, people are told once, also over a crash."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from support.serve import Serve, Server

Checks = Callable[..., Path]

SOURCE = """
    import os, pathlib
    from checkwire import check

    @check
    def watched():
        assert pathlib.Path(os.environ["WELL"]).exists()
"""


class Hook:
    """What came in, and whether it is answered well."""

    def __init__(self) -> None:
        self.url = ""
        self.status = 204
        self.got: list[tuple[str, dict[str, Any]]] = []

    @property
    def events(self) -> list[str]:
        return [notice["event"] for _, notice in self.got]


@contextmanager
def hooking() -> Iterator[Hook]:
    hook = Hook()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            hook.got.append((self.headers["Idempotency-Key"], json.loads(body)))
            self.send_response(hook.status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        hook.url = f"http://127.0.0.1:{server.server_port}/hook"
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield hook
        finally:
            server.shutdown()
            thread.join()


def alerting(folder: Path, hook: Hook) -> Path:
    with (folder / "checkwire.toml").open("a") as settings:
        settings.write(f'[channels.hook]\nkind = "webhook"\nurl = "{hook.url}"\n')
    return folder


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
