"""Cells: the namespaces in which sandboxes are.

Whoever is in a cell sees and reaches no process outside of it. The first process of such a
namespace is special: signals that it does not handle do not end it, and orphans come to it. So a
check is not that one. Each cell has an init of ours, and a file system made by it, in a mount
namespace: to make these takes some milliseconds, and to take a mount namespace down again as many.
So a cell is used again, when all that was in it has been killed, if nothing was left in its files.
"""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final, NoReturn

from checkwire.runner.python.sandbox import kernel
from checkwire.runner.python.sandbox.init import AS_NEW, READY, be_init
from checkwire.runner.python.sandbox.refusal import NoSandbox, part
from checkwire.runner.python.sandbox.view import View

__all__ = ["Cells"]

_CAP_SETGID, _CAP_SETUID, _CAP_SYS_ADMIN = 6, 7, 21
_NOBODY: Final = 65534
_FIRST_UID, _UIDS = 1_900_000_000, 65_536
"""Users of sandboxes, where the machine has so many: a range that nobody else is known to use."""
_PATIENCE: Final = 10.0
_MOST_IDLE: Final = 32
_PID_SIZE: Final = 4
_MAX_SAID: Final = 4096

_ADVICE_USERS: Final = (
    "allow user namespaces (sysctl user.max_user_namespaces, kernel.unprivileged_userns_clone; in "
    "a container, a seccomp profile that lets unshare through), or run as root"
)
_ADVICE_PIDS: Final = "give the process CAP_SYS_ADMIN, or run it as another user than root"


class Cell:
    """One set of namespaces.

    Attributes:
        init: process id of its first process.
        control: descriptor of the socket to it.
        mounts, pids, users: descriptors of its namespaces; it has no user namespace of its own if
            root made it.
    """

    __slots__ = ("control", "init", "mounts", "pids", "users")

    def __init__(self, init: int, control: int, *, has_users: bool) -> None:
        self.init = init
        self.control = control
        names = ("mnt", "pid", *(("user",) if has_users else ()))
        fds = [os.open(f"/proc/{init}/ns/{name}", os.O_RDONLY | os.O_CLOEXEC) for name in names]
        self.mounts, self.pids = fds[:2]
        self.users = fds[2] if has_users else None

    @property
    def fds(self) -> tuple[int, ...]:
        """Its descriptors."""
        return (
            self.control,
            self.mounts,
            self.pids,
            *(() if self.users is None else (self.users,)),
        )

    def close(self) -> None:
        """End its init, and so all that is in it."""
        for fd in self.fds:
            os.close(fd)


class Cells:
    """Makes cells as they are needed, and forks into them. For a process that has one thread.

    Root makes them directly, and has a user for each attempt. Others make them in a user namespace,
    in which they stay who they are: it takes one process more, for a moment.
    It must adopt orphans.

    Args:
        view: what is to be seen in them.
    """

    def __init__(self, view: View) -> None:
        self._view = view
        self.rooted = os.geteuid() == 0 and all(
            map(kernel.has_capability, (_CAP_SETGID, _CAP_SETUID, _CAP_SYS_ADMIN))
        )
        self._uids = _usable_uids() if self.rooted else range(0)
        self.rooted = bool(self._uids)
        self._home = os.open("/proc/self/ns/pid", os.O_RDONLY | os.O_CLOEXEC)
        self._idle: list[Cell] = []
        self._used: dict[int, Cell] = {}
        self._emptying: dict[int, Cell] = {}

    @property
    def inits(self) -> set[int]:
        """Process ids of the inits."""
        return {cell.init for cell in self._all()}

    def fds(self, attempt: int) -> tuple[int, ...]:
        """The descriptors that no child may have; that of :meth:`mounts` it closes itself."""
        fds = {self._home, *(fd for cell in self._all() for fd in cell.fds)}
        if attempt in self._used:
            fds.discard(self.mounts(attempt))
        return tuple(fds)

    def mounts(self, attempt: int) -> int:
        """Descriptor of the mount namespace of an attempt's cell, which the child is to enter."""
        return self._used[attempt].mounts

    def uid(self, attempt: int) -> int | None:
        """Which user a sandbox becomes; ``None``: it stays who it is, in its namespace."""
        return self._uids[attempt % len(self._uids)] if self._uids else None

    def fork(self, attempt: int) -> int:
        """Fork a child into a cell of its own; returns its process id here, and 0 in it.

        Raises:
            OSError: the operating system refused; what it says is the reason for that.
            NoSandbox: it refused the cell.
        """
        cell = self._used[attempt] = self._idle.pop() if self._idle else self._make()
        try:
            return self._fork_into(cell)
        except BaseException:
            del self._used[attempt]
            cell.close()
            raise

    def empty(self, attempt: int) -> int | None:
        """The child of that attempt is dead. Have all killed that it left in its cell.

        Returns:
            the descriptor that is readable once that is done, for :meth:`emptied`; ``None`` if the
            child was in no cell.
        """
        cell = self._used.pop(attempt, None)
        if cell is None:
            return None
        self._emptying[cell.control] = cell
        with suppress(OSError):  # its init is dead: nothing is left, and the descriptor tells so
            os.write(cell.control, b"k")
        return cell.control

    def emptied(self, fd: int) -> None:
        """The descriptor that :meth:`empty` gave is readable. Nothing is left in that cell."""
        cell = self._emptying.pop(fd)
        answer = b""
        with suppress(OSError):
            answer = os.read(fd, 1)
        if answer == AS_NEW and len(self._idle) < _MOST_IDLE:
            self._idle.append(cell)
        else:
            cell.close()

    def close(self) -> None:
        """End all."""
        for cell in self._all():
            cell.close()
        os.close(self._home)

    def _all(self) -> Iterator[Cell]:
        yield from self._idle
        yield from self._used.values()
        yield from self._emptying.values()

    # Making one

    def _make(self) -> Cell:
        ours, theirs = socket.socketpair()
        with ours, theirs:
            control = theirs.fileno()
            if self.rooted:
                init = self._fork_init(control)
            else:
                init = self._in_passing(_make_user_namespace, lambda: be_init(control, self._view))
            theirs.close()
            ours.settimeout(_PATIENCE)
            try:
                said = ours.recv(_MAX_SAID)
            except TimeoutError:
                raise NoSandbox(
                    f"no mount namespace in {_PATIENCE:.0f} s: look for a file system that hangs"
                ) from None
            ours.settimeout(None)
            if said != READY:
                raise NoSandbox(said.decode() or "no init for it: the process died")
            return Cell(init, ours.detach(), has_users=not self.rooted)

    def _fork_init(self, control: int) -> int:
        with part("pid namespace", _ADVICE_PIDS):
            kernel.unshare(kernel.CLONE_NEWPID)
        try:
            init = os.fork()
            if init == 0:
                be_init(control, self._view)
        finally:
            kernel.setns(self._home, kernel.CLONE_NEWPID)
        return init

    # Forking

    def _fork_into(self, cell: Cell) -> int:
        users = cell.users
        if users is None:
            kernel.setns(cell.pids, kernel.CLONE_NEWPID)
            pid = -1
            try:
                pid = os.fork()
            finally:
                if pid:
                    kernel.setns(self._home, kernel.CLONE_NEWPID)
            return pid

        def enter() -> None:
            kernel.setns(users, kernel.CLONE_NEWUSER)
            kernel.setns(cell.pids, kernel.CLONE_NEWPID)

        return self._in_passing(enter)

    def _in_passing(
        self, enter: Callable[[], None], then: Callable[[], NoReturn] | None = None
    ) -> int:
        """Fork a process that enters namespaces and forks the one that is wanted, then ends.

        The other then comes to us, who adopt orphans. It waits for that.
        """
        told, tell = os.pipe()
        gate, hold = os.pipe()
        passing = os.fork()
        if passing == 0:
            pid = _enter_and_fork(enter)
            if pid:
                os.write(tell, pid.to_bytes(_PID_SIZE, signed=True))
                os._exit(0)
            os.close(hold)
            os.read(gate, 1)
            for fd in (told, tell, gate):
                os.close(fd)
            if then is not None:
                then()
            return 0
        os.close(tell)
        answer = int.from_bytes(os.read(told, _PID_SIZE), signed=True)
        os.waitpid(passing, 0)
        for fd in (told, gate, hold):
            os.close(fd)
        if answer <= 0:
            with part("user namespace", _ADVICE_USERS):
                raise OSError(-answer, os.strerror(-answer) if answer else "it died")
        return answer


def _enter_and_fork(enter: Callable[[], None]) -> int:
    """The process id of the new process, 0 in it, or the error that kept it from being, negated."""
    try:
        enter()
        return os.fork()
    except OSError as error:
        return -(error.errno or errno.EIO)


def _make_user_namespace() -> None:
    uid, gid = os.geteuid(), os.getegid()
    kernel.unshare(kernel.CLONE_NEWUSER | kernel.CLONE_NEWPID)
    for name, text in (
        ("setgroups", "deny"),
        ("uid_map", f"{uid} {uid} 1"),
        ("gid_map", f"{gid} {gid} 1"),
    ):
        Path("/proc/self", name).write_text(text)


def _usable_uids() -> range:
    """Users that this machine, or the container that we are in, has for sandboxes."""
    texts = [Path("/proc/self", name).read_text() for name in ("uid_map", "gid_map")]
    maps = [[tuple(map(int, line.split())) for line in text.splitlines()] for text in texts]
    for wanted in (range(_FIRST_UID, _FIRST_UID + _UIDS), range(_NOBODY, _NOBODY + 1)):
        if all(
            any(start <= wanted[0] and wanted[-1] < start + count for start, _, count in map_)
            for map_ in maps
        ):
            return wanted
    return range(0)
