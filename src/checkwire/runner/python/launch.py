"""Starting the zygote, before anything else is imported.

The zygote needs longer to import what it needs than its parent does, so a command that will run
checks calls :func:`launch` first thing, and both import at the same time. Hence this module imports
next to nothing: not even ``socket``, which alone takes 5 ms, nor ``typing``, which takes 12.
"""

from __future__ import annotations

import _socket
import _thread
import fcntl
import os
import sys

__all__ = ["CONTROL_FD", "TOKEN", "ZygoteProcess", "launch", "launch_ahead", "take_ahead"]

TOKEN = "CHECKWIRE_ZYGOTE"

_MAIN = "from checkwire.runner.python.zygote import main; main()"
"""Not ``-m``: that would import ``runpy`` first, for some milliseconds."""

CONTROL_FD = 3
_ABOVE_STANDARD_FDS = 10
_SIGKILL = 9  # the signal module makes enumerations of them: 3 ms


class ZygoteProcess:
    """A zygote just started. Whoever has it must hand it to an engine, or :meth:`discard` it.

    Attributes:
        pid: its process id.
        control: descriptor of our end of the socket to it.
        output: descriptor from which to read what is printed while files are imported.
        token: stands in the environment of the zygote and of all that descends from it.
    """

    __slots__ = ("control", "output", "pid", "token")

    def __init__(self, pid: int, control: int, output: int, token: str) -> None:
        self.pid = pid
        self.control = control
        self.output = output
        self.token = token

    def discard(self) -> None:
        """Kill it, and wait until it is gone. It has run nothing of anybody's yet."""
        os.kill(self.pid, _SIGKILL)
        os.close(self.control)
        os.close(self.output)
        os.waitpid(self.pid, 0)


def launch(environ: dict[str, str] | None = None) -> ZygoteProcess:
    """Start a zygote; returns at once.

    Args:
        environ: its environment, which check files see while they are imported; by default ours.

    Raises:
        OSError: if the process cannot be started.
    """
    token = f"{TOKEN}={os.getpid()}-{os.urandom(8).hex()}"
    name, _, value = token.partition("=")
    ours, theirs = _socket.socketpair(_socket.AF_UNIX, _socket.SOCK_STREAM)
    output, write_end = os.pipe()
    control, passed = ours.detach(), [theirs.detach(), write_end]
    try:
        # The descriptors get fixed numbers there, which must not meet those they have here.
        passed += [fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, _ABOVE_STANDARD_FDS) for fd in passed]
        pid = os.posix_spawn(
            sys.executable,
            # -P: a file of the user's in the working directory must not stand for a library.
            [sys.executable, "-P", "-c", _MAIN, str(_parent_to_die_with())],
            {**(os.environ if environ is None else environ), name: value},
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                (os.POSIX_SPAWN_DUP2, passed[3], 1),
                (os.POSIX_SPAWN_DUP2, passed[3], 2),
                (os.POSIX_SPAWN_DUP2, passed[2], CONTROL_FD),
            ],
            setsid=True,  # Ctrl-C at a terminal is for us alone
        )
    except BaseException:
        os.close(control)
        os.close(output)
        raise
    finally:
        for fd in passed:
            os.close(fd)
    return ZygoteProcess(pid, control, output, token)


_ahead: ZygoteProcess | None = None


def launch_ahead() -> None:
    """Start a zygote that :func:`take_ahead` will hand out; if that fails, there is none."""
    global _ahead
    if _ahead is None:
        try:  # noqa: SIM105 - contextlib takes 3 ms
            _ahead = launch()
        except OSError:
            pass  # whoever needs one will try again, and say why


def take_ahead() -> ZygoteProcess | None:
    """The zygote started ahead, if there is one. It is the caller's now."""
    global _ahead
    process, _ahead = _ahead, None
    return process


def _parent_to_die_with() -> int:
    """Our process id, if this thread lives as long as the process; else 0.

    Linux counts the end of the thread that started a process as the death of its parent.
    """
    return os.getpid() if _thread.get_native_id() == os.getpid() else 0
