"""The script's own line in a stack that V8 wrote."""

from __future__ import annotations

import linecache
import os
import re
from collections.abc import Iterator
from urllib.parse import unquote, urlsplit

from checkwire.model.failures import Location

__all__ = ["location_in", "syntax_location"]

_FRAME = re.compile(
    r"^\s+at (?:async )?(?:(?P<function>[^()]+?) \((?P<in>.+):(?P<line>\d+):\d+\)"
    r"|(?P<path>.+):(?P<bare>\d+):\d+)$"
)
_HEAD = re.compile(r"^(?P<path>(?:file://)?/.+):(?P<line>\d+)$")


def location_in(stack: str, root: str) -> Location | None:
    """The uppermost frame in the project, dependencies left out.

    Args:
        stack: an error's ``stack``.
        root: the project's folder.
    """
    for path, line, function in _frames(stack):
        if (relative := _within(path, root)) is not None:
            text = linecache.getline(path, line).strip()
            return Location(relative, line, _short(function), text)
    return None


def syntax_location(stack: str, root: str) -> Location | None:
    """The place that V8 puts before a ``SyntaxError``, as ``path:line`` on a line of its own."""
    for text in stack.splitlines()[:3]:
        match = _HEAD.match(text)
        if match is None:
            continue
        path, line = _as_path(match["path"]), int(match["line"])
        relative = _within(path, root)
        if relative is not None:
            return Location(relative, line, "", linecache.getline(path, line).strip())
    return None


def _frames(stack: str) -> Iterator[tuple[str, int, str]]:
    for text in stack.splitlines():
        if match := _FRAME.match(text):
            path = match["in"] or match["path"]
            yield _as_path(path), int(match["line"] or match["bare"]), match["function"] or ""


def _as_path(path: str) -> str:
    return unquote(urlsplit(path).path) if path.startswith("file://") else path


def _within(path: str, root: str) -> str | None:
    prefix = root.rstrip(os.sep) + os.sep
    if not path.startswith(prefix) or "/node_modules/" in path:
        return None
    return path[len(prefix) :].replace(os.sep, "/")


def _short(function: str) -> str:
    """A name as its author knows it: V8 says ``Object.<anonymous>`` of a file's own code."""
    name = function.removeprefix("new ").rpartition(" [as ")[0] or function
    return "" if "<anonymous>" in name else name.removeprefix("Object.")
