"""The commands that ask a server, and a server with runs of every kind for them."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
from fastapi import FastAPI

from checkwire.model.attempt import Run
from checkwire.model.definition import CheckDefinition
from checkwire.model.due import check_uid
from checkwire.server.api import create_app
from checkwire.server.auth import Auth
from checkwire.server.monitor import ProjectStatus
from support import samples
from support.program import Result, checkwire, environment
from support.server.running import Running, serving

__all__ = ["Watched", "watching"]

PROJECT = "shop"
SECOND_NS = 1_000_000_000


class Watched:
    """A server that watches the samples' project, and a folder from where it is asked.

    Attributes:
        server: its inside.
        folder: the current folder of those who ask; without any settings.
        now_ns: when the latest round of runs was due.
        runs: the samples, by the names of their checks.
    """

    def __init__(self, server: Running, folder: Path) -> None:
        self.server = server
        self.folder = folder
        self.now_ns = time.time_ns()
        self.runs = {run.check.name: run for run in samples.everything()}

    @property
    def url(self) -> str:
        return self.server.url

    def uid(self, name: str) -> str:
        return check_uid(PROJECT, self.runs[name].check.id)

    def store(self, name: str, run: Run, age_ns: int, location: str = "eu") -> str:
        """A run of the past; its id."""
        due_ns = self.now_ns - age_ns
        work = self.server.monitor.store_run(self.uid(name), run, due_ns, location)
        return self.server.do(work).run_id

    def move(self, name: str, path: str) -> str:
        """The check's file is renamed; the uid that the check has from then on."""
        runs = self.runs.values()
        checks = [run.check for run in runs]
        before = self.runs[name].check
        moved = msgspec.structs.replace(before, id=f"{path}::{before.function}", path=path)
        checks[checks.index(before)] = moved
        self.server.do(_watch(self.server, PROJECT, checks))
        return check_uid(PROJECT, moved.id)

    def watch(self, project: str, *names: str, tag: str) -> None:
        """The server watches another project, too, with those checks of the samples."""
        checks = [msgspec.structs.replace(self.runs[name].check, tags=(tag,)) for name in names]
        self.server.do(_watch(self.server, project, checks))

    def ask(self, *arguments: str, **variables: str) -> Result:
        """Run a command to its end; it knows the server, and no login but its own."""
        return checkwire(*arguments, cwd=self.folder, **self._variables(variables))

    def told(self, *arguments: str, **variables: str) -> Any:
        """The JSON document of a command."""
        result = self.ask(*arguments, "--json", **variables)
        assert result.err == ""
        return json.loads(result.out)

    @contextmanager
    def asking(self, *arguments: str, **variables: str) -> Iterator[subprocess.Popen[str]]:
        """A command under way."""
        with subprocess.Popen(
            [sys.executable, "-m", "checkwire", *arguments],
            cwd=self.folder,
            env=environment(**self._variables(variables)),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            try:
                yield process
            finally:
                process.kill()

    def _variables(self, variables: dict[str, str]) -> dict[str, str]:
        usual = {
            "CHECKWIRE_SERVER": self.url,
            "XDG_CONFIG_HOME": str(self.folder / "config"),
            "COLUMNS": "80",
        }
        return {**usual, **variables}


async def _prepare(server: Running) -> None:
    await _watch(server, PROJECT, [run.check for run in samples.everything()])


async def _watch(server: Running, project: str, checks: Sequence[CheckDefinition]) -> None:
    status = ProjectStatus(
        key=project,
        name=project.title(),
        root=f"/srv/{project}",
        loaded_ns=time.time_ns(),
        digest="",
        checks=len(checks),
    )
    definitions = [
        msgspec.structs.replace(check, every=60.0, locations=("eu", "us")) for check in checks
    ]
    await server.monitor.add_project(status, definitions)


@contextmanager
def watching(folder: Path, *, required: bool = False) -> Iterator[Watched]:
    """A server with one round of runs of all samples.

    Args:
        folder: for its data, and for those who ask.
        required: whether it wants a token.
    """

    def build(server: Running) -> FastAPI:
        return create_app(server.monitor, Auth(server.store, required))

    data, home = folder / "data", folder / "home"
    data.mkdir()
    home.mkdir()
    with serving(f"sqlite:///{data}/checkwire.db", build, _prepare) as server:
        made = Watched(server, home)
        for number, (name, run) in enumerate(made.runs.items()):
            made.store(name, run, number * SECOND_NS)
        yield made
