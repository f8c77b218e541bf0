"""What engines whose attempts are processes have in common: a zygote, replaced when it dies."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Container, Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from checkwire.model.attempt import Attempt
from checkwire.model.definition import CheckDefinition, Isolation
from checkwire.model.events import Event
from checkwire.model.failures import Failure
from checkwire.model.masking import Masker
from checkwire.project.config import Project
from checkwire.runner.engine import EngineError, LoadedChecks
from checkwire.runner.python.demand import Demand
from checkwire.runner.python.environ import to_bytes
from checkwire.runner.python.handle import ZygoteHandle, ZygoteLost
from checkwire.runner.python.launch import ZygoteProcess, launch
from checkwire.runner.python.messages import (
    Job,
    Load,
    Loaded,
    Loading,
    NotLoaded,
    ReadsSecret,
    Ready,
)
from checkwire.runner.python.pool import Pool
from checkwire.runner.python.supervisor import Supervisor
from checkwire.runner.python.unsafe import UnsafeFile, failure_of_death

__all__ = ["ForkingEngine"]

_IMPORT_TIMEOUT: Final = 30.0
_START_TIMEOUT: Final = 60.0
_ABORT_GRACE: Final = 1.0
_SECOND_TRY: Final = (
    "The process that runs checks died during this attempt, which is therefore run a second time"
)


class ForkingEngine:
    """Has a zygote import files, and runs attempts in its children.

    A file whose import ends the zygote, hangs, or leaves a thread behind is left out, and a new
    zygote is started with the others. A zygote that dies later is replaced too.

    Args:
        project: the project.
        env: the environment that check files see while they are imported; by default ours.
        process: a zygote that was started before; otherwise one is started when it is needed.
        secrets: values to be masked in what loading the files comes to. Those that the files read
            themselves, as they are imported, are masked too.
        import_timeout: seconds that the import of one file may take.
        descriptors: how many a check's process may have open; by default as many as this one.
        readable: files outside of the project that its checks read, absolute paths.
        waiting: how many children may wait for a job at most, see
            :class:`checkwire.runner.python.demand.Demand`.
        secrets_read: gets the names of the variables that are read as secrets.

    Attributes:
        loading: the file that is being imported, relative to the project; empty if none is.
        secrets_read: names of the variables that checks have read as secrets, besides the job's.
    """

    def __init__(
        self,
        project: Project,
        *,
        env: dict[str, str] | None = None,
        process: ZygoteProcess | None = None,
        secrets: Iterable[str] = (),
        import_timeout: float = _IMPORT_TIMEOUT,
        descriptors: int | None = None,
        readable: tuple[str, ...] = (),
        waiting: int = 0,
        secrets_read: set[str] | None = None,
    ) -> None:
        self._project = project
        self._process = process
        self._env = dict(os.environ) if env is None else env
        self._import_timeout = import_timeout
        self._descriptors = descriptors
        self._masker = Masker(secrets)
        self._files: tuple[Path, ...] = ()
        self._readable = readable
        self._sandboxed = False
        self._demands: dict[Isolation, Demand] = {
            "process": Demand(waiting),
            "sandbox": Demand(waiting),
        }
        self._pools: dict[Isolation, Pool] = {}
        self._newborn: ZygoteHandle | None = None
        self._starting = asyncio.Lock()
        self._second_tries = asyncio.Lock()
        self._supervisors: set[Supervisor] = set()
        self._loaded = LoadedChecks()
        self._closed = False
        self.loading = ""
        self.secrets_read: set[str] = set() if secrets_read is None else secrets_read

    async def _load(self, files: Sequence[Path]) -> LoadedChecks:
        """Start a zygote with these files. Call it once, before any attempt.

        Raises:
            EngineError: none can be started, for a reason that lies in no file.
        """
        self._files = tuple(files)
        async with self._starting:
            return await self._start()

    async def _isolated(
        self, job: Job, on_event: Callable[[Event], None] | None, note: str = ""
    ) -> Attempt:
        """Run one attempt in a process of its own.

        If the zygote dies, the attempts under way die with it, and which of them killed it cannot
        be told. So each is run a second time, those one after another: a check that kills it
        again does so alone, and gets ``runner.lost``; the others never notice.
        """
        attempt, lost = await self._try(job, on_event, note)
        if lost and not self._closed:
            async with self._second_tries:
                attempt, _ = await self._try(job, on_event, note=_SECOND_TRY)
        return attempt

    def expect(self, attempts: int, isolation: Isolation = "process") -> None:
        """So many attempts are about to begin at once: have their processes ready."""
        if (pool := self._pools.get(isolation)) is not None:
            pool.expect(attempts)

    async def close(self) -> None:
        """End all attempts, as cancelled, and the zygote; wait until every process is gone."""
        await self._end_attempts()
        await self._end_zygotes()

    async def _end_attempts(self) -> None:
        self._closed = True
        if self._newborn is not None:
            self._newborn.kill()
        for supervisor in self._supervisors:
            supervisor.stop()
        for supervisor in tuple(self._supervisors):
            await supervisor.done.wait()

    async def _end_zygotes(self) -> None:
        async with self._starting:
            for pool in self._pools.values():
                pool.close()
            for zygote in {pool.zygote for pool in self._pools.values()}:
                await zygote.close()
            if self._process is not None:
                self._process.discard()
                self._process = None

    async def _try(
        self, job: Job, on_event: Callable[[Event], None] | None, note: str = ""
    ) -> tuple[Attempt, bool]:
        supervisor = self._supervise(job, on_event)
        self._supervisors.add(supervisor)
        try:
            if self._closed:
                supervisor.stop()
            if note:
                supervisor.note(note)
            try:
                pool = await self._pool_for(job)
            except EngineError as error:
                return supervisor.not_started(str(error)), False
            return await supervisor.run(pool), supervisor.lost
        finally:
            self._supervisors.discard(supervisor)
            supervisor.done.set()

    def _supervise(self, job: Job, on_event: Callable[[Event], None] | None) -> Supervisor:
        return Supervisor(
            job, root=self._project.root, on_event=on_event, secrets_read=self.secrets_read
        )

    async def _pool_for(self, job: Job) -> Pool:
        """Where to take the child for this job from."""
        return await self._living_pool(
            "sandbox" if job.definition.isolation == "sandbox" else "process"
        )

    async def _living_zygote(self) -> ZygoteHandle:
        return (await self._living_pool("process")).zygote

    async def _living_pool(self, isolation: Isolation) -> Pool:
        async with self._starting:
            pool = self._pools.get(isolation)
            if pool is None or pool.zygote.lost.is_set():
                await self._start()
            return self._pools[isolation]

    # Starting

    async def _start(self) -> LoadedChecks:
        """Start a zygote, and again without each file that it cannot live with."""
        unsafe: dict[str, Failure] = {}
        while True:
            if self._closed:
                raise EngineError("the runner is closed")
            try:
                process, self._process = self._process or launch(), None
            except OSError as error:
                raise EngineError(f"the process that runs checks did not start: {error}") from None
            zygote = self._newborn = ZygoteHandle(process)
            try:
                loaded = await self._import(zygote, unsafe)
            except UnsafeFile as file:
                await zygote.close()
                unsafe[file.path] = file.failure or failure_of_death(
                    file.path,
                    status=zygote.status,
                    output=zygote.output,
                    root=self._project.root,
                    hung_for=file.hung_for,
                )
            except ZygoteLost:
                await zygote.close()
                raise EngineError(
                    "the process that runs checks did not start; it said:\n" + self._said(zygote)
                ) from None
            except BaseException:
                await zygote.close()
                raise
            else:
                for pool in self._pools.values():
                    pool.close()
                self._pools = {
                    isolation: Pool(zygote, demand, isolation)
                    for isolation, demand in self._demands.items()
                }
                self._newborn = None
                self._loaded = loaded._replace(failures=loaded.failures | unsafe)
                return self._loaded

    async def _import(self, zygote: ZygoteHandle, unsafe: Container[str]) -> LoadedChecks:
        files = tuple(str(file) for file in self._files if self._relative(file) not in unsafe)
        await zygote.load(
            Load(
                project=self._project,
                files=files,
                env=to_bytes(self._env),
                descriptors=self._descriptors,
                many=self._demands["process"].most > 0,
                readable=self._readable,
                sandboxed=self._sandboxed,
            )
        )
        definitions: list[CheckDefinition] = []
        failures: dict[str, Failure] = {}
        empty: list[str] = []
        blocking: list[str] = []
        path, answers = "", 0
        while True:
            limit = self._import_timeout if path else _START_TIMEOUT
            try:
                async with asyncio.timeout(limit):
                    response = await zygote.loading()
            except TimeoutError:
                await _abort(zygote)
                raise (UnsafeFile(path, hung_for=limit) if path else ZygoteLost) from None
            except ZygoteLost:
                if path:
                    raise UnsafeFile(path) from None
                raise
            answers += isinstance(response, Loaded | NotLoaded)
            match response:
                case Loading():
                    path = self.loading = response.path
                case ReadsSecret(name=name):
                    self.secrets_read.add(name)
                    self._masker.add(self._env.get(name, ""))
                case Loaded():
                    definitions += response.definitions
                    blocking += response.blocking
                    empty += () if response.definitions else (path,)
                case NotLoaded(unsafe=True):
                    raise UnsafeFile(path, response.failure)
                case NotLoaded():
                    failures[path] = response.failure
                case Ready(no_sandbox=no_sandbox):
                    if answers != len(files):
                        raise EngineError(
                            f"the process that runs checks imported {answers} of {len(files)} "
                            "check files, and said nothing of the others"
                        )
                    self.loading = ""
                    said = self._said(zygote)
                    return LoadedChecks(
                        tuple(definitions),
                        failures,
                        tuple(empty),
                        said,
                        frozenset(blocking),
                        no_sandbox,
                    )

    def _said(self, zygote: ZygoteHandle) -> str:
        """The end of what was printed, which may begin within anything."""
        output = zygote.output
        return self._masker.excerpt(output, len(output), begins=False)

    def _relative(self, file: Path) -> str:
        return os.path.relpath(file, self._project.root).replace(os.sep, "/")


async def _abort(zygote: ZygoteHandle) -> None:
    """Kill it so that it says where it was: ``faulthandler`` answers SIGABRT with a traceback."""
    zygote.kill(signal.SIGABRT)
    with suppress(TimeoutError):
        async with asyncio.timeout(_ABORT_GRACE):
            await zygote.lost.wait()
    zygote.kill()
