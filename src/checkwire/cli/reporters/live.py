"""The lines at the bottom of a terminal that are drawn over while checks run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from checkwire.cli.reporters.console import Console
from checkwire.cli.reporters.paint import Text

__all__ = ["LiveArea"]

_BEGIN = "\x1b[?2026h"
_END = "\x1b[?2026l"
"""Synchronized output: terminals that know it show everything in between at once."""
_WIDEST = 64
"""Short lines stay whole in a terminal that is made narrower; broken ones can scroll out of it,
and then what scrolled out cannot be drawn over."""
_ERASE_LINE = "\x1b[K"
_ERASE_BELOW = "\x1b[J"


class LiveArea:
    """Lines that are drawn again and again, below all that was printed for good.

    Between two drawings the cursor rests at the *first* column of the *first* line. So erasing
    needs no arithmetic: everything below the cursor is ours, also when the terminal was resized
    and has broken our lines anew, and what the shell or ``^C`` writes there is drawn over. The
    cursor is never hidden, and nothing needs to be restored if the process is killed.

    Args:
        console: a console that is ``live``.
        content: what to draw, given how many columns and lines there is room for.
    """

    def __init__(self, console: Console, content: Callable[[int, int], Sequence[Text]]) -> None:
        self._console = console
        self._content = content
        self._drawn = False

    def draw(self, printed: Iterable[Text] = ()) -> None:
        """Print lines for good, above; then draw the content anew."""
        width = self._console.width
        parts = [_BEGIN]
        parts += [f"{self._console.render(line.cut(width))}{_ERASE_LINE}\r\n" for line in printed]
        # The last column stays free: some terminals wrap as soon as it is written.
        columns = min(width - 1, _WIDEST)
        room = max(1, self._console.height - 2)
        lines = [line.cut(columns) for line in self._content(columns, room)][:room]
        parts.append(f"{_ERASE_LINE}\r\n".join(map(self._console.render, lines)))
        parts.append(_ERASE_LINE + _ERASE_BELOW)
        if len(lines) > 1:
            parts.append(f"\x1b[{len(lines) - 1}A")
        parts.append("\r" + _END)
        self._console.write("".join(parts))
        self._drawn = True

    def erase(self) -> None:
        """Remove the content; what comes next is written where it was."""
        if self._drawn:
            self._console.write("\r" + _ERASE_BELOW)
            self._drawn = False
