"""Finding the declared checks that ``checkwire eject`` is asked for."""

from __future__ import annotations

from pathlib import Path

from checkwire.model.errors import UsageError
from checkwire.project.declared.ejecting import find_tables, read_file, script_of
from checkwire.project.discovery import discover, find_project
from checkwire.project.kinds import DECLARED_SUFFIX

__all__ = ["eject"]


def eject(what: str) -> tuple[str, list[str]]:
    """The script, and the files that its checks come from.

    Args:
        what: ``FILE::CHECK``, ``FILE``, or an id or a name.

    Raises:
        UsageError: there is no such check, or it is not a declared one.
        DefinitionError: its file has mistakes.
    """
    named, separator, name = what.partition("::")
    if Path(named).exists():
        if not named.endswith(DECLARED_SUFFIX) or not Path(named).is_file():
            raise UsageError(f"{named} is no file of declared checks: name a *.check.toml")
        project = find_project([named])
        file = read_file(Path(named).absolute(), project)
        if not separator:
            return script_of(file, file.tables, project), [file.path]
        found = find_tables([file], name.partition("[")[0])
    else:
        project = find_project([])
        files = [one for one in discover(project).files if one.suffix == DECLARED_SUFFIX]
        if not files:
            raise UsageError(f"there is no {named}, and no declared check in {project.root}")
        found = find_tables([read_file(one, project) for one in files], what)
    file = found[0][0]
    return script_of(file, [table for _, table in found], project), [file.path]
