"""Which system calls a sandbox answers: all that a check may need, but not those that none does.

What is denied gives ``EPERM``, so a script that tries gets an ordinary exception. What is newer
than this list gives ``ENOSYS``, as a kernel without it would.
"""

from __future__ import annotations

import errno
import platform
import struct
from typing import Final

__all__ = ["DENIED", "program"]

_NEWEST: Final = 462
"""Above are calls that nobody has judged yet; and, on x86-64, those of its x32 form."""

_ARCHITECTURES: Final = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}
"""Column in the tables below, and the kernel's name for it (``AUDIT_ARCH_*``)."""

DENIED: Final[dict[str, tuple[int | None, int | None]]] = {
    # Other processes.
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "process_madvise": (440, 440),
    "process_mrelease": (448, 448),
    "pidfd_getfd": (438, 438),
    "kcmp": (312, 272),
    # Namespaces and mounts.
    "unshare": (272, 97),
    "setns": (308, 268),
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "mount_setattr": (442, 442),
    # Files past their paths, and file systems as a whole.
    "open_by_handle_at": (304, 265),
    "name_to_handle_at": (303, 264),
    "fanotify_init": (300, 262),
    "quotactl": (179, 60),
    "quotactl_fd": (443, 443),
    "swapon": (167, 224),
    "swapoff": (168, 225),
    "acct": (163, 89),
    # Parts of the kernel in which many ways out of a sandbox were found.
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "keyctl": (250, 219),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "modify_ldt": (154, None),
    "personality": (135, 92),
    "mbind": (237, 235),
    "set_mempolicy": (238, 237),
    "set_mempolicy_home_node": (450, 450),
    "migrate_pages": (256, 238),
    "move_pages": (279, 239),
    # The machine.
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "kexec_load": (246, 104),
    "kexec_file_load": (320, 294),
    "reboot": (169, 142),
    "syslog": (103, 116),
    "settimeofday": (164, 170),
    "clock_settime": (227, 112),
    "clock_adjtime": (305, 266),
    "adjtimex": (159, 171),
    "sethostname": (170, 161),
    "setdomainname": (171, 162),
    "vhangup": (153, 58),
    "iopl": (172, None),
    "ioperm": (173, None),
    # Left over from other times.
    "lookup_dcookie": (212, 18),
    "nfsservctl": (180, 42),
    "uselib": (134, None),
    "create_module": (174, None),
    "query_module": (178, None),
}
"""Numbers by name: on x86-64, and on AArch64, which lacks some."""

_CLONE, _CLONE3 = (56, 220), (435, 435)
_SOCKET, _IOCTL = (41, 198), (16, 29)

_NEW_NAMESPACES: Final = 0x7E020000
"""All ``CLONE_NEW*`` that clone(2) takes."""
_FAMILIES: Final = (1, 2, 10, 16)
"""``AF_UNIX``, ``AF_INET``, ``AF_INET6``, and ``AF_NETLINK``, which the C library looks up its own
addresses with."""
_TERMINAL_INPUT: Final = (0x5412, 0x541C)
"""``TIOCSTI``, ``TIOCLINUX``: they type for whoever sits at the terminal."""

_LOAD, _EQUAL, _GREATER, _ANY_BIT, _RETURN = 0x20, 0x15, 0x25, 0x45, 0x06
_NUMBER, _ARCH, _ARGUMENT_0, _ARGUMENT_1 = 0, 4, 16, 24
"""Offsets in what the program looks at, ``struct seccomp_data``; the lower half of arguments."""
_ALLOW: Final = 0x7FFF0000
_ERROR: Final = 0x00050000

_Instruction = tuple[int, int, str, str]
"""Code, operand, and the labels to go to if it holds, and if not; empty: the next one."""


def program(machine: str = "") -> bytes:
    """The filter, for :func:`kernel.seccomp`.

    Args:
        machine: the architecture, as ``platform.machine()`` has it; by default this one.

    Raises:
        KeyError: nobody has written down the numbers of that architecture.
    """
    column, arch = _ARCHITECTURES[machine or platform.machine()]
    denied = [number for pair in DENIED.values() if (number := pair[column]) is not None]
    blocks: dict[str, list[_Instruction]] = {
        "": [
            (_LOAD, _ARCH, "", ""),
            (_EQUAL, arch, "", "unknown"),
            (_LOAD, _NUMBER, "", ""),
            (_GREATER, _NEWEST, "unknown", ""),
            # Its flags are in memory, where this cannot see them. The C library makes do without.
            (_EQUAL, _CLONE3[column], "unknown", ""),
            (_EQUAL, _CLONE[column], "clone", ""),
            (_EQUAL, _SOCKET[column], "socket", ""),
            (_EQUAL, _IOCTL[column], "ioctl", ""),
            *((_EQUAL, number, "denied", "") for number in denied),
            (_RETURN, _ALLOW, "", ""),
        ],
        "clone": [(_LOAD, _ARGUMENT_0, "", ""), (_ANY_BIT, _NEW_NAMESPACES, "denied", "allowed")],
        "socket": [
            (_LOAD, _ARGUMENT_0, "", ""),
            *((_EQUAL, family, "allowed", "") for family in _FAMILIES),
            (_RETURN, _ERROR | errno.EAFNOSUPPORT, "", ""),
        ],
        "ioctl": [
            (_LOAD, _ARGUMENT_1, "", ""),
            *((_EQUAL, request, "denied", "") for request in _TERMINAL_INPUT),
            (_RETURN, _ALLOW, "", ""),
        ],
        "allowed": [(_RETURN, _ALLOW, "", "")],
        "denied": [(_RETURN, _ERROR | errno.EPERM, "", "")],
        "unknown": [(_RETURN, _ERROR | errno.ENOSYS, "", "")],
    }
    return _assemble(blocks)


def _assemble(blocks: dict[str, list[_Instruction]]) -> bytes:
    places, at = {}, 0
    for label, block in blocks.items():
        places[label] = at
        at += len(block)
    code = bytearray()
    instructions = [instruction for block in blocks.values() for instruction in block]
    for at, (operation, operand, yes, no) in enumerate(instructions):
        jumps = (places[label] - at - 1 if label else 0 for label in (yes, no))
        code += struct.pack("=HBBI", operation, *jumps, operand)
    return bytes(code)
