"""The standard streams of a process that has run check files."""

from __future__ import annotations

import sys
from contextlib import suppress

__all__ = ["flush_stdio"]


def flush_stdio() -> None:
    """Write what stdout and stderr still hold."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(Exception):  # a script may have closed it, or put its own in its place
            stream.flush()
