"""The memory that an attempt touches, made a process's own before it is needed.

A forked process shares its parent's memory. It copies a page when it first writes to it, and maps
those of files when it first reads them, at the price of a fault each: some 1,500 for an attempt,
which together take longer than its work. Which pages these are can be learnt from a process that
has run one: in another that the same parent forks, the same things have the same addresses.
"""

from __future__ import annotations

import mmap
import sys
from array import array
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

from checkwire.runner.python.linux import libc

__all__ = ["WorkingSet", "populate", "touched"]

_POPULATE_READ: Final = 22
_POPULATE_WRITE: Final = 23
"""Advice of madvise(2), since Linux 5.14."""
_PRESENT: Final = 1 << 63
_EXCLUSIVE: Final = 1 << 56
"""Flags of a page, see Linux' Documentation/admin-guide/mm/pagemap.rst."""
_NEAR: Final = 16
"""Pages of files between two that are read which are mapped with them: that costs no memory."""

_Range = tuple[int, int]


class WorkingSet(NamedTuple):
    """What a process touches, as pairs of an address and a size in bytes.

    Attributes:
        written: what is copied from its parent, or was not there before.
        read: what is mapped from files.
    """

    written: tuple[_Range, ...] = ()
    read: tuple[_Range, ...] = ()


def touched() -> WorkingSet:
    """What the calling process has touched since it was forked; whatever its parent has, it has.

    Raises:
        OSError: this system does not tell.
    """
    written: list[_Range] = []
    read: list[_Range] = []
    with open("/proc/self/pagemap", "rb", buffering=0) as pagemap:  # noqa: PTH123
        for first, last, mode in _mappings():
            pagemap.seek(first // mmap.PAGESIZE * 8)
            pages = array("Q", pagemap.read((last - first) // mmap.PAGESIZE * 8))
            if mode == "rw-p":
                flags = _PRESENT | _EXCLUSIVE
                written += _ranges(first, _having(flags, pages), near=0)
            elif mode in ("r--p", "r-xp"):
                read += _ranges(first, _having(_PRESENT, pages), near=_NEAR)
    return WorkingSet(tuple(written), tuple(read))


def populate(pages: WorkingSet) -> None:
    """Touch these now, as far as they are there. Where the kernel cannot, nothing is done."""
    if sys.platform != "linux":
        return
    import ctypes

    advise = libc().madvise
    advise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
    for address, size in pages.read:
        advise(address, size, _POPULATE_READ)
    for address, size in pages.written:
        advise(address, size, _POPULATE_WRITE)


def _mappings() -> Iterator[tuple[int, int, str]]:
    """First address, the one after the last, and mode of each mapping of this process."""
    for line in Path("/proc/self/maps").read_text().splitlines():
        addresses, mode, _ = line.split(maxsplit=2)
        first, last = (int(address, 16) for address in addresses.split("-"))
        if last < 1 << 63:  # The others are the kernel's.
            yield first, last, mode


def _having(flags: int, pages: Iterable[int]) -> Iterator[int]:
    return (number for number, page in enumerate(pages) if page & flags == flags)


def _ranges(base: int, pages: Iterable[int], *, near: int) -> Iterator[_Range]:
    """Pages, by their numbers from that address on, as ranges; those that are near are in one."""
    first = last = -1
    for page in pages:
        if last >= 0 and page > last + 1 + near:
            yield _range(base, first, last)
            first = page
        elif last < 0:
            first = page
        last = page
    if last >= 0:
        yield _range(base, first, last)


def _range(base: int, first: int, last: int) -> _Range:
    return base + first * mmap.PAGESIZE, (last - first + 1) * mmap.PAGESIZE
