"""From what a check file declares, and the project's defaults, to complete definitions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import msgspec

from checkwire.model.definition import CheckDefinition
from checkwire.model.durations import format_seconds
from checkwire.model.errors import DefinitionError
from checkwire.model.failures import Failure, Location
from checkwire.project.completing import complete, undeclared_location
from checkwire.project.kinds import DECLARED_SUFFIX
from checkwire.project.scripts import define_declared_script
from checkwire.sdk.options import DEFAULTABLE, parse_option

if TYPE_CHECKING:
    from collections.abc import Callable

    from checkwire.project.config import Project
    from checkwire.project.loader import DeclaredCheck, LoadedFile

__all__ = ["CollectedCheck", "define", "define_all"]


class CollectedCheck(NamedTuple):
    """A check that can be run in this process.

    Attributes:
        definition: what can be told to others.
        function: what to call, ...
        arguments: ... with these, by name: those of its case.
    """

    definition: CheckDefinition
    function: Callable[..., Any]
    arguments: dict[str, Any]


def define_all(loaded: LoadedFile, project: Project) -> list[CollectedCheck] | Failure:
    """The checks of a file that was loaded; or why there are none to be had."""
    if loaded.failure is not None:
        return loaded.failure
    try:
        checks = [c for d in loaded.checks for c in define(d, project, loaded.path)]
        for script in loaded.scripts:
            definition = define_declared_script(script.table, project, loaded.path, script.line)
            checks.append(CollectedCheck(definition, _run_elsewhere, {}))
        for check in checks:
            _require_text(check.definition)
        return checks
    except DefinitionError as error:
        location = Location(loaded.path, error.line or 1)
        message = error.message
        if loaded.path.endswith(DECLARED_SUFFIX):
            message = message.removeprefix("@check: ")
        return Failure(code="check.usage", message=message, location=location)


def _run_elsewhere() -> None:
    raise AssertionError("a script is run by its own engine")


def define(declared: DeclaredCheck, project: Project, path: str) -> list[CollectedCheck]:
    """The checks that one declaration makes: one per case, or one.

    An option that ``@check`` gives stands; for the others the project's defaults do.

    Args:
        declared: from the loader.
        project: for its defaults and locations.
        path: of the check's file, relative to the project.

    Raises:
        DefinitionError: if it names a location that the project does not declare, could never be
            degraded in its time, or has a time zone and no cron.
    """
    options = declared.mark.options
    kind: Literal["script", "declared"] = "declared" if path.endswith(DECLARED_SUFFIX) else "script"
    values = complete(
        {name: parse_option(name, options[name]) for name in DEFAULTABLE if name in options},
        project,
        isolation="shared" if kind == "declared" else "process",  # No code can harm another there.
    )
    if values["cron"] is None and "timezone" in options:
        what = "timezone is for cron=, and this check has none"
    else:
        what = undeclared_location(values["locations"], project)
    if what:
        raise DefinitionError(f"@check: {what}", path=path, line=declared.mark.line)
    _require_attainable(values["degraded"], values["timeout"], declared, path)
    function = declared.function.__name__
    id_ = parse_option("id", options["id"]) if "id" in options else f"{path}::{function}"
    name = parse_option("name", options["name"]) if "name" in options else function
    docstring = declared.function.__doc__
    description = _first_paragraph(docstring) if isinstance(docstring, str) else ""
    cases: dict[str | None, dict[str, Any]] = options.get("cases") or {None: {}}
    return [
        CollectedCheck(
            CheckDefinition(
                id=id_ if case is None else f"{id_}[{case}]",
                name=name if case is None else f"{name}[{case}]",
                path=path,
                line=declared.line,
                function=function,
                case=case,
                description=description,
                kind=kind,
                **values,
            ),
            declared.function,
            dict(arguments),
        )
        for case, arguments in cases.items()
    ]


def _require_text(definition: CheckDefinition) -> None:
    """Refuse what no report could hold: half a character, such as ``"\\ud83d"``."""
    try:
        msgspec.msgpack.encode(definition)
    except UnicodeEncodeError:
        raise DefinitionError(
            f"@check: what {definition.function!a} says of itself is not Unicode text: look for "
            "a lone surrogate, \\ud800 to \\udfff, in its name, id, tags, cases and docstring",
            line=definition.line,
        ) from None


def _require_attainable(
    degraded: float | None, timeout: float, declared: DeclaredCheck, path: str
) -> None:
    """A check that says itself when it is degraded must be able to be. The default may be idle."""
    if degraded is not None and degraded >= timeout and "degraded" in declared.mark.options:
        raise DefinitionError(
            f"@check: degraded ({declared.mark.options['degraded']}) must be less than the "
            f"default timeout ({format_seconds(timeout)}), or nothing can ever be degraded",
            path=path,
            line=declared.mark.line,
        )


def _first_paragraph(docstring: str) -> str:
    """The first paragraph, on one line."""
    lines = []
    for line in docstring.strip().splitlines():
        if not line.strip():
            break
        lines.append(line.strip())
    return " ".join(lines)
