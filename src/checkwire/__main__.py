"""The start of the ``checkwire`` program."""

from __future__ import annotations

import sys

__all__ = ["main"]


def main() -> int:
    """Run the command line, and return the exit status."""
    # Checks run in a process that has a lot to import; it does so while this one does.
    from checkwire.runner.python.launch import launch_ahead, take_ahead

    if sys.argv[1:2] == ["test"] and not {"-h", "--help"} & set(sys.argv):
        launch_ahead()
    try:
        from checkwire.cli import main as run

        return run()
    finally:
        if (unused := take_ahead()) is not None:
            unused.discard()


if __name__ == "__main__":
    sys.exit(main())
