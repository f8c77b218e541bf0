"""From a request to an exit status: collect, run, report; and again with ``--watch``."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import click

from checkwire.cli.reporters.base import Finish, Start
from checkwire.cli.reporters.registry import Reporters, open_reporters, parse_reporters
from checkwire.cli.testing.again import again_of
from checkwire.cli.testing.request import Request
from checkwire.cli.testing.variables import read_secrets, read_variables
from checkwire.model.attempt import Run
from checkwire.model.definition import CheckDefinition
from checkwire.model.errors import CheckwireError, UsageError
from checkwire.model.events import Event
from checkwire.project.config import Project, Service
from checkwire.project.discovery import discover, find_project
from checkwire.runner.python.launch import launch_ahead, take_ahead
from checkwire.runner.python.messages import Connecting
from checkwire.runner.runner import Collected, Runner

__all__ = ["run_and_report"]

_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_TICK = 0.1


def run_and_report(request: Request) -> int:
    """Run the checks asked for; returns the exit status.

    Raises:
        CheckwireError: something kept it from running any.
    """
    choices = parse_reporters(request.reporters)
    if not request.watch:
        return _once(request, open_reporters(choices, verbosity=request.verbosity))
    from checkwire.cli.testing.watch import snapshot, wait_for_change

    extra = tuple(filter(None, (*request.env_files, request.ca)))
    root = str(Path.cwd())
    while True:
        before = snapshot(root, extra)
        try:
            root = find_project(request.targets).root
            before = snapshot(root, extra)
            _once(request, open_reporters(choices, verbosity=request.verbosity))
        except CheckwireError as error:
            click.echo(f"checkwire: error: {error}", err=True)
        launch_ahead()  # It imports what it needs while nothing else is to be done.
        click.secho("\nWaiting for a file to change. Ctrl-C ends.", dim=True, err=True)
        changed = wait_for_change(root, extra, before)
        names = ", ".join(os.path.relpath(path, root) for path in changed[:3])
        click.secho(f"{names} changed.\n", dim=True, err=True)


def _once(request: Request, reporters: Reporters) -> int:
    try:
        return asyncio.run(_Session(request, reporters).run())
    finally:
        reporters.close()


class _Session:
    def __init__(self, request: Request, reporters: Reporters) -> None:
        self._request = request
        self._reporters = reporters
        self._runs: list[Run] = []
        self._stopped_by: int | None = None
        self._work: asyncio.Task[None] | None = None

    async def run(self) -> int:
        request = self._request
        project = find_project(request.targets)
        # The project's [env] are defaults; the shell's variables and the options override them.
        env = {**project.env, **os.environ, **read_variables(request)}
        secrets = read_secrets(project, env)
        runner = Runner(
            project,
            env=env,
            secrets=secrets,
            connecting=Connecting(
                resolve=request.resolve, ca=None if request.ca is None else _usable_ca(request.ca)
            ),
            workers=request.workers,
            process=take_ahead(),
        )
        async with runner:
            collected = await runner.collect(discover(project, request.targets))
            chosen = request.choose(collected.definitions)
            self._warn(collected)
            if not chosen and not collected.failures:
                raise UsageError(
                    f"none of the {len(collected.definitions)} checks found fits "
                    f"{_filters(request)}"
                )
            if request.list_only:
                return _list(chosen, collected)
            return await self._run_checks(runner, project, collected, chosen, env, secrets)

    async def _run_checks(
        self,
        runner: Runner,
        project: Project,
        collected: Collected,
        chosen: tuple[CheckDefinition, ...],
        env: dict[str, str],
        secrets: dict[str, str],
    ) -> int:
        started_ns = time.monotonic_ns()
        services = project.services if chosen else ()
        with _running(services, project.root, env), self._stoppable():
            self._reporters.start(
                Start(
                    checks=chosen,
                    load_failures=tuple(collected.failures.values()),
                    workers=self._request.workers or 0,
                    root=project.root,
                    deselected=len(collected.definitions) - len(chosen),
                )
            )
            self._work = asyncio.ensure_future(self._run_all(runner, chosen))
            with contextlib.suppress(asyncio.CancelledError):
                await self._work
        status = self._status(collected)
        self._reporters.finish(
            Finish(
                runs=tuple(self._runs),
                duration_ns=time.monotonic_ns() - started_ns,
                exit_code=status,
                interrupted=self._stopped_by is not None,
                again=again_of(
                    self._request,
                    sources=project.secrets,
                    secrets=secrets,
                    read=runner.secrets_read,
                    environ=os.environ,
                ),
            )
        )
        return status

    async def _run_all(self, runner: Runner, chosen: tuple[CheckDefinition, ...]) -> None:
        ticking = asyncio.ensure_future(self._tick()) if self._reporters.live else None
        try:
            async with asyncio.TaskGroup() as group:
                for definition in chosen:
                    group.create_task(self._run_one(runner, definition))
        finally:
            if ticking is not None:
                ticking.cancel()

    async def _run_one(self, runner: Runner, definition: CheckDefinition) -> None:
        begun = False

        def told(attempt: int, event: Event) -> None:
            nonlocal begun
            if not begun:
                begun = True
                self._reporters.check_started(definition)
            self._reporters.event(definition, event)

        run = await runner.run(definition, on_event=told)
        self._runs.append(run)
        self._reporters.run_finished(run)
        if self._request.fail_fast and run.status in ("failed", "error"):
            assert self._work is not None
            self._work.cancel()

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(_TICK)
            self._reporters.tick()

    @contextlib.contextmanager
    def _stoppable(self) -> Iterator[None]:
        """Ctrl-C, SIGTERM or a closed terminal ends the runs; what has finished is reported."""
        loop = asyncio.get_running_loop()

        def stop(number: int) -> None:
            if self._stopped_by is not None or self._work is None:
                raise KeyboardInterrupt
            self._stopped_by = number
            self._work.cancel()

        for number in _STOP_SIGNALS:
            loop.add_signal_handler(number, stop, number)
        try:
            yield
        finally:
            for number in _STOP_SIGNALS:
                loop.remove_signal_handler(number)

    def _status(self, collected: Collected) -> int:
        if self._stopped_by is not None:
            return 128 + self._stopped_by  # As shells have it: 130 after Ctrl-C.
        statuses = {run.status for run in self._runs}
        if "failed" in statuses:
            return 1
        return 2 if "error" in statuses or collected.failures else 0

    def _warn(self, collected: Collected) -> None:
        for warning in collected.warnings:
            click.echo(f"checkwire: {click.style('warning:', fg='yellow')} {warning}", err=True)
        if collected.output.strip():
            click.echo(collected.output.rstrip(), err=True)


def _running(
    services: tuple[Service, ...], root: str, env: dict[str, str]
) -> AbstractContextManager[object]:
    if not services:
        return contextlib.nullcontext()
    from checkwire.cli.testing.services import running  # which imports for 3 ms

    return running(services, root, env)


def _usable_ca(path: str) -> str:
    from checkwire.wire.tls.contexts import TlsOptions, tls_context

    tls_context(TlsOptions(ca=path))
    return str(Path(path).absolute())  # Checks run in the project's folder.


def _filters(request: Request) -> str:
    keywords = [f"-k {keyword}" for keyword in request.keywords]
    return " ".join([*keywords, *(f"--tag {tag}" for tag in request.tags)]) or "what was asked for"


def _list(chosen: tuple[CheckDefinition, ...], collected: Collected) -> int:
    for definition in chosen:
        tags = click.style("".join(f"  #{tag}" for tag in definition.tags), dim=True)
        click.echo(f"{definition.id}{tags}")
    for path, failure in collected.failures.items():
        click.echo(f"{path}: {failure.message} [{failure.code}]", err=True)
    sys.stdout.flush()
    return 2 if collected.failures else 0
