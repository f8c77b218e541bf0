"""The script that declared checks stand for, to be kept as a file."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path as FilePath
from typing import Any, NamedTuple

from checkwire.model.errors import DefinitionError, UsageError
from checkwire.project.config import Project
from checkwire.project.declared.loading import prefix_of, read_checks
from checkwire.project.declared.reading import Reading
from checkwire.project.declared.scope import identifier_of
from checkwire.project.declared.writing import Writer
from checkwire.project.positions import Path
from checkwire.sdk.suggestion import did_you_mean

__all__ = ["DeclaredFile", "Table", "find_tables", "read_file", "script_of"]


class Table(NamedTuple):
    """A declared check.

    Attributes:
        table: as it was read.
        path: where it stands in its file.
        function: what its function is called.
        id: as it is known in reports.
    """

    table: dict[str, Any]
    path: Path
    function: str
    id: str

    @property
    def names(self) -> set[str]:
        """All that it may be called by."""
        return {self.function, self.id, self.table["name"].strip()}


class DeclaredFile(NamedTuple):
    """A file of declared checks, read.

    Attributes:
        path: relative to the project.
        reading: the file.
        tables: its checks.
    """

    path: str
    reading: Reading
    tables: tuple[Table, ...]


def read_file(file: FilePath, project: Project) -> DeclaredFile:
    """Read a file of declared checks.

    Raises:
        DefinitionError: it has mistakes; the first is told.
        UsageError: it cannot be read.
    """
    path = os.path.relpath(file, project.root).replace(os.sep, "/")
    try:
        data = file.read_bytes()
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from None
    reading, checks = read_checks(data, prefix=prefix_of(file, project))
    _require_right(reading, path)
    tables = []
    for place, table in checks:
        if "script" in table:
            continue  # a script it is already
        function = identifier_of(table["name"].strip())
        tables.append(Table(table, place, function, table.get("id", f"{path}::{function}")))
    return DeclaredFile(path, reading, tuple(tables))


def find_tables(files: Sequence[DeclaredFile], name: str) -> list[tuple[DeclaredFile, Table]]:
    """The checks of this name: that of the function, an id, or the check's own.

    Raises:
        UsageError: there is none, or several in different files.
    """
    found = [(file, table) for file in files for table in file.tables if name in table.names]
    if not found:
        known = {one for file in files for table in file.tables for one in table.names}
        where = f"{files[0].path} has" if len(files) == 1 else "there is"
        raise UsageError(f'{where} no declared check "{name}"{did_you_mean(name, known)}')
    if len({file.path for file, _ in found}) > 1:
        ids = " or ".join(table.id for _, table in found[:3])
        raise UsageError(f'several checks are called "{name}": write {ids}')
    return found


def script_of(file: DeclaredFile, tables: Sequence[Table], project: Project) -> str:
    """The script that these checks of a file stand for.

    Raises:
        DefinitionError: one of them has mistakes; the first is told.
    """
    environment = {*os.environ, *project.env, *project.secrets}
    writer = Writer(file.reading, environment, project.root)
    for table in tables:
        writer.write(table.table, table.path, id_=table.id)
    _require_right(file.reading, file.path)
    return writer.module(f"Ejected from {file.path}.").text()


def _require_right(reading: Reading, path: str) -> None:
    if reading.problems:
        first = min(reading.problems)
        raise DefinitionError(first.message, path=path, line=first.line)
