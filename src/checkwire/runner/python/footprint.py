"""What importing one check file does to the process that imports them all, and undoing it."""

from __future__ import annotations

import asyncio
import os
import select
import signal
import socket
import sys
import time
from contextlib import suppress
from types import ModuleType
from typing import Any, Final

__all__ = ["Footprint"]

_NEEDED: Final = (
    (os, ("fork", "read", "write", "kill", "waitid", "wait4", "pipe")),
    (select, ("poll",)),
    (signal, ("signal", "pthread_sigmask", "set_wakeup_fd")),
    (time, ("monotonic", "monotonic_ns", "time", "time_ns", "sleep")),
)
"""Functions that others in this process, and the clocks of every attempt, depend on."""

_STREAMS: Final = ("stdin", "stdout", "stderr")
_UMASK: Final = 0o022


class Footprint:
    """Remembers how the process is before a file is imported.

    Put back is what belongs to the process, not to the file: the working directory, the standard
    streams, signal handlers, blocked signals, the umask, how deep calls may go, who traces them,
    and how long sockets wait that are not told. An event loop policy stays, if its loops run.
    """

    def __init__(self) -> None:
        self._folder = os.getcwd()  # noqa: PTH109
        self._streams = {name: getattr(sys, name) for name in _STREAMS}
        self._handlers = {number: signal.getsignal(number) for number in signal.valid_signals()}
        self._blocked = signal.pthread_sigmask(signal.SIG_BLOCK, ())
        self._umask = os.umask(_UMASK)
        os.umask(self._umask)
        self._depth = sys.getrecursionlimit()
        self._tracers = (sys.gettrace(), sys.getprofile())
        self._patience = socket.getdefaulttimeout()
        self._policy = asyncio.get_event_loop_policy()
        self._functions = _functions()

    def undo(self) -> None:
        """Put everything back that can be."""
        with suppress(OSError):
            os.chdir(self._folder)
        for name, stream in self._streams.items():
            if (other := getattr(sys, name, None)) is not stream:
                setattr(sys, name, stream)
                if other is not None:
                    with suppress(Exception):  # it is the file's own, and may be anything
                        other.flush()
        for number, handler in self._handlers.items():
            if signal.getsignal(number) != handler and handler is not None:
                with suppress(OSError, ValueError):
                    signal.signal(number, handler)
        signal.pthread_sigmask(signal.SIG_SETMASK, self._blocked)
        os.umask(self._umask)
        sys.setrecursionlimit(self._depth)
        sys.settrace(self._tracers[0])
        sys.setprofile(self._tracers[1])
        socket.setdefaulttimeout(self._patience)

    def broken_loops(self) -> str:
        """What goes wrong in the loops of an event loop policy that the file has set; or nothing.

        Such a policy is taken back.
        """
        policy = asyncio.get_event_loop_policy()
        if policy is self._policy:
            return ""
        try:
            loop = policy.new_event_loop()
            try:
                loop.run_until_complete(asyncio.sleep(0))
            finally:
                loop.close()
        except Exception as error:
            asyncio.set_event_loop_policy(self._policy)
            return f"{type(error).__name__}: {error}"
        return ""

    def replaced(self) -> list[str]:
        """The functions that the process needs, and that are others now, such as ``os.fork``."""
        now = _functions()
        return [name for name, function in self._functions.items() if now[name] is not function]


def _functions() -> dict[str, Any]:
    return {f"{m.__name__}.{name}": getattr(m, name, None) for m, name in _needed()}


def _needed() -> list[tuple[ModuleType, str]]:
    return [(module, name) for module, names in _NEEDED for name in names]
