"""From a request to an exit status: collect, run, report; and again with ``--watch``."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import click

from checkwire.cli.reporters.base import Finish, Start
from checkwire.cli.reporters.registry import Reporters, open_reporters, parse_reporters
from checkwire.cli.stderr import tell
from checkwire.cli.testing.again import again_of
from checkwire.cli.testing.patience import telling
from checkwire.cli.testing.request import Request
from checkwire.cli.testing.round import Round
from checkwire.cli.testing.stopping import Stopper
from checkwire.cli.testing.variables import read_variables, text_only
from checkwire.model.attempt import Status
from checkwire.model.definition import CheckDefinition
from checkwire.model.errors import CheckwireError, UsageError
from checkwire.project.config import Project
from checkwire.project.discovery import discover, find_project
from checkwire.project.secrets import Secrets, read_secrets
from checkwire.runner.python.launch import launch_ahead, take_ahead
from checkwire.runner.python.messages import Connecting
from checkwire.runner.runner import Collected, Runner

__all__ = ["run_and_report"]


def run_and_report(request: Request) -> int:
    """Run the checks asked for; returns the exit status.

    Raises:
        CheckwireError: something kept it from running any.
    """
    choices = parse_reporters(request.reporters)
    if not request.watch:
        return _once(request, open_reporters(choices, verbosity=request.verbosity)).status
    from checkwire.cli.testing.watch import wait_for_change
    from checkwire.project.changes import snapshot

    extra = tuple(filter(None, (*request.env_files, request.ca)))
    root = str(Path.cwd())
    while True:
        before = snapshot(root, extra)
        try:
            root = find_project(request.targets).root
            before = snapshot(root, extra)
            session = _once(request, open_reporters(choices, verbosity=request.verbosity))
            if session.interrupted:
                return session.status
        except CheckwireError as error:
            tell(f"checkwire: error: {error}")
        launch_ahead()  # It imports what it needs while nothing else is to be done.
        tell(click.style("\nWaiting for a file to change. Ctrl-C ends.", dim=True))
        changed = wait_for_change(root, extra, before)
        names = ", ".join(os.path.relpath(path, root) for path in changed[:3])
        tell(click.style(f"{names} changed.\n", dim=True))


def _once(request: Request, reporters: Reporters) -> _Session:
    session = _Session(request, reporters)
    try:
        asyncio.run(session.run())
    finally:
        reporters.close()
    return session


class _Session:
    """One time through.

    Attributes:
        status: the exit status, once it is over.
        interrupted: whether a signal ended it.
    """

    def __init__(self, request: Request, reporters: Reporters) -> None:
        self.status = 0
        self.interrupted = False
        self._request = request
        self._reporters = reporters
        self._stopper = Stopper()
        self._doing: Callable[[], str] = lambda: ""

    async def run(self) -> None:
        with self._stopper:
            status = await self._stopper.guard(self._work())
        if status is not None:
            self.status = status
        elif self._stopper.exit_status is not None:
            self.status = self._stopper.exit_status
            if doing := self._doing():
                # After Ctrl-C a terminal has ^C where the line begins.
                echoed = self._stopper.number == signal.SIGINT and sys.stderr.isatty()
                start = "\n" if echoed else ""
                tell(f"{start}checkwire: interrupted while {doing}")
        self.interrupted = self._stopper.number is not None

    async def _work(self) -> int:
        request = self._request
        project = find_project(request.targets)
        # The project's [env] are defaults; the shell's variables and the options override them.
        env, unusable = text_only({**project.env, **os.environ, **read_variables(request)})
        for name in unusable:
            _warn(f"checks do not get the variable {name}: its value is not UTF-8 text")
        secrets = read_secrets(project, env)
        ca = None if request.ca is None else _usable_ca(request.ca)
        runner = Runner(
            project,
            env=env,
            secrets=secrets.values,
            absent=secrets.absent,
            connecting=Connecting(resolve=request.resolve, ca=ca),
            workers=request.workers,
            process=take_ahead(),
            waiting=0,
        )
        async with runner:
            self._doing = lambda: f"importing {runner.loading or 'check files'}"
            async with telling(self._doing):
                collected = await runner.collect(discover(project, request.targets))
            chosen = request.choose(collected.definitions)
            for warning in collected.warnings:
                _warn(warning)
            if collected.output.strip():
                tell(collected.output.rstrip())
            if not chosen and not collected.failures and not collected.left_out:
                raise UsageError(_nothing_left(request, len(collected.definitions)))
            if request.list_only:
                return _list(chosen, collected)
            if not chosen or not project.services:
                return await self._run_checks(runner, project, collected, chosen, secrets)
            from checkwire.cli.testing.services import Services  # which imports for 3 ms

            services = Services(project, env)
            self._doing = lambda: services.doing
            async with services:
                for used in services.used:
                    tell(f"checkwire: {used}")
                status = await self._run_checks(runner, project, collected, chosen, secrets)
                for problem in await services.problems():
                    _warn(problem)
                return status

    async def _run_checks(
        self,
        runner: Runner,
        project: Project,
        collected: Collected,
        chosen: tuple[CheckDefinition, ...],
        secrets: Secrets,
    ) -> int:
        self._doing = lambda: ""  # From here on the report tells.
        started_ns = time.monotonic_ns()
        for isolation, count in Counter(check.isolation for check in chosen).items():
            runner.expect(count, isolation)
        self._reporters.start(
            Start(
                checks=chosen,
                load_failures=(*collected.failures.values(), *collected.left_out),
                workers=self._request.workers or 0,
                root=project.root,
                deselected=len(collected.definitions) - len(chosen),
            )
        )
        checks = Round(runner, self._reporters, chosen, fail_fast=self._request.fail_fast)
        await self._stopper.guard(checks.run())
        status = self._stopper.exit_status
        if status is None:
            status = _status({run.status for run in checks.runs}, collected)
        self._reporters.finish(
            Finish(
                runs=tuple(checks.runs),
                duration_ns=time.monotonic_ns() - started_ns,
                exit_code=status,
                interrupted=self._stopper.number is not None,
                unfinished=checks.unfinished,
                again=again_of(
                    self._request,
                    sources=project.secrets,
                    secrets=secrets.values,
                    read=runner.secrets_read,
                    environ=os.environ,
                ),
            )
        )
        return status


def _warn(warning: str) -> None:
    tell(f"checkwire: {click.style('warning:', fg='yellow')} {warning}")


def _status(statuses: set[Status], collected: Collected) -> int:
    if "failed" in statuses:
        return 1
    return 2 if "error" in statuses or collected.failures or collected.left_out else 0


def _usable_ca(path: str) -> str:
    from checkwire.wire.tls.contexts import TlsOptions, tls_context

    try:
        tls_context(TlsOptions(ca=path))
    except UsageError as error:
        why = str(error).rpartition(": ")[2]
        raise UsageError(
            f"--ca {path}: {why}; it must be PEM, with -----BEGIN CERTIFICATE----- in it"
        ) from None
    return str(Path(path).absolute())  # Checks run in the project's folder.


def _nothing_left(request: Request, found: int) -> str:
    filters = [f"-k {keyword}" for keyword in request.keywords]
    filters += [f"--tag {tag}" for tag in request.tags]
    asked = " ".join(filters) or "what was asked for"
    if found == 1:
        return f"the only check found does not fit {asked}; checkwire test --list names it"
    return f"none of the {found} checks found fits {asked}; checkwire test --list names them"


def _list(chosen: tuple[CheckDefinition, ...], collected: Collected) -> int:
    for definition in chosen:
        tags = click.style("".join(f"  #{tag}" for tag in definition.tags), dim=True)
        click.echo(f"{definition.id}{tags}")
    sys.stdout.flush()
    failures = (*collected.failures.values(), *collected.left_out)
    for failure in failures:
        place = f"{failure.location.path}:{failure.location.line}: " if failure.location else ""
        # What is wrong with a file of declared checks is told place by place.
        lines = failure.details if "problems" in failure.evidence else f"{place}{failure.message}"
        tell(f"{lines} [{failure.code}]")
    return 2 if failures else 0
