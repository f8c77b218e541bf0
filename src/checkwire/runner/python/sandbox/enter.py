"""Entering a sandbox: what a process does to itself, for ever, before it does its work."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from typing import Final

from checkwire.runner.python.linux import die_with_parent
from checkwire.runner.python.sandbox import kernel
from checkwire.runner.python.sandbox.refusal import part
from checkwire.runner.python.sandbox.view import PRIVATE, View

__all__ = ["enter", "seal"]

_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1, 2, 4, 8
_FIRST_ABI: Final = (1 << 13) - 1
_REFER, _TRUNCATE, _IOCTL_DEV = 1 << 13, 1 << 14, 1 << 15
_OF_FILES: Final = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _IOCTL_DEV
_READ: Final = _EXECUTE | _READ_FILE | _READ_DIR
_DEVICES: Final = ("/dev/full", "/dev/null", "/dev/zero")
_ABSTRACT_SOCKETS, _SIGNALS = 1, 2

_ADVICE_LANDLOCK: Final = (
    "use Linux 5.13 or later with CONFIG_SECURITY_LANDLOCK, name landlock in the kernel's lsm= "
    "parameter, and let the container's seccomp profile allow it"
)
_ADVICE_PRIVILEGES: Final = "let the process keep CAP_SYS_ADMIN and CAP_SYS_CHROOT"


def enter(view: View, mounts: int, filter_: bytes, uid: int | None) -> None:
    """Put this process, which was forked into a cell, into a sandbox. It has one thread.

    It stays in the project's folder. What it may open is for :func:`seal` to say.

    Args:
        view: what it may see.
        mounts: descriptor of the cell's mount namespace; it is closed.
        filter_: what it may ask of the kernel, see :func:`seccomp.program`.
        uid: the user to become; ``None`` to stay the one in whose user namespace it is.

    Raises:
        NoSandbox: the kernel refuses a part of it. The process must end then: it is half inside.
    """
    with part("namespace to enter", _ADVICE_PRIVILEGES):
        kernel.setns(mounts, kernel.CLONE_NEWNS)
        os.close(mounts)
        kernel.unshare(kernel.CLONE_NEWIPC)
        os.chdir(view.root)
    if uid is not None:
        with part(f"user {uid}", "let the process have CAP_SETUID and CAP_SETGID"):
            os.setgroups([])
            os.setresgid(uid, uid, uid)
            os.setresuid(uid, uid, uid)
    kernel.drop_capabilities()
    kernel.no_new_privileges()
    with part("seccomp", "use a kernel with CONFIG_SECCOMP_FILTER"):
        kernel.seccomp(filter_)
    die_with_parent()  # becoming another user has undone it


def seal(view: View) -> None:
    """Let this process open nothing but what it may see; right before it begins its work.

    Not sooner: what is allowed are files as they are now, and that which says where to look up
    names may be replaced while a process waits.

    Raises:
        NoSandbox: the kernel refuses. The process must end then.
    """
    with part("Landlock", _ADVICE_LANDLOCK):
        ruleset = _ruleset(view)
        kernel.landlock_restrict(ruleset)
    os.close(ruleset)


def _ruleset(view: View) -> int:
    abi = kernel.landlock_abi()
    known = _FIRST_ABI
    for since, right in ((2, _REFER), (3, _TRUNCATE), (5, _IOCTL_DEV)):
        if abi >= since:
            known |= right
    ruleset = kernel.landlock_create(known, _ABSTRACT_SOCKETS | _SIGNALS if abi >= 6 else 0)
    for path in PRIVATE:
        _allow(ruleset, path, known & ~_IOCTL_DEV)
    for path in view.readable:
        _allow(ruleset, path, _READ | (_WRITE_FILE if path in _DEVICES else 0))
    return ruleset


def _allow(ruleset: int, path: str, rights: int) -> None:
    with suppress(FileNotFoundError, PermissionError):
        fd = os.open(path, os.O_PATH | os.O_CLOEXEC)
        try:
            if not stat.S_ISDIR(os.fstat(fd).st_mode):
                rights &= _OF_FILES
            kernel.landlock_add_path(ruleset, fd, rights)
        finally:
            os.close(fd)
