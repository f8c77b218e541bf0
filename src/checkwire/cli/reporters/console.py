"""The stream that a reporter writes to: its width, whether it knows colours, its encoding."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping

from checkwire.cli.reporters.output import Output
from checkwire.cli.reporters.paint import Text

__all__ = ["Console"]

_PIPE_WIDTH = 120
_TERMINAL_SIZE = (80, 24)
_NARROWEST = 40
_WITHOUT_UNICODE = str.maketrans("●▲✕○↻◌↑↓→⇄·…│━╸╺≤•", "*!x-r.^v>=.~|==-<*")


class Console:
    """Writes lines to a terminal, or to whatever takes its place.

    Colour is used on a terminal, unless ``TERM`` is ``dumb``; anywhere if ``FORCE_COLOR`` is set
    (not to ``0``); and nowhere if ``NO_COLOR`` is set: the order is that of Python itself.
    ``COLUMNS`` overrules the terminal's width; what is no terminal is taken for 120 columns wide.

    Attributes:
        colour: whether to paint.
        live: whether what was written can be drawn over.
    """

    def __init__(self, output: Output, environ: Mapping[str, str] | None = None) -> None:
        environ = os.environ if environ is None else environ
        stream = output.stream
        self._output = output
        self._encoding = getattr(stream, "encoding", None) or "utf-8"
        self._terminal = stream.isatty()
        capable = self._terminal and environ.get("TERM") != "dumb"
        forced = environ.get("FORCE_COLOR", "")
        self.colour = (forced != "0" if forced else capable) and not environ.get("NO_COLOR")
        self.live = capable
        columns = environ.get("COLUMNS", "")
        self._columns = int(columns) if columns.isascii() and columns.isdigit() else 0
        self._on_github = environ.get("GITHUB_ACTIONS") == "true"

    @property
    def width(self) -> int:
        """Columns of a line, as of now: a terminal may have been resized. At least 40."""
        if self._columns:
            return max(self._columns, _NARROWEST)
        if not self._terminal:
            return _PIPE_WIDTH
        return max(self._size()[0], _NARROWEST)

    @property
    def height(self) -> int:
        """Rows of the terminal, as of now."""
        return self._size()[1]

    def _size(self) -> tuple[int, int]:
        try:
            columns, rows = os.get_terminal_size(self._output.stream.fileno())
        except (OSError, ValueError):
            return _TERMINAL_SIZE
        return columns or _TERMINAL_SIZE[0], rows or _TERMINAL_SIZE[1]

    def lines(self, lines: Iterable[Text]) -> None:
        """Write lines, cut to the width."""
        width = self.width
        self.write("".join(f"{self.render(line.cut(width))}\n" for line in lines))

    def render(self, line: Text) -> str:
        """The line as it goes to the stream, control sequences of ours included."""
        text = line.render(self.colour)
        return _without_commands(text) if self._on_github else text

    def write(self, text: str) -> None:
        """Write in one go.

        Raises:
            CheckwireError: the output cannot be written.
        """
        if text:
            if self._encoding.lower().replace("-", "") != "utf8":
                text = text.translate(_WITHOUT_UNICODE)
                text = text.encode(self._encoding, "replace").decode(self._encoding)
            self._output.write(text)


def _without_commands(line: str) -> str:
    """The line, so that GitHub's runner finds no workflow command in what a target said.

    It takes ``::name::`` at the start of a line, after spaces, and ``##[name]`` anywhere in it
    (actions/runner, ActionCommand.cs).
    """
    start = len(line) - len(line.lstrip())
    if line.startswith("::", start):
        line = f"{line[:start]}: :{line[start + 2 :]}"
    return line.replace("##[", "# #[")
