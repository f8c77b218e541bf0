"""One server a data folder: two would run everything twice."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from types import TracebackType

from checkwire.model.errors import UsageError

__all__ = ["Claim"]

_NAME = "serve.lock"


class Claim:
    """Makes the folder, and holds it, inside of a ``with`` block.

    The lock is the kernel's: it goes with the process, however that ends.

    Raises:
        UsageError: on entering: the folder cannot be used, or another server has it.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._fd = -1

    def __enter__(self) -> Claim:
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._fd = os.open(self._folder / _NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise UsageError(
                f"{self._folder} cannot hold the server's data: {error.strerror}; make it "
                "writable, or name another folder with --data"
            ) from None
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            holder = os.read(self._fd, 20).decode("ascii", "replace").strip()
            self.__exit__(None, None, None)
            raise UsageError(
                f"another server (process {holder or 'unknown'}) uses {self._folder}: stop it, or "
                "name another folder with --data"
            ) from None
        os.ftruncate(self._fd, 0)
        os.write(self._fd, f"{os.getpid()}\n".encode())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
