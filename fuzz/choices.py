"""Bytes as a series of choices, so that a fuzzer that changes bytes changes what is chosen."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TypeVar

__all__ = ["Choices", "cut"]

T = TypeVar("T")


class Choices:
    """Reads choices from the front of the data; when that is used up, they are all the first."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def byte(self) -> int:
        """0 to 255."""
        self._at += 1
        return self._data[self._at - 1] if self._at <= len(self._data) else 0

    def number(self, below: int) -> int:
        """0 up to, not including, ``below``, which is 65,536 at most."""
        value = self.byte()
        if below > 256:
            value = value << 8 | self.byte()
        return value % below

    def flag(self) -> bool:
        """Either."""
        return self.byte() & 1 == 1

    def pick(self, among: Sequence[T]) -> T:
        """One of these."""
        return among[self.number(len(among))]

    def take(self, size: int) -> bytes:
        """So many bytes, or what there is."""
        taken = self._data[self._at : self._at + size]
        self._at += len(taken)
        return taken

    def text(self, longest: int = 64) -> str:
        """Some text, lone surrogates included where the bytes are not UTF-8."""
        return self.take(self.number(longest + 1)).decode("utf-8", "surrogateescape")

    def rest(self) -> bytes:
        """All that is left."""
        return self.take(len(self._data))

    @property
    def left(self) -> int:
        """How many bytes are left."""
        return max(len(self._data) - self._at, 0)

    def cuts(self) -> Sequence[int]:
        """Where to cut: see :func:`cut`."""
        return [self.number(1024) for _ in range(self.number(6))]


def cut(data: bytes, places: Sequence[int]) -> list[bytes]:
    """The data in pieces, none of them empty; without places, a piece for each byte."""
    if not places:
        return [data[n : n + 1] for n in range(len(data))]
    edges = sorted({0, len(data), *(place % (len(data) + 1) for place in places)})
    return [data[a:b] for a, b in pairwise(edges)]
