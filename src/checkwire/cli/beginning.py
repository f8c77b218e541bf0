"""What a server makes when it starts in a place for the first time, and how that is undone."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path
from types import TracebackType

from checkwire.cli.places import make_data_folder

__all__ = ["Beginning"]

_OF_SOMEBODY = ("runs", "secrets", "tokens")
"""Tables that say that a new database is of use already."""


class Beginning:
    """Makes the data folder, inside of a ``with`` block that ends when the server does.

    If that is before :meth:`succeeded`, what was made and holds nothing is removed: who starts a
    server in the wrong place, or by a wrong name, finds no folders and databases there later on.

    Args:
        data: the server's folder.
        file: its database, if that is SQLite's.

    Attributes:
        made: the database, if this start makes it.
    """

    def __init__(self, data: Path, file: Path | None) -> None:
        self.made: Path | None = None
        self._data = data
        self._file = file
        self._folders: list[Path] = []  # those that were not there, the deepest first
        self._over = False

    def __enter__(self) -> Beginning:
        wanted = {self._data, *self._data.parents}
        if self._file is not None:
            wanted |= set(self._file.parents)
        missing = [folder for folder in wanted if not folder.exists()]
        self._folders = sorted(missing, key=lambda folder: len(folder.parts), reverse=True)
        make_data_folder(self._data)
        return self

    def claimed(self) -> None:
        """The database is this server's alone; if it is not there, it is about to be made."""
        if self._file is not None and not self._file.exists():
            self.made = self._file

    def succeeded(self) -> None:
        """The server runs: all of it stays."""
        self._over = True

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._over:
            return
        with contextlib.suppress(OSError):
            self._remove_database()
        for folder in self._folders:
            with contextlib.suppress(OSError):  # most of all: it is not empty
                if folder == self._data and [one.name for one in folder.iterdir()] == [
                    ".gitignore"
                ]:
                    (folder / ".gitignore").unlink()
                folder.rmdir()

    def _remove_database(self) -> None:
        if self.made is None or not _is_untouched(self.made):
            return
        for suffix in ("-wal", "-shm", ""):
            self.made.with_name(self.made.name + suffix).unlink(missing_ok=True)
        if self.made.parent in self._folders:
            self.made.with_name(f"{self.made.name}.lock").unlink(missing_ok=True)


def _is_untouched(file: Path) -> bool:
    """Whether nobody has put anything into it."""
    if not file.exists():
        return True
    try:
        with contextlib.closing(sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True)) as database:
            known = {name for (name,) in database.execute("SELECT name FROM sqlite_master")}
            return not any(
                database.execute(f"SELECT 1 FROM {table} LIMIT 1").fetchone()
                for table in _OF_SOMEBODY
                if table in known
            )
    except sqlite3.Error:
        return False
