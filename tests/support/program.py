"""The ``checkwire`` program, run for real, and servers for it that misbehave in chosen ways."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import subprocess
import sys
import textwrap
import threading
from collections.abc import Awaitable, Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from websockets.asyncio.server import ServerConnection, serve

import checkwire as checkwire_package
from checkwire.model.failures import Failure
from support.sentences import assert_explained

__all__ = ["Result", "checkwire", "environment", "project", "report", "serving"]


class Result(NamedTuple):
    """How the program ended, and what it wrote."""

    status: int
    out: str
    err: str


def environment(**variables: str) -> dict[str, str]:
    """An environment that does not depend on where the tests run; with the code that they test."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    code = str(Path(checkwire_package.__file__).parents[1])
    return {**kept, "PYTHONPATH": code, "PYTHONUTF8": "1", **variables}


def checkwire(
    *arguments: str,
    cwd: Path,
    timeout: float = 100,
    given: str | bytes = b"",
    before: Sequence[str] = (),
    **variables: str,
) -> Result:
    """Run the program to its end.

    Args:
        arguments: its arguments.
        cwd: where.
        timeout: seconds after which it is killed, and the test fails.
        given: what it reads from standard input.
        before: a command that runs it.
        variables: of its environment.
    """
    done = subprocess.run(
        [*before, sys.executable, "-m", "checkwire", *arguments],
        cwd=cwd,
        env=environment(**variables),
        input=given if isinstance(given, bytes) else given.encode(),
        capture_output=True,
        timeout=timeout,
        check=False,
    )
    return Result(done.returncode, done.stdout.decode(), done.stderr.decode())


def project(root: Path, **files: str) -> Path:
    """Write a project: keywords are file names, with ``__`` for ``/`` and ``.py`` left out."""
    (root / "checkwire.toml").write_text('[project]\nid = "test"\n')
    for name, text in files.items():
        path = root / (name.replace("__", "/") + ".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text))
    return root


def report(*arguments: str, cwd: Path, timeout: float = 100, **variables: str) -> dict[str, Any]:
    """Run ``checkwire test`` with the JSON reporter; its document."""
    result = checkwire(
        "test", "--reporter", "json", *arguments, cwd=cwd, timeout=timeout, **variables
    )
    try:
        document: dict[str, Any] = json.loads(result.out)
    except json.JSONDecodeError:
        raise AssertionError(f"exit {result.status}: {result.out}{result.err}") from None
    for run in document["runs"]:
        for attempt in run["attempts"]:
            for failed in attempt.get("failures", ()):
                assert_explained(msgspec.convert(failed["failure"], Failure))
    return document


@contextlib.contextmanager
def serving(handler: Callable[[ServerConnection], Awaitable[None]]) -> Iterator[str]:
    """A WebSocket server in a thread; yields its URL."""
    ready: threading.Event = threading.Event()
    found: list[tuple[int, asyncio.AbstractEventLoop, asyncio.Event]] = []

    async def main() -> None:
        stop = asyncio.Event()
        async with serve(handler, "127.0.0.1", 0) as server:
            port = next(iter(server.sockets)).getsockname()[1]
            found.append((port, asyncio.get_running_loop(), stop))
            ready.set()
            await stop.wait()

    thread = threading.Thread(target=lambda: asyncio.run(main()), daemon=True)
    thread.start()
    assert ready.wait(10)
    port, loop, stop = found[0]
    try:
        yield f"ws://127.0.0.1:{port}/"
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(10)
