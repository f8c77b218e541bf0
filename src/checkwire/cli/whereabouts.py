"""Where a server listens, for commands that are given in the folder of its project."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from checkwire.model.places import host_and_port

__all__ = ["find_whereabouts", "listening_at", "url_of"]

_NAME = "serving"
"""The file in the server's folder. It is locked for as long as what it says is true."""
_LONGEST = 500
_ANYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}


def url_of(host: str, port: int) -> str:
    """Where this machine reaches a server that listens there."""
    return f"http://{host_and_port(_ANYWHERE.get(host, host), port)}"


@contextlib.contextmanager
def listening_at(url: str, data: Path) -> Iterator[None]:
    """Let others know where a server listens, for as long as the block lasts.

    The lock is the kernel's, and goes with the process: a file that is left behind says nothing.
    Who cannot write it serves all the same.

    Args:
        url: where this machine reaches it.
        data: the server's folder.
    """
    from checkwire.store.ownership import open_own

    file = data / _NAME
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(OSError):
            descriptor = open_own(file)
            stack.callback(os.close, descriptor)
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)  # or it is another server's
            stack.callback(file.unlink, missing_ok=True)
            os.ftruncate(descriptor, 0)
            os.write(descriptor, f"{url}\n".encode())
        yield


def find_whereabouts(data: Path) -> str | None:
    """Where the server of that folder listens; ``None`` if none does, or it is not to be told."""
    try:
        with (data / _NAME).open("rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return file.read(_LONGEST).decode("utf-8", "replace").strip() or None
    except OSError:
        pass
    return None
