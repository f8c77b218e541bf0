"""The services of a project: servers that run while its checks do."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from checkwire.cli.testing.kept import Kept
from checkwire.cli.testing.patience import telling
from checkwire.model.errors import CheckwireError
from checkwire.model.places import host_and_port
from checkwire.project.config import CONFIG_NAME, Project, Service
from checkwire.runner.keeper import Job

__all__ = ["ServiceError", "Services"]

_CONNECT_PATIENCE = 1.0
_POLL = 0.01
_LOOK_AGAIN = 1.0
_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 60.0
_LASTED = 60.0
"""Seconds after which a service that ends did not end soon."""


class ServiceError(CheckwireError):
    """A service did not start."""


class Services:
    """The services that run inside of an ``async with`` block.

    Each has its output in a temporary file, and is waited for until its ``ready`` address takes
    connections. One that answers there already is used as it is, unless ``CI`` is set. In the end,
    also if this process is killed, none is left, nor what it started.

    Args:
        project: they are started in the order in which it declares them, in its folder.
        environ: their environment, to which each adds its own.

    Attributes:
        doing: what is being done on entering, to be read after ``while``.
        used: of each that is used as it is, a sentence that says so.

    Raises:
        ServiceError: on entering: one cannot be started, ends, or is not ready in time; the
            message has the end of its output. None is left running.
    """

    def __init__(self, project: Project, environ: Mapping[str, str]) -> None:
        self.doing = "starting services"
        self.used: list[str] = []
        self._project = project
        self._environ = environ
        self._started: dict[str, tuple[Service, Kept]] = {}  # by name
        self._found: list[tuple[Service, tuple[str, int]]] = []

    async def __aenter__(self) -> Services:
        try:
            async with telling(lambda: self.doing):
                for service in self._project.services:
                    await self._start(service)
                for service, kept in self._started.values():
                    await self._await_ready(service, kept)
        except BaseException:
            await self._stop()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stop()

    async def problems(self) -> list[str]:
        """Of each that did not last until now, a sentence that says so.

        One of ours that has ended with 0 may have meant to, or serve in the background.
        """
        told = [
            self._told(service, _with_tail(kept, f"ended with {status} while checks ran"))
            for service, kept in self._started.values()
            if (status := await kept.look())
        ]
        for service, address in self._found:
            if not await _answers(address):
                told.append(
                    self._told(service, "was running already, and has ended while checks ran")
                )
        return told

    async def keep(self, tell: Callable[[str], None]) -> None:
        """Start again what ends, after pauses that grow while it ends soon; until cancelled.

        One of ours that has ended with 0 may have meant to, or serve in the background.

        Args:
            tell: told a sentence of each that has ended, or cannot be started again.
        """
        async with asyncio.TaskGroup() as group:
            for name in self._started:
                group.create_task(self._keep(name, tell))

    async def _keep(self, name: str, tell: Callable[[str], None]) -> None:
        loop, pause = asyncio.get_running_loop(), _FIRST_PAUSE
        while True:
            service, kept = self._started[name]
            began = loop.time()
            while not kept.status:
                kept.trim()
                await asyncio.sleep(_LOOK_AGAIN)
            if loop.time() - began > _LASTED:
                pause = _FIRST_PAUSE
            what = f"ended with {kept.status}, and is started again in {pause:g} s"
            tell(self._told(service, _with_tail(kept, what)))
            runs = False
            while not runs:
                self._started[name][1].kill()
                await asyncio.sleep(pause)
                pause = min(2 * pause, _LONGEST_PAUSE)
                try:
                    await self._launch(service)
                    await self._await_ready(service, self._started[name][1])
                    runs = True
                except ServiceError as error:
                    tell(str(error))

    async def _start(self, service: Service) -> None:
        if service.ready is not None and await _answers(service.ready):
            place = host_and_port(*service.ready)
            if self._environ.get("CI"):
                what = f"finds {place} taken, and CI is set: "
                what += "end what listens there, or choose another port"
                raise ServiceError(self._told(service, what))
            self.used.append(
                f"service {service.name}: what runs on {place} already is used as it is"
            )
            self._found.append((service, service.ready))
            return
        await self._launch(service)

    async def _launch(self, service: Service) -> None:
        """Run it, and count it among those that we have started."""
        command = list(service.command)
        try:
            kept = Kept()
            self._started[service.name] = service, kept
            environ = {**self._environ, **service.env}
            await kept.start(Job(_words(command), self._project.root, environ))
        except OSError as error:
            what = f"cannot run {command[0]}: {error.strerror}"
            raise ServiceError(self._told(service, what)) from None

    async def _await_ready(self, service: Service, kept: Kept) -> None:
        if service.ready is None:
            return
        place = host_and_port(*service.ready)
        self.doing = f"waiting for service {service.name} on {place}"
        pause = _POLL
        try:
            async with asyncio.timeout(service.timeout):
                # Who answers may be another: this one has to be there afterwards.
                while True:
                    status = await kept.look()
                    answers = await _answers(service.ready)
                    if answers:
                        status = await kept.look()
                    # One that has ended with 0 may serve in the background.
                    if status or (status == 0 and not answers):
                        what = _with_tail(kept, f"ended with {status}")
                        raise ServiceError(self._told(service, what))
                    if answers:
                        break
                    await asyncio.sleep(pause)
                    pause = min(pause * 1.5, 0.25)
        except TimeoutError:
            what = (
                f"does not listen on {place} (its ready) within {service.timeout:g} s (its timeout)"
            )
            raise ServiceError(self._told(service, _with_tail(kept, what))) from None

    def _told(self, service: Service, what: str) -> str:
        settings = Path(self._project.config_path or CONFIG_NAME).name
        return f"{settings}:{service.line}: service {service.name} {what}"

    async def _stop(self) -> None:
        """Ask each to end, and wait until it has; its keeper does not wait for long."""
        try:
            for _, kept in reversed(self._started.values()):
                kept.ask_to_end()
                while not kept.is_gone:  # noqa: ASYNC110 - nothing tells of it
                    await asyncio.sleep(_POLL)
        finally:  # Whoever is too impatient to wait leaves none behind either.
            while self._started:
                self._started.popitem()[1][1].kill()


def _words(command: list[str]) -> list[str]:
    if command[0] in ("python", "python3"):
        # That of the environment which Checkwire is installed in.
        return [sys.executable, *command[1:]]
    if command[0] == "checkwire":
        return [sys.executable, "-m", "checkwire", *command[1:]]
    return command


def _with_tail(kept: Kept, what: str) -> str:
    tail = kept.tail()
    return f"{what}. Its output ends:\n{tail}" if tail else f"{what}, and printed nothing"


async def _answers(address: tuple[str, int]) -> bool:
    try:
        async with asyncio.timeout(_CONNECT_PATIENCE):
            _, writer = await asyncio.open_connection(*address)
    except OSError:  # A timeout is one too.
        return False
    writer.close()
    return True
