"""What a check writes to stdout and stderr, as log lines, in bounded memory."""

from __future__ import annotations

from collections import deque
from typing import Final, Literal

from checkwire.model.events import Logged
from checkwire.model.masking import Masker

__all__ = ["OutputCapture"]

_FIRST: Final = 64 * 1024
_LAST: Final = 32 * 1024
_FIRST_LINES: Final = 400
_LAST_LINES: Final = 400
_CHUNK: Final = 1024  # smaller pieces are joined, at the time of the first
_MAX_LINE: Final = 4000


class OutputCapture:
    """Keeps the first and the last lines of one stream, and counts those between.

    The first ``first`` bytes, and at most 400 lines, become events as they arrive; of what follows
    the last ``last`` bytes, and again 400 lines, are held back until the end, at the speed of
    counting newlines. So a script that writes 100 MB costs the reader neither memory nor much time.

    Lines are cut at 4,000 characters, and secrets are masked before anything is cut.
    """

    def __init__(
        self,
        source: Literal["stdout", "stderr"],
        masker: Masker,
        *,
        first: int = _FIRST,
        last: int = _LAST,
    ) -> None:
        self._source = source
        self._masker = masker
        self._room = first
        self._lines_left = _FIRST_LINES
        self._line = bytearray()
        self._cut = False
        self._last = last
        self._tail: deque[tuple[int, bytes]] = deque()
        self._tail_size = 0
        self._skipped_bytes = 0
        self._skipped_lines = 0

    def feed(self, data: bytes, at_ns: int) -> list[Logged]:
        """Take what arrived at that time; returns the lines that are complete and told at once."""
        now, later = data[: self._room], data[self._room :]
        *lines, rest = now.split(b"\n", self._lines_left)
        self._room -= len(now)
        self._lines_left -= len(lines)
        if not self._lines_left:  # the rest may hold further lines
            later, rest = rest + later, b""
            self._room = 0
        logged = []
        for line in lines:
            self._extend(line)
            logged.append(self._end_line(at_ns))
        self._extend(rest)
        if later:
            self._hold(later, at_ns)
        return logged

    def finish(self, at_ns: int) -> list[Logged]:
        """The lines held back, and the last one if it has no end. Call it once."""
        lines = self._held_lines(at_ns)
        logged = []
        # The first one lacks its beginning if there was a cut, and a secret may straddle that.
        too_many = max(self._skipped_bytes > 0, len(lines) - _LAST_LINES)
        if too_many:
            self._skipped_lines += len(lines[:too_many])
            self._skipped_bytes += sum(len(line) + 1 for _, line in lines[:too_many])
            del lines[:too_many]
            note_ns = lines[0][0] if lines else at_ns
            if self._line:
                logged.append(self._end_line(note_ns, whole=False))
            logged.append(self._note(note_ns))
        elif not lines and self._line:
            lines = [(at_ns, b"")]
        for arrived_ns, line in lines:
            self._extend(line)
            logged.append(self._end_line(arrived_ns))
        return logged

    def _held_lines(self, at_ns: int) -> list[tuple[int, bytes]]:
        lines: list[tuple[int, bytes]] = []
        rest = b""
        for arrived_ns, data in self._tail:
            *whole, rest = (rest + data).split(b"\n")
            lines += [(arrived_ns, line) for line in whole]
        return [*lines, (at_ns, rest)] if rest else lines

    def _hold(self, data: bytes, at_ns: int) -> None:
        self._tail_size += len(data)
        if self._tail and len(self._tail[-1][1]) < _CHUNK:
            at_ns, before = self._tail.pop()
            data = before + data
        self._tail.append((at_ns, data))
        while self._tail_size - len(self._tail[0][1]) >= self._last:
            _, gone = self._tail.popleft()
            self._tail_size -= len(gone)
            self._skipped_bytes += len(gone)
            self._skipped_lines += gone.count(b"\n")

    def _extend(self, data: bytes) -> None:
        # A character has at most four bytes, and a secret may begin just before the cut.
        room = 4 * (_MAX_LINE + self._masker.longest) - len(self._line)
        self._line += data[: max(0, room)]
        self._cut = self._cut or len(data) > room

    def _note(self, at_ns: int) -> Logged:
        lines = f"{self._skipped_lines:,} lines" if self._skipped_lines != 1 else "1 line"
        message = f"{self._source}: {lines} ({self._skipped_bytes:,} bytes) here are not kept"
        return Logged(at_ns=at_ns, message=message, level="warning", source="checkwire")

    def _end_line(self, at_ns: int, *, whole: bool = True) -> Logged:
        text = self._line.decode("utf-8", "replace").rstrip("\r")
        cut = self._cut or not whole or len(text) > _MAX_LINE
        text = self._masker.excerpt(text, _MAX_LINE, ends=whole) + "…" * cut
        self._line.clear()
        self._cut = False
        return Logged(at_ns=at_ns, message=text, source=self._source)
