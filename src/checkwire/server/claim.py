"""One server a SQLite database: two would run everything twice."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from types import TracebackType

from checkwire.model.errors import UsageError
from checkwire.store.ownership import open_own

__all__ = ["Claim"]


class Claim:
    """Makes a database's folder, and holds the database, inside of a ``with`` block.

    The lock is the kernel's, on a file beside it: it goes with the process, however that ends.

    Args:
        database: the file, which need not exist.

    Raises:
        UsageError: on entering: the folder cannot be used, or another server has the database.
    """

    def __init__(self, database: Path) -> None:
        self._database = database
        self._fd = -1

    def __enter__(self) -> Claim:
        lock = self._database.with_name(f"{self._database.name}.lock")
        try:
            lock.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._fd = open_own(lock)
        except OSError as error:
            raise UsageError(
                f"{lock.parent} cannot hold the server's data: {error.strerror}; make it "
                "writable, or name another folder with --data"
            ) from None
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            holder = os.read(self._fd, 20).decode("ascii", "replace").strip()
            self.__exit__(None, None, None)
            raise UsageError(
                f"another server (process {holder or 'unknown'}) uses {self._database}: stop it, "
                "or name another folder with --data"
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
