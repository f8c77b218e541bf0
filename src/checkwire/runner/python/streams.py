"""The standard streams of a zygote and of all that is forked from it.

They are Python's own, but for what lies below them: where the bytes go is decided as they are
written. So whatever holds on to ``sys.stderr`` from the time when check files were imported, such
as a handler of ``logging``, writes to the attempt that it is used in, also where a process has many
attempts.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from io import RawIOBase, TextIOWrapper
from typing import Any, Final

__all__ = ["install", "take_output"]

_MODES: Final = {"encoding": "utf-8", "errors": "backslashreplace"}

Taker = Callable[[int, bytes], bool]
"""Called with the descriptor that bytes are meant for; whether it has taken them."""


def _nobody(fd: int, data: bytes) -> bool:
    return False


_taker: Taker = _nobody


class _Output(RawIOBase):
    """What lies below a stream: a descriptor, unless somebody takes what is written to it."""

    mode = "wb"

    def __init__(self, fd: int, name: str) -> None:
        super().__init__()
        self._fd = fd
        self.name = name

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._fd

    def isatty(self) -> bool:
        return os.isatty(self._fd)

    def write(self, data: Any, /) -> int:
        if self.closed:
            raise ValueError("write to closed file")
        whole = bytes(data)
        if not _taker(self._fd, whole):
            left = memoryview(whole)
            while left:
                left = left[os.write(self._fd, left) :]
        return len(whole)


def install() -> None:
    """Put such streams in the place of this process's own."""
    for fd, name in ((1, "stdout"), (2, "stderr")):
        old = getattr(sys, name)
        if old is not None:
            old.flush()
        output = _Output(fd, f"<{name}>")
        stream = TextIOWrapper(output, line_buffering=True, **_MODES)  # type: ignore[arg-type]
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)


def take_output(taker: Taker) -> None:
    """From now on whatever is written to these streams is offered to this one first, at once."""
    global _taker
    _taker = taker
    for stream in (sys.__stdout__, sys.__stderr__):
        if isinstance(stream, TextIOWrapper) and not stream.closed:
            stream.reconfigure(write_through=True)
