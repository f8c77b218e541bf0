"""The columns of a transcript: number, time, time since the row before, size, payload."""

from __future__ import annotations

from collections.abc import Iterable

from checkwire.cli.reporters.figures import after, at, size
from checkwire.cli.reporters.paint import Text
from checkwire.cli.reporters.payload import preview
from checkwire.model.events import FrameSeen

__all__ = ["ARROWS", "Table"]

ARROWS = {"out": "↑", "in": "↓"}
"""Sent, received."""

_INDENT = "  "
_NARROW = 72
_WIDE = 100


class Table:
    """Draws rows of one transcript.

    Below 72 columns the time since the row before is left out; from 100 on, there are sizes.

    Args:
        frames: those that will be drawn: they say how wide the columns must be.
        times_ns: other times that will be drawn.
        width: columns of the terminal.
        many: whether frames of several connections are drawn, so that their numbers need both.
    """

    def __init__(
        self, frames: Iterable[FrameSeen], times_ns: Iterable[int], width: int, many: bool
    ) -> None:
        frames = tuple(frames)
        times = [frame.at_ns for frame in frames] + list(times_ns)
        latest = max(times, default=0)
        self._many = many
        self._width = width
        self._number = max((len(self._label(frame)) for frame in frames), default=1)
        self._at = max(len(at(latest)) + any(frame.coalesced for frame in frames), 5)
        self._after = len(after(latest)) if width >= _NARROW else 0
        self._size = 0
        if width >= _WIDE and frames:
            self._size = max(len("size"), *(len(size(frame.size)) for frame in frames))
        self.margin = len(_INDENT) + 2 + self._number + 2 + self._at + 2
        """Columns left of the arrow."""
        if self._after:
            self.margin += self._after + 2
        if self._size:
            self.margin += self._size + 2

    def heading(self) -> Text:
        """The names of the columns."""
        line = Text(_INDENT + "  ").add("#".rjust(self._number), "dim")
        line.add("  ").add("at ms".rjust(self._at), "dim")
        if self._after:
            line.add("  ").add("after".rjust(self._after), "dim")
        if self._size:
            line.add("  ").add("size".rjust(self._size), "dim")
        return line

    def frame(
        self,
        frame: FrameSeen,
        after_ns: int | None,
        *,
        marked: bool = False,
        quiet: bool = True,
        parts: int = 1,
    ) -> Text:
        """A row for a frame.

        Args:
            frame: what to draw.
            after_ns: time since the frame before, if there is one.
            marked: it is the one at which the check failed.
            quiet: draw it without emphasis.
            parts: how many frames the message took.
        """
        style = "fail bold" if marked else "dim" if quiet else ""
        line = self._left(self._label(frame), frame, after_ns, marked)
        sent = frame.direction == "out" and not marked
        line.add(ARROWS[frame.direction], "sent" if sent else style)
        line.add(" ")
        text = preview(frame, self._width - line.width)
        if parts > 1:
            text = f"in {parts} frames  {text}"
        return line.add(text, style).cut(self._width)

    def note(
        self,
        text: str,
        style: str = "dim",
        *,
        glyph: str = "·",
        mark: Text | None = None,
        at_ns: int | None = None,
        after_ns: int | None = None,
    ) -> Text:
        """A row that is not a frame: a silence, a phase, what a script logged."""
        line = Text(_INDENT).join(mark or Text()).pad(len(_INDENT) + 2 + self._number + 2)
        loud = style if mark is not None else "dim"
        line.add(at(at_ns).rjust(self._at) if at_ns is not None else " " * self._at, loud)
        if self._after:
            since = after(after_ns) if after_ns is not None else ""
            line.add("  ").add(since.rjust(self._after), loud)
        return line.pad(self.margin).add(glyph, style).add(" ").add(text, style).cut(self._width)

    def below(self, text: str, style: str = "") -> Text:
        """A further line under a row's payload."""
        return Text(" " * (self.margin + 2)).add(text, style).cut(self._width)

    @property
    def room(self) -> int:
        """Columns for :meth:`below`."""
        return max(self._width - self.margin - 2, 16)

    def _label(self, frame: FrameSeen) -> str:
        return f"{frame.connection}.{frame.number}" if self._many else str(frame.number)

    def _left(self, label: str, frame: FrameSeen, after_ns: int | None, marked: bool) -> Text:
        style = "fail bold" if marked else "dim"
        line = Text(_INDENT).add("✕ " if marked else "  ", style)
        line.add(label.rjust(self._number), style).add("  ")
        # Of messages that the kernel delivered together only the last one's time is known.
        point = f"≤{at(frame.at_ns)}" if frame.coalesced else at(frame.at_ns)
        line.add(point.rjust(self._at), style).add("  ")
        if self._after:
            since = "" if after_ns is None else after(after_ns)
            line.add(since.rjust(self._after), style).add("  ")
        if self._size:
            line.add(size(frame.size).rjust(self._size), style).add("  ")
        return line
