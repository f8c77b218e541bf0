"""Starting the zygote, before anything else is imported.

A command that will run checks starts one first thing (:func:`fork_ahead`): what both need is
imported once, the rest at the same time. Hence this module imports next to nothing: what it takes
is taken from all commands.
"""

from __future__ import annotations

import _socket
import _thread
import fcntl
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

__all__ = [
    "CONTROL_FD",
    "TOKEN",
    "ZygoteProcess",
    "fork_ahead",
    "launch",
    "launch_ahead",
    "take_ahead",
]

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


class _Ends:
    """What connects a zygote with whoever starts it: both ends of a socket and of a pipe.

    Theirs have numbers that do not meet the fixed ones they get in the zygote.
    """

    def __init__(self) -> None:
        ours, theirs = _socket.socketpair(_socket.AF_UNIX, _socket.SOCK_STREAM)
        self.output, write_end = os.pipe()
        self.control = ours.detach()
        low = [theirs.detach(), write_end]
        self.their_control, self.their_output = (
            fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, _ABOVE_STANDARD_FDS) for fd in low
        )
        for fd in low:
            os.close(fd)
        self.token = f"{TOKEN}={os.getpid()}-{os.urandom(8).hex()}"

    def close_ours(self) -> None:
        os.close(self.control)
        os.close(self.output)

    def close_theirs(self) -> None:
        os.close(self.their_control)
        os.close(self.their_output)

    def process(self, pid: int) -> ZygoteProcess:
        return ZygoteProcess(pid, self.control, self.output, self.token)


def launch(environ: dict[str, str] | None = None) -> ZygoteProcess:
    """Start a zygote in a fresh interpreter; returns at once.

    Args:
        environ: its environment, which check files see while they are imported; by default ours.

    Raises:
        OSError: if the process cannot be started.
    """
    ends = _Ends()
    name, _, value = ends.token.partition("=")
    try:
        pid = os.posix_spawn(
            sys.executable,
            # -P: a file of the user's in the working directory must not stand for a library.
            [sys.executable, "-P", "-c", _MAIN, str(_parent_to_die_with())],
            {**(os.environ if environ is None else environ), name: value},
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                (os.POSIX_SPAWN_DUP2, ends.their_output, 1),
                (os.POSIX_SPAWN_DUP2, ends.their_output, 2),
                (os.POSIX_SPAWN_DUP2, ends.their_control, CONTROL_FD),
            ],
            setsid=True,  # Ctrl-C at a terminal is for us alone
        )
    except BaseException:
        ends.close_ours()
        raise
    finally:
        ends.close_theirs()
    return ends.process(pid)


def fork_ahead() -> None:
    """Fork a zygote that :func:`take_ahead` will hand out; if that fails, there is none.

    It is spared the start of an interpreter, and the import of what its parent needs too. To be
    called first thing: what this process has opened or started, the zygote would have too.
    """
    global _ahead
    import asyncio  # noqa: F401

    import checkwire.runner.python.messages
    import checkwire.runner.stream  # noqa: F401

    try:
        ends = _Ends()
        parent = str(_parent_to_die_with())
        pid = os.fork()
    except OSError:
        return  # whoever needs a zygote will launch one, and say why
    if pid == 0:
        _be_zygote(ends, parent)
    ends.close_theirs()
    _ahead = ends.process(pid)


def _be_zygote(ends: _Ends, parent: str) -> NoReturn:
    """What :func:`launch` has done for it by others, a forked zygote does by itself."""
    try:
        ends.close_ours()
        os.setsid()
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.close(nothing)
        os.dup2(ends.their_output, 1)
        os.dup2(ends.their_output, 2)
        os.dup2(ends.their_control, CONTROL_FD)
        ends.close_theirs()
        _mark(ends.token)
        if not sys.flags.safe_path:
            del sys.path[0]  # the folder of the script, or the current one; see launch
        sys.argv[1:] = [parent]
        from checkwire.runner.python.zygote import main

        main()
    except SystemExit as end:
        if isinstance(end.code, str):
            os.write(2, f"{end.code}\n".encode())
    except BaseException:
        sys.excepthook(*sys.exc_info())
        sys.stderr.flush()
    finally:
        os._exit(1)


def _mark(token: str) -> None:
    """Let this process and those forked from it be known, see ``linux.kill_marked``.

    The environment that others can see of a process is that of its last ``exec``, which was its
    parent's; so here it is the name of a mapping. What ``exec`` takes away, the environment has.
    """
    global _marked
    name, _, value = token.partition("=")
    os.environ[name] = value
    if sys.platform == "linux":
        import mmap

        fd = os.memfd_create(token)
        os.ftruncate(fd, 1)
        _marked = mmap.mmap(fd, 1)
        os.close(fd)


_marked: object = None
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
