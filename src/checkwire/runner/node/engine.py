"""The engine for JavaScript and TypeScript: a Node process per attempt, prepared ahead."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, NamedTuple

import msgspec

from checkwire.model.attempt import Attempt
from checkwire.model.definition import CheckDefinition
from checkwire.model.events import Event
from checkwire.model.failures import Failure, Location
from checkwire.model.masking import Masker
from checkwire.project.config import Project
from checkwire.project.scripts import define_script
from checkwire.runner.engine import LoadedChecks
from checkwire.runner.node.playwright.installation import Playwright, find_playwright
from checkwire.runner.node.playwright.reader import PlaywrightReader
from checkwire.runner.node.reader import NodeReader
from checkwire.runner.node.runtime import NoRuntime, Runtime, find_runtime
from checkwire.runner.python.demand import Demand
from checkwire.runner.python.engine import PythonEngine
from checkwire.runner.python.environ import from_bytes, to_bytes
from checkwire.runner.python.handle import ZygoteHandle
from checkwire.runner.python.launch import ZygoteProcess
from checkwire.runner.python.messages import Connecting, Job, Program
from checkwire.runner.python.pool import Pool
from checkwire.runner.python.supervisor import Supervisor

__all__ = ["NodeEngine"]

_MOST_WAITING: Final = 4
"""Processes that wait for a job; each takes 40 MB."""
_HOOK: Final = Path(__file__).with_name("hook")
_PLAYWRIGHT: Final = "playwright/main.cjs"
_VENDORED: Final = Path(__file__).with_name("vendor")
_AT_EXEC: Final[tuple[str, ...]] = (
    "NODE_OPTIONS",
    "NODE_EXTRA_CA_CERTS",
    "NODE_TLS_REJECT_UNAUTHORIZED",
    "LD_LIBRARY_PATH",
)
"""Variables that Node reads before any script could set them."""


class _Limits(NamedTuple):
    """What a process is started as, and what it may take, see :class:`CheckDefinition`."""

    main: str
    memory: int
    cpu: float
    files: int
    file_size: int


class _NodeJob(msgspec.Struct, frozen=True, kw_only=True):
    """What the hook is told, as JSON: see ``hook/main.cjs``."""

    check: str
    script: str
    root: str
    timeout_ms: float
    env: dict[str, str]
    resolve: tuple[tuple[str, int, str, int], ...]
    packages: dict[str, str]
    limits: dict[str, int]
    playwright: Playwright | None = None
    folder: str = ""


class NodeEngine(PythonEngine):
    """Runs scripts, each attempt in a Node process of its own.

    The processes are children of a zygote that has imported no file of anybody's, so that they are
    isolated, limited and cleaned up after as Python checks are. Some are started ahead: they have
    loaded all but the script, and wait for their job.

    Args:
        project: the project.
        env: the environment of the scripts.
        process: a zygote that was started before; otherwise one is started when it is needed.
        connecting: options for every connection.
        descriptors: how many the zygote may have open; by default as many as this one.
        waiting: how many processes may wait for a job at most.
    """

    def __init__(
        self,
        project: Project,
        *,
        env: dict[str, str],
        process: ZygoteProcess | None = None,
        connecting: Connecting | None = None,
        descriptors: int | None = None,
        waiting: int = 0,
    ) -> None:
        super().__init__(project, env=env, process=process, descriptors=descriptors)
        self._runtime: Runtime | None = None
        self._connecting = connecting or Connecting()
        self._most = min(waiting, _MOST_WAITING)
        self._pools: dict[_Limits, Pool] = {}
        self._limits: Counter[_Limits] = Counter()
        self._playwrights: dict[str, Playwright] = {}
        self._folders: dict[int, str] = {}

    async def load(self, files: Sequence[Path]) -> LoadedChecks:
        """See what the files say of themselves. They are read by Node when they run."""
        definitions: list[CheckDefinition] = []
        failures: dict[str, Failure] = {}
        try:
            self._runtime = find_runtime(self._env)
        except NoRuntime as error:
            for file in files:
                path = self._relative(file)
                failures[path] = _cannot_run(path, str(error))
            return LoadedChecks(failures=failures)
        for file in files:
            path = self._relative(file)
            defined = define_script(file, self._project, path)
            lacking = None if isinstance(defined, Failure) else self._lacking(file, defined)
            if lacking is not None:
                failures[path] = lacking
            elif isinstance(defined, Failure):
                failures[path] = defined
            else:
                definitions.append(defined)
        self._limits.update(map(_limits_of, definitions))
        if definitions:
            await super().load(())
        return LoadedChecks(tuple(definitions), failures)

    def _lacking(self, file: Path, definition: CheckDefinition) -> Failure | None:
        """What is not there that the script needs."""
        assert self._runtime is not None
        path = definition.path
        if definition.engine == "playwright":
            found = find_playwright(file, self._project.root, path)
            if isinstance(found, Failure):
                return found
            self._playwrights[path] = found
        elif file.suffix in (".ts", ".mts", ".cts") and not self._runtime.strips_types:
            return _cannot_run(
                path,
                f"TypeScript needs Node 22.18 or newer, and this is {self._runtime.shown}: "
                "pip install 'checkwire[node]'",
            )
        return None

    async def close(self) -> None:
        """End all attempts, as cancelled, and what was prepared; wait until all is gone."""
        for pool in self._pools.values():
            pool.close()
        await super().close()

    def expect(self, attempts: int) -> None:
        """So many attempts are about to begin at once: have their processes ready."""
        if self._pool is None:
            return
        # More than there are CPUs would only keep each other from starting.
        left = min(attempts, os.cpu_count() or 1)
        for limits, count in self._limits.most_common():
            self._pool_with(limits, self._pool.zygote).expect(min(count, left))
            left -= min(count, left)

    async def _try(
        self, job: Job, on_event: Callable[[Event], None] | None, note: str = ""
    ) -> tuple[Attempt, bool]:
        if job.definition.engine != "playwright":
            return await super()._try(job, on_event, note)
        # Playwright wants one for what tests attach; killed, it could not take it away itself.
        with TemporaryDirectory(prefix="checkwire-", ignore_cleanup_errors=True) as folder:
            self._folders[id(job)] = folder
            try:
                return await super()._try(job, on_event, note)
            finally:
                del self._folders[id(job)]

    def _supervise(self, job: Job, on_event: Callable[[Event], None] | None) -> Supervisor:
        definition = job.definition
        masker = Masker(from_bytes(job.secrets).values())
        playwright = self._playwrights.get(definition.path)
        kind = NodeReader if playwright is None else PlaywrightReader
        reader = kind(definition, self._project.root, masker)
        env = _as_text(from_bytes(job.env))
        if playwright is not None and job.connecting.ca is not None:
            env["NODE_EXTRA_CA_CERTS"] = job.connecting.ca  # for the processes that it starts
        message = _NodeJob(
            check=definition.id,
            script=str(Path(self._project.root, definition.path)),
            root=self._project.root,
            timeout_ms=definition.timeout * 1000,
            env=env,
            resolve=job.connecting.resolve,
            packages={"ws": str(_VENDORED / "ws")},
            limits={"payload": reader.payload, "body": reader.payload},
            playwright=playwright,
            folder=self._folders.get(id(job), ""),
        )
        return Supervisor(
            job,
            root=self._project.root,
            on_event=on_event,
            message=msgspec.json.encode(message),
            reader=reader,
            masker=masker,
        )

    async def _pool_for(self, job: Job) -> Pool:
        pool = await self._living_pool()
        return self._pool_with(_limits_of(job.definition), pool.zygote)

    def _pool_with(self, limits: _Limits, zygote: ZygoteHandle) -> Pool:
        """The processes that have these limits: they have them from the start."""
        pool = self._pools.get(limits)
        if pool is None or pool.zygote is not zygote:
            if pool is not None:
                pool.close()
            pool = self._pools[limits] = Pool(zygote, Demand(self._most), self._program(limits))
        return pool

    def _program(self, limits: _Limits) -> Program:
        assert self._runtime is not None
        env: dict[str, str] = {name: self._env[name] for name in _AT_EXEC if name in self._env}
        if self._connecting.ca is not None:
            env["NODE_EXTRA_CA_CERTS"] = self._connecting.ca
        return Program(
            arguments=(*self._runtime.arguments(limits.memory), str(_HOOK / limits.main)),
            env=to_bytes(env),
            data=self._runtime.data_limit(limits.memory, threads=limits.main == _PLAYWRIGHT),
            cpu=limits.cpu,
            files=limits.files,
            file_size=limits.file_size,
        )


def _limits_of(definition: CheckDefinition) -> _Limits:
    main = _PLAYWRIGHT if definition.engine == "playwright" else "main.cjs"
    return _Limits(main, definition.memory, definition.cpu, definition.files, definition.file_size)


def _cannot_run(path: str, why: str) -> Failure:
    return Failure(
        code="runner.start",
        message=f"{path} cannot be run: {why}",
        hint="The extra brings a Node of its own, and leaves that of the machine alone",
        location=Location(path, 1),
    )


def _as_text(env: dict[str, str]) -> dict[str, str]:
    """The variables that JSON can hold: those whose bytes are text."""
    return {
        name: value
        for name, value in env.items()
        if not any("\ud800" <= character <= "\udfff" for character in name + value)
    }
