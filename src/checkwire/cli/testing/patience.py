"""What is waited for, on a terminal, when there is nothing else to be seen."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator, Callable

__all__ = ["telling"]

_AFTER = 1.0
_EVERY = 0.2
_COLUMNS = 80
_DIM, _PLAIN, _ERASE = "\x1b[2m", "\x1b[0m", "\r\x1b[K"


@contextlib.asynccontextmanager
async def telling(what: Callable[[], str]) -> AsyncIterator[None]:
    """Inside of the block, and once it has taken a second, show what is waited for.

    It is one line on standard error, if that is a terminal, and is erased in the end.

    Args:
        what: says it, as of now.
    """
    if not sys.stderr.isatty() or os.environ.get("TERM") == "dumb":
        yield
        return
    task = asyncio.ensure_future(_tell(what))
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def _tell(what: Callable[[], str]) -> None:
    await asyncio.sleep(_AFTER)
    painted = not os.environ.get("NO_COLOR")
    told = ""
    try:
        while True:
            if (now := what()) != told:
                told = now
                # A line that the terminal breaks could not be erased.
                columns = os.get_terminal_size(sys.stderr.fileno()).columns or _COLUMNS
                line = now[: columns - 1]
                line = f"{_DIM}{line}{_PLAIN}" if painted else line
                sys.stderr.write(f"{_ERASE}{line}")
                sys.stderr.flush()
            await asyncio.sleep(_EVERY)
    finally:
        if told:
            sys.stderr.write(_ERASE)
            sys.stderr.flush()
