"""The start of the ``checkwire`` program."""

from __future__ import annotations

import gc
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

__all__ = ["main"]


def main() -> NoReturn:
    """Run the command line, and end the process with its exit status."""
    # To start is to allocate much and to drop nearly nothing.
    gc.set_threshold(50_000, 20, 20)
    # Checks run in a process that has a lot to import; it does so while this one does.
    from checkwire.runner.python.launch import fork_ahead, take_ahead

    if sys.argv[1:2] == ["test"] and not {"-h", "--help"} & set(sys.argv):
        fork_ahead()
    try:
        from checkwire.cli import main as run

        status = run()
    finally:
        if (unused := take_ahead()) is not None:
            unused.discard()
    _end(status)


def _end(status: int) -> NoReturn:
    """End at once.

    All that was to be done is done. To take the interpreter apart in order takes a fifth of the
    time of a whole command, to free what the kernel frees anyway.
    """
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            status = status or 1  # nobody reads it any more, or the disk is full
    os._exit(status)


if __name__ == "__main__":
    main()
