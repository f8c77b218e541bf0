"""Headers of a response, found by name in any case."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

__all__ = ["Headers"]


class Headers(Mapping[str, str]):
    """Header fields (RFC 9110 section 5): names match in any case.

    The values of a repeated field are joined by commas; :meth:`get_all` gives them one by one,
    as ``Set-Cookie`` needs.

    Attributes:
        pairs: all of them, in the order and the case in which they came.
    """

    __slots__ = ("_by_name", "pairs")

    def __init__(self, pairs: Iterable[tuple[str, str]] = ()) -> None:
        self.pairs = tuple(pairs)
        self._by_name: dict[str, list[str]] = {}
        for name, value in self.pairs:
            self._by_name.setdefault(name.lower(), []).append(value)

    def __getitem__(self, name: str) -> str:
        return ", ".join(self._by_name[name.lower()])

    def get_all(self, name: str) -> list[str]:
        """Every value of the field, in order."""
        return list(self._by_name.get(name.lower(), ()))

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_name)

    def __len__(self) -> int:
        return len(self._by_name)

    def __repr__(self) -> str:
        return repr(dict(self))
