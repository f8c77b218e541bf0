"""Imports one check file, and says which checks are in it or why it could not be imported."""

from __future__ import annotations

import os
import sys
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, NamedTuple

from checkwire.model.errors import DefinitionError
from checkwire.model.failures import Failure, Location
from checkwire.project.assertions import decode, rewrite
from checkwire.project.import_failures import import_failure, syntax_failure
from checkwire.project.imports import NAMESPACE, ProjectImports, part_name, run_rewritten
from checkwire.sdk.check import CheckMark, declared, mark_of

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "DeclaredCheck",
    "DeclaredScript",
    "LoadedFile",
    "load_file",
    "module_name",
    "new_module",
]


class DeclaredCheck(NamedTuple):
    """A check as its file declares it.

    Attributes:
        mark: the options as given.
        function: what to call.
        line: where the function starts, its ``def``; or where the check was declared, when the
            function stands in another file.
    """

    mark: CheckMark
    function: Callable[..., Any]
    line: int


class DeclaredScript(NamedTuple):
    """A check whose script is another file, as a table declares it.

    Attributes:
        table: its options as given, and ``script``, relative to the project.
        line: where the table starts.
    """

    table: dict[str, Any]
    line: int


class LoadedFile(NamedTuple):
    """What came of importing a check file.

    Attributes:
        path: relative to the project, with forward slashes.
        checks: in the order of the source.
        failure: why the file could not be imported; then it has no checks.
        scripts: checks whose scripts are other files.
    """

    path: str
    checks: tuple[DeclaredCheck, ...] = ()
    failure: Failure | None = None
    scripts: tuple[DeclaredScript, ...] = ()


def module_name(path: str) -> str:
    """The name under which a check file is imported: unique in its project, and stable.

    ``checks/orders_check.py`` is ``checkwire_project.checks.orders_check``. A dot inside of a
    folder's or a file's name would read as a package, and is replaced; see :func:`part_name`.
    """
    parts = Path(path).with_suffix("").parts
    folders = [part_name("/".join(parts[:depth])) for depth in range(1, len(parts))]
    return ".".join((NAMESPACE, *folders, part_name(path.removesuffix(".py"))))


def load_file(file: Path, imports: ProjectImports) -> LoadedFile:
    """Import a check file, with its assertions rewritten.

    Whatever goes wrong in it is a ``failure``: ``script.syntax``, ``script.import``,
    ``check.usage`` when ``@check`` refuses, or that of a ``FailureError``, such as
    ``check.env_missing``. Only ``KeyboardInterrupt`` gets out.

    Args:
        file: an absolute path.
        imports: installed, for the file's project.
    """
    filename = str(file)
    path = imports.relative(filename)
    try:
        source = file.read_bytes()
        rewritten = rewrite(source, filename=filename, path=path)
    except OSError as error:
        message = f"{path} cannot be read: {error.strerror}."
        return LoadedFile(
            path, failure=Failure(code="script.import", message=message, location=Location(path, 1))
        )
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        return LoadedFile(path, failure=syntax_failure(error, path))

    imports.adopt(filename)
    imports.enter(str(file.parent))
    imports.name_folders(path)
    name = module_name(path)
    module = sys.modules.get(name)
    if module is None:  # otherwise a neighbour has imported it
        module = new_module(name, filename)
        declared[:] = [(m, f) for m, f in declared if m.module != name]
        sys.modules[name] = module
        try:
            with imports.keeping_path():
                run_rewritten(rewritten, module, path)
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            sys.modules.pop(name, None)
            if isinstance(error, DefinitionError):
                failure = _refusal(error, path, decode(source, path), imports)
            else:
                failure = import_failure(error, path, imports)
            return LoadedFile(path, failure=failure)
    return LoadedFile(path, tuple(_checks(module, filename, rewritten.definitions)))


def new_module(name: str, filename: str) -> ModuleType:
    """An empty module for a check file."""
    module = ModuleType(name)
    module.__file__ = filename
    module.__spec__ = ModuleSpec(name, None, origin=filename)
    module.__spec__.has_location = True
    module.__package__ = name.rpartition(".")[0]
    return module


def _checks(module: ModuleType, filename: str, definitions: dict[int, int]) -> list[DeclaredCheck]:
    # A decorator above @check may have wrapped the function; then the module's own name for it
    # is the one to call.
    outermost: dict[CheckMark, Callable[..., Any]] = {}
    for value in vars(module).values():
        mark = mark_of(value)
        if mark is not None and callable(value):
            outermost[mark] = value
    found = []
    for mark, function in declared:
        if mark.module != module.__name__:
            continue
        line = mark.line
        if mark.function_path == filename:
            line = definitions.get(mark.function_line, mark.function_line)
        found.append(DeclaredCheck(mark, outermost.get(mark, function), line))
    found.sort(key=lambda check: check.mark.line)
    return found


def _refusal(error: DefinitionError, path: str, text: str, imports: ProjectImports) -> Failure:
    """A ``DefinitionError`` that left the file: that of its own ``@check``, or of a helper's."""
    where, line = path, error.line or 1
    if error.path is not None and os.path.isabs(error.path):  # noqa: PTH117
        where = imports.relative(error.path)
    lines = text.split("\n") if where == path else []
    source = lines[line - 1].strip() if line <= len(lines) else ""
    return Failure(
        code="check.usage",
        message=error.message,
        details=source,
        location=Location(where, line, "", source),
    )
