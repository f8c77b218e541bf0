"""The system calls that a sandbox is made of, for which Python has none of its own.

No program is started for them. Each raises ``OSError`` when the kernel refuses.
"""

from __future__ import annotations

import ctypes
import os
from typing import Any, Final

from checkwire.runner.python.linux import libc

__all__ = [
    "CLONE_NEWIPC",
    "CLONE_NEWNS",
    "CLONE_NEWPID",
    "CLONE_NEWUSER",
    "attach",
    "bind",
    "clone_tree",
    "drop_capabilities",
    "has_capability",
    "landlock_abi",
    "landlock_add_path",
    "landlock_create",
    "landlock_restrict",
    "mount",
    "no_new_privileges",
    "seal_mounts",
    "seccomp",
    "setns",
    "unshare",
]

CLONE_NEWNS: Final = 0x00020000
CLONE_NEWIPC: Final = 0x08000000
CLONE_NEWUSER: Final = 0x10000000
CLONE_NEWPID: Final = 0x20000000

_MS_NOSUID, _MS_NODEV, _MS_NOEXEC, _MS_BIND = 2, 4, 8, 4096
_MS_PRIVATE: Final = 1 << 18
_MOUNT_ATTR_RDONLY, _MOUNT_ATTR_NOSUID = 1, 2
_AT_FDCWD: Final = -100
_AT_RECURSIVE: Final = 0x8000
_OPEN_TREE_CLONE: Final = 1
_MOVE_MOUNT_F_EMPTY_PATH: Final = 4

_PR_SET_SECCOMP, _PR_SET_NO_NEW_PRIVS = 22, 38
_SECCOMP_MODE_FILTER: Final = 2
_CAPABILITY_VERSION_3: Final = 0x20080522

# Since Linux 5.1 new system calls have the same number on every architecture.
_OPEN_TREE, _MOVE_MOUNT, _MOUNT_SETATTR = 428, 429, 442
_LANDLOCK_CREATE, _LANDLOCK_ADD, _LANDLOCK_RESTRICT = 444, 445, 446
_LANDLOCK_CREATE_VERSION: Final = 1
_LANDLOCK_RULE_PATH_BENEATH: Final = 1

_libc = libc()
_long, _ulong = ctypes.c_long, ctypes.c_ulong


class _CapabilityHeader(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _Capabilities(ctypes.Structure):
    _fields_ = (
        ("effective", ctypes.c_uint32),
        ("permitted", ctypes.c_uint32),
        ("inheritable", ctypes.c_uint32),
    )


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_void_p))


def _checked(result: int) -> int:
    if result < 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))
    return result


def _call(number: int, *arguments: Any) -> int:
    return _checked(_libc.syscall(_long(number), *arguments))


# Namespaces


def unshare(flags: int) -> None:
    """Leave the namespaces of these kinds for new ones, unshare(2)."""
    _checked(_libc.unshare(ctypes.c_int(flags)))


def setns(fd: int, kind: int) -> None:
    """Enter the namespace that the descriptor stands for, setns(2)."""
    _checked(_libc.setns(ctypes.c_int(fd), ctypes.c_int(kind)))


# Mounts


def seal_mounts() -> None:
    """Make every mount read-only and blind to set-user-id, and a matter of this namespace alone."""
    attributes = (ctypes.c_uint64 * 4)(_MOUNT_ATTR_RDONLY | _MOUNT_ATTR_NOSUID, 0, _MS_PRIVATE, 0)
    _call(_MOUNT_SETATTR, _long(_AT_FDCWD), b"/", _ulong(_AT_RECURSIVE), attributes, _ulong(32))


def mount(kind: str, target: str, options: str = "", *, executable: bool = False) -> None:
    """Mount a new file system of that kind, without devices or set-user-id, mount(2)."""
    flags = _MS_NOSUID | _MS_NODEV | (0 if executable else _MS_NOEXEC)
    _checked(
        _libc.mount(
            kind.encode(), os.fsencode(target), kind.encode(), _ulong(flags), options.encode()
        )
    )


def bind(source: str, target: str) -> None:
    """Let a folder be seen in another place too."""
    _checked(
        _libc.mount(os.fsencode(source), os.fsencode(target), None, _ulong(_MS_BIND), None),
    )


def clone_tree(path: str) -> int:
    """A descriptor of a copy of the mounts at and below a path, to be attached elsewhere."""
    flags = _OPEN_TREE_CLONE | _AT_RECURSIVE | os.O_CLOEXEC
    return _call(_OPEN_TREE, _long(_AT_FDCWD), os.fsencode(path), _ulong(flags))


def attach(fd: int, target: str) -> None:
    """Attach what :func:`clone_tree` gave."""
    flags = _ulong(_MOVE_MOUNT_F_EMPTY_PATH)
    _call(_MOVE_MOUNT, _long(fd), b"", _long(_AT_FDCWD), os.fsencode(target), flags)


# Privileges


def has_capability(number: int) -> bool:
    """Whether this process may now do what the capability is for, capabilities(7)."""
    header, data = _CapabilityHeader(_CAPABILITY_VERSION_3, 0), (_Capabilities * 2)()
    _checked(_libc.capget(ctypes.byref(header), data))
    return bool(data[number // 32].effective >> number % 32 & 1)


def drop_capabilities() -> None:
    """Give up all of them, those to be handed on too."""
    header, data = _CapabilityHeader(_CAPABILITY_VERSION_3, 0), (_Capabilities * 2)()
    _checked(_libc.capset(ctypes.byref(header), data))


def no_new_privileges() -> None:
    """From now on no program that is executed gives any, prctl(2)."""
    zero = _ulong(0)
    _checked(_libc.prctl(_PR_SET_NO_NEW_PRIVS, _ulong(1), zero, zero, zero))


def seccomp(instructions: bytes) -> None:
    """Let every system call be judged by this program, seccomp(2)."""
    held = ctypes.create_string_buffer(instructions, len(instructions))
    program = _Program(len(instructions) // 8, ctypes.addressof(held))
    _checked(
        _libc.prctl(_PR_SET_SECCOMP, _ulong(_SECCOMP_MODE_FILTER), ctypes.byref(program), 0, 0)
    )


# Landlock


def landlock_abi() -> int:
    """The version of Landlock that the kernel has, from 1."""
    return _call(_LANDLOCK_CREATE, None, _ulong(0), _ulong(_LANDLOCK_CREATE_VERSION))


def landlock_create(files: int, scoped: int) -> int:
    """A descriptor of a new ruleset.

    Args:
        files: which accesses to files are denied unless a rule allows them.
        scoped: what cannot reach out of the sandbox; 0 if the kernel does not know of that.
    """
    attributes = (ctypes.c_uint64 * 3)(files, 0, scoped)
    size = 24 if scoped else 8
    return _call(_LANDLOCK_CREATE, attributes, _ulong(size), _ulong(0))


def landlock_add_path(ruleset: int, fd: int, allowed: int) -> None:
    """Allow these accesses to a file, or to all that is beneath a folder."""
    rule = allowed.to_bytes(8, "little") + fd.to_bytes(4, "little")
    _call(_LANDLOCK_ADD, _long(ruleset), _long(_LANDLOCK_RULE_PATH_BENEATH), rule, _ulong(0))


def landlock_restrict(ruleset: int) -> None:
    """Hold this thread, and all that comes of it, to the ruleset, for ever."""
    _call(_LANDLOCK_RESTRICT, _long(ruleset), _ulong(0))
