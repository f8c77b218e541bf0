"""Checks that are whole files: scripts in JavaScript and TypeScript."""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import msgspec

from checkwire.model.definition import CheckDefinition
from checkwire.model.durations import format_seconds
from checkwire.model.errors import DefinitionError
from checkwire.model.failures import Failure, Location
from checkwire.project.comments import comment_options
from checkwire.project.completing import complete, undeclared_location
from checkwire.project.playwright import is_for_playwright
from checkwire.sdk.options import parse_option

if TYPE_CHECKING:
    from checkwire.model.definition import EngineName
    from checkwire.project.config import Project

__all__ = ["define_declared_script", "define_script"]

_CHECK = re.compile(r"[._](check|spec|test)$")
_DESCRIPTION = re.compile(r"\s*(?:/\*\*?|\*+(?!/)|//)\s*(.*?)\s*(?:\*/)?\s*$")


def define_script(file: Path, project: Project, path: str) -> CheckDefinition | Failure:
    """The check that a file is; or why it cannot be one.

    Args:
        file: absolute.
        project: for its defaults and locations.
        path: of the file, relative to the project.
    """
    try:
        text = file.read_bytes().decode("utf-8-sig")
    except OSError as error:
        return _failure("script.import", f"{path} cannot be read: {error.strerror}.", path)
    except UnicodeDecodeError as error:
        return _failure(
            "script.syntax",
            f"{path} is not UTF-8 text, from byte {error.start} on",
            path,
            "A script is text; is it one?",
        )
    try:
        return _define(
            comment_options(text, path), project, path, _engine_of(file, text), _description(text)
        )
    except DefinitionError as error:
        return Failure(
            code="check.usage", message=error.message, location=Location(path, error.line or 1)
        )


def define_declared_script(
    table: dict[str, Any], project: Project, path: str, line: int
) -> CheckDefinition:
    """The check that a ``[[check]]`` with a ``script`` is. What it says goes before the comment.

    Args:
        table: its options as given; ``script`` is there, relative to the project.
        project: for its defaults and locations.
        path: of the file with the table, relative to the project.
        line: where the table starts.

    Raises:
        DefinitionError: an option will not do, of the table or of the script's own comment.
    """
    script = table["script"]
    file = Path(project.root, script)
    try:
        text = file.read_bytes().decode("utf-8-sig")
    except (OSError, UnicodeDecodeError):
        text = ""  # Node tells, when it runs
    try:
        options = comment_options(text, script)
        for name, value in table.items():
            if name in ("script", "description"):
                continue
            options[name] = parse_option(name, value)
            if name in ("every", "cron"):
                options.pop("cron" if name == "every" else "every", None)
        description = table.get("description", _description(text))
        definition = _define(options, project, script, _engine_of(file, text), description)
    except DefinitionError as error:
        message = error.message.removeprefix("// checkwire: ")
        raise DefinitionError(f"{script}: {message}", path=path, line=line) from None
    return msgspec.structs.replace(definition, path=path, line=line, script=script)


def _engine_of(file: Path, text: str) -> EngineName:
    return "playwright" if is_for_playwright(file, text) else "node"


def _define(
    options: dict[str, Any], project: Project, path: str, engine: EngineName, description: str
) -> CheckDefinition:
    values = complete(options, project, isolation="process")
    if what := undeclared_location(values["locations"], project):
        raise DefinitionError(f"// checkwire: {what}")
    if "degraded" in options and options["degraded"] >= values["timeout"]:
        raise DefinitionError(
            f"// checkwire: degraded ({format_seconds(options['degraded'])}) must be less than "
            f"the timeout ({format_seconds(values['timeout'])}), or nothing can ever be degraded"
        )
    name = _CHECK.sub("", PurePosixPath(path).stem)
    return CheckDefinition(
        id=options.get("id", path),
        name=options.get("name", name),
        path=path,
        line=1,
        function="",
        description=description,
        engine=engine,
        **values,
    )


def _description(text: str) -> str:
    """The first sentence-like line of the comment that the file begins with."""
    for line in text.split("\n")[:20]:
        match = _DESCRIPTION.match(line)
        if match is None:
            if line.strip() and not line.startswith("#!") and "use strict" not in line:
                return ""
            continue
        said = match[1]
        if said and not said.startswith(("checkwire:", "@", "eslint", "*")):
            return said
    return ""


def _failure(code: str, message: str, path: str, hint: str = "") -> Failure:
    return Failure(code=code, message=message, hint=hint, location=Location(path, 1))
