"""The services of a project: servers that ``checkwire test`` starts before the checks."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from typing import IO

from checkwire.model.errors import CheckwireError
from checkwire.project.config import Service

__all__ = ["ServiceError", "running"]

_STOP_PATIENCE = 5.0
"""Seconds between SIGTERM and SIGKILL."""
_TAIL = 2000


class ServiceError(CheckwireError):
    """A service did not start."""


class _Running:
    def __init__(
        self, service: Service, process: subprocess.Popen[bytes], output: IO[bytes]
    ) -> None:
        self.service = service
        self.process = process
        self.output = output

    def tail(self) -> str:
        self.output.seek(0, os.SEEK_END)
        self.output.seek(max(0, self.output.tell() - _TAIL))
        return self.output.read().decode("utf-8", "replace").strip()

    def stop(self) -> None:
        # Also what it started itself: the whole process group.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(_STOP_PATIENCE)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.output.close()


@contextlib.contextmanager
def running(
    services: tuple[Service, ...], root: str, environ: Mapping[str, str]
) -> Iterator[list[str]]:
    """The services run inside the block. Yields the names of those that ran already.

    Each gets a process group of its own, its output in a temporary file, and is waited for until
    its ``ready`` address takes connections.

    Raises:
        ServiceError: one cannot be started, ends, or is not ready in time; the message has the end
            of its output.
    """
    started: list[_Running] = []
    reused: list[str] = []
    try:
        for service in services:
            if service.ready is not None and _answers(service.ready):
                if environ.get("CI"):
                    raise ServiceError(
                        f"service {service.name}: something listens on "
                        f"{_shown(service.ready)} already"
                    )
                reused.append(service.name)
            else:
                started.append(_start(service, root, environ))
        for one in started:
            _await_ready(one)
        yield reused
    finally:
        for one in reversed(started):
            one.stop()


def _start(service: Service, root: str, environ: Mapping[str, str]) -> _Running:
    words = list(service.command)
    if words[0] in ("python", "python3"):
        words[0] = sys.executable  # That of the environment which Checkwire is installed in.
    elif words[0] == "checkwire":
        words[:1] = [sys.executable, "-m", "checkwire"]
    output = tempfile.TemporaryFile()  # noqa: SIM115 - closed by _Running.stop
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
    except OSError as error:
        output.close()
        raise ServiceError(
            f"service {service.name}: cannot run {words[0]}: {error.strerror}"
        ) from None
    return _Running(service, process, output)


def _await_ready(running: _Running) -> None:
    service = running.service
    if service.ready is None:
        return
    deadline = time.monotonic() + service.timeout
    pause = 0.01
    while not _answers(service.ready):
        if running.process.poll() is not None:
            raise ServiceError(_with_tail(running, f"ended with {running.process.returncode}"))
        if time.monotonic() > deadline:
            what = f"does not listen on {_shown(service.ready)} after {service.timeout:g} s"
            raise ServiceError(_with_tail(running, what))
        time.sleep(pause)
        pause = min(pause * 1.5, 0.25)


def _with_tail(running: _Running, what: str) -> str:
    tail = running.tail()
    message = f"service {running.service.name} {what}"
    return f"{message}. Its output ends:\n{tail}" if tail else f"{message}, and printed nothing"


def _answers(address: tuple[str, int]) -> bool:
    try:
        with socket.create_connection(address, 1.0):
            return True
    except OSError:
        return False


def _shown(address: tuple[str, int]) -> str:
    host, port = address
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
