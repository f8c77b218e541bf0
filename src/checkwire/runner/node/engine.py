"""The engine for JavaScript and TypeScript: a Node process per attempt, prepared ahead."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, NamedTuple

import msgspec

from checkwire.model.attempt import Attempt
from checkwire.model.definition import CheckDefinition, Isolation
from checkwire.model.events import Event
from checkwire.model.failures import Failure, Location
from checkwire.model.masking import Masker
from checkwire.project.config import Project
from checkwire.project.scripts import define_script
from checkwire.runner.engine import EngineError, LoadedChecks
from checkwire.runner.node.authorities import EXTRA, JoinedAuthorities
from checkwire.runner.node.playwright.installation import Playwright, find_playwright
from checkwire.runner.node.playwright.reader import PlaywrightReader
from checkwire.runner.node.reader import NodeReader
from checkwire.runner.node.runtime import NoRuntime, Runtime, find_runtime
from checkwire.runner.python.demand import Demand
from checkwire.runner.python.environ import from_bytes, to_bytes
from checkwire.runner.python.forking import ForkingEngine
from checkwire.runner.python.handle import ZygoteHandle
from checkwire.runner.python.launch import ZygoteProcess
from checkwire.runner.python.messages import Connecting, Job, Program
from checkwire.runner.python.pool import Pool
from checkwire.runner.python.sandbox.view import PRIVATE
from checkwire.runner.python.supervisor import Supervisor

__all__ = ["NodeEngine"]

_MOST_WAITING: Final = 4
"""Processes that wait for a job; each takes 40 MB."""
_HOOK: Final = Path(__file__).with_name("hook")
_PLAYWRIGHT: Final = "playwright/main.cjs"
_VENDORED: Final = Path(__file__).with_name("vendor")
_AT_EXEC: Final[tuple[str, ...]] = (
    "NODE_OPTIONS",
    EXTRA,
    "NODE_TLS_REJECT_UNAUTHORIZED",
    "LD_LIBRARY_PATH",
)
"""Variables that Node reads before any script could set them."""
_NAMES: Final = ("/etc/hosts", "/etc/nsswitch.conf", "/etc/resolv.conf")
"""What says how names are looked up."""


class _Bounds(NamedTuple):
    """What a process is started as, in what, and what it may take; see :class:`CheckDefinition`."""

    main: str
    isolation: Isolation
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


class NodeEngine(ForkingEngine):
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
        readable: files outside of the project that scripts read, absolute paths.
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
        readable: tuple[str, ...] = (),
        waiting: int = 0,
    ) -> None:
        super().__init__(
            project, env=env, process=process, descriptors=descriptors, readable=readable
        )
        self._runtime: Runtime | None = None
        self._connecting = connecting or Connecting()
        self._most = min(waiting, _MOST_WAITING)
        self._prepared: dict[_Bounds, Pool] = {}
        self._bounds: Counter[_Bounds] = Counter()
        self._joined: JoinedAuthorities | None = None
        self._names: list[tuple[int, int]] = []
        self._playwrights: dict[str, Playwright] = {}
        self._folders: dict[int, str] = {}

    async def load(
        self, files: Sequence[Path], declared: Sequence[CheckDefinition] = ()
    ) -> LoadedChecks:
        """See what the files say of themselves. They are read by Node when they run."""
        paths = (*map(_script_of, declared), *map(self._relative, files))
        definitions: list[CheckDefinition] = []
        failures: dict[str, Failure] = {}
        try:
            self._runtime = find_runtime(self._env)
        except NoRuntime as error:
            return LoadedChecks(failures={path: _cannot_run(path, str(error)) for path in paths})
        found: list[CheckDefinition | Failure] = list(declared)
        found += (define_script(file, self._project, self._relative(file)) for file in files)
        for path, one in zip(paths, found, strict=True):
            failure = one if isinstance(one, Failure) else self._lacking(one)
            if failure is not None:
                failures[path] = failure
            elif isinstance(one, CheckDefinition):
                definitions.append(one)
        self._bounds.update(map(_bounds_of, definitions))
        loaded = LoadedChecks()
        if definitions:
            sandboxed = [one for one in definitions if one.isolation == "sandbox"]
            self._sandboxed = bool(sandboxed)
            self._readable += (*self._runtime.files, str(_HOOK), str(_VENDORED))
            self._readable += tuple(self._packages_of(sandboxed))
            self._trust()
            loaded = await self._load(())
        return LoadedChecks(
            tuple(definitions),
            failures,
            blocking=frozenset(definition.id for definition in definitions),
            no_sandbox=loaded.no_sandbox,
        )

    async def attempt(self, job: Job, on_event: Callable[[Event], None] | None = None) -> Attempt:
        """Run one attempt. Whatever goes wrong is told in it."""
        return await self._isolated(job, on_event)

    def is_shared(self, _: CheckDefinition) -> bool:
        """Every script has a process of its own."""
        return False

    def _packages_of(self, definitions: Iterable[CheckDefinition]) -> set[str]:
        """Where Node looks for packages of scripts: above the project, too, as in workspaces."""
        scripts = (Path(self._project.root, _script_of(one)) for one in definitions)
        folders = {folder for script in scripts for folder in script.parents}
        found = (folder / "node_modules" for folder in folders)
        return {str(packages) for packages in found if packages.is_dir()}

    def _lacking(self, definition: CheckDefinition) -> Failure | None:
        """What is not there that the script needs."""
        assert self._runtime is not None
        path = _script_of(definition)
        file = Path(self._project.root, path)
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
        for pool in self._prepared.values():
            pool.close()
        await super().close()
        if self._joined is not None:
            self._joined.close()
            self._joined = None

    def expect(self, attempts: int, isolation: Isolation = "process") -> None:
        """So many attempts are about to begin at once: have their processes ready."""
        pool = self._pools.get("process")
        if pool is None:
            return
        # More than there are CPUs would only keep each other from starting.
        left = min(attempts, os.cpu_count() or 1)
        for bounds, count in self._bounds.most_common():
            if bounds.isolation == isolation:
                self._pool_with(bounds, pool.zygote).expect(min(count, left))
                left -= min(count, left)

    async def _try(
        self, job: Job, on_event: Callable[[Event], None] | None, note: str = ""
    ) -> tuple[Attempt, bool]:
        if job.definition.engine != "playwright" or job.definition.isolation == "sandbox":
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
        playwright = self._playwrights.get(_script_of(definition))
        kind = NodeReader if playwright is None else PlaywrightReader
        reader = kind(definition, self._project.root, masker)
        env = _env_of(job)
        if playwright is not None and self._authorities is not None:
            env[EXTRA] = self._authorities  # for the processes that it starts
        message = _NodeJob(
            check=definition.id,
            script=str(Path(self._project.root, _script_of(definition))),
            root=self._project.root,
            timeout_ms=definition.timeout * 1000,
            env=env,
            resolve=job.connecting.resolve,
            packages={"ws": str(_VENDORED / "ws")},
            limits={"payload": reader.payload, "body": reader.payload},
            playwright=playwright,
            folder=self._folders.get(id(job), PRIVATE[0]),
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
        if self._joined is not None:
            self._joined.refresh()
        return self._pool_with(_bounds_of(job.definition), await self._living_zygote())

    def _pool_with(self, bounds: _Bounds, zygote: ZygoteHandle) -> Pool:
        if bounds.isolation == "sandbox":
            self._let_go_of_those_that_cannot_look_up_names()
        pool = self._prepared.get(bounds)
        if pool is None or pool.zygote is not zygote:
            if pool is not None:
                pool.close()
            pool = self._prepared[bounds] = Pool(
                zygote, Demand(self._most), bounds.isolation, self._program(bounds)
            )
        return pool

    def _let_go_of_those_that_cannot_look_up_names(self) -> None:
        """What is sealed may open the files that were there then, and not those in their place."""
        names = [identity for path in _NAMES if (identity := _identity(path)) is not None]
        if names != self._names:
            self._names = names
            for bounds in [one for one in self._prepared if one.isolation == "sandbox"]:
                self._prepared.pop(bounds).close()

    def _trust(self) -> None:
        """Let ``--ca`` hold together with what the environment names."""
        theirs, ours = self._env.get(EXTRA), self._connecting.ca
        if not theirs:
            return
        theirs = str(Path(self._project.root, theirs))
        if ours is not None:
            try:
                self._joined = JoinedAuthorities(theirs, ours)
            except OSError as error:
                raise EngineError(
                    f"{EXTRA} cannot be joined with {ours}: {error.strerror}"
                ) from None
            self._readable += (self._joined.path,)
        elif Path(theirs).exists():
            self._readable += (theirs,)

    @property
    def _authorities(self) -> str | None:
        """The file with what ``--ca`` adds, if it is given."""
        return self._connecting.ca if self._joined is None else self._joined.path

    def _program(self, bounds: _Bounds) -> Program:
        assert self._runtime is not None
        env: dict[str, str] = {name: self._env[name] for name in _AT_EXEC if name in self._env}
        if self._authorities is not None:
            env[EXTRA] = self._authorities
        return Program(
            arguments=(*self._runtime.arguments(bounds.memory), str(_HOOK / bounds.main)),
            env=to_bytes(env),
            data=self._runtime.data_limit(bounds.memory, threads=bounds.main == _PLAYWRIGHT),
            cpu=bounds.cpu,
            files=bounds.files,
            file_size=bounds.file_size,
        )


def _bounds_of(definition: CheckDefinition) -> _Bounds:
    return _Bounds(
        _PLAYWRIGHT if definition.engine == "playwright" else "main.cjs",
        "sandbox" if definition.isolation == "sandbox" else "process",
        definition.memory,
        definition.cpu,
        definition.files,
        definition.file_size,
    )


def _identity(path: str) -> tuple[int, int] | None:
    try:
        found = Path(path).stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _script_of(definition: CheckDefinition) -> str:
    """The file that is run, relative to the project."""
    return definition.script or definition.path


def _cannot_run(path: str, why: str) -> Failure:
    return Failure(
        code="runner.start",
        message=f"{path} cannot be run: {why}",
        hint="The extra brings a Node of its own, and leaves that of the machine alone",
        location=Location(path, 1),
    )


def _env_of(job: Job) -> dict[str, str]:
    """What ``process.env`` shall be: also the secrets, for which a script has no other way to ask.

    Only variables whose bytes are text: JSON can hold no others.
    """
    env = {**from_bytes(job.env), **from_bytes(job.secrets)}
    if job.definition.isolation == "sandbox":
        folder, *_ = PRIVATE
        env |= {"HOME": folder, "TMPDIR": folder}
    return {
        name: value
        for name, value in env.items()
        if not any("\ud800" <= character <= "\udfff" for character in name + value)
    }
