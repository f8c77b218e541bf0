"""The runner: collects a project's checks, and runs them, each attempt in a process of its own."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from types import TracebackType
from typing import Final, NamedTuple

from checkwire.model.attempt import Attempt, Run
from checkwire.model.definition import CheckDefinition, EngineName, Isolation
from checkwire.model.events import Event
from checkwire.model.failures import Failure
from checkwire.project.config import Project
from checkwire.project.discovery import Selection
from checkwire.project.kinds import engine_of, loader_of
from checkwire.project.secrets import AbsentSecret
from checkwire.project.selection import no_check_warning, not_shared_warnings, select
from checkwire.runner.descriptors import DescriptorLimit
from checkwire.runner.engine import Engine, EngineError, LoadedChecks
from checkwire.runner.python.engine import PythonEngine
from checkwire.runner.python.environ import to_bytes
from checkwire.runner.python.launch import ZygoteProcess
from checkwire.runner.python.messages import Connecting, Job
from checkwire.runner.python.shared.workers import PER_WORKER, count_workers
from checkwire.runner.run import run_attempts, skipped_run

__all__ = ["Collected", "Runner"]

_ORDER: Final[tuple[EngineName, ...]] = ("python", "node")
"""Python first: it takes the process, if there is one, and reads what declares scripts."""

OnEvent = Callable[[int, Event], None]
"""Told each event as it comes, with the number of its attempt."""

Turn = Callable[[int], AbstractAsyncContextManager[object]]


class Collected(NamedTuple):
    """What a selection came to.

    Attributes:
        definitions: of the checks selected, by file, and in it in the order of the source.
        failures: of the files that could not be imported, by path relative to the project.
        left_out: why checks of files that were imported cannot be run.
        warnings: sentences about what is probably not meant.
        output: the end of what check files printed while they were imported.
    """

    definitions: tuple[CheckDefinition, ...]
    failures: dict[str, Failure]
    left_out: tuple[Failure, ...]
    warnings: tuple[str, ...]
    output: str


class Runner:
    """Runs the checks of one project::

        async with Runner(project, env=env) as runner:
            collected = await runner.collect(discover(project))
            run = await runner.run(collected.definitions[0])

    Args:
        project: the project.
        env: the environment of the checks' processes, all of it; by default that of this process,
            and the project's ``[env]``.
        secrets: values by name. They are masked in all that is kept.
        absent: secrets that are declared and have no value, by name.
        connecting: options for every connection.
        workers: how many attempts may be under way at a time; by default as many as suit checks,
            which mostly wait: four for each CPU, and at least eight, and beside them 200 for each
            CPU of those that share processes. In no case more processes than the limit of open
            descriptors has room for, which is raised for this process.
        location: the name of the place that this is.
        process: a zygote that was started before, see :func:`checkwire.runner.python.launch`.
        import_timeout: seconds that the import of one check file may take.
        waiting: how many processes may wait, ready for attempts that are yet to come. There are as
            many as were wanted at once of late, and none when nothing has run for long. With 0, as
            suits who knows what is to be run, only those wait that were told to :meth:`expect`.

    Attributes:
        workers: how many attempts may be under way at a time.
        secrets_read: names of the variables that checks have read as secrets so far, besides
            those of ``secrets``.
    """

    def __init__(
        self,
        project: Project,
        *,
        env: Mapping[str, str] | None = None,
        secrets: Mapping[str, str] | None = None,
        absent: Mapping[str, AbsentSecret] | None = None,
        connecting: Connecting | None = None,
        workers: int | None = None,
        location: str = "local",
        process: ZygoteProcess | None = None,
        import_timeout: float = 30.0,
        waiting: int = 16,
    ) -> None:
        self._env = dict(env) if env is not None else {**os.environ, **project.env}
        self._secrets = dict(secrets or {})
        self._absent = dict(absent or {})
        self._advice = {name: str(why) for name, why in self._absent.items()}
        self._env_sent, self._secrets_sent = to_bytes(self._env), to_bytes(self._secrets)
        self._connecting = connecting or Connecting()
        self._location = location
        limit = DescriptorLimit()
        wanted = workers or max(8, 4 * (os.cpu_count() or 1))
        self.workers = min(wanted, limit.attempts)
        self._most_waiting = min(self.workers, limit.waiting)
        self._turns = asyncio.Semaphore(self.workers)
        # Beside others an attempt takes no process, so there may be more of them. Whoever says how
        # many attempts there may be means all.
        self._turns_beside = (
            self._turns if workers else asyncio.Semaphore(PER_WORKER * count_workers())
        )
        self._waiting = min(waiting, self._most_waiting)
        self._project = project
        self._process = process
        self._import_timeout = import_timeout
        self._descriptors = limit.before
        self._engines: dict[EngineName, Engine] = {}
        self._checks: Counter[EngineName] = Counter()
        self.secrets_read: set[str] = set()

    async def __aenter__(self) -> Runner:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    @property
    def loading(self) -> str:
        """The check file that is being imported, relative to the project; empty if none is."""
        return next((engine.loading for engine in self._engines.values() if engine.loading), "")

    async def close(self) -> None:
        """End what is under way, as cancelled, and wait until every process is gone."""
        for engine in self._engines.values():
            await engine.close()
        if self._process is not None:
            self._process.discard()
            self._process = None

    async def collect(self, selection: Selection) -> Collected:
        """Import the check files of a selection, and pick the checks that it names. Call it once.

        Raises:
            UsageError: a function or a case that was named does not exist.
            EngineError: no process can be started to import them, or a check that was selected
                wants a sandbox, and this machine has none.
        """
        loaded = await self._load(selection)
        failures = selection.failures | loaded.failures
        selected = select(loaded.definitions, selection, failures)
        if loaded.no_sandbox:
            _require_no_sandbox(selected.definitions, loaded.no_sandbox)
        return Collected(
            tuple(selected.definitions),
            failures,
            tuple(selected.failures),
            (
                *map(no_check_warning, loaded.empty),
                *not_shared_warnings(selected.definitions, loaded.blocking),
            ),
            loaded.output,
        )

    def is_shared(self, definition: CheckDefinition) -> bool:
        """Whether attempts of a check that was collected run in a process that others share."""
        return self._engines[loader_of(definition.engine)].is_shared(definition)

    def expect(self, runs: int, isolation: Isolation = "process") -> None:
        """Have processes ready for so many runs, which are about to begin at once."""
        soon = min(runs, self.workers, self._most_waiting)
        alone = len(self._engines) == 1
        for name, engine in self._engines.items():
            engine.expect(soon if alone else min(soon, self._checks[name]), isolation)

    async def run(
        self,
        definition: CheckDefinition,
        *,
        on_event: OnEvent | None = None,
        run_id: str | None = None,
        location: str | None = None,
        turn: Turn | None = None,
    ) -> Run:
        """Run a check, with retries as it has them. Waits for its turn if too many are under way.

        If it is cancelled, its process is gone before it raises.

        Args:
            definition: of a check that was collected; options may be changed in it.
            on_event: told each event as it comes. What it raises ends the run, and is raised here.
            run_id: the run's name; a new one if left out.
            location: the name of the place to run it for; that of this runner if left out.
            turn: what an attempt waits for before it begins, and holds until it ends, instead of
                its turn among this runner's: called with the attempt's number.
        """
        location = self._location if location is None else location
        if reason := self._reason_to_skip(definition):
            return skipped_run(definition, reason, location=location, run_id=run_id)

        async def attempt(number: int) -> Attempt:
            job = Job(
                definition=definition,
                attempt=number,
                env=self._env_sent,
                secrets=self._secrets_sent,
                absent=self._advice,
                connecting=self._connecting,
            )
            listener = None if on_event is None else lambda event: on_event(number, event)
            turns = self._turns_beside if self.is_shared(definition) else self._turns
            async with turns if turn is None else turn(number):
                return await self._engines[loader_of(definition.engine)].attempt(job, listener)

        return await run_attempts(definition, attempt, location=location, run_id=run_id)

    async def _load(self, selection: Selection) -> LoadedChecks:
        """Have each engine load the files that are its own; only those engines are started."""
        files: dict[EngineName, list[Path]] = {}
        for file in selection.files:
            if (name := engine_of(file)) is not None:
                files.setdefault(name, []).append(file)
        all_loaded: list[LoadedChecks] = []
        definitions: list[CheckDefinition] = []
        declared: list[CheckDefinition] = []
        for name in _ORDER:
            if name in files or declared:
                engine = self._engines[name] = self._start(name)
                loaded = await engine.load(files.get(name, ()), declared)
                all_loaded.append(loaded)
                definitions.extend(d for d in loaded.definitions if loader_of(d.engine) == name)
                declared = [d for d in loaded.definitions if loader_of(d.engine) != name]
        self._checks.update(loader_of(definition.engine) for definition in definitions)
        return LoadedChecks(
            tuple(sorted(definitions, key=lambda definition: definition.path)),
            {path: failure for loaded in all_loaded for path, failure in loaded.failures.items()},
            tuple(path for loaded in all_loaded for path in loaded.empty),
            "".join(loaded.output for loaded in all_loaded),
            frozenset().union(*(loaded.blocking for loaded in all_loaded)),
            next((loaded.no_sandbox for loaded in all_loaded if loaded.no_sandbox), ""),
        )

    def _start(self, name: EngineName) -> Engine:
        process, self._process = self._process, None
        readable = () if self._connecting.ca is None else (self._connecting.ca,)
        if name == "python":
            return PythonEngine(
                self._project,
                env=self._env,
                process=process,
                secrets=self._secrets.values(),
                import_timeout=self._import_timeout,
                descriptors=self._descriptors,
                readable=readable,
                waiting=self._waiting,
                secrets_read=self.secrets_read,
            )
        from checkwire.runner.node.engine import NodeEngine  # not for those that need it not

        return NodeEngine(
            self._project,
            env=self._env,
            process=process,
            connecting=self._connecting,
            descriptors=self._descriptors,
            readable=readable,
            waiting=self._waiting,
        )

    def _reason_to_skip(self, definition: CheckDefinition) -> str:
        if not definition.activated:
            return "it is not activated"
        missing = [
            name
            for name in definition.needs
            if not self._env.get(name) and not self._secrets.get(name)
        ]
        if not missing:
            return ""
        sources = {name: f" ({absent.source})" for name, absent in self._absent.items()}
        named = ", ".join(f"{name}{sources.get(name, '')}" for name in missing)
        return f"it needs {named}, which {_is_not_set(missing)}"


def _require_no_sandbox(definitions: Sequence[CheckDefinition], reason: str) -> None:
    """Refuse to begin when a check could not be contained as it asks to be."""
    wanting = [definition for definition in definitions if definition.isolation == "sandbox"]
    if not wanting:
        return
    first, others = wanting[0], len(wanting) - 1
    also = f" (and {others} more)" if others else ""
    raise EngineError(
        f'{first.path}:{first.line}: {first.name}{also} asks for isolation = "sandbox", and this '
        f"machine has none for it: {reason}"
    )


def _is_not_set(names: list[str]) -> str:
    return "is not set" if len(names) == 1 else "are not set"
