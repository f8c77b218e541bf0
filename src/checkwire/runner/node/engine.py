"""The engine for JavaScript and TypeScript: a Node process per attempt, prepared ahead."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import msgspec

from checkwire.model.definition import CheckDefinition
from checkwire.model.events import Event
from checkwire.model.failures import Failure, Location
from checkwire.model.masking import Masker
from checkwire.project.config import Project
from checkwire.project.scripts import define_script
from checkwire.runner.engine import LoadedChecks
from checkwire.runner.node.reader import NodeReader
from checkwire.runner.node.runtime import NoRuntime, Runtime, find_runtime
from checkwire.runner.node.spares import Spares
from checkwire.runner.python.engine import PythonEngine
from checkwire.runner.python.environ import from_bytes, to_bytes
from checkwire.runner.python.handle import ZygoteHandle
from checkwire.runner.python.launch import ZygoteProcess
from checkwire.runner.python.messages import Connecting, Job, Program
from checkwire.runner.python.process import Process
from checkwire.runner.python.supervisor import Supervisor

__all__ = ["NodeEngine"]

_HOOK: Final = Path(__file__).with_name("hook")
_VENDORED: Final = Path(__file__).with_name("vendor")
_AT_EXEC: Final = ("NODE_OPTIONS", "NODE_EXTRA_CA_CERTS", "NODE_TLS_REJECT_UNAUTHORIZED", "LD_LIBRARY_PATH")
"""Variables that Node reads before any script could set them."""


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
        descriptors: how many a script's process may have open; by default as many as this one.
        spares: how many processes to have ready at most.
    """

    def __init__(
        self,
        project: Project,
        *,
        env: dict[str, str],
        process: ZygoteProcess | None = None,
        connecting: Connecting | None = None,
        descriptors: int | None = None,
        spares: int = 1,
    ) -> None:
        super().__init__(project, env=env, process=process, descriptors=descriptors)
        self._runtime: Runtime | None = None
        self._connecting = connecting or Connecting()
        self._spares = Spares(self._program, most=min(spares, os.cpu_count() or 1))

    async def load(
        self, files: Sequence[Path], declared: Sequence[CheckDefinition] = ()
    ) -> LoadedChecks:
        """See what the files say of themselves. They are read by Node when they run."""
        definitions: list[CheckDefinition] = []
        failures: dict[str, Failure] = {}
        try:
            self._runtime = find_runtime(self._env)
        except NoRuntime as error:
            for path in (*map(self._relative, files), *(check.script for check in declared)):
                failures[path] = _cannot_run(path, str(error))
            return LoadedChecks(failures=failures)
        for check in declared:
            if self._cannot_strip(check.script, failures):
                continue
            definitions.append(check)
        for file in files:
            path = self._relative(file)
            if self._cannot_strip(path, failures):
                continue
            defined = define_script(file, self._project, path)
            if isinstance(defined, Failure):
                failures[path] = defined
            else:
                definitions.append(defined)
        if definitions:
            await super().load(())
            self._spares.expect(definitions)
            if self._zygote is not None:
                self._spares.refill(self._zygote)
        return LoadedChecks(tuple(definitions), failures)

    def _cannot_strip(self, path: str, failures: dict[str, Failure]) -> bool:
        """Whether the file is TypeScript, and this Node runs none; that is a failure."""
        assert self._runtime is not None
        if not path.endswith((".ts", ".mts", ".cts")) or self._runtime.strips_types:
            return False
        failures[path] = _cannot_run(
            path,
            f"TypeScript needs Node 22.18 or newer, and this is {self._runtime.shown}: "
            "pip install 'checkwire[node]'",
        )
        return True

    async def close(self) -> None:
        """End all attempts, as cancelled, and what was prepared; wait until all is gone."""
        await self._spares.close()
        await super().close()

    def _supervise(self, job: Job, on_event: Callable[[Event], None] | None) -> Supervisor:
        definition = job.definition
        masker = Masker(from_bytes(job.secrets).values())
        reader = NodeReader(definition, self._project.root, masker)
        message = _NodeJob(
            check=definition.id,
            script=str(Path(self._project.root, definition.script or definition.path)),
            root=self._project.root,
            timeout_ms=definition.timeout * 1000,
            env=_as_text(from_bytes(job.env)),
            resolve=job.connecting.resolve,
            packages={"ws": str(_VENDORED / "ws")},
            limits={"payload": reader.payload, "body": reader.payload},
        )
        return Supervisor(
            job,
            root=self._project.root,
            on_event=on_event,
            message=msgspec.json.encode(message),
            reader=reader,
            masker=masker,
        )

    async def _obtain(self, zygote: ZygoteHandle, job: Job) -> Process:
        return await self._spares.take(zygote, job)

    def _program(self, memory: int, cpu_seconds: int | None) -> Program:
        assert self._runtime is not None
        env = {name: self._env[name] for name in _AT_EXEC if name in self._env}
        if self._connecting.ca is not None:
            env["NODE_EXTRA_CA_CERTS"] = self._connecting.ca
        return Program(
            arguments=(*self._runtime.arguments(memory), str(_HOOK / "main.cjs")),
            env=to_bytes(env),
            data=self._runtime.data_limit(memory),
            cpu_seconds=cpu_seconds,
        )


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
