"""The services of a project: servers that ``checkwire test`` starts before the checks."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO

from checkwire.cli.testing.patience import telling
from checkwire.model.errors import CheckwireError
from checkwire.model.places import host_and_port
from checkwire.project.config import CONFIG_NAME, Project, Service

__all__ = ["ServiceError", "Services"]

_STOP_PATIENCE = 5.0
"""Seconds between SIGTERM and SIGKILL."""
_CONNECT_PATIENCE = 1.0
_POLL = 0.01
_TAIL = 2000


class ServiceError(CheckwireError):
    """A service did not start."""


class Services:
    """The services that run inside of an ``async with`` block.

    Each gets a process group of its own, its output in a temporary file, and is waited for until
    its ``ready`` address takes connections. One that answers there already is used as it is,
    unless ``CI`` is set.

    Args:
        project: they are started in the order in which it declares them, in its folder.
        environ: their environment, to which each adds its own.

    Attributes:
        doing: what is being done on entering, to be read after ``while``.

    Raises:
        ServiceError: on entering: one cannot be started, ends, or is not ready in time; the
            message has the end of its output. None is left running.
    """

    def __init__(self, project: Project, environ: Mapping[str, str]) -> None:
        self.doing = "starting services"
        self._project = project
        self._environ = environ
        self._started: list[_Running] = []

    async def __aenter__(self) -> Services:
        try:
            async with telling(lambda: self.doing):
                for service in self._project.services:
                    await self._start(service)
                for one in self._started:
                    await self._await_ready(one)
        except BaseException:
            await self._stop()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stop()

    def failed(self) -> list[str]:
        """Of each that has ended by itself, and not with 0, a sentence that says so."""
        return [
            self._told(one.service, _with_tail(one, f"ended with {status} while checks ran"))
            for one in self._started
            if (status := one.process.poll())
        ]

    async def _start(self, service: Service) -> None:
        if service.ready is None or not await _answers(service.ready):
            try:
                self._started.append(_start(service, self._project.root, self._environ))
            except OSError as error:
                what = f"cannot run {service.command[0]}: {error.strerror}"
                raise ServiceError(self._told(service, what)) from None
        elif self._environ.get("CI"):
            what = (
                f"finds {host_and_port(*service.ready)} taken, and CI is set: "
                "end what listens there, or choose another port"
            )
            raise ServiceError(self._told(service, what))

    async def _await_ready(self, running: _Running) -> None:
        service = running.service
        if service.ready is None:
            return
        self.doing = f"waiting for service {service.name} on {host_and_port(*service.ready)}"
        pause = _POLL
        try:
            async with asyncio.timeout(service.timeout):
                while not await _answers(service.ready):
                    if running.process.poll() is not None:
                        what = _with_tail(running, f"ended with {running.process.returncode}")
                        raise ServiceError(self._told(service, what))
                    await asyncio.sleep(pause)
                    pause = min(pause * 1.5, 0.25)
        except TimeoutError:
            what = (
                f"does not listen on {host_and_port(*service.ready)} (its ready) "
                f"within {service.timeout:g} s (its timeout)"
            )
            raise ServiceError(self._told(service, _with_tail(running, what))) from None

    def _told(self, service: Service, what: str) -> str:
        settings = Path(self._project.config_path or CONFIG_NAME).name
        return f"{settings}:{service.line}: service {service.name} {what}"

    async def _stop(self) -> None:
        try:
            for one in reversed(self._started):
                await one.stop()
        finally:  # Whoever is too impatient to wait leaves none behind either.
            while self._started:
                self._started.pop().kill()


class _Running:
    def __init__(
        self, service: Service, process: subprocess.Popen[bytes], output: IO[bytes]
    ) -> None:
        self.service = service
        self.process = process
        self._output = output

    def tail(self) -> str:
        self._output.seek(0, os.SEEK_END)
        self._output.seek(max(0, self._output.tell() - _TAIL))
        return self._output.read().decode("utf-8", "replace").strip()

    async def stop(self) -> None:
        """Ask it to end, and wait until it has, but not for long."""
        self._signal(signal.SIGTERM)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_STOP_PATIENCE):
                while self.process.poll() is None:  # noqa: ASYNC110 - nothing tells of it
                    await asyncio.sleep(_POLL)

    def kill(self) -> None:
        """Leave nothing of it, nor of what it started itself: the whole process group."""
        self._signal(signal.SIGKILL)
        self.process.wait()
        self._output.close()

    def _signal(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)


def _start(service: Service, root: str, environ: Mapping[str, str]) -> _Running:
    words = list(service.command)
    if words[0] in ("python", "python3"):
        words[0] = sys.executable  # That of the environment which Checkwire is installed in.
    elif words[0] == "checkwire":
        words[:1] = [sys.executable, "-m", "checkwire"]
    output = tempfile.TemporaryFile()  # noqa: SIM115 - closed by _Running.kill
    try:
        process = subprocess.Popen(
            words,
            cwd=root,
            env={**environ, **service.env},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    except OSError:
        output.close()
        raise
    return _Running(service, process, output)


def _with_tail(running: _Running, what: str) -> str:
    tail = running.tail()
    return f"{what}. Its output ends:\n{tail}" if tail else f"{what}, and printed nothing"


async def _answers(address: tuple[str, int]) -> bool:
    try:
        async with asyncio.timeout(_CONNECT_PATIENCE):
            _, writer = await asyncio.open_connection(*address)
    except OSError:  # A timeout is one too.
        return False
    writer.close()
    return True
