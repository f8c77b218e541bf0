"""Loads a file of declared checks: read, validated, and turned into functions."""

from __future__ import annotations

import os
import sys
from pathlib import Path as FilePath
from types import CodeType
from typing import TYPE_CHECKING, Any

from checkwire.model.errors import DefinitionError
from checkwire.model.failures import Failure, Location
from checkwire.project.declared.reading import BAD, Problem, Reading
from checkwire.project.declared.scope import identifier_of
from checkwire.project.declared.tables import CHECKS, FILE
from checkwire.project.declared.writing import Writer
from checkwire.project.kinds import engine_of
from checkwire.project.loader import (
    DeclaredCheck,
    DeclaredScript,
    LoadedFile,
    module_name,
    new_module,
)
from checkwire.project.positions import Path
from checkwire.sdk.check import declared
from checkwire.sdk.context import encodable

if TYPE_CHECKING:
    from checkwire.project.config import Project
    from checkwire.project.imports import ProjectImports

__all__ = ["load_declared", "read_checks"]

Checks = list[tuple[Path, dict[str, Any]]]

_ANOTHER = {
    "id": "write another",
    "script": "give one of them an id",
    "name": "write another, or give one of them an id",
}
"""What an id is made of, and what to do if two are the same."""
_TOLD = 20
_LONGEST_LINE = 160


def load_declared(file: FilePath, project: Project, imports: ProjectImports) -> LoadedFile:
    """Load the declared checks of a file.

    All that is wrong with it is one failure, ``check.declaration``, that names each place.

    Args:
        file: an absolute path: ``*.check.toml``, or the project's settings.
        project: for its variables and secrets.
        imports: installed, for the file's project.
    """
    path = imports.relative(str(file))
    try:
        data = file.read_bytes()
    except OSError as error:
        message = f"{path} cannot be read: {error.strerror}."
        failure = Failure(code="script.import", message=message, location=Location(path, 1))
        return LoadedFile(path, failure=failure)
    try:
        reading, checks = read_checks(data, prefix=prefix_of(file, project))
        writer = Writer(reading, {*os.environ, *project.env, *project.secrets}, project.root)
        scripts = []
        for place, table in checks:
            if "script" in table:
                scripts.append(_script(table, place, reading, project))
            else:
                writer.write(table, place)
        if reading.problems:
            return LoadedFile(path, failure=_failure(reading.problems, path, data))
        code = writer.module().compile(str(file))
    except (RecursionError, MemoryError, SyntaxError):  # Python's own limits of nesting
        problem = Problem(1, 1, "it is nested too deeply")
        return LoadedFile(path, failure=_failure([problem], path, data))
    imports.adopt(str(file))
    return _run(code, file, path, data)._replace(scripts=tuple(scripts))


def _script(
    table: dict[str, Any], path: tuple[str | int, ...], reading: Reading, project: Project
) -> DeclaredScript:
    named = table["script"]
    script = os.path.normpath(named).replace(os.sep, "/")
    place = (*path, "script")
    if os.path.isabs(script) or script.startswith("../"):  # noqa: PTH117
        reading.wrong(f"script: {named} is not in the project", place)
    elif engine_of(script) != "node":
        reading.wrong(f"script: {named} is not a JavaScript or TypeScript file", place)
    elif not FilePath(project.root, script).is_file():
        reading.wrong(f"script: there is no file {named} in {project.root}", place)
    return DeclaredScript({**table, "script": script}, reading.line(path))


def prefix_of(file: FilePath, project: Project) -> tuple[str, ...] | None:
    """Where the checks are in a file of settings; ``None`` for a file that holds nothing else."""
    if project.config_path is None or str(file) != project.config_path:
        return None
    return ("tool", "checkwire") if file.name == "pyproject.toml" else ()


def read_checks(data: bytes, *, prefix: tuple[str, ...] | None) -> tuple[Reading, Checks]:
    """The file, and those of its checks that are right, each with where it stands.

    Args:
        data: the bytes of the file.
        prefix: as of :func:`prefix_of`.
    """
    reading = Reading(data)
    if reading.problems:
        return reading, []
    document: Any = reading.document
    for key in prefix or ():
        document = document.get(key, {}) if isinstance(document, dict) else {}
    if prefix is None:
        for key in document:
            FILE.require(key, (), reading)
        if not document:
            reading.wrong("there is no [[check]] in it", ())
    path = (*(prefix or ()), "check")
    if not isinstance(document, dict) or "check" not in document:
        return reading, []
    checks = CHECKS.read(document["check"], path, reading)
    if checks is BAD:
        return reading, []
    found: Checks = [((*path, at), one) for at, one in enumerate(checks) if one is not BAD]
    _require_own_ids(found, reading)
    return reading, found


def _require_own_ids(checks: Checks, reading: Reading) -> None:
    """Note a problem for each check whose id an earlier one has."""
    taken: dict[str, Path] = {}
    for path, table in checks:
        key = next(key for key in _ANOTHER if key in table)
        id_ = table[key]
        if key == "script":
            id_ = os.path.normpath(id_)
        elif key == "name":
            id_ = f"::{identifier_of(id_.strip())}"
        for case in table.get("cases", ("",)):
            first = taken.setdefault(f"{id_}[{case}]", path)
            if first != path:
                told = f"{key}: the check on line {reading.line(first)} has this {key}, too"
                reading.wrong(f"{told}: {_ANOTHER[key]}", (*path, key))
                break


def _run(code: CodeType, file: FilePath, path: str, data: bytes) -> LoadedFile:
    name = module_name(path.removesuffix(".toml"))
    module = new_module(name, str(file))
    declared[:] = [(m, f) for m, f in declared if m.module != name]
    sys.modules[name] = module
    # What children would otherwise import themselves, each anew.
    import checkwire.sdk.finding
    import checkwire.sdk.patterns  # noqa: F401

    try:
        exec(code, module.__dict__)
    except DefinitionError as error:
        sys.modules.pop(name, None)
        problem = Problem(error.line or 1, 1, error.message.removeprefix("@check: "))
        return LoadedFile(path, failure=_failure([problem], path, data))
    found = [DeclaredCheck(m, f, m.line) for m, f in declared if m.module == name]
    return LoadedFile(path, tuple(found))


def _failure(problems: list[Problem], path: str, data: bytes) -> Failure:
    problems = sorted(dict.fromkeys(problems))
    first = problems[0]
    text = data.decode("utf-8-sig", "replace").replace("\r\n", "\n").split("\n")
    source = text[first.line - 1].strip() if first.line <= len(text) else ""
    lines = [f"{path}:{line}:{column}: {message}" for line, column, message in problems[:_TOLD]]
    if len(problems) > _TOLD:
        lines.append(f"… and {len(problems) - _TOLD} more")
    message = first.message
    if len(problems) > 1:
        message = f"{len(problems)} mistakes, the first: {message}"
    return Failure(
        code="check.declaration",
        message=encodable(message),
        details=encodable("\n".join(lines)),
        evidence={
            "problems": [
                {"line": line, "column": column, "message": encodable(message)}
                for line, column, message in problems[:_TOLD]
            ]
        },
        location=Location(path, first.line, "", encodable(source[:_LONGEST_LINE])),
    )
