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
    _open_missing_streams()
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


def _open_missing_streams() -> None:
    """Open the null device as each standard stream that is closed.

    Else the first thing that is opened takes its number, and what is printed goes there.
    """
    for fd, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        try:
            os.fstat(fd)
        except OSError:
            # The lowest number that is free: those below are open by now.
            os.open(os.devnull, os.O_RDWR)
            os.set_inheritable(fd, True)
            stream = open(fd, mode, encoding="utf-8", closefd=False)  # noqa: SIM115
            setattr(sys, name, stream)
            setattr(sys, f"__{name}__", stream)


def _end(status: int) -> NoReturn:
    """End at once.

    All that was to be done is done. To take the interpreter apart in order takes a fifth of the
    time of a whole command, to free what the kernel frees anyway.
    """
    for stream in (sys.stdout, sys.stderr):
        try:  # noqa: SIM105 - contextlib takes 3 ms
            stream.flush()
        except (OSError, ValueError):
            pass  # Of the results, main() has told; the rest changes none.
    os._exit(status)


if __name__ == "__main__":
    main()
