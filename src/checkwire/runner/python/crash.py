"""Where in the project's source a process crashed, as ``faulthandler`` wrote it to stderr."""

from __future__ import annotations

import linecache
import os
import re
from collections.abc import Iterable

from checkwire.model.failures import Location

__all__ = ["crash_location"]

_START = re.compile(r"(Fatal Python error|Current thread 0x)")
_FRAME = re.compile(r'\s*File "(?P<path>.+)", line (?P<line>\d+) in (?P<function>.+)')


def crash_location(lines: Iterable[str], root: str) -> Location | None:
    """The innermost frame in the project of the last traceback among these lines.

    Args:
        lines: what the process wrote to stderr.
        root: the project's folder.
    """
    prefix = root.rstrip(os.sep) + os.sep
    found: Location | None = None
    wanted = False
    for line in lines:
        if _START.match(line):
            wanted = True
        elif wanted and (frame := _FRAME.fullmatch(line)) is not None:
            path = frame["path"]
            if path.startswith(prefix) and "-packages" + os.sep not in path:
                number = int(frame["line"])
                text = linecache.getline(path, number).strip()
                relative = path[len(prefix) :].replace(os.sep, "/")
                found = Location(relative, number, frame["function"], text)
                wanted = False
    return found
