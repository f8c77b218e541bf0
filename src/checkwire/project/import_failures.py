"""Why a check file could not be imported, as a failure that shows the author's code alone."""

from __future__ import annotations

import linecache
from typing import TYPE_CHECKING

import msgspec

from checkwire.model.errors import FailureError
from checkwire.model.failures import Failure, Location
from checkwire.sdk.values import printable

if TYPE_CHECKING:
    from types import TracebackType

    from checkwire.project.imports import ProjectImports

__all__ = ["import_failure", "syntax_failure"]

_MAX_FRAMES = 20
_MAX_MESSAGE = 500
_MAX_LINE = 160


def syntax_failure(error: Exception, path: str) -> Failure:
    """``script.syntax``: the file is not Python; with the line and a caret under the place.

    Args:
        error: what compiling raised: ``SyntaxError``, or ``ValueError``, ``RecursionError`` and
            the like for what is no program at all.
        path: of the file, relative to the project.
    """
    if not isinstance(error, SyntaxError):
        what = str(error) or "it is nested too deeply"
        return Failure(
            code="script.syntax",
            message=f"{path} is not valid Python: {what}.",
            location=Location(path, 1),
        )
    line = error.lineno or 1
    return Failure(
        code="script.syntax",
        message=f"{path}, line {line}, is not valid Python: {printable(error.msg)}.",
        details=_caret(error),
        location=Location(path, line, "", printable((error.text or "").strip())[:_MAX_LINE]),
    )


def _caret(error: SyntaxError) -> str:
    """The line at fault, and below it carets under the part meant."""
    text = (error.text or "").rstrip("\n")
    stripped = text.lstrip()
    if not stripped or error.offset is None:
        return printable(stripped[:_MAX_LINE])
    start = max(error.offset - 1 - (len(text) - len(stripped)), 0)
    width = 1
    if error.end_lineno == error.lineno and error.end_offset is not None:
        width = max(error.end_offset - error.offset, 1)
    width = min(width, max(len(stripped) - start, 1))
    if len(stripped) > _MAX_LINE:  # a line that somebody's program wrote: the part that matters
        left = max(0, start - _MAX_LINE // 2)
        stripped = stripped[left : left + _MAX_LINE]
        start -= left
        width = min(width, max(len(stripped) - start, 1))
    return f"{printable(stripped)}\n{' ' * start}{'^' * width}"


def import_failure(error: BaseException, path: str, imports: ProjectImports) -> Failure:
    """``script.import``: the file's top-level code raised something.

    The traceback in the details has the frames of the project, outermost first; the location is
    the innermost of them. A ``FailureError`` knows better what happened, and keeps its own code.
    """
    frames = _own_frames(error.__traceback__, imports)
    if isinstance(error, FailureError):
        location = error.failure.location or (frames[-1] if frames else Location(path, 1))
        if imports.owns(location.path):  # told as an absolute path: no attempt is under way
            where = imports.relative(location.path)
            location = msgspec.structs.replace(location, path=where)
        return msgspec.structs.replace(error.failure, location=location)
    lines = []
    for place in frames[-_MAX_FRAMES:]:
        lines.append(f"{place.path}:{place.line}{f', in {place.function}' * bool(place.function)}")
        if place.text:
            lines.append(f"  {place.text}")
    what = _what(error)
    if isinstance(error, SyntaxError) and error.filename:
        where = error.filename
        if imports.owns(where):
            where = imports.relative(where)
        lines += [f"{where}:{error.lineno or 1}", *_caret(error).split("\n")]
        what = f"{where}, line {error.lineno or 1}, is not valid Python: {error.msg}"
    lines.append(what)
    return Failure(
        code="script.import",
        message=f"{path} cannot be imported: {what}.",
        details=printable("\n".join(lines)),
        hint=_hint(error),
        location=frames[-1] if frames else Location(path, 1),
    )


def _own_frames(traceback: TracebackType | None, imports: ProjectImports) -> list[Location]:
    frames = []
    while traceback is not None:
        code = traceback.tb_frame.f_code
        if imports.owns(code.co_filename):
            text = linecache.getline(code.co_filename, traceback.tb_lineno).strip()
            function = "" if code.co_name == "<module>" else code.co_name
            path = imports.relative(code.co_filename)
            frames.append(Location(path, traceback.tb_lineno, function, printable(text)))
        traceback = traceback.tb_next
    return frames


def _what(error: BaseException) -> str:
    if isinstance(error, SystemExit):
        return f"it called exit({'' if error.code is None else repr(error.code)})"
    try:
        text = str(error)
    except BaseException:  # the file's own code
        text = ""
    if len(text) > _MAX_MESSAGE:
        text = f"{text[:_MAX_MESSAGE]}…"
    name = type(error).__name__
    return printable(f"{name}: {text}" if text else name).rstrip(".")


def _hint(error: BaseException) -> str:
    if isinstance(error, ModuleNotFoundError) and error.name:
        return (
            f"Install {error.name.partition('.')[0]} where checkwire runs; a module of the project "
            "is found in its root and beside the check file"
        )
    if isinstance(error, SystemExit):
        return "A check file only declares checks; run what it does in a function under @check"
    return ""
