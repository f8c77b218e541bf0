"""``checkwire serve`` as a process of its own, and what it answers."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

from support.program import environment

__all__ = ["Serve", "Server"]

_PATIENCE = 30.0
T = TypeVar("T")
Serve = Callable[..., "Server"]
"""Makes a :class:`Server`, with its arguments."""


class Server:
    """A running server; ``with`` ends it, and checks that it ended well.

    Args:
        project: the project's folder.
        arguments: further ones for ``serve``.
        data: its folder; by default that in the project's.
        database: its URL; by default it is SQLite's, in that folder.

    Attributes:
        url: where it answers.
        process: the program.
        token: sent with every request, if set.
    """

    def __init__(
        self,
        project: Path,
        *arguments: str,
        data: Path | None = None,
        database: str | None = None,
        **variables: str,
    ) -> None:
        self.project = project
        self.data = data or project / ".checkwire"
        self.database = database or f"sqlite:///{self.data}/checkwire.db"
        self.arguments = (*(("--database", database) if database else ()), *arguments)
        self.variables = variables
        self.token = ""
        self.url = ""
        self.process: subprocess.Popen[str] | None = None
        self._log = project.parent / f"{project.name}.log"

    def __enter__(self) -> Server:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self.process is not None and self.process.poll() is None:
            status = self.stop() if error is None else self.kill()
            assert error is not None or status == 0, self.log
        if error is not None:
            sys.stderr.write(self.log)

    def start(self) -> None:
        """Start it, and wait until it answers."""
        with self._log.open("a") as log:
            self.process = subprocess.Popen(
                [
                    sys.executable, "-m", "checkwire", "serve", str(self.project),
                    "--port", "0", "--data", str(self.data), "--log-format", "json",
                    *self.arguments,
                ],
                env=environment(**self.variables),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )  # fmt: skip
        assert self.process.stdout is not None
        self.url = self.process.stdout.readline().strip()
        assert self.url, self.log

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Ask it to end; its exit status."""
        assert self.process is not None
        self.process.send_signal(number)
        return self._ended()

    def kill(self) -> int:
        """End it at once."""
        assert self.process is not None
        self.process.kill()
        return self._ended()

    def _ended(self) -> int:
        assert self.process is not None
        status = self.process.wait(_PATIENCE)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return status

    @property
    def log(self) -> str:
        """What it has written to its log, from all its starts."""
        return self._log.read_text()

    @property
    def messages(self) -> list[dict[str, Any]]:
        """The lines of its log."""
        return [json.loads(line) for line in self.log.splitlines() if line.startswith("{")]

    def logged(self, message: str) -> list[dict[str, Any]]:
        """The lines with that message."""
        return [line for line in self.messages if line["message"] == message]

    def ask(self, path: str, body: Any = None, method: str | None = None) -> Any:
        """What it answers, decoded if it is JSON.

        Raises:
            urllib.error.HTTPError: a status of 400 or more.
        """
        request = urllib.request.Request(self.url + path, method=method)
        if body is not None or method == "POST":
            request.data = json.dumps(body or {}).encode()
            request.add_header("Content-Type", "application/json")
        if self.token:
            request.add_header("Authorization", f"Bearer {self.token}")
        with urllib.request.urlopen(request, timeout=_PATIENCE) as response:
            text = response.read().decode()
            is_json = "json" in response.headers.get("Content-Type", "")
            return json.loads(text) if is_json else text

    def check(self, name: str) -> dict[str, Any]:
        """The check of that name."""
        items = self.ask("/api/v1/checks?limit=200")["items"]
        return next(item for item in items if item["name"] == name)

    def trigger(self, name: str) -> str:
        """Ask for a run of a check; its id."""
        asked = self.ask(f"/api/v1/checks/{self.check(name)['uid']}/runs", {})
        return str(asked["runs"][0]["run_id"])

    def run(self, run_id: str) -> dict[str, Any]:
        """A run, once it has a result."""

        def found() -> dict[str, Any] | None:
            try:
                run: dict[str, Any] = self.ask(f"/api/v1/runs/{run_id}")
            except urllib.error.HTTPError as error:
                if error.code != 404:
                    raise
                return None
            return run if run.get("status") not in (None, "running", "waiting") else None

        return self.wait_for(found)

    def runs(self, query: str = "") -> list[dict[str, Any]]:
        """All runs, newest first."""
        found: list[dict[str, Any]] = []
        after = ""
        while True:
            page = self.ask(f"/api/v1/runs?limit=100{query}{after}")
            found += page["items"]
            if page["next"] is None:
                return found
            after = f"&cursor={page['next']}"

    def wait_for(self, condition: Callable[[], T | None], seconds: float = _PATIENCE) -> T:
        """What the condition gives, once it gives something."""
        deadline = time.monotonic() + seconds
        while not (found := condition()):
            assert self.process is not None
            assert self.process.poll() is None, f"it has ended\n{self.log}"
            assert time.monotonic() < deadline, f"it did not come true\n{self.log}"
            time.sleep(0.05)
        return found

    @property
    def pid(self) -> int:
        """The process's id."""
        assert self.process is not None
        return self.process.pid

    @property
    def children(self) -> list[int]:
        """Its child processes."""
        task = Path(f"/proc/{self.pid}/task/{self.pid}/children")
        return [int(pid) for pid in task.read_text().split()]
