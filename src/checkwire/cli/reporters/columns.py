"""Rows whose parts stand under each other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from checkwire.cli.reporters.paint import Text

__all__ = ["columns"]

_GAP = 2


def columns(
    rows: Sequence[Sequence[Text]], *, indent: int = 2, right: Sequence[int] = ()
) -> Iterator[Text]:
    """Lines in which each column is as wide as its widest part.

    Args:
        rows: of as many parts each; the last one may be as long as it likes.
        indent: blanks before the first column.
        right: the columns, from 0, that are aligned at their right.
    """
    widths = [max(part.width for part in column) for column in zip(*rows, strict=True)]
    for row in rows:
        line = Text(" " * indent)
        for number, (part, width) in enumerate(zip(row, widths, strict=True)):
            if number in right:
                line.add(" " * (width - part.width))
            line.join(part)
            if number < len(row) - 1:
                line.pad(indent + sum(widths[: number + 1]) + _GAP * (number + 1))
        yield line
