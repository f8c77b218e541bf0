"""A real pseudo-terminal, and what a person would see on it."""

from __future__ import annotations

import fcntl
import os
import struct
import termios
from typing import TextIO

import pyte

__all__ = ["Screen"]


class Screen:
    """A terminal of this size: ``stream`` is what a program writes to.

    What was written passes through the kernel's terminal, and is drawn by an emulator (pyte).
    """

    def __init__(self, columns: int = 80, rows: int = 24) -> None:
        self._master, slave = os.openpty()
        self.stream: TextIO = os.fdopen(slave, "w", encoding="utf-8")
        self._screen = pyte.HistoryScreen(columns, rows, history=1000)
        self._parser = pyte.ByteStream(self._screen)
        self.written = b""
        self._marks = 0
        self.resize(columns, rows)

    def resize(self, columns: int, rows: int) -> None:
        """As if the window had been dragged."""
        size = struct.pack("HHHH", rows, columns, 0, 0)
        fcntl.ioctl(self.stream.fileno(), termios.TIOCSWINSZ, size)
        self._screen.resize(rows, columns)

    def _read(self) -> None:
        """Take what was written so far, up to a mark of our own that is not shown."""
        self._marks += 1
        mark = f"\x1b]9;{self._marks}\x07".encode()
        self.stream.write(mark.decode())
        self.stream.flush()
        data = b""
        while not data.endswith(mark):
            data += os.read(self._master, 65536)
        data = data[: -len(mark)]
        self.written += data
        self._parser.feed(data)

    def lines(self) -> list[str]:
        """The lines on the screen, without trailing spaces and blank lines at the end."""
        self._read()
        lines = [line.rstrip() for line in self._screen.display]
        while lines and not lines[-1]:
            lines.pop()
        return lines

    def everything(self) -> list[str]:
        """The lines on the screen, and before them those that were scrolled out."""
        lines = self.lines()
        gone = [
            "".join(row[column].data for column in range(self._screen.columns)).rstrip()
            for row in self._screen.history.top
        ]
        return gone + lines

    @property
    def cursor(self) -> tuple[int, int]:
        """Column and row of the cursor, from 0."""
        self._read()
        return self._screen.cursor.x, self._screen.cursor.y

    def close(self) -> None:
        """Hang up."""
        self.stream.close()
        os.close(self._master)
