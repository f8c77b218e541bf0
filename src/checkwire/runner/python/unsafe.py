"""Check files that a zygote cannot live with."""

from __future__ import annotations

import os
import re
import signal
import sys
from pathlib import Path

from checkwire.model.durations import format_seconds
from checkwire.model.failures import Failure, Location, code_of
from checkwire.runner.exit import CRASHES, signal_name
from checkwire.runner.python.crash import crash_location

__all__ = ["UnsafeFile", "failure_of_death"]

_FRAME = re.compile(r'\s*File "(?P<path>.*)", line \d+,? in ')
_OURS = (str(Path(__file__).parents[2]) + os.sep, "<", sys.argv[0] or "<")
"""Where the frames are from that led to a check file: this package, and what started it."""
_NOT_TOLD = ("Fatal Python error: Aborted", "Current thread 0x", "Extension modules:")
_SHOWN_LINES = 20


class UnsafeFile(Exception):  # noqa: N818 - it names what was found
    """The zygote has to be started again, without this file.

    Attributes:
        path: the file, relative to the project.
        failure: why, if the zygote was able to say so.
        hung_for: seconds after which its import was given up; ``None`` if it did not hang.
    """

    def __init__(
        self, path: str, failure: Failure | None = None, hung_for: float | None = None
    ) -> None:
        super().__init__(path)
        self.path = path
        self.failure = failure
        self.hung_for = hung_for


def failure_of_death(
    path: str, *, status: int, output: str, root: str, hung_for: float | None
) -> Failure:
    """``script.import``: the zygote died while it imported a file.

    Args:
        path: the file, relative to the project.
        status: how the process ended, as ``os.wait`` has it.
        output: what it printed; ``faulthandler`` may have said there where it was.
        root: the project's folder.
        hung_for: see :class:`UnsafeFile`.
    """
    lines = output.rstrip().splitlines()
    code = os.waitstatus_to_exitcode(status)
    if hung_for is not None:
        what = f"it did not finish in {format_seconds(hung_for)}"
        hint = "A check file only declares checks; what waits or loops belongs into a check"
    elif code < 0:
        what = f"the process that imported it was killed by {signal_name(-code)}"
        hint = ""
        if -code in CRASHES:
            hint = "A native library crashed; import it alone to see"
        elif -code == signal.SIGKILL:
            hint = code_of("runner.killed").hint
    else:
        what = f"it ended the process that imported it (exit status {code})"
        hint = "A check file only declares checks, and must not call exit() or os._exit()"
    return Failure(
        code="script.import",
        message=f"{path} cannot be imported: {what}.",
        hint=hint,
        details="\n".join(_without_ours(lines)[-_SHOWN_LINES:]),
        location=crash_location(lines, root) or Location(path, 1),
    )


def _without_ours(lines: list[str]) -> list[str]:
    """What was printed, without what only shows how we came to the file, and that we aborted it."""
    kept: list[str] = []
    ours = False
    for line in lines:
        if frame := _FRAME.match(line):
            ours = frame["path"].startswith(_OURS)
        elif not line.startswith("    "):  # that is the code of the frame above
            ours = line.startswith(_NOT_TOLD)
        if not ours:
            kept.append(line)
    return kept
