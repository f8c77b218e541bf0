"""Structural differences between two JSON-like values, as data and as lines to print."""

from __future__ import annotations

from typing import TYPE_CHECKING

from checkwire.sdk.values import printable, show

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from typing import Any, Final

    from checkwire.model.masking import Masker

    Equal = Callable[[Any, Any], bool]
    Path = tuple[Any, ...]

__all__ = ["MISSING", "Difference", "diff", "differences"]

_MAX_DEPTH = 30
_MAX_COMPARISONS = 20_000
_MAX_LINES = 40
_MAX_TEXT_LINES = 400
_CONTEXT = 2
"""Equal members or lines kept on either side of a difference."""


class _Missing:
    def __repr__(self) -> str:
        return "MISSING"


MISSING: Final = _Missing()
"""Stands for a member or an item that is not there."""


class Difference:
    """One place where two values differ.

    Attributes:
        path: keys and indexes that lead there.
        expected: the value expected there, or :data:`MISSING`.
        actual: the value found there, or :data:`MISSING`.
    """

    __slots__ = ("actual", "expected", "path")

    def __init__(self, path: Path, expected: Any, actual: Any) -> None:
        self.path = path
        self.expected = expected
        self.actual = actual

    def __repr__(self) -> str:
        return f"<Difference at {self.path}: {self.expected!r}, {self.actual!r}>"


def differences(
    expected: Any, actual: Any, *, subset: bool = False, equal: Equal | None = None
) -> list[Difference]:
    """Each place where ``actual`` is not as ``expected``, those of a dict in its order.

    Args:
        expected: dicts, lists and tuples are compared member by member, all else as a whole.
        actual: what was found.
        subset: whether dicts in ``actual`` may have members that are not expected.
        equal: ``equal(expected, actual)`` for everything but containers; by default ``==``.
    """
    return list(_flat(_Comparison(subset, equal).pair("", expected, actual), ()))


def diff(
    expected: Any,
    actual: Any,
    *,
    subset: bool = False,
    equal: Equal | None = None,
    masker: Masker | None = None,
) -> list[str]:
    """The difference of two values as lines: ``- `` expected, ``+ `` actual, two blanks for equal.

    Dicts and lists are laid out member by member, strings of several lines line by line. Equal
    members far from a difference are left out. At most about 40 lines; none if the values are
    equal. The arguments are those of :func:`differences`; ``masker`` hides secrets.
    """
    lines: list[str] = []
    if isinstance(expected, set | frozenset) and isinstance(actual, set | frozenset):
        lines += [f"- {show(item, masker=masker)}," for item in _in_order(expected - actual)]
        lines += [f"+ {show(item, masker=masker)}," for item in _in_order(actual - expected)]
    else:
        pair = _Comparison(subset, equal).pair("", expected, actual)
        if not pair.differs:
            return []
        if isinstance(expected, str) and isinstance(actual, str):
            lines += _text_lines(expected, actual, masker)
        elif pair.members is not None:
            lines += _layout(pair, pair.members, 0, masker)
        else:
            lines += [f"- {show(expected, masker=masker)}", f"+ {show(actual, masker=masker)}"]
    if len(lines) > _MAX_LINES:
        lines[_MAX_LINES:] = [f"  … {len(lines) - _MAX_LINES} more lines"]
    return lines


class _Pair:
    """Two values side by side, and their members if these can be laid side by side too."""

    __slots__ = ("actual", "differs", "expected", "key", "members")

    def __init__(
        self, key: Any, expected: Any, actual: Any, differs: bool, members: list[_Pair] | None
    ) -> None:
        self.key = key
        self.expected = expected
        self.actual = actual
        self.differs = differs
        self.members = members


class _Comparison:
    """Compares two values once, so that reports of any kind need not compare again."""

    def __init__(self, subset: bool, equal: Equal | None) -> None:
        self._subset = subset
        self._equal = equal or _equal
        self._left = _MAX_COMPARISONS
        self._depth = 0

    def pair(self, key: Any, expected: Any, actual: Any) -> _Pair:
        self._left -= 1
        members: list[_Pair] | None = None
        if self._depth < _MAX_DEPTH and self._left > 0:
            self._depth += 1
            if isinstance(expected, dict) and isinstance(actual, dict):
                members = self._members(expected, actual)
            elif _both(list, expected, actual) or _both(tuple, expected, actual):
                members = self._items(expected, actual)
            self._depth -= 1
        if members is not None:
            differs = any(member.differs for member in members)
        else:
            differs = not self._equal(expected, actual)
        return _Pair(key, expected, actual, differs, members if differs else None)

    def _members(self, expected: Mapping[Any, Any], actual: Mapping[Any, Any]) -> list[_Pair]:
        pairs = [
            self.pair(key, value, actual[key])
            if key in actual
            else _Pair(key, value, MISSING, True, None)
            for key, value in expected.items()
        ]
        for key, value in actual.items():
            if key not in expected:
                pairs.append(_Pair(key, MISSING, value, not self._subset, None))
        return pairs

    def _items(self, expected: Sequence[Any], actual: Sequence[Any]) -> list[_Pair]:
        """Items side by side by their index, but what is equal at the end stays together.

        So one item inserted or removed is one difference.
        """
        tail = 0
        if len(expected) != len(actual):
            head = 0
            shorter = min(len(expected), len(actual))
            while head < shorter and not self.pair(0, expected[head], actual[head]).differs:
                head += 1
            while tail < shorter - head:
                if self.pair(0, expected[-1 - tail], actual[-1 - tail]).differs:
                    break
                tail += 1
        stop, stop_actual = len(expected) - tail, len(actual) - tail
        pairs = []
        for index in range(max(stop, stop_actual)):
            left = expected[index] if index < stop else MISSING
            right = actual[index] if index < stop_actual else MISSING
            pairs.append(
                _Pair(index, left, right, True, None)
                if left is MISSING or right is MISSING
                else self.pair(index, left, right)
            )
        for offset in range(tail):
            index = stop_actual + offset
            pairs.append(_Pair(index, expected[stop + offset], actual[index], False, None))
        return pairs


def _equal(expected: Any, actual: Any) -> bool:
    try:
        return bool(actual == expected)
    except Exception:  # an __eq__ that raises, or an array that is neither true nor false
        return False


def _both(kind: type, expected: Any, actual: Any) -> bool:
    return isinstance(expected, kind) and isinstance(actual, kind)


def _flat(pair: _Pair, path: Path) -> Iterator[Difference]:
    if not pair.differs:
        return
    if pair.members is None:
        yield Difference(path, pair.expected, pair.actual)
        return
    for member in pair.members:
        yield from _flat(member, (*path, member.key))


def _in_order(items: set[Any] | frozenset[Any]) -> list[Any]:
    try:
        return sorted(items)
    except TypeError:
        return sorted(items, key=repr)


def _text_lines(expected: str, actual: str, masker: Masker | None) -> list[str]:
    if masker is not None:
        expected, actual = masker.text(expected), masker.text(actual)
    if "\n" not in expected and "\n" not in actual:
        start = max(_first_difference(expected, actual) - 40, 0)
        note = f"  from character {start + 1:,} on" if start else ""
        return [f"- {show(expected[start:])}{note}", f"+ {show(actual[start:])}{note}"]

    from difflib import unified_diff

    left, right = (text.split("\n", _MAX_TEXT_LINES) for text in (expected, actual))
    lines: list[str] = []
    for number, line in enumerate(unified_diff(left, right, n=_CONTEXT, lineterm="")):
        if line.startswith("@@"):
            lines += ["  …"] if lines else []
        elif number >= 2:  # before, there are the names of two files, and these are none
            lines.append(printable(f"{line[0]} {line[1:201]}") + ("…" if len(line) > 201 else ""))
    return lines


def _first_difference(left: str, right: str) -> int:
    pairs = enumerate(zip(left, right, strict=False))
    return next((i for i, (a, b) in pairs if a != b), min(len(left), len(right)))


def _layout(pair: _Pair, members: Sequence[_Pair], depth: int, masker: Masker | None) -> list[str]:
    """The members of a pair as lines; equal ones only where they are near a difference."""
    near = {
        neighbour
        for index, member in enumerate(members)
        if member.differs
        for neighbour in range(index - _CONTEXT, index + _CONTEXT + 1)
    }
    lines: list[str] = []
    labelled = isinstance(pair.expected, dict)
    index = 0
    while index < len(members):
        end = index
        while end < len(members) and end not in near:
            end += 1
        if end - index > 1:
            lines.append(f"  {'  ' * depth}… {end - index:,} equal")
            index = end
        else:
            member = members[index]
            label = f"{show(member.key, 60, masker)}: " if labelled else ""
            lines += _member_lines(member, f"{'  ' * depth}{label}", depth, masker)
            index += 1
    return lines


def _member_lines(pair: _Pair, start: str, depth: int, masker: Masker | None) -> list[str]:
    if pair.members is not None:
        opening, closing = "{}" if isinstance(pair.expected, dict) else "[]"
        inner = _layout(pair, pair.members, depth + 1, masker)
        return [f"  {start}{opening}", *inner, f"  {'  ' * depth}{closing},"]
    if not pair.differs:
        return [f"  {start}{show(pair.actual, 80, masker)},"]
    lines = []
    if pair.expected is not MISSING:
        lines.append(f"- {start}{show(pair.expected, masker=masker)},")
    if pair.actual is not MISSING:
        lines.append(f"+ {start}{show(pair.actual, masker=masker)},")
    return lines
