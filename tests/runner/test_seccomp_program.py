"""The filter of system calls, on architectures that the tests do not run on too."""

from __future__ import annotations

import errno
import struct

import pytest

from checkwire.runner.python.sandbox.seccomp import DENIED, program

MACHINES = {
    # Its AUDIT_ARCH_*, and the numbers of read, clone, clone3, socket and ioctl: <asm/unistd.h>.
    "x86_64": (0xC000003E, 0, 56, 435, 41, 16),
    "aarch64": (0xC00000B7, 63, 220, 435, 198, 29),
}
ALLOWED = 0
X32 = 0x40000000


def answer(code: bytes, arch: int, number: int, *arguments: int) -> int:
    """What the kernel would answer, by running the program as it does: 0, or an error's number."""
    padded = (*arguments, 0, 0)[:2]
    data = struct.pack("=IIQQQ", number, arch, 0, *padded)
    instructions = list(struct.iter_unpack("=HBBI", code))
    accumulator = at = 0
    while True:
        operation, yes, no, operand = instructions[at]
        at += 1
        match operation:
            case 0x20:
                (accumulator,) = struct.unpack_from("=I", data, operand)
            case 0x15:
                at += yes if accumulator == operand else no
            case 0x25:
                at += yes if accumulator > operand else no
            case 0x45:
                at += yes if accumulator & operand else no
            case 0x06:
                assert operand == 0x7FFF0000 or operand >> 16 == 5
                return operand & 0xFFFF if operand >> 16 == 5 else ALLOWED
            case _:
                raise AssertionError(f"not an instruction: {operation:#x}")


@pytest.mark.parametrize("machine", MACHINES)
def test_each_call_is_answered_as_its_architecture_numbers_it(machine: str) -> None:
    arch, read, clone, clone3, socket, ioctl = MACHINES[machine]
    code = program(machine)
    assert answer(code, arch, read) == ALLOWED
    column = list(MACHINES).index(machine)
    for name, numbers in DENIED.items():
        if (number := numbers[column]) is not None:
            assert answer(code, arch, number) == errno.EPERM, name
    assert answer(code, arch, clone, 0x01200011) == ALLOWED  # as fork() has it
    assert answer(code, arch, clone, 0x003D0F00) == ALLOWED  # as a thread has it
    for namespace in (0x20000, 0x2000000, 0x10000000, 0x20000000, 0x40000000):
        assert answer(code, arch, clone, namespace | 17) == errno.EPERM
    assert answer(code, arch, clone3) == errno.ENOSYS
    for family in (1, 2, 10, 16):
        assert answer(code, arch, socket, family) == ALLOWED
    for family in (0, 3, 17, 38, 40):
        assert answer(code, arch, socket, family) == errno.EAFNOSUPPORT
    assert answer(code, arch, ioctl, 0, 0x5413) == ALLOWED  # TIOCGWINSZ
    # The upper half of the request is nothing to the kernel, and must not be to us.
    for request in (0x5412, 0x541C, 0x5412 | 1 << 32):
        assert answer(code, arch, ioctl, 0, request) == errno.EPERM


@pytest.mark.parametrize("machine", MACHINES)
def test_no_call_gets_past_it_under_another_number(machine: str) -> None:
    arch, read, *_ = MACHINES[machine]
    code = program(machine)
    assert answer(code, 0x40000003, read) == errno.ENOSYS  # 32-bit x86
    assert answer(code, 0x40000028, read) == errno.ENOSYS  # 32-bit ARM
    assert answer(code, arch, X32 | read) == errno.ENOSYS
    assert answer(code, arch, 463) == errno.ENOSYS
    assert answer(code, arch, 0xFFFFFFFF) == errno.ENOSYS


def test_an_architecture_that_nobody_has_looked_at_has_none() -> None:
    with pytest.raises(KeyError):
        program("riscv64")
